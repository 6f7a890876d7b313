"""C6: one switch for people who see and hear less well, kept on the device; and paper or ink, as the reader likes."""

import time
from urllib.parse import urljoin

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.journeys.desk import SIZES, is_narrow, visit

PAGES = {
    "home": "/",
    "search": "/search/?q=miaoxiu",
    "nothing": "/search/?q=zzqqxx",
    "themes": "/themes/",
    "shelf": "/shelf/",
    "help": "/help/",
    "sign in": "/accounts/login/",
    "lost": "/courses/no-such-course/",
    "places": "/places/",
    "collections": "/collections/",
    "course": "course",
}
YEAR = 364 * 24 * 3600

SMALL_TEXT = """() => {
    const seen = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const small = [];
    while (seen.nextNode()) {
        const box = seen.currentNode.parentElement, text = seen.currentNode.textContent.trim();
        if (!text || !box.checkVisibility({visibilityProperty: true})) continue;
        if (box.closest("[aria-hidden=true], script, option, .visually-hidden, .slip, media-controller")) continue;
        const size = parseFloat(getComputedStyle(box).fontSize);
        if (size < 22) small.push(`${size} ${text.slice(0, 30)}`);
    }
    return small;
}"""

SMALL_TARGETS = """() => [...document.querySelectorAll("a[href], button, input, select, summary")]
    .filter(one => one.checkVisibility() && !one.closest("media-controller, .visually-hidden, p, .helptext"))
    .filter(one => one.type !== "hidden" && one.type !== "checkbox" && !one.matches(".skip, .start"))
    .map(one => [one, (one.closest(".card, .hit") ?? one).getBoundingClientRect()])
    .filter(([one, box]) => box.height < 55.5 || box.width < 40)
    .map(([one, box]) => `${one.outerHTML.slice(0, 90)}: ${box.width} x ${box.height}`)"""
"""Links in the middle of a sentence are as large as its words (WCAG 2.5.8); a card is its link's target as a whole."""

MOST_CHOICES = """async () => {
    const targets = [...document.querySelectorAll("main :is(a[href], button, select, summary)")]
        .filter(one => one.checkVisibility() && !one.closest("media-controller"));
    const inside = (one) => {
        const box = one.getBoundingClientRect(), pane = one.closest(".scroll")?.getBoundingClientRect();
        const top = Math.max(0, pane?.top ?? 0), bottom = Math.min(innerHeight, pane?.bottom ?? innerHeight);
        return box.height > 0 && box.top >= top - 1 && box.bottom <= bottom + 1;
    };
    let most = 0;
    for (let y = 0; y < document.body.scrollHeight; y += innerHeight / 2) {
        scrollTo(0, y);
        await new Promise(requestAnimationFrame);
        most = Math.max(most, targets.filter(inside).length);
    }
    scrollTo(0, 0);
    return most;
}"""


def address(site, talk, page: str) -> str:
    path = PAGES[page]
    return urljoin(site.url, talk["url"] if path == "course" else path)


def become_senior(page, site) -> None:
    page.goto(f"{site.url}/look/mode/senior/?next=/help/")
    expect(page.locator("html.senior")).to_have_count(1)


