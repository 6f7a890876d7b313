"""What the library holds about a reader: read, taken along, and left behind, on every size of screen."""

import json
import zipfile
from urllib.parse import urljoin

from playwright.sync_api import expect

from tests.journeys.desk import PASSWORD, PATIENCE, visit
from tests.journeys.test_handover import sign_in
from tests.journeys.test_offline import CONTROLLED, IS_KEPT, KEPT_CACHES
from tests.journeys.test_shelf import keep

READER = """
from accounts.models import User
User.objects.filter(username="leaver").delete()
User.objects.create_user("leaver", email="leaver@example.org", password="wenlan-demo", display_name="要走的人")
"""
REMEMBERED = "() => Object.keys(localStorage).filter(name => /^wenlan[:.]/.test(name))"
IS_WIDER = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"


def confirm(page) -> None:
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="确认").click()


def test_reader_takes_everything_along_and_leaves_nothing(browser, screen, site, course, tmp_path):
    site.manage("shell", "-v", "0", "-c", READER)
    sign_in(screen, site, "leaver")
    keep(screen, site, course)
    screen.wait_for_function(CONTROLLED, timeout=PATIENCE)
    screen.goto(urljoin(site.url, course["url"]))
    screen.locator("[data-keep-offline] summary").click()
    screen.get_by_role("button", name="留这一讲").click()
    screen.wait_for_function(IS_KEPT, timeout=PATIENCE)
    with visit(browser) as other:
        sign_in(other, site, "leaver")

        screen.goto(f"{site.url}/shelf/")
        screen.get_by_role("link", name="我的数据").click()
        confirm(screen)
        expect(screen.get_by_role("heading", level=1)).to_have_text("我的数据")
        assert not screen.evaluate(IS_WIDER)
        with screen.expect_download() as coming:
            screen.get_by_role("button", name="下载我的数据").click()
        coming.value.save_as(tmp_path / "data.zip")
        held = json.loads(zipfile.ZipFile(tmp_path / "data.zip").read("data.json"))["held"]
        assert held["learning.Favourite.user"][0]["course__title"] == "星期五的茶馆"

        screen.get_by_role("link", name="注销账号").click()
        expect(screen.get_by_role("heading", level=1)).to_have_text("注销账号")
        assert not screen.evaluate(IS_WIDER)
        screen.get_by_label("我知道注销以后不能恢复").check()
        screen.get_by_role("button", name="注销账号").click()
        expect(screen.get_by_role("heading", level=1)).to_have_text("账号已注销")
        for device in (screen, other):
            device.wait_for_function(f"async () => ({REMEMBERED})().length + (await ({KEPT_CACHES})()).length === 0")
            device.goto(f"{site.url}/shelf/")
        expect(other.get_by_role("heading", level=1)).to_have_text("账号已注销")
        other.goto(f"{site.url}/shelf/")
        expect(other.locator("[data-shelf-empty]")).to_be_visible()

    screen.goto(f"{site.url}/accounts/login/")
    screen.get_by_label("用户名").fill("leaver")
    screen.get_by_label("密码").fill(PASSWORD)
    screen.get_by_role("button", name="登录", exact=True).click()
    expect(screen.locator(".errors, .errorlist").first).to_be_visible()


def test_page_of_privacy_is_a_press_away_and_fits_also_for_elders(screen, site):
    screen.goto(f"{site.url}/help/")
    screen.get_by_role("contentinfo").get_by_role("link", name="隐私").click()
    expect(screen.get_by_role("heading", name="学习记录：哪一讲看到哪里")).to_be_visible()
    assert not screen.evaluate(IS_WIDER)
    screen.goto(f"{site.url}/look/mode/senior/?next=/privacy/")
    expect(screen.get_by_role("heading", name="学习记录：哪一讲看到哪里")).to_be_visible()
    assert not screen.evaluate(IS_WIDER)
