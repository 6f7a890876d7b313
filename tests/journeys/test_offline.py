"""Without a network; and the site as an app of the device."""

import json
import re
import urllib.request
from urllib.parse import urljoin

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.journeys.desk import PASSWORD, PATIENCE, visit
from tests.journeys.line import line

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


# Lessons kept on the device ------------------------------------------------------------------------

IS_KEPT = "() => document.querySelector('[data-keep-offline]').classList.contains('is-kept')"
KEPT_CACHES = "() => caches.keys().then(names => names.filter(name => name.startsWith('wenlan-kept-')))"
PLAYS = """() => {
    const film = document.querySelector("video");
    film.muted = true;
    film.play().catch(() => {});
    return film.currentTime > 1 && film.videoWidth > 0 && film.webkitAudioDecodedByteCount > 0;
}"""


LINE_BREAKS = """() => {
    const { fetch } = window;
    const lost = (address) => String(address).endsWith("media.mp4");
    const gone = () => Promise.reject(new TypeError("no line"));
    window.fetch = (address, options) => (lost(address) ? gone() : fetch(address, options));
}"""
"""Where the film begins: what the service worker asks for is out of reach of the tests' own network."""


HEARD = """() => {
    const sound = document.querySelector("video");
    sound.muted = true;
    sound.play().catch(() => {});
    return sound.currentTime > 1 && sound.webkitAudioDecodedByteCount > 0;
}"""


@pytest.fixture(scope="module")
def plate(site, tmp_path_factory):
    """A gallery of one picture: ``{id, url, assets}``."""
    path = tmp_path_factory.mktemp("plate") / "竹影.jpg"
    Image.effect_noise((1600, 1200), 80).convert("RGB").save(path, quality=80)
    return site.ingest(path, title="竹影")


def keep_lesson(page, site, course) -> None:
    page.goto(urljoin(site.url, course["url"]))
    page.wait_for_function(CONTROLLED, timeout=PATIENCE)
    page.locator("[data-keep-offline] summary").click()
    expect(page.locator("[data-keep-offline] [role=status]")).to_contain_text("本机还能放")
    page.get_by_role("button", name="留这一讲").click()
    page.wait_for_function(IS_KEPT, timeout=PATIENCE)


def test_lesson_kept_on_the_device_plays_without_a_network_and_can_be_removed(screen, site, talk):
    with line(site.url) as way:
        keep_lesson(screen, way, talk)
        way.cut()
        screen.goto(f"{way.url}/themes/")
        expect(screen.get_by_role("heading", level=1)).to_have_text("现在没有网络")
        screen.locator("[data-kept] a").click()
        expect(screen.get_by_role("heading", level=1)).to_have_text("染坊里的一天")
        screen.wait_for_function(PLAYS, timeout=PATIENCE)
        screen.evaluate("() => { document.querySelector('video').currentTime = 20; }")
        screen.wait_for_function("() => document.querySelector('video').currentTime > 21", timeout=PATIENCE)
        expect(screen.locator("[data-transcript] [aria-current]")).to_contain_text("看见靛蓝染缸起花就能下布")
        way.mend()
        screen.goto(f"{way.url}/shelf/")
        expect(screen.locator("[data-continue] .title").first).to_have_text("染坊里的一天")
        screen.locator("[data-kept]").get_by_role("button", name=re.compile("删除")).click()
        expect(screen.locator("[data-kept]")).to_be_hidden()
        assert screen.evaluate(KEPT_CACHES) == []


def test_lesson_that_was_interrupted_goes_on_where_it_stopped(browser, site, talk):
    with visit(browser) as page:
        page.goto(urljoin(site.url, talk["url"]))
        page.wait_for_function(CONTROLLED, timeout=PATIENCE)
        page.evaluate(LINE_BREAKS)
        page.locator("[data-keep-offline] summary").click()
        page.get_by_role("button", name="留这一讲").click()
        expect(page.locator("[data-keep-offline] [role=status]")).to_contain_text("没存完")
        page.goto(f"{site.url}/shelf/")
        expect(page.locator("[data-kept] li")).to_contain_text("没存完")
        page.goto(urljoin(site.url, talk["url"]))
        page.locator("[data-keep-offline] summary").click()
        page.get_by_role("button", name="接着存").click()
        page.wait_for_function(IS_KEPT, timeout=PATIENCE)


def test_lesson_that_is_withdrawn_leaves_the_device(browser, site, film):
    course = site.ingest(film, title="借来看三天")
    with visit(browser) as page:
        keep_lesson(page, site, course)
        withdraw = "from catalog.models import Course; Course.objects.get(pk={}).unpublish()"
        site.manage("shell", "-v", "0", "-c", withdraw.format(course["id"]))
        page.goto(f"{site.url}/shelf/")
        page.wait_for_function(f"async () => !(await ({KEPT_CACHES})()).length", timeout=PATIENCE)
        expect(page.locator("[data-kept]")).to_be_hidden()


