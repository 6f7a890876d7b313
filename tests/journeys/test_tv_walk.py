"""C5, every page: whatever can be pressed is reached from where the focus begins by arrows alone, the focus is always
seen, and Back leads home."""

import json

import pytest

from tests.journeys.desk import PATIENCE
from tests.journeys.test_handover import TV_AGENT

ARROWS = ("ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp")

FOCUSED = "() => document.activeElement && document.activeElement !== document.body"
LIST = """() => {
    const seen = (one) => one.getClientRects().length > 0 && getComputedStyle(one).visibility !== "hidden";
    const all = document.querySelectorAll("a[href], button:not([disabled]), input:not([type=hidden]), select");
    window.walked = [...all].filter((one) => seen(one) && !one.closest(".viewer"));
    const name = (one) => (one.getAttribute("aria-label") || one.textContent || one.name || "").trim().slice(0, 30);
    return window.walked.map(name);
}"""
HERE = "() => window.walked.indexOf(document.activeElement)"
GO = "(index) => window.walked[index].focus()"
SHOWN = """() => {
    const one = document.activeElement, box = one.getBoundingClientRect(), style = getComputedStyle(one);
    const frame = one.closest("form") ? getComputedStyle(one.closest("form")) : style;
    const ring = [style, frame].some((look) =>
        (look.outlineStyle !== "none" && parseFloat(look.outlineWidth) >= 2) || look.boxShadow !== "none");
    const inside = box.left >= -1 && box.top >= -1 && box.right <= innerWidth + 1 && box.bottom <= innerHeight + 1;
    return { ring, inside, box: [box.left, box.top, box.right, box.bottom].map(Math.round) };
}"""


@pytest.fixture
def tv(browser):
    """A television's own browser; nothing but its keys is used."""
    context = browser.new_context(
        viewport={"width": 1920, "height": 1080}, locale="zh-CN", user_agent=TV_AGENT, reduced_motion="reduce"
    )
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


def walk(page) -> tuple[list[str], set[int]]:
    """What can be pressed, by name, and the places in that list that arrows lead to."""
    page.wait_for_function(FOCUSED)
    names = page.evaluate(LIST)
    waiting = [page.evaluate(HERE)]
    reached = set(waiting)
    assert waiting != [-1], "the focus begins on something that cannot be pressed"
    while waiting:
        here = waiting.pop()
        for arrow in ARROWS:
            page.evaluate(GO, here)
            page.keyboard.press(arrow)
            there = page.evaluate(HERE)
            assert there >= 0, f"{arrow} on “{names[here]}” loses the focus"
            if there in reached:
                continue
            shown = page.evaluate(SHOWN)
            assert shown["ring"], f"the focus on “{names[there]}” is not seen"
            assert shown["inside"], f"“{names[there]}” has the focus outside the screen: {shown['box']}"
            reached.add(there)
            waiting.append(there)
    return names, reached


KINDS = ["video", "audio", "reading", "gallery", "link"]
PAGES = {
    "home": "/tv/",
    "pad": "/tv/search/",
    "found": "/tv/search/?q=mx",
    "nothing": "/tv/search/?q=zzqqzz",
    "code": "/tv/link/",
    "password": "/accounts/login/?next=/tv/",
    "lost": "/tv/zhe-li-mei-you/",
    **{kind: f"/tv/{{{kind}}}/" for kind in KINDS},
}


@pytest.fixture(scope="module")
def slugs(site) -> dict[str, str]:
    """A public course of each kind that opens."""
    code = (
        "from catalog.models import Course; import json; "
        "print(json.dumps({kind: (Course.objects.public().filter(kind=kind, lessons__asset__state='published').first() "
        "or Course.objects.public().filter(kind=kind).first()).slug for kind in %r}))"
    )
    return json.loads(site.manage("shell", "-v", "0", "-c", code % KINDS).splitlines()[-1])


@pytest.mark.parametrize("name", PAGES)
def test_tv_everything_is_reached_by_arrows_with_a_focus_that_is_seen(tv, site, slugs, name, talk):
    tv.goto(site.url + PAGES[name].format(**slugs))
    names, reached = walk(tv)
    missed = [one for place, one in enumerate(names) if place not in reached]
    assert not missed, f"arrows never lead to {missed} of {names}"


def test_tv_player_is_walked_by_arrows_and_back_leads_home(tv, site, talk):
    shown = talk["url"].replace("/courses/", "/tv/")
    tv.goto(f"{site.url}{shown}1/")
    tv.wait_for_function("() => document.querySelector('video').readyState >= 2")
    tv.evaluate("() => document.querySelector('video').pause()")
    names, reached = walk(tv)
    assert len(reached) == len(names), names
    for address in (shown, "/tv/"):
        tv.keyboard.press("Backspace")
        tv.wait_for_url(f"{site.url}{address}")


def test_tv_captions_go_in_steps_that_the_set_remembers(tv, site, talk):
    address = f"{site.url}{talk['url'].replace('/courses/', '/tv/')}1/"
    tv.goto(address)
    button = tv.locator("[data-act=captions]")
    button.focus()
    steps = []
    for _step in range(5):
        steps.append(button.inner_text())
        tv.keyboard.press("Enter")
    assert steps == ["字幕：中", "字幕：大", "字幕：特大", "字幕：关", "字幕：小"]
    tv.keyboard.press("Enter")
    tv.goto(address)
    tv.wait_for_function("() => document.querySelector('[data-act=captions] b').textContent === '大'")
