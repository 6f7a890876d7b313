"""E1: an editor builds a collection in the desk, a second person lets it out."""

from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.desk import add_chief, approve, at_the_desk, press_action, visit

COURSES = {"手艺人的品牌课": "手艺人", "毛竹林下经济十策": "maozhu", "养老护理员实操手册": "ylhly"}
TITLE = "山里的手艺"
SCREENS = {"手机": 390, "电脑": 1440, "电视": 1920}
BODY = "body-0-value"


def choose(page: Page, number: int, title: str, words: str) -> None:
    """Finds a course by what an editor types, and takes it into the row."""
    page.locator(f"#{BODY}-courses-{number}-value-chooser [data-chooser-action-choose]").first.click()
    window = page.locator(".modal.in")
    window.get_by_label("搜索").fill(words)
    expect(window.locator("tbody tr").first).to_contain_text(title)
    window.get_by_role("link", name=title).first.click()
    expect(window).to_have_count(0)
    expect(page.locator(f"#{BODY}-courses-{number}-value-title")).to_have_text(title)


def row(page: Page) -> list[str]:
    """Titles of the courses in the form, from top to bottom."""
    return page.locator("[data-contentpath=courses] .chooser__title").all_inner_texts()


def drag(page: Page, title: str, above: str) -> None:
    """By the grip of one to just above another, with the mouse."""

    def grip(of: str):
        block = page.locator("[data-contentpath=courses] [data-streamfield-child]", has_text=of)
        return block.locator("[data-streamfield-action=DRAG]")

    grip(above).scroll_into_view_if_needed()
    start, end = grip(title).bounding_box(), grip(above).bounding_box()
    page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
    page.mouse.down()
    page.mouse.move(end["x"] + 8, end["y"] + 40, steps=12)
    page.mouse.move(end["x"] + 8, end["y"] - 4, steps=12)
    page.mouse.up()


def shown(page: Page, url: str) -> list[str]:
    """Titles of the courses on the public page, in order; empty while there is no such page."""
    answer = page.goto(f"{url}/collections/{quote(TITLE)}/")
    if answer is None or answer.status == 404:
        return []
    return [title for title in page.locator("main a").all_inner_texts() for title in [named(title)] if title]


def named(text: str) -> str:
    return next((title for title in COURSES if title in text), "")


def once(titles: list[str]) -> list[str]:
    return list(dict.fromkeys(titles))


@pytest.fixture
def editor(browser, site):
    add_chief(site)
    with at_the_desk(browser, site, "editor") as page:
        yield page


def write(page: Page) -> None:
    """A new collection below 专辑: title, introduction, and a row of three courses searched for."""
    page.goto(page.url.partition("/cms/")[0] + "/cms/pages/")
    page.locator("tr", has_text="专辑总览").locator("td").last.get_by_role("link").click()
    page.locator("a[href$='/add_subpage/']").first.click()
    page.locator("[name=title]").fill(TITLE)
    page.locator("[data-contentpath=introduction] [contenteditable=true]").fill("山有木，木有手艺。")
    page.locator("#body-root button.c-sf-add-button").first.click()
    page.get_by_role("option", name="课程一排", exact=True).click()
    page.locator(f"[name={BODY}-title]").fill("三门手艺")
    for number, (title, words) in enumerate(COURSES.items()):
        if number:
            page.locator("[data-contentpath=courses] > div > div > button[data-streamfield-list-add]").last.click()
        choose(page, number, title, words)


def look_at_every_screen(page: Page, order: list[str]) -> None:
    """The preview beside the form, on the widths of a phone, a computer and a television."""
    page.get_by_role("button", name="预览开关").click()
    for label, width in SCREENS.items():
        size = page.get_by_role("radio", name=label)
        page.locator("label.w-preview__size-button", has=size).click()
        expect(size).to_be_checked()
        expect(page.locator("#w-preview-iframe")).to_have_js_property("clientWidth", width)
        inside = page.frame_locator("#w-preview-iframe")
        expect(inside.get_by_role("heading", name=TITLE)).to_be_visible()
        titles = inside.locator("main a").all_inner_texts()
        assert once([named(title) for title in titles if named(title)]) == order
    page.get_by_role("button", name="预览开关").click()


def test_curate_from_idea_to_public(editor: Page, browser, site) -> None:
    page = editor
    write(page)
    first, second, third = COURSES
    assert row(page) == [first, second, third]
    for _ in range(4):  # the form may shift below the mouse while it saves itself; a person tries again, too
        drag(page, third, above=first)
        page.wait_for_timeout(500)
        if row(page)[0] == third:
            break
    expect(page.locator("[data-contentpath=courses] .chooser__title").first).to_have_text(third)
    order = [third, first, second]
    assert row(page) == order
    look_at_every_screen(page, order)
    press_action(page, "提交给")
    expect(page.locator(".messages")).to_contain_text(TITLE)
    with visit(browser) as stranger:
        assert shown(stranger, site.url) == []
    with at_the_desk(browser, site, "chief") as second:
        second.get_by_role("link", name=TITLE).first.click()
        approve(second)
    with visit(browser) as stranger:
        assert once(shown(stranger, site.url)) == order