@pytest.mark.parametrize("size", SIZES)
def test_senior_mode_is_one_switch_that_is_remembered_for_a_year(browser, site, talk, size):
    width, height = SIZES[size]
    with visit(browser, width=width, height=height) as page:
        page.goto(urljoin(site.url, talk["url"]))
        if is_narrow(page):
            page.locator(".menu > summary").click()
        page.get_by_role("link", name="长辈版").locator("visible=true").click()
        expect(page.locator("html.senior")).to_have_count(1)
        assert page.url == urljoin(site.url, talk["url"]), "the reader stays on the page"
        (kept,) = [cookie for cookie in page.context.cookies() if cookie["name"] == "wenlan_look"]
        assert kept["expires"] - time.time() > YEAR
        again = page.context.new_page()
        again.goto(f"{site.url}/")
        expect(again.get_by_role("heading", level=1)).to_have_text("您想学什么？")
        again.get_by_text("菜单").click()
        again.get_by_role("link", name="回到普通版").click()
        expect(again.locator("html.senior")).to_have_count(0)
        assert [cookie for cookie in page.context.cookies() if cookie["name"] == "wenlan_look"] == []


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", PAGES)
def test_senior_pages_have_large_words_large_targets_and_few_choices(browser, site, talk, name, size):
    width, height = SIZES[size]
    with visit(browser, width=width, height=height) as page:
        become_senior(page, site)
        page.goto(address(site, talk, name))
        assert page.evaluate(SMALL_TEXT) == []
        assert page.evaluate(SMALL_TARGETS) == []
        assert page.evaluate(MOST_CHOICES) <= 6
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
        if name != "lost":
            page.get_by_text("菜单", exact=True).click()
            assert page.evaluate(SMALL_TARGETS) == []


@pytest.mark.parametrize("light", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_senior_pages_are_accessible_with_strong_contrast(browser, site, talk, name, light):
    with visit(browser, width=390, height=844) as page:
        become_senior(page, site)
        page.goto(f"{site.url}/look/light/{light}/?next=/")
        page.goto(address(site, talk, name))
        page.wait_for_load_state("networkidle")
        found = (
            Axe().run(page, options={"rules": {"color-contrast-enhanced": {"enabled": True}}}).response["violations"]
        )
        assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []


@pytest.mark.parametrize("system", ["light", "dark"])
@pytest.mark.parametrize("chosen", ["auto", "light", "dark"])
def test_paper_or_ink_is_the_readers_choice_before_the_systems(browser, site, system, chosen):
    context = browser.new_context(color_scheme=system, locale="zh-CN")
    page = context.new_page()
    page.goto(f"{site.url}/look/light/{chosen}/?next=/help/")
    paper = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    assert paper == (
        "rgb(21, 25, 23)" if "dark" in (chosen, system if chosen == "auto" else "") else "rgb(250, 248, 243)"
    )
    context.close()


VOICE = """() => {
    const spoken = window.spoken = [];
    class Words extends EventTarget { constructor(text) { super(); this.text = text; } }
    window.SpeechSynthesisUtterance = Words;
    Object.defineProperty(window, "speechSynthesis", { value: {
        getVoices: () => [{ lang: "zh-CN", name: "听", localService: true }],
        speak: (words) => { spoken.push(words.text); setTimeout(() => window.patient ? 0 : words.onend(), 5); },
        cancel: () => spoken.push("·"),
        addEventListener: () => 0,
    } });
}"""
"""A stand-in for the voice of the system, which a browser without a screen does not have."""


def test_senior_pages_are_read_aloud_until_told_to_stop(browser, site, talk):
    with visit(browser, width=390, height=844) as page:
        page.add_init_script(f"({VOICE})()")
        become_senior(page, site)
        button = page.get_by_role("button", name="读给我听")
        button.click()
        page.wait_for_function("() => spoken.at(-1) === '·' && spoken.length > 10")
        spoken = page.evaluate("() => spoken.filter(words => words !== '·')")
        assert spoken[:2] == ["怎么用", "找课"]
        assert len(spoken) == len(set(spoken)), "nothing is read twice"
        expect(button).to_have_attribute("aria-pressed", "false")
        page.evaluate("() => { window.patient = true; }")
        button.click()
        expect(page.locator(".reading-now")).to_have_text("怎么用")
        page.get_by_role("button", name="停下").click()
        expect(page.locator(".reading-now")).to_have_count(0)
        expect(button).to_be_visible()


def test_without_a_voice_nothing_offers_to_read(page, site):
    become_senior(page, site)
    page.wait_for_load_state("networkidle")
    expect(page.locator("[data-aloud]")).to_be_hidden()
