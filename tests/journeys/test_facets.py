"""C1: filters, paging and the way back, as in the best public catalogues; by phone, by keys and without scripts."""

from urllib.parse import parse_qs, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

HOUSES = 60
MINUTES = (5, 20, 50, 120)
MANY = f"""
from catalog.models import Course, Institution
for number in range({HOUSES}):
    house = Institution.add_root(code=f"ginkgo{{number}}", name=f"第{{number}}银杏书院")
    course = Course(institution=house, title=f"银杏课堂之{{number}}", kind="video", live=True)
    course.save()
    Course.objects.filter(pk=course.pk).update(duration=60 * {MINUTES}[number % 4])
house = Institution.add_root(code="ginkgo-kaili", name="凯里银杏书院")
Course(institution=house, title="银杏课堂之凯里", kind="audio", live=True).save()
"""


@pytest.fixture(scope="module")
def many(site):
    """A word that finds courses of more than fifty institutions."""
    site.manage("shell", "-v", "0", "-c", MANY)
    site.manage("rebuild_index", "--engine", "embedded")
    return f"{site.url}/search/?q=银杏课堂"


def asked(page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def total(page) -> int:
    words = page.locator(".results-head [role=status]").inner_text()
    return int("".join(char for char in words.partition("门课")[0].split("·")[-1] if char.isdigit()))


def unfold(page, name: str):
    """A filter by its name in the address, unfolded."""
    facet = page.locator(f"[data-facet={name}]")
    if facet.get_attribute("open") is None:
        facet.locator("> summary").click()
    return facet


def open_drawer(phone) -> None:
    phone.locator("[data-filters] > summary").click()
    expect(phone.locator("[data-filters]")).to_have_attribute("open", "")


# A value in use ------------------------------------------------------------------------------------


def test_facet_value_stays_on_a_new_search_and_can_be_dropped(phone, site):
    phone.goto(f"{site.url}/search/?q=苗绣&kind=video")
    box = phone.locator("input[name=q]").first
    box.fill("茶")
    box.press("Enter")
    phone.wait_for_url(lambda url: "%E8%8C%B6" in url)
    assert asked(phone) == {"q": ["茶"], "kind": ["video"]}
    kept = total(phone)
    phone.locator(".chosen .chip", has_text="视频").click()
    phone.wait_for_url(lambda url: "kind=" not in url)
    assert asked(phone) == {"q": ["茶"]}
    assert total(phone) > kept


def test_facet_value_that_finds_nothing_is_dropped_with_one_press(phone, site):
    phone.goto(f"{site.url}/search/?q=苗绣&kind=link")
    expect(phone.locator(".empty h2")).to_contain_text("去掉筛选后有")
    phone.get_by_role("link", name="去掉全部筛选").click()
    phone.wait_for_url(lambda url: "kind=" not in url)
    assert total(phone) > 0


def test_facet_counts_are_what_choosing_gives(page, site):
    page.goto(f"{site.url}/search/?q=苗绣&kind=video")
    choice = unfold(page, "theme").locator("a").first
    count = int(choice.locator(".count").inner_text())
    choice.click()
    page.wait_for_url("**theme=**")
    assert total(page) == count


# Many values ---------------------------------------------------------------------------------------


def test_facet_of_many_values_shows_the_first_then_more_then_what_is_looked_for(page, many):
    page.goto(many)
    facet = unfold(page, "institution")
    assert facet.locator("li:visible").count() == 8
    facet.locator(".rest > summary").click()
    assert facet.locator("li:visible").count() == HOUSES + 1
    field = facet.get_by_role("searchbox")
    field.press_sequentially("第1")
    assert facet.locator("li:visible").count() == 11, "1 and 10 to 19"
    expect(facet.locator("[data-within-said]")).to_have_text("11 项")
    field.press("Escape")
    assert field.input_value() == ""
    field.fill("kaili")
    expect(facet.locator("[data-within-said]")).to_have_text("没有这样的名称")
    field.press("Enter")
    page.wait_for_url("**within-institution=kaili**")
    facet.locator("a", has_text="凯里银杏书院").click()
    page.wait_for_url("**institution=ginkgo-kaili**")
    assert asked(page) == {"q": ["银杏课堂"], "institution": ["ginkgo-kaili"]}
    assert total(page) == 1


def test_facet_of_many_values_works_without_scripts(browser, many):
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844}, locale="zh-CN")
    page = context.new_page()
    page.goto(many)
    open_drawer(page)
    facet = unfold(page, "institution")
    facet.locator(".rest > summary").click()
    assert facet.locator("li:visible").count() == HOUSES + 1
    facet.get_by_role("searchbox").fill("第1")
    facet.get_by_role("button", name="找").click()
    page.wait_for_url("**within-institution=**")
    open_drawer(page)
    assert page.locator("[data-facet=institution] li:visible").count() == 11
    page.locator("[data-facet=institution] a", has_text="第17银杏书院").click()
    page.wait_for_url("**institution=ginkgo17**")
    assert page.locator(".hit").count() == 1
    context.close()


