"""One shelf: what a device kept without an account is in the account after signing in, on every device, and nowhere
after signing out."""

from urllib.parse import urljoin

from playwright.sync_api import expect

from tests.journeys.desk import PASSWORD, PATIENCE, visit
from tests.journeys.test_handover import TV_AGENT, sign_in

NAME = "shelver"
SOMEBODY = """
from accounts.models import User
User.objects.create_user("shelver", email="shelver@example.org", password="wenlan-demo", display_name="读者")
"""
"""Whose shelf no other journey fills."""

PLAY_TO_FIVE = """() => new Promise(stopped => {
    const film = document.querySelector("video");
    film.muted = true;
    film.currentTime = 5;
    film.addEventListener("timeupdate", () => film.currentTime > 6 && (film.pause(), stopped()));
    film.play();
})"""


def watch_a_little(page, site, film) -> None:
    page.goto(urljoin(site.url, film["url"]))
    page.wait_for_function("() => document.querySelector('video')?.readyState >= 2")
    page.evaluate(PLAY_TO_FIVE)


def keep(page, site, course) -> None:
    page.goto(urljoin(site.url, course["url"]))
    star = page.get_by_role("button", name="收藏", exact=True)
    star.click()
    expect(page.get_by_role("button", name="已收藏")).to_have_attribute("aria-pressed", "true")


def on_shelf(page, part: str):
    return page.locator(f"[data-{part}] .title")


def test_shelf_of_the_device_comes_into_the_account_and_leaves_with_its_owner(browser, site, evening, course):
    site.manage("shell", "-v", "0", "-c", SOMEBODY)
    with visit(browser, width=390, height=844) as phone:
        watch_a_little(phone, site, evening)
        keep(phone, site, course)
        phone.goto(f"{site.url}/shelf/")
        expect(on_shelf(phone, "continue").first).to_have_text("灯下夜读")
        expect(on_shelf(phone, "favourites")).to_have_text(["星期五的茶馆"])
        sign_in(phone, site, NAME)
        phone.goto(f"{site.url}/shelf/")
        expect(on_shelf(phone, "favourites")).to_have_text(["星期五的茶馆"])
        expect(on_shelf(phone, "continue").first).to_have_text("灯下夜读")

        with visit(browser) as computer:
            sign_in(computer, site, NAME)
            computer.goto(f"{site.url}/shelf/")
            expect(on_shelf(computer, "favourites")).to_have_text(["星期五的茶馆"])
            expect(on_shelf(computer, "continue").first).to_have_text("灯下夜读")
            computer.goto(urljoin(site.url, course["url"]))
            computer.get_by_role("button", name="已收藏").click()
            expect(computer.get_by_role("button", name="收藏", exact=True)).to_be_visible()

        phone.goto(f"{site.url}/accounts/logout/")
        phone.locator("form[data-sign-out] button").click()
        phone.wait_for_url(f"{site.url}/")
        phone.goto(f"{site.url}/shelf/")
        expect(phone.locator("[data-shelf-empty]")).to_be_visible()
        expect(on_shelf(phone, "continue")).to_have_count(0)


def test_favourite_of_the_device_is_known_on_the_first_page_after_signing_in(browser, site, course):
    with visit(browser) as page:
        keep(page, site, course)
        page.goto(f"{site.url}/accounts/login/?next={course['url']}")
        page.get_by_label("用户名").fill("learner")
        page.get_by_label("密码").fill(PASSWORD)
        page.get_by_role("button", name="登录", exact=True).click()
        page.wait_for_url(urljoin(site.url, course["url"]))
        kept = page.get_by_role("button", name="已收藏")
        expect(kept).to_be_visible()
        assert page.evaluate("() => localStorage.getItem('wenlan:favourites')") == "{}"
        kept.click()
        expect(page.get_by_role("button", name="收藏", exact=True)).to_be_visible()


def test_favourite_by_remote_control_is_a_row_of_the_television(browser, site, course):
    set_ = browser.new_context(viewport={"width": 1920, "height": 1080}, locale="zh-CN", user_agent=TV_AGENT)
    tv = set_.new_page()
    tv.set_default_timeout(PATIENCE)
    tv.goto(urljoin(site.url, course["url"].replace("/courses/", "/tv/")))
    star = tv.get_by_role("button", name="收藏", exact=True)
    expect(star).to_be_visible()
    for _step in range(4):
        if star.evaluate("it => it === document.activeElement"):
            break
        tv.keyboard.press("ArrowRight")
    expect(star).to_be_focused()
    tv.keyboard.press("Enter")
    expect(tv.get_by_role("button", name="已收藏")).to_be_visible()
    tv.goto(f"{site.url}/tv/")
    expect(tv.locator("[data-favourites] .tv-title")).to_have_text(["星期五的茶馆"])
    set_.close()
