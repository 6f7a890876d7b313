"""C1 and C2: on a phone, the one search box finds by any spelling, says why, keeps its filters in the address, and
opens a lesson at the second and a book at the page."""

import json
import re
import urllib.request
from urllib.error import HTTPError
from urllib.parse import parse_qs, quote, unquote, urlsplit

import pytest
from playwright.sync_api import expect

from tests.journeys.desk import is_narrow

EMBROIDERY = "苗绣针法十二讲"
WAYS = ["miaoxiu", "mx", "苗繡", "苗绣针法", "苗秀"]


@pytest.mark.parametrize("words", ["星期五", "茶馆", "茶館", "xingqiwu", "xqw"])
def test_find_by_every_way_to_write_it(site, course, words):
    said = json.loads(site.manage("search_courses", words, "--json"))
    assert course["url"] in [hit["url"] for hit in said["hits"]]


@pytest.mark.parametrize("words", ["星期五", "chaguan"])
def test_find_on_the_real_parts(real_site, real_course, words):
    said = json.loads(real_site.manage("search_courses", words, "--json"))
    assert real_course["url"] in [hit["url"] for hit in said["hits"]]


@pytest.mark.parametrize("words", WAYS)
def test_find_suggests_while_typing_and_shows_why(screen, site, words):
    screen.goto(site.url)
    box = screen.locator("input[name=q]").first
    box.press_sequentially(words, delay=20)
    screen.locator("[role=option]", has_text="苗绣").first.wait_for()
    assert box.get_attribute("aria-expanded") == "true"
    box.press("Enter")
    screen.wait_for_url("**/search/?q=*")
    assert any("苗绣" in mark for mark in screen.locator(".hit h2 mark").all_inner_texts())
    assert screen.locator(".hit h2", has_text=EMBROIDERY).count() == 1
    said = screen.locator(".results-head [role=status]").inner_text()
    assert ("按拼音找到“苗绣”" in said) == (words in {"miaoxiu", "mx", "苗秀"}), said


def test_find_suggestions_obey_the_keyboard(phone, site):
    phone.goto(site.url)
    box = phone.locator("input[name=q]").first
    box.press_sequentially("苗绣", delay=20)
    phone.locator("[role=option]").first.wait_for()
    box.press("ArrowDown")
    box.press("ArrowDown")
    chosen = phone.locator("[role=option][aria-selected=true]")
    assert chosen.count() == 1
    assert box.get_attribute("aria-activedescendant") == chosen.get_attribute("id")
    box.press("ArrowUp")
    box.press("ArrowUp")
    assert box.input_value() == "苗绣", "back in the box, what was typed stands there again"
    box.press("Escape")
    assert box.get_attribute("aria-expanded") == "false"
    assert box.input_value() == "苗绣"
    box.press_sequentially("嫁", delay=20)
    option = phone.locator("[role=option]", has_text="嫁衣").first
    option.wait_for()
    address = option.get_attribute("data-url")
    while phone.locator("[role=option][aria-selected=true]", has_text="嫁衣").count() == 0:
        box.press("ArrowDown")
    box.press("Enter")
    phone.wait_for_url(f"**{address}**")


def open_suggestions(page, site, words: str):
    """The home page with suggestions open; its search box."""
    page.goto(site.url)
    box = page.locator("input[name=q]").first
    box.press_sequentially(words, delay=20)
    page.locator("[role=option]").first.wait_for()
    return box


def test_find_escape_closes_and_a_second_one_clears(page, site):
    box = open_suggestions(page, site, "苗绣")
    box.press("ArrowDown")
    box.press("Escape")
    assert (box.get_attribute("aria-expanded"), box.input_value()) == ("false", "苗绣")
    expect(page.locator("[role=listbox]")).to_be_hidden()
    box.press("Escape")
    assert box.input_value() == ""
    assert box.evaluate("box => box === document.activeElement")