# Trees and ranges ----------------------------------------------------------------------------------


def test_facet_places_open_level_by_level(page, site):
    page.goto(f"{site.url}/search/")
    facet = page.locator("[data-facet=place]")
    counts = [total(page)]
    for name in ("浙江省", "丽水市", "龙泉市"):
        before = page.url
        facet.get_by_role("link", name=name).click()
        page.wait_for_url(lambda url, before=before: url != before)
        expect(page.locator(".chosen .chip")).to_have_count(1)
        expect(page.locator(".chosen .chip")).to_contain_text(name)
        counts.append(total(page))
    assert counts == sorted(counts, reverse=True)
    assert 0 < counts[-1] < counts[1]
    assert asked(page)["place"] == ["331181"]
    facet.get_by_role("link", name="浙江省").click()
    page.wait_for_url(lambda url: parse_qs(urlsplit(url).query)["place"] == ["33"])
    assert total(page) == counts[1]


def test_facet_of_steps_is_a_range(page, many):
    page.goto(many)
    for pressed, chosen, words in (
        ("10–30 分钟", ["medium"], "10–30 分钟"),
        ("90 分钟以上", ["medium", "long", "series"], "10 分钟以上"),
        ("90 分钟以上", ["medium", "long"], "10–90 分钟"),
    ):
        unfold(page, "length").get_by_role("link", name=pressed).click()
        expect(page.locator(".chosen .chip")).to_contain_text(words)
        expect(page.locator(".chosen .chip")).to_have_count(1)
        assert asked(page)["length"] == chosen
        assert total(page) == HOUSES // 4 * len(chosen)


# The way back --------------------------------------------------------------------------------------


def test_back_restores_query_filters_order_and_place_on_the_page(phone, site):
    phone.goto(f"{site.url}/search/?q=茶&sort=title")
    phone.locator(".sorts a", has_text="最多人看").click()
    phone.wait_for_url("**sort=popular**")
    asked_for, hit = phone.url, phone.locator(".hit h2 a").nth(4)
    hit.scroll_into_view_if_needed()
    phone.wait_for_function("() => scrollY > 300")
    before = phone.evaluate("() => scrollY")
    hit.click()
    phone.wait_for_url("**/courses/**")
    phone.go_back()
    phone.wait_for_url(asked_for)
    phone.wait_for_function("at => Math.abs(scrollY - at) < 80", arg=before)
    assert phone.locator("input[name=q]").first.input_value() == "茶"
    expect(phone.locator(".sorts [aria-current]")).to_have_text("最多人看")
    phone.go_back()
    phone.wait_for_url("**sort=title**")
    expect(phone.locator(".sorts [aria-current]")).to_have_text("拼音 A–Z")


