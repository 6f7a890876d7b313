"""C4: stopped on the phone, gone on with on the television, which is signed in by a code the phone scans."""

from urllib.parse import urljoin

import pytest
from playwright.sync_api import expect

from tests.journeys.desk import PASSWORD, PATIENCE, SIZES, visit

TV_AGENT = "Mozilla/5.0 (SMART-TV; Linux; Tizen 7.0) AppleWebKit/537.36 Chrome/94 TV Safari/537.36"
CLOSE = 5
"""Seconds that the television may be off."""

AT = "() => document.querySelector('video').currentTime"

STOPS = """() => new Promise(stopped => {
    const film = document.querySelector("video");
    const look = () => film.currentTime > 16 && (film.pause(), stopped());
    film.addEventListener("timeupdate", look);
    look();
})"""
"""Stops in the page itself, for much film goes by while a busy machine asks how far it is."""


def sign_in(page, site, name: str = "learner") -> None:
    page.goto(f"{site.url}/accounts/login/")
    page.get_by_label("用户名").fill(name)
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="登录", exact=True).click()
    page.wait_for_url(f"{site.url}/")


@pytest.mark.parametrize("size", SIZES)
def test_what_stopped_on_the_phone_goes_on_on_the_television(browser, site, evening, size):
    width, height = SIZES[size]
    set_ = browser.new_context(viewport={"width": 1920, "height": 1080}, locale="zh-CN", user_agent=TV_AGENT)
    tv = set_.new_page()
    with visit(browser, width=width, height=height) as phone:
        sign_in(phone, site)
        phone.goto(urljoin(site.url, evening["url"]) + "?t=14")  # a link to a moment plays by itself
        with phone.expect_response(lambda answer: "/progress/" in answer.url and answer.request.method == "PUT"):
            phone.evaluate(STOPS)
        stopped = phone.evaluate(AT)

        tv.goto(f"{site.url}/")
        tv.wait_for_url("**/tv/")
        tv.get_by_role("link", name="登录").focus()
        tv.keyboard.press("Enter")
        tv.wait_for_url("**/tv/link/")
        code = tv.locator(".tv-code").inner_text()

        phone.goto(f"{site.url}/link/{code}/")
        expect(phone.get_by_text("三星电视")).to_be_visible()
        phone.get_by_role("button", name="接着放").click()
        expect(phone.get_by_role("heading", level=1)).to_have_text("好了，请看电视")

        tv.wait_for_url(f"**{evening['url'].replace('/courses/', '/tv/')}1/", timeout=PATIENCE)
        tv.wait_for_function(f"() => ({AT})() > 1", timeout=PATIENCE)
        assert abs(tv.evaluate(AT) - stopped) < CLOSE
        tv.goto(f"{site.url}/tv/")
        going = tv.locator("[data-continue] a").first
        expect(going).to_contain_text("灯下夜读")
    set_.close()


def test_codes_of_the_television_are_reached_by_keys_and_told_when_refused(browser, site):
    set_ = browser.new_context(viewport={"width": 1920, "height": 1080}, locale="zh-CN", user_agent=TV_AGENT)
    tv = set_.new_page()
    tv.goto(f"{site.url}/tv/link/")
    expect(tv.get_by_role("link", name="换一个码")).to_be_focused()
    tv.keyboard.press("ArrowRight")
    expect(tv.get_by_role("link", name="用密码登录")).to_be_focused()
    with visit(browser, width=390, height=844) as phone:
        sign_in(phone, site)
        phone.goto(f"{site.url}/link/")
        phone.get_by_label("电视上的码").fill("bcdf ghjk")
        phone.get_by_role("button", name="下一步").click()
        expect(phone.get_by_role("alert")).to_contain_text("没有这个码")
        phone.get_by_label("电视上的码").fill(tv.locator(".tv-code").inner_text().lower())
        phone.get_by_role("button", name="下一步").click()
        phone.get_by_role("button", name="不同意").click()
        expect(tv.locator("[data-told]")).to_have_text("手机上没有同意。")
    tv.keyboard.press("Backspace")
    tv.wait_for_url("**/tv/")
    set_.close()