def test_find_suggestions_follow_the_combobox_pattern(page, site):
    box = open_suggestions(page, site, "苗")
    assert box.get_attribute("role") == "combobox"
    assert box.get_attribute("aria-autocomplete") == "list"
    listed = page.locator(f"#{box.get_attribute('aria-controls')}[role=listbox] [role=option]")
    count = listed.count()
    expect(page.locator(".finder [role=status]").first).to_have_text(f"{count} 条建议，用上下键选择")
    box.press("ArrowUp")
    expect(listed.last).to_have_attribute("aria-selected", "true")
    box.press("ArrowDown")
    assert (box.input_value(), box.get_attribute("aria-activedescendant")) == ("苗", None)
    box.press("ArrowDown")
    expect(listed.first).to_have_attribute("aria-selected", "true")
    box.press("Home")
    assert (box.input_value(), box.get_attribute("aria-activedescendant")) == ("苗", None)
    assert box.evaluate("box => box.selectionStart") == 0
    box.press("ArrowDown")
    box.press("End")
    assert box.evaluate("box => box.selectionStart") == 1
    box.fill("zzqqxx")
    expect(page.locator(".finder [role=status]").first).to_have_text("没有建议")


def test_find_suggestions_are_not_taken_away_while_one_is_chosen(page, site):
    """The answer to a later letter comes when the arrows are already on the list: it is not wanted any more."""
    box = open_suggestions(page, site, "苗")
    before = page.locator("[role=option]").all_inner_texts()
    page.route("**/api/v1/suggest**", lambda _route: None)
    with page.expect_request("**/api/v1/suggest**"):
        box.press_sequentially("绣")
    with page.expect_event("requestfailed"):
        box.press("ArrowDown")
    assert page.locator("[role=option]").all_inner_texts() == before
    expect(page.locator("[role=option]").first).to_have_attribute("aria-selected", "true")


def test_find_asks_nothing_while_characters_are_composed(page, site):
    page.goto(site.url)
    questions: list[str] = []
    page.on("request", lambda request: questions.append(request.url) if "/suggest" in request.url else None)
    box = page.locator("input[name=q]").first
    box.focus()
    keyboard = page.context.new_cdp_session(page)
    for text in ("m", "mi", "miao", "miao'xiu"):
        keyboard.send("Input.imeSetComposition", {"text": text, "selectionStart": len(text), "selectionEnd": len(text)})
        page.wait_for_timeout(150)
    assert (box.input_value(), questions) == ("miao'xiu", [])
    with page.expect_request("**/api/v1/suggest**"):
        keyboard.send("Input.insertText", {"text": "苗绣"})
    page.locator("[role=option]", has_text="苗绣").first.wait_for()
    assert box.input_value() == "苗绣"
    assert all("%E8%8B%97%E7%BB%A3" in question for question in questions), questions
    assert urlsplit(page.url).path == "/"


def test_find_by_touch_opens_what_was_tapped(phone, site):
    open_suggestions(phone, site, "嫁衣")
    option = phone.locator("[role=option]", has_text="嫁衣").first
    address = option.get_attribute("data-url")
    option.tap()
    phone.wait_for_url(f"**{address}")
    phone.go_back()
    assert phone.locator("input[name=q]").first.input_value() in {"", "嫁衣"}


def test_find_spelling_is_offered_as_a_link(phone, site):
    phone.goto(f"{site.url}/search/?q=miaoxiu")
    phone.locator(".results-head").get_by_role("link", name="按拼音找到“苗绣”").click()
    phone.wait_for_url(f"**q={quote('苗绣')}")


