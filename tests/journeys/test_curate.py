"""E1: an editor builds a collection in the desk, a second person lets it out."""

import re
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.desk import PATIENCE, add_chief, approve, at_the_desk, press_action, visit

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


def settle(page: Page) -> None:
    """Until the form has saved what was done so far and nothing moves any more."""
    page.wait_for_load_state("networkidle")
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


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


def status(page: Page, url: str, title: str) -> int:
    """What a stranger's browser is answered for a collection."""
    answer = page.goto(f"{url}/collections/{quote(title)}/")
    return answer.status if answer else 0


def shown(page: Page, url: str) -> list[str]:
    """Titles of the courses on the public page, in order; empty while there is no such page."""
    if status(page, url, TITLE) == 404:
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


def begin(page: Page, title: str, words: str) -> None:
    """A new collection below 专辑, with a title and an introduction."""
    page.goto(page.url.partition("/cms/")[0] + "/cms/pages/")
    page.locator("tr", has_text="专辑总览").locator("td").last.get_by_role("link").click()
    page.locator("a[href$='/add_subpage/']").first.click()
    page.locator("[name=title]").fill(title)
    introduce(page, words)


def introduce(page: Page, words: str) -> None:
    """Writes the introduction, and waits until the editor has put it into the form, which it does a moment later."""
    page.locator("[data-contentpath=introduction] [contenteditable=true]").fill(words)
    expect(page.locator("[name=introduction]")).to_have_value(re.compile(words))


def keep(page: Page) -> None:
    press_action(page, "保存草稿")
    expect(page.locator(".messages .success")).to_be_visible()


def write(page: Page) -> None:
    """A new collection: title, introduction, and a row of three courses searched for."""
    begin(page, TITLE, "山有木，木有手艺。")
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
    top = page.locator("[data-contentpath=courses] .chooser__title").first
    for patience in (3_000, 3_000, 3_000, PATIENCE):  # the form may shift while it saves itself; people try again, too
        settle(page)
        drag(page, third, above=first)
        try:
            expect(top).to_have_text(third, timeout=patience)
            break
        except AssertionError:
            if patience == PATIENCE:
                raise
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


# A set hour --------------------------------------------------------------------------------------------------------

PLAN = {"go_live_at": "2040-01-02 08:00", "expire_at": "2040-02-03 18:00"}
LATER = """
from datetime import timedelta
from django.utils import timezone
from cms.models import CollectionPage
page, past = CollectionPage.objects.get(title="{title}"), timezone.now() - timedelta(minutes=1)
if page.live:
    CollectionPage.objects.filter(pk=page.pk).update(expire_at=past)
else:
    revision = page.revisions.get(approved_go_live_at__isnull=False)
    revision.content["go_live_at"], revision.approved_go_live_at = past.isoformat(), past
    revision.save()
"""


def plan(page: Page) -> None:
    """Sets the two hours in the form's dialog. Into the field itself: its calendar lies over what comes next."""
    panel = page.get_by_role("button", name="设置计划")
    if not panel.is_visible():
        page.locator("[data-side-panel-toggle=status]").click()
    panel.click()
    dialog = page.locator("#schedule-publishing-dialog")
    expect(dialog.get_by_role("button", name="保存计划")).to_be_visible()
    for name, hour in PLAN.items():
        dialog.locator(f"[name={name}]").evaluate(
            "(field, hour) => { field.value = hour; field.dispatchEvent(new Event('change', {bubbles: true})); }", hour
        )
    dialog.get_by_role("button", name="保存计划").click()
    expect(page.locator(".messages .success")).to_be_visible()


def test_curate_goes_live_at_a_set_hour_and_leaves_at_another(editor: Page, browser, site) -> None:
    title = "春分那天"
    begin(editor, title, "到了日子，自己开门。")
    keep(editor)
    plan(editor)
    status_panel = editor.locator("[data-side-panel=status]")
    expect(status_panel).to_contain_text("2040年1月2日")
    expect(status_panel).to_contain_text("2040年2月3日")
    press_action(editor, "提交给")
    expect(editor.locator(".messages")).to_contain_text(title)
    with at_the_desk(browser, site, "chief") as second:
        second.get_by_role("link", name=title).first.click()
        approve(second)
    with visit(browser) as stranger:
        assert status(stranger, site.url, title) == 404
        for expected in (200, 404):  # the hour comes, and then the other
            site.manage("shell", "-v", "0", "-c", LATER.format(title=title))
            site.manage("publish_scheduled")
            assert status(stranger, site.url, title) == expected


# Versions ----------------------------------------------------------------------------------------------------------


def open_version(page: Page, row: int, part: str) -> None:
    """From the history, by the menu of one of its rows: ``part`` is in the address of what is chosen."""
    page.goto(page.url.partition("/cms/")[0] + HISTORY.search(page.url)[0] + "/history/")
    page.locator("main tbody tr").nth(row).locator(".w-dropdown__toggle").first.click()
    page.locator(f"[data-tippy-root] a[href*='/{part}/']").first.click()
    page.wait_for_url(f"**/{part}/**")


HISTORY = re.compile(r"/cms/pages/\d+")


def test_curate_versions_are_compared_and_brought_back(editor: Page) -> None:
    begin(editor, "两个版本", "第一稿，山有木。")
    keep(editor)
    editor.goto(editor.url)
    introduce(editor, "第二稿，木有枝。")
    keep(editor)
    address = editor.url
    open_version(editor, 1, "compare")
    expect(editor.locator(".comparison__child-object, main table").first).to_contain_text("第")
    expect(editor.locator("main .deletion").first).to_be_visible()
    expect(editor.locator("main .addition").first).to_be_visible()
    open_version(editor, 1, "revert")
    expect(editor.locator("[data-contentpath=introduction] [contenteditable=true]")).to_have_text("第一稿，山有木。")
    press_action(editor, "替换当前的草稿")
    expect(editor.locator(".messages .success")).to_be_visible()
    editor.goto(address)
    expect(editor.locator("[data-contentpath=introduction] [contenteditable=true]")).to_have_text("第一稿，山有木。")
