"""What somebody wrote into a page does not run: the policy that the site sends, in a browser that keeps it. That no
page of ours breaks its policy is asked of every journey (``breaches`` in tests/conftest.py)."""

import pytest
from playwright.sync_api import Page, Route, expect

from tests.journeys.desk import at_the_desk

WRITTEN = """<p id="written"></p><script>document.title = "ran"</script><script src="/media/evil.js"></script>
<script src="/uploads/evil.js"></script><img src="data:," onerror="document.title = 'ran'"><base href="https://evil.example/">
<a id="way" href="javascript:document.title = 'ran'">x</a><object data="/static/site.css"></object>"""


def write_into(page: Page, path: str) -> None:
    """The site's own answer, headers included, with what a hole in a template would let through."""

    def answer(route: Route) -> None:
        real = route.fetch()
        route.fulfill(response=real, body=real.text().replace("</main>", f"{WRITTEN}</main>"))

    def script(route: Route) -> None:
        route.fulfill(content_type="text/javascript", body="document.title = 'ran'")

    page.route(f"**{path}", answer)
    page.route("**/evil.js", script)


@pytest.mark.parametrize("path", ["/help/", "/cms/login/", "/accounts/login/"])
def test_what_is_written_into_a_page_does_not_run(page, site, breaches, path):
    write_into(page, path)
    page.goto(f"{site.url}{path}")
    expect(page.locator("#written")).to_be_attached()
    page.evaluate("() => document.getElementById('way').click()")
    page.wait_for_load_state("networkidle")
    assert page.title() != "ran"
    assert page.evaluate("() => document.baseURI").startswith(site.url)
    assert len(breaches) >= 6
    breaches.clear()


@pytest.mark.parametrize(
    "attempt",
    [
        "() => { document.body.innerHTML = '<b>x</b>' }",
        "() => { document.createElement('script').src = '/static/x.js' }",
        "() => trustedTypes.createPolicy('wenlan', { createHTML: (text) => text }).createHTML('<b>x</b>')",
        "() => trustedTypes.createPolicy('mine', { createHTML: (text) => text }).createHTML('<b>x</b>')",
    ],
)
def test_a_script_of_ours_cannot_be_talked_into_it(page, site, breaches, attempt):
    page.goto(f"{site.url}/help/", wait_until="networkidle")
    told = page.evaluate(f"() => {{ try {{ ({attempt})(); return 'done' }} catch (error) {{ return error.name }} }}")
    assert told == "TypeError"
    breaches.clear()


def test_the_desk_starts_its_choosers_dates_and_lists(browser, site, course):
    with at_the_desk(browser, site, "editor") as page:
        page.goto(f"{site.url}/cms/courses/edit/{course['id']}/")
        parts = page.locator("#id_lessons-FORMS > *")
        expect(parts).to_have_count(1)
        page.locator("#id_lessons-ADD").click()
        expect(parts).to_have_count(2)
        page.locator("#id_lessons-1-asset-chooser").get_by_role("button").first.click()
        expect(page.get_by_role("dialog").get_by_role("heading", name="选择媒体")).to_be_visible()
        page.keyboard.press("Escape")
        page.goto(f"{site.url}/cms/reports/site-history/")
        page.get_by_role("button", name="显示筛选").or_(
            page.locator("[data-w-dropdown-target=toggle]")
        ).first.wait_for()
        assert page.locator("template[data-controller=wl-start]").count() == 0, "each was started"