def test_book_is_kept_with_all_its_pages(browser, site, book_page):
    with line(site.url) as way, visit(browser) as page:
        page.goto(f"{way.url}/search/?q={book_page[0]}")
        page.locator(".hit .inside a").first.click()
        page.wait_for_url("**/courses/**")
        page.wait_for_function(CONTROLLED, timeout=PATIENCE)
        page.locator("[data-keep-offline] summary").click()
        page.get_by_role("button", name="留这一讲").click()
        page.wait_for_function(IS_KEPT, timeout=PATIENCE)
        way.cut()
        page.get_by_role("link", name="下一页").first.click()
        expect(page.locator("[data-reader]")).to_be_visible()
        assert "page=" in page.url


def test_radio_is_what_is_heard_of_a_film_when_data_is_saved(browser, site, talk):
    with visit(browser) as page:
        page.goto(urljoin(site.url, talk["url"]))
        page.wait_for_function("() => document.querySelector('video').readyState >= 2")
        page.locator("[data-options] summary").click()
        page.get_by_label("省流量").check()
        with page.expect_request("**/radio-31.m3u8"):
            page.get_by_role("button", name="只听声音").click()
        page.wait_for_function("() => document.querySelector('video').videoWidth === 0")
        page.evaluate("() => { const film = document.querySelector('video'); film.muted = true; film.play(); }")
        page.wait_for_function("() => document.querySelector('video').currentTime > 2", timeout=PATIENCE)
        page.reload()
        page.locator("[data-options] summary").click()
        expect(page.get_by_label("省流量")).to_be_checked()


LITTLE_ROOM = "navigator.storage.estimate = () => Promise.resolve({ quota: 100_000, usage: 0 });"
"""What the browser says: Chromium says ten gigabytes, however little it then keeps."""


def test_lesson_for_which_there_is_no_room_says_so_and_is_kept_when_there_is(browser, site, talk):
    with visit(browser) as page:
        page.add_init_script(LITTLE_ROOM)
        page.goto(urljoin(site.url, talk["url"]))
        page.wait_for_function(CONTROLLED, timeout=PATIENCE)
        told = page.locator("[data-keep-offline] [role=status]")
        disk = page.context.new_cdp_session(page)
        used = disk.send("Storage.getUsageAndQuota", {"origin": site.url})["usage"]
        disk.send("Storage.overrideQuotaForOrigin", {"origin": site.url, "quotaSize": used + 100_000})
        page.locator("[data-keep-offline] summary").click()
        expect(told).to_contain_text("本机只能再放")
        page.get_by_role("button", name="留这一讲").click()
        expect(told).to_contain_text("本机放不下了")
        disk.send("Storage.overrideQuotaForOrigin", {"origin": site.url})
        page.get_by_role("button", name="接着存").click()
        page.wait_for_function(IS_KEPT, timeout=PATIENCE)


@pytest.mark.parametrize("given", ["plate", "song"])
def test_pictures_and_sounds_are_kept_with_their_size(given, browser, site, request):
    course = request.getfixturevalue(given)
    with line(site.url) as way, visit(browser) as page:
        keep_lesson(page, way, course)
        way.cut()
        page.goto(f"{way.url}/themes/")
        expect(page.locator("[data-kept] li .number")).to_contain_text("MB")
        page.locator("[data-kept] a").click()
        if given == "song":
            page.wait_for_function(HEARD, timeout=PATIENCE)
        else:
            page.locator("[data-gallery] a").click()
            page.wait_for_function("() => document.querySelector('.viewer img').naturalWidth > 0", timeout=PATIENCE)


def test_what_may_not_leave_the_site_is_not_kept_nor_stays_on_the_device(browser, site, film):
    course = site.ingest(film, title="只在这里看")
    with visit(browser) as page:
        keep_lesson(page, site, course)
        closed = "from catalog.models import Course; Course.objects.filter(pk={}).update(licence='platform')"
        site.manage("shell", "-v", "0", "-c", closed.format(course["id"]))
        page.goto(f"{site.url}/help/")
        page.wait_for_function(f"({KEPT_CACHES})().then(names => names.length === 0)", timeout=PATIENCE)
        page.goto(urljoin(site.url, course["url"]))
        expect(page.get_by_role("heading", level=1)).to_have_text("只在这里看")
        expect(page.locator("[data-keep-offline]")).to_have_count(0)
