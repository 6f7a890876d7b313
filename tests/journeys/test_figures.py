"""P6: a citizen watches, the partner sees how often, how long and how far, and takes the table away."""

from contextlib import closing
from urllib.parse import urljoin

from playwright.sync_api import expect

from tests.journeys.desk import at_the_desk
from tests.learning.test_plays import PERSON

WATCH = """() => {
    const film = document.querySelector("video");
    film.muted = true;
    film.play();
}"""
HEARD = "() => document.querySelector('video').played.length > 0 && document.querySelector('video').currentTime > 7"
COUNT = "from learning import plays; print(plays.count())"


def test_play_of_a_citizen_is_seen_by_the_partner_and_by_nobody_twice(browser, site, evening):
    citizen = browser.new_context(user_agent=PERSON, locale="zh-CN")
    with closing(citizen), citizen.new_page() as page:
        page.goto(urljoin(site.url, evening["url"]))
        page.wait_for_function("() => document.querySelector('video').readyState >= 2")
        with page.expect_request("**/api/v1/plays") as told:
            page.evaluate(WATCH)
            page.wait_for_function(HEARD)
            page.evaluate("() => document.querySelector('video').pause()")
        assert told.value.response().status == 204
        page.reload()
    site.manage("shell", "-v", "0", "-c", COUNT)
    site.manage("shell", "-v", "0", "-c", COUNT)
    with at_the_desk(browser, site, "editor") as page:
        page.get_by_role("link", name="统计", exact=True).click()
        row = page.locator("tbody tr", has_text="灯下夜读")
        expect(row).to_contain_text("1")
        with page.expect_download() as taken:
            page.get_by_role("link", name="CSV").click()
        assert "灯下夜读,1," in taken.value.path().read_text("utf-8-sig")
        row.get_by_role("link").click()
        expect(page.get_by_role("img", name="各段还在看的比例")).to_be_visible()
        expect(page.locator(".wl-lesson")).to_contain_text("播放 1 次")