def test_back_finds_the_phones_drawer_as_it_was_left(phone, site):
    phone.goto(f"{site.url}/search/?q=茶")
    open_drawer(phone)
    phone.locator("[data-facet=kind] a").first.click()
    phone.wait_for_url("**kind=**")
    expect(phone.locator("[data-filters]")).to_have_attribute("open", "")
    phone.locator("[data-filters-done]").click()
    expect(phone.locator("[data-filters]")).not_to_have_attribute("open", "")
    phone.wait_for_url("**#*")  # the link that closes the drawer leads down to the results
    phone.evaluate("history.back()")
    phone.wait_for_url(lambda url: "#" not in url)
    phone.evaluate("history.back()")
    phone.wait_for_url(lambda url: "kind=" not in url)
    expect(phone.locator("[data-filters]")).to_have_attribute("open", "")


def test_back_keeps_orders_in_the_address(page, site):
    titles = {}
    for order in ("newest", "popular", "title"):
        page.goto(f"{site.url}/search/?q=茶&sort={order}")
        titles[order] = page.locator(".hit h2").all_inner_texts()
    assert {tuple(sorted(found)) for found in titles.values()} == {tuple(sorted(titles["title"]))}
    assert titles["title"] != titles["newest"]


def test_paging_reaches_the_last_page_and_says_when_there_is_none(page, many):
    page.goto(many)
    seen = set(page.locator(".hit h2").all_inner_texts())
    pages = 1
    while page.locator(".pages a[rel=next]").count():
        page.locator(".pages a[rel=next]").click()
        pages += 1
        page.wait_for_url(f"**page={pages}**")
        seen |= set(page.locator(".hit h2").all_inner_texts())
    assert len(seen) == total(page)
    for number in (pages + 1, 5000):
        assert page.goto(f"{many}&page={number}").status == 404
        expect(page.get_by_role("alert")).to_contain_text(f"结果没有第 {number} 页")
        page.get_by_role("link", name="看最后一页").click()
        page.wait_for_url(f"**page={pages}")
        assert page.locator(".hit").count()


# For everyone --------------------------------------------------------------------------------------


def filters_open(page) -> None:
    drawer = page.locator("[data-filters] > summary")
    if drawer.is_visible():
        drawer.click()
    page.evaluate("() => document.querySelectorAll('.facet, .rest').forEach(folded => { folded.open = true; })")


def suggestions_open(page) -> None:
    page.locator("input[name=q]").first.fill("")
    page.locator("input[name=q]").first.press_sequentially("苗")
    page.locator("[role=option]").first.wait_for()


STATES = {
    "results": ("?q=苗绣", None),
    "filters": ("?q=茶&place=33&level=starter", filters_open),
    "many values": ("?q=银杏课堂", filters_open),
    "suggestions": ("?q=苗绣", suggestions_open),
    "nothing": ("?q=zzqqxx", None),
    "signs": ("?q=！！", None),
    "bad address": ("?q=茶&page=-1", None),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_search_page_is_accessible_and_fits_the_phone(browser, site, many, state, scheme):
    tail, prepare = STATES[state]
    for width, height in ((390, 844), (1440, 900)):
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, locale="zh-CN", reduced_motion="reduce"
        )
        page = context.new_page()
        page.goto(f"{site.url}/search/{tail}")
        if prepare:
            prepare(page)
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
        found = Axe().run(page).response["violations"]
        assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []
        context.close()


def test_search_page_by_keys_alone(page, site):
    page.goto(f"{site.url}/search/?q=茶")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("跳到正文")
    page.keyboard.press("Enter")
    for _key in range(40):
        page.keyboard.press("Tab")
        if page.locator(":focus").get_attribute("href") == page.locator("[data-facet=kind] a").first.get_attribute(
            "href"
        ):
            break
    outline = page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"
    page.keyboard.press("Enter")
    page.wait_for_url("**kind=**")
    for _key in range(60):
        page.keyboard.press("Tab")
        if page.locator(":focus").evaluate("focused => focused.closest('.hit h2') !== null"):
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/courses/**")