def test_find_filters_stay_in_the_address_and_the_back_button_restores(screen, site):
    screen.goto(f"{site.url}/search/?q=苗绣")
    total = screen.locator(".hit").count()
    if is_narrow(screen):
        screen.locator("[data-filters] > summary").click()
    choice = screen.locator("a[href*='kind=video']").first
    count = int(choice.locator("span").last.inner_text())
    choice.click()
    screen.wait_for_url("**kind=video**")
    assert parse_qs(urlsplit(screen.url).query) == {"q": ["苗绣"], "kind": ["video"]}
    assert screen.locator(".hit").count() == count < total
    chip = screen.locator(".chosen .chip", has_text="视频")
    assert chip.count() == 1
    screen.go_back()
    screen.wait_for_url(lambda url: "kind=" not in url)
    assert screen.locator(".hit").count() == total
    screen.go_forward()
    screen.wait_for_url("**kind=video**")
    screen.locator(".chosen .chip", has_text="视频").click()
    screen.wait_for_url(lambda url: "kind=" not in url)
    assert screen.locator(".hit").count() == total


def test_find_nothing_offers_a_way_on(screen, site):
    screen.goto(f"{site.url}/search/?q=zzqqxxyy")
    assert "没有找到" in screen.locator(".results-head").inner_text()
    assert screen.locator(".empty a.chip").count() >= 3
    assert screen.locator("section .card", has=screen.locator("a[href^='/courses/']")).count() >= 3


def test_find_nearest_spelling_is_one_click_away(screen, site):
    screen.goto(f"{site.url}/search/?q=龙全青词")
    assert "龙泉青瓷" in screen.locator("main").inner_text()


@pytest.mark.parametrize(
    ("address", "status", "words"),
    [
        ("/search/?q=苗绣&page=-1", 400, "page 应是从 1 开始的整数"),
        ("/search/?q=苗绣&colour=red", 400, "没有“colour”这种筛选"),
        ("/search/?q=苗绣&level=9", 400, "没有“9”这一项"),
        ("/search/?q=苗绣&page=900", 404, "结果没有第 900 页"),
        ("/search/?q=" + "苗" * 10_000, 400, "搜索词太长"),
    ],
)
def test_find_answers_bad_addresses_in_the_language_of_the_page(site, address, status, words):
    with pytest.raises(HTTPError) as refusal:
        urllib.request.urlopen(site.url + quote(address, safe="/?=&-"), timeout=60)
    page = refusal.value.read().decode()
    assert (refusal.value.code, words in page) == (status, True)
    assert 'lang="zh-Hans"' in page


def test_find_long_questions_reach_the_site_through_nginx(real_site):
    address = f"{real_site.url}/search/?q="
    with pytest.raises(HTTPError) as refusal:
        urllib.request.urlopen(address + quote("苗" * 10_000), timeout=60)
    assert (refusal.value.code, "搜索词太长" in refusal.value.read().decode()) == (400, True)
    with pytest.raises(HTTPError) as refusal:
        urllib.request.urlopen(address + quote("苗" * 50_000), timeout=60)
    assert (refusal.value.code, "网址太长了" in refusal.value.read().decode()) == (414, True)


# Inside ------------------------------------------------------------------------------------------


def test_find_inside_opens_the_player_at_the_second(screen, site, talk):
    screen.goto(f"{site.url}/search/?q=靛蓝染缸起花")
    hit = screen.locator(".hit", has_text="染坊里的一天")
    inside = hit.locator(".inside a").first
    assert "靛蓝染缸起花" in inside.locator("mark").first.inner_text()
    assert "00:17" in inside.inner_text()
    inside.click()
    screen.wait_for_url("**?t=17")
    screen.wait_for_function("() => document.querySelector('video')?.currentTime >= 16.5")
    assert screen.evaluate("() => document.querySelector('video').currentTime") < 30


def test_find_inside_a_book_opens_its_page(screen, site, book_page):
    words, number = book_page
    screen.goto(f"{site.url}/search/?q={words}")
    screen.locator(".hit .inside a", has_text=f"第 {number} 页").first.click()
    screen.wait_for_url(f"**page={number}**")
    assert screen.locator("#reader").get_attribute("data-page") == str(number)
    text = re.sub(r"\s", "", screen.locator("#page-text").text_content() or "")
    assert words in text
    assert words not in unquote(screen.url)
