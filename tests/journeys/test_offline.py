"""Without a network; and the site as an app of the device."""

import json
import re
import urllib.request
from urllib.parse import urljoin

from playwright.sync_api import expect

from tests.journeys.desk import PASSWORD, PATIENCE, visit

CONTROLLED = "() => navigator.serviceWorker.ready.then(() => navigator.serviceWorker.controller !== null)"


def test_without_a_network_a_page_says_so_and_goes_on_by_itself(browser, site):
    with visit(browser, width=390, height=844) as page:
        page.goto(f"{site.url}/help/")
        page.wait_for_function(CONTROLLED, timeout=PATIENCE)
        page.context.set_offline(True)
        page.goto(f"{site.url}/search/?q=miaoxiu")
        expect(page.get_by_role("heading", level=1)).to_have_text("现在没有网络")
        assert page.evaluate("() => getComputedStyle(document.querySelector('.brand')).fontWeight") == "600", "styled"
        page.get_by_role("button", name="再试一次").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("现在没有网络")
        page.context.set_offline(False)
        expect(page.locator(".hit").first).to_be_visible()
        assert page.url == f"{site.url}/search/?q=miaoxiu"


def test_what_is_kept_for_everyone_names_nobody(browser, site):
    with visit(browser) as page:
        page.goto(f"{site.url}/accounts/login/")
        page.get_by_label("用户名").fill("learner")
        page.get_by_label("密码").fill(PASSWORD)
        page.get_by_role("button", name="登录", exact=True).click()
        page.wait_for_url(f"{site.url}/")
        page.wait_for_function(CONTROLLED, timeout=PATIENCE)
        kept = page.evaluate(
            """async () => {
                const names = await caches.keys(), found = [];
                for (const name of names) for (const one of await (await caches.open(name)).keys()) found.push(one.url);
                return found.map(address => new URL(address).pathname);
            }"""
        )
        assert "/offline/" in kept
        assert all(path == "/offline/" or path.startswith("/static/") for path in kept), kept


def test_the_site_can_be_installed(page, site):
    page.goto(f"{site.url}/")
    address = page.locator("link[rel=manifest]").get_attribute("href")
    with urllib.request.urlopen(urljoin(site.url, address)) as answer:
        told = json.load(answer)
        assert answer.headers["Content-Type"].startswith("application/manifest+json")
    assert told["display"] == "standalone"
    assert told["start_url"] == "/"
    page.wait_for_function(CONTROLLED, timeout=PATIENCE)
    session = page.context.new_cdp_session(page)
    assert session.send("Page.getAppManifest")["errors"] == []
    with urllib.request.urlopen(f"{site.url}/sw.js") as answer:
        assert "no-cache" in answer.headers["Cache-Control"]
        shell = json.loads(re.match(r"const SHELL = (.*);", answer.read().decode())[1])
    for path in (shell["page"], *shell["files"]):
        with urllib.request.urlopen(urljoin(site.url, path)) as answer:
            assert answer.status == 200
