"""C5, every page: whatever can be pressed is reached from where the focus begins by arrows alone, the focus is always
seen, and Back leads home."""

import io
import json
import re
from collections import deque

import pytest
from PIL import Image, ImageChops
from playwright.sync_api import expect

from tests.journeys.conftest import make_film
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
GO = """(index) => {
    window.walked[index].focus({ preventScroll: true });
    window.walked[index].scrollIntoView({ block: "center", inline: "nearest" });
}"""
SHOWN = """() => {
    const one = document.activeElement, box = one.getBoundingClientRect();
    const looks = () => [one, one.closest("form") ?? one].map((part) => {
        const style = getComputedStyle(part), { outlineStyle, outlineWidth, outlineColor } = style;
        const outline = outlineStyle === "none" ? "" : `${outlineStyle} ${outlineWidth} ${outlineColor}`;
        return [outline, style.boxShadow, style.borderColor, style.borderWidth, style.transform].join("|");
    }).join();
    const focused = looks();
    one.blur();
    const differs = focused !== looks();
    one.focus({ preventScroll: true });
    const inside = box.left >= -1 && box.top >= -1 && box.right <= innerWidth + 1 && box.bottom <= innerHeight + 1;
    return { differs, inside, box: [box.left, box.top, box.right, box.bottom].map(Math.round) };
}"""
"""Whether the focus changes how its element or the form around it looks, and whether it is on the screen."""


@pytest.fixture
def tv(browser):
    """A television's own browser; nothing but its keys is used."""
    context = browser.new_context(
        viewport={"width": 1920, "height": 1080}, locale="zh-CN", user_agent=TV_AGENT, reduced_motion="reduce"
    )
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


def walk(page) -> tuple[list[str], dict[int, list[str]]]:
    """What can be pressed, by name, and for each place in that list that arrows lead to, the shortest way there."""
    page.wait_for_function(FOCUSED)
    names = page.evaluate(LIST)
    start = page.evaluate(HERE)
    assert start >= 0, "the focus begins on something that cannot be pressed"
    ways: dict[int, list[str]] = {start: []}
    waiting = deque([start])
    check_focus(page, names[start])
    while waiting:
        here = waiting.popleft()
        for arrow in ARROWS:
            page.evaluate(GO, here)
            page.keyboard.press(arrow)
            there = page.evaluate(HERE)
            assert there >= 0, f"{arrow} on “{names[here]}” loses the focus"
            if there not in ways:
                check_focus(page, names[there])
                ways[there] = [*ways[here], arrow]
                waiting.append(there)
    return names, ways


def check_focus(page, name: str) -> None:
    shown = page.evaluate(SHOWN)
    assert shown["differs"], f"the focus on “{name}” is not seen"
    assert shown["inside"], f"“{name}” has the focus outside the screen: {shown['box']}"


def assert_all_reached(page) -> None:
    names, ways = walk(page)
    missed = [one for place, one in enumerate(names) if place not in ways]
    assert not missed, f"arrows never lead to {missed} of {names}"


def press_to(page, selector: str) -> int:
    """Goes by real keys from where the focus is to the nearest thing that fits; answers how many it took."""
    page.wait_for_function(FOCUSED)
    remembered = page.evaluate("() => ({ ...sessionStorage })")
    _names, ways = walk(page)
    fitting = page.evaluate("(fits) => window.walked.map((one) => one.matches(fits))", selector)
    way = min((way for place, way in ways.items() if fitting[place]), key=len)
    # The walk is forgotten, or the focus would begin where it ended.
    page.evaluate("(before) => { sessionStorage.clear(); Object.assign(sessionStorage, before); }", remembered)
    page.reload()
    page.wait_for_function(FOCUSED)
    for arrow in way:
        page.keyboard.press(arrow)
    assert page.evaluate("(fits) => document.activeElement.matches(fits)", selector)
    return len(way)


