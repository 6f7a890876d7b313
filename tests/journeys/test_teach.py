"""E3 and E4: an editor sees what people do not find, teaches the search a word, and the next search knows it."""

from playwright.sync_api import expect

from tests.journeys.desk import at_the_desk, visit
from tests.running import Site

LOCAL = "阿婆绝活"
CALLED = "手艺人"


def test_editor_teaches_a_word_and_the_next_search_finds_it(site: Site, browser) -> None:
    """The local name finds nothing; the desk lists it within seconds; with a synonym the next search has the course."""
    with visit(browser) as citizen:
        citizen.goto(f"{site.url}/search/?q={LOCAL}")
        expect(citizen.locator(".hit")).to_have_count(0)
    with at_the_desk(browser, site, "editor") as desk:
        row = desk.locator("tr", has_text=LOCAL)
        for _try in range(20):
            desk.goto(f"{site.url}/cms/search/queries/")
            if row.count():
                break
            desk.wait_for_timeout(1000)
        row.get_by_role("link", name="同义词").click()
        expect(desk.locator("#id_word")).to_have_value(LOCAL)
        desk.locator("#id_same").fill(CALLED)
        desk.get_by_role("button", name="保存").click()
        expect(desk.locator(".messages .success")).to_contain_text(LOCAL)
        with visit(browser) as citizen:
            citizen.goto(f"{site.url}/search/?q={LOCAL}")
            expect(citizen.locator(".hit").get_by_role("link", name="手艺人的品牌课")).to_be_visible()
        desk.goto(f"{site.url}/cms/search/queries/")
        row.get_by_role("button", name="再试").click()
        expect(desk.locator(".messages .success")).to_contain_text(LOCAL)
        expect(row).to_have_count(0)
