"""C5: with arrows, Enter and Back only, from the rows of posters to a playing film, and to it by initials."""

import pytest

from tests.journeys.desk import is_narrow

BACK = "Backspace"


@pytest.fixture
def tv(screen):
    """Only keys are used; a set may tell its browser less than 1920 × 1080, and a phone may open the address too."""
    return screen


def focused(page) -> str:
    return page.evaluate("() => document.activeElement?.getAttribute('href') ?? ''")


def press(page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)
        assert page.evaluate("() => document.activeElement !== document.body"), f"after {key} nothing has the focus"


def open_tv(page, address: str) -> None:
    page.goto(address)
    page.wait_for_function("() => document.activeElement && document.activeElement !== document.body")


@pytest.fixture
def shown(site, talk) -> str:
    """The half minute of film at the head of the television: what a reader was watching stands first."""
    return talk["url"].replace("/courses/", "/tv/")


def walk_to(page, key: str) -> None:
    """With arrows to a key of the pad, as a hand does: first the row, then the column."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    columns = page.evaluate(
        """() => {
            const tops = [...document.querySelectorAll("[data-key]")].map(k => k.getBoundingClientRect().top);
            return tops.filter(top => Math.abs(top - tops[0]) < 2).length;
        }"""
    )
    here = letters.index(page.evaluate("() => document.activeElement.dataset.key"))
    there = letters.index(key)
    down, right = there // columns - here // columns, there % columns - here % columns
    press(page, *["ArrowDown" if down > 0 else "ArrowUp"] * abs(down))
    press(page, *["ArrowRight" if right > 0 else "ArrowLeft"] * abs(right))
    assert page.evaluate("() => document.activeElement.dataset.key") == key


def test_tv_reaches_the_player_in_six_keys_and_comes_back(tv, site, shown):
    open_tv(tv, f"{site.url}{shown}")
    tv.keyboard.press("Enter")
    tv.wait_for_url(f"**{shown}1/")
    tv.wait_for_function("() => document.querySelector('video')?.currentTime > 1", timeout=60_000)
    tv.keyboard.press(BACK)
    tv.wait_for_url(f"**{shown}")
    tv.keyboard.press(BACK)
    tv.wait_for_url("**/tv/")
    tv.locator("[data-continue] a").wait_for()
    tv.reload()
    tv.locator("[data-continue] a").wait_for()
    tv.wait_for_function("() => document.activeElement && document.activeElement !== document.body")
    for _key in range(4):
        if shown in focused(tv):
            break
        press(tv, "ArrowUp")
    assert shown in focused(tv)
    tv.keyboard.press("Enter")
    tv.wait_for_url(f"**{shown}1/")
    tv.wait_for_function("() => document.querySelector('video')?.currentTime > 1", timeout=60_000)


def test_tv_walks_rows_with_one_visible_focus(tv, site):
    open_tv(tv, f"{site.url}/tv/")
    first = focused(tv)
    press(tv, "ArrowRight", "ArrowRight")
    third = focused(tv)
    assert third != first
    press(tv, "ArrowLeft", "ArrowLeft")
    assert focused(tv) == first
    press(tv, "ArrowDown")
    assert focused(tv) not in {first, third}
    seen = tv.evaluate(
        """() => {
            const box = document.activeElement.getBoundingClientRect();
            const style = getComputedStyle(document.activeElement);
            return {inside: box.top >= 0 && box.bottom <= innerHeight, outline: style.outlineStyle + style.boxShadow};
        }"""
    )
    assert seen["inside"]
    assert seen["outline"] != "nonenone" or tv.locator(":focus-visible").count() == 1


def test_tv_finds_by_initials_on_the_pad(tv, site):
    open_tv(tv, f"{site.url}/tv/search/")
    for typed, key in [("m", "m"), ("mx", "x")]:
        walk_to(tv, key)
        tv.keyboard.press("Enter")
        tv.wait_for_url(f"**q={typed}")
        tv.wait_for_function("() => document.activeElement?.dataset.key")
    assert tv.locator(".tv-found .tv-card", has_text="苗绣针法十二讲").count() == 1
    for _key in range(12):
        if focused(tv).startswith("/tv/"):
            break
        beside = not is_narrow(tv) and tv.evaluate("() => !!document.activeElement.dataset.key")
        press(tv, "ArrowRight" if beside else "ArrowDown")
    assert focused(tv).startswith("/tv/")
    tv.keyboard.press("Enter")
    tv.wait_for_url(lambda url: "search" not in url)
    tv.wait_for_function("() => document.activeElement && document.activeElement !== document.body")
    tv.keyboard.press(BACK)
    tv.wait_for_url("**/tv/")