KINDS = ["video", "audio", "reading", "gallery", "link"]
PAGES = {
    "home": "/tv/",
    "pad": "/tv/search/",
    "found": "/tv/search/?q=mx",
    "nothing": "/tv/search/?q=zzqqzz",
    "code": "/tv/link/",
    "password": "/accounts/login/?next=/tv/",
    "collection": "/tv/collections/miaoxiu/",
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
    assert_all_reached(tv)


@pytest.fixture(scope="module")
def bilingual(site, tmp_path_factory) -> str:
    """The television's address of a film with captions in two languages."""
    path = make_film(tmp_path_factory.mktemp("bilingual") / "两种话.mp4")
    path.with_suffix(".vtt").write_text("WEBVTT\n\n00:00:00.000 --> 00:00:05.000\n先看天色\n")
    made = site.ingest(path, title="两种话的染坊")
    add = (
        "from media_pipeline.models import MediaAsset, TextTrack; "
        "asset = MediaAsset.objects.get(lessons__course=%d); "
        "TextTrack.objects.create(asset=asset, language='en', label='English', cues=[[0, 5, 'Look at the sky']])"
    )
    site.manage("shell", "-v", "0", "-c", add % made["id"])
    return far(made)


def far(course: dict) -> str:
    return course["url"].replace("/courses/", "/tv/")


def open_player(tv, site, address: str) -> None:
    tv.goto(f"{site.url}{address}1/")
    tv.wait_for_function("() => document.querySelector('video').readyState >= 2")
    tv.evaluate("() => document.querySelector('video').pause()")


def test_tv_player_is_walked_by_arrows_and_back_leads_home(tv, site, bilingual):
    open_player(tv, site, bilingual)
    assert_all_reached(tv)
    for address in (bilingual, "/tv/"):
        tv.keyboard.press("Backspace")
        tv.wait_for_url(f"{site.url}{address}")


def test_tv_sound_is_walked_by_arrows(tv, site, song):
    open_player(tv, site, far(song))
    assert_all_reached(tv)


def test_tv_home_with_what_the_set_remembers_is_walked_by_arrows(tv, site, talk):
    tv.goto(f"{site.url}{far(talk)}")
    press_to(tv, "[data-favourite]")
    tv.keyboard.press("Enter")
    tv.locator("[data-favourite][aria-pressed=true]").wait_for()
    tv.goto(f"{site.url}{far(talk)}1/")
    tv.wait_for_function("() => document.querySelector('video').currentTime > 6")
    tv.keyboard.press("Escape")
    tv.wait_for_url(f"{site.url}{far(talk)}")
    tv.goto(f"{site.url}/tv/")
    for row in ("continue", "favourites"):
        tv.locator(f"[data-{row}] a").wait_for()
    assert tv.evaluate("() => document.activeElement.closest('[data-continue]') !== null")
    assert_all_reached(tv)


def test_tv_library_without_courses_is_walked_by_arrows(tv, live_server):
    tv.goto(f"{live_server.url}/tv/")
    expect(tv.locator(".tv-empty a")).to_be_visible()
    assert_all_reached(tv)


PLAYABLE = """
from catalog.models import Course
import json
films = Course.objects.public().filter(kind="video", lessons__asset__state="published").distinct()
print(json.dumps([course.slug for course in films]))
"""


def test_tv_picture_moves_within_six_keys_from_home(tv, site, talk):
    films = json.loads(site.manage("shell", "-v", "0", "-c", PLAYABLE).splitlines()[-1])
    tv.goto(f"{site.url}/tv/")
    arrows = press_to(tv, ", ".join(f'[href="/tv/{slug}/"]' for slug in films))
    for page in (r"/tv/[^/]+/$", r"/tv/[^/]+/\d+/$"):
        tv.wait_for_function(FOCUSED)
        tv.keyboard.press("Enter")
        tv.wait_for_url(re.compile(page))
    tv.wait_for_function("() => document.querySelector('video')?.currentTime > 0.5")
    assert arrows + 2 <= 6


def test_tv_pages_are_reached_and_left_by_keys_alone(tv, site, talk):
    tv.goto(f"{site.url}/tv/")
    for way in (["/tv/search/"], ["/tv/link/", "/accounts/login/?next=/tv/"]):
        for address in way:
            press_to(tv, f'[href="{address}"]')
            tv.keyboard.press("Enter")
            tv.wait_for_url(f"{site.url}{address}")
        tv.wait_for_function(FOCUSED)
        tv.keyboard.press("Escape")
        tv.wait_for_url(f"{site.url}/tv/")


def test_tv_captions_go_in_steps_that_the_set_remembers(tv, site, talk):
    address = f"{site.url}{far(talk)}1/"
    tv.goto(address)
    button = tv.locator("[data-act=captions]")
    expect(tv.locator("[data-act=language]")).to_have_count(0)
    button.focus()
    steps = []
    for _step in range(5):
        steps.append(button.inner_text())
        tv.keyboard.press("Enter")
    assert steps == ["字幕：中", "字幕：大", "字幕：特大", "字幕：关", "字幕：小"]
    tv.keyboard.press("Enter")
    tv.goto(address)
    tv.wait_for_function("() => document.querySelector('[data-act=captions] b').textContent === '大'")


CAPTION = """(mode) => {
    const film = document.querySelector("video");
    for (const track of film.textTracks) if (track.language === "en") track.mode = mode;
    return new Promise((seen) => requestAnimationFrame(() => requestAnimationFrame(seen)));
}"""
SPOKEN_NOW = """() => {
    const film = document.querySelector("video");
    return !film.seeking && film.readyState >= 2 && [...film.textTracks].some((track) => track.activeCues?.length);
}"""


def test_tv_captions_stand_above_the_controls_however_many_lines_these_take(tv, site, bilingual):
    tv.goto(f"{site.url}/language/en/?next=/tv/")
    open_player(tv, site, bilingual)
    tv.evaluate("() => (document.querySelector('video').currentTime = 2)")
    tv.wait_for_function(SPOKEN_NOW)
    pictures = []
    for mode in ("hidden", "showing"):
        tv.evaluate(CAPTION, mode)
        pictures.append(Image.open(io.BytesIO(tv.screenshot())).convert("L"))
    box = ImageChops.difference(*pictures).point(lambda value: 255 * (value > 48)).getbbox()
    assert box, "no caption on the screen"
    assert box[3] <= tv.locator(".tv-overlay").bounding_box()["y"]


SPOKEN = """() => [...document.querySelector("video").textTracks]
    .filter((one) => one.mode === "showing").map((one) => one.language)"""


def test_tv_captions_are_in_the_language_chosen_last(tv, site, bilingual):
    open_player(tv, site, bilingual)
    button = tv.locator("[data-act=language]")
    first = button.inner_text()
    before = tv.evaluate(SPOKEN)
    assert len(before) == 1
    assert before != ["en"]
    press = tv.keyboard.press
    button.focus()
    press("Enter")
    expect(button).to_have_text("字幕语言：English")
    assert tv.evaluate(SPOKEN) == ["en"]
    tv.locator("[data-act=captions]").focus()
    press("Enter")
    assert tv.evaluate(SPOKEN) == ["en"]
    open_player(tv, site, bilingual)
    expect(button).to_have_text("字幕语言：English")
    assert tv.evaluate(SPOKEN) == ["en"]
    button.focus()
    press("Enter")
    expect(button).to_have_text(first)
    assert tv.evaluate(SPOKEN) == before
