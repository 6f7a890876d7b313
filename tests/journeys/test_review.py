"""Two people, two browsers: submitted, returned with comments on fields, put right, submitted again, approved, live."""

import re

from playwright.sync_api import Browser, Page, expect

from tests.journeys.desk import approve, at_the_desk, press, press_action
from tests.running import Site

TITLE = "竹编的第一课"


def write(page: Page) -> None:
    """A course without a lesson: the form says what lacks, and takes it once there is a text."""
    page.goto(page.url.split("/cms/")[0] + "/cms/courses/add/")
    expect(page.locator(".wl-lacks")).to_contain_text("还没有课时")
    page.locator("[name=title]").fill(TITLE)
    page.locator("[name=kind]").select_option("reading")
    page.locator("textarea[name=description]").fill("先选竹，再破竹。")
    press_action(page, "提交")
    expect(page.locator(".messages")).to_contain_text(TITLE)


def say(page: Page, field: str, text: str) -> None:
    box = page.locator("[data-say]")
    if not box.evaluate("box => box.open"):
        box.locator("summary").click()
    box.locator("select").select_option(label=field)
    box.locator("textarea").fill(text)
    box.get_by_role("button", name="添加批注").click()
    expect(page.locator("[data-comments] li", has_text=text)).to_be_visible()


def give_back(page: Page) -> None:
    """Returned without a reason it is not; with one it is."""
    press(page, page.locator("footer [data-workflow-action-name=reject]"))
    window = page.locator(".modal-dialog, [role=dialog]").filter(has=page.locator("textarea")).last
    window.locator("textarea").fill("请补一句话简介")
    window.locator("[type=submit]").click()
    expect(page.locator(".messages")).to_contain_text(TITLE)


def test_two_people_bring_a_course_to_the_public(browser: Browser, site: Site) -> None:
    with at_the_desk(browser, site, "partner") as editor, at_the_desk(browser, site, "reviewer") as reviewer:
        write(editor)
        reviewer.goto(f"{site.url}/cms/reviews/")
        reviewer.get_by_role("link", name=TITLE).click()
        form = reviewer.url
        say(reviewer, "一句话简介", "卡片上是空的")
        say(reviewer, "标题", "写明是哪里的竹编")
        give_back(reviewer)

        editor.goto(f"{site.url}/cms/")
        expect(editor.get_by_role("region", name="我提交的")).to_contain_text("退回：请补一句话简介")
        editor.goto(form)
        beside = editor.locator("[data-comment-beside=summary]")
        expect(beside).to_contain_text("卡片上是空的")
        expect(beside.locator("xpath=ancestor::*[@data-field][1]").locator("[name=summary]")).to_be_visible()
        beside.get_by_role("button", name="已解决").click()
        expect(beside).to_have_count(0)
        editor.locator("[name=summary]").fill("一根竹子变成一只篮子。")
        press_action(editor, "重新提交")
        expect(editor.locator(".messages")).to_contain_text(TITLE)

        reviewer.goto(form)
        expect(reviewer.locator("[data-comments]")).not_to_contain_text("卡片上是空的")
        expect(reviewer.locator(".wl-ready")).to_be_visible()
        approve(reviewer)
        reviewer.goto(f"{site.url}/search/?q=zhubian")
        reviewer.locator("main").get_by_role("link", name=re.compile(TITLE)).first.click()
        expect(reviewer.get_by_role("heading", level=1)).to_contain_text(TITLE)
