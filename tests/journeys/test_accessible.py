"""Every kind of page: nothing for axe to find, on paper and on ink; and by the keyboard alone everything is reached
with a focus that is seen (WCAG 2.2: 2.1.1, 2.1.2, 2.4.7, 2.4.11)."""

from urllib.parse import urljoin

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.journeys.desk import SIZES, visit
from tests.journeys.test_tv_walk import slugs

__all__ = ["slugs"]

PAGES = {
    "home": "/",
    "search": "/search/?q=miaoxiu",
    "filters": "/search/?q=&kind=video",
    "nothing": "/search/?q=zzqqxx",
    "themes": "/themes/",
    "theme": "/themes/health/",
    "places": "/places/",
    "place": "/places/33/",
    "collections": "/collections/",
    "exhibition": "/collections/miaoxiu/",
    "shelf": "/shelf/",
    "help": "/help/",
    "privacy": "/privacy/",
    "offline": "/offline/",
    "sign in": "/accounts/login/",
    "sign up": "/accounts/signup/",
    "lost": "/courses/no-such-course/",
    "television": "/tv/",
    "embedded": "/embed/{video}/",
    **{kind: f"/courses/{{{kind}}}/" for kind in ("video", "audio", "reading", "gallery", "link")},
}

TABBABLE = """() => {
    const able = document.querySelectorAll(
        "a[href], button:not([disabled]), input:not([type=hidden], [disabled]), select, summary, [tabindex='0']");
    const seen = (one) => one.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true });
    window.walked = [...able].filter((one) => one.tabIndex >= 0 && seen(one) && !one.closest("media-controller"));
    return window.walked.map((one) => one.outerHTML.slice(0, 110));
}"""
HERE = """() => {
    const one = document.activeElement, place = window.walked.indexOf(one);
    if (place < 0) return { place, end: one === document.body };
    const boxes = [one, one.closest(".card, .hit, li, form")].filter(Boolean);
    const drawn = one.querySelector("circle"); // a place of the map
    const ring = (drawn && parseFloat(getComputedStyle(drawn).strokeWidth) >= 3) || boxes.some((box) => {
        const look = getComputedStyle(box);
        return (look.outlineStyle !== "none" && parseFloat(look.outlineWidth) >= 2) || look.boxShadow !== "none";
    });
    const box = one.getBoundingClientRect();
    const inside = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
    return { place, ring, inside };
}"""


@pytest.mark.parametrize("light", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_page_leaves_axe_nothing_to_find(browser, site, slugs, name, light):
    with visit(browser, width=1440, height=900) as page:
        page.goto(f"{site.url}/look/light/{light}/?next=/help/")
        page.goto(urljoin(site.url, PAGES[name].format(**slugs)))
        page.wait_for_load_state("load")
        found = Axe().run(page).response["violations"]
        assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []


@pytest.mark.parametrize("name", [name for name in PAGES if name != "television"])
def test_page_is_walked_by_the_keyboard_alone(browser, site, slugs, name):
    with visit(browser, width=1440, height=900) as page:
        page.goto(urljoin(site.url, PAGES[name].format(**slugs)))
        page.wait_for_load_state("load")
        names = page.evaluate(TABBABLE)
        reached = set()
        for _press in range(3 * len(names) + 60):
            page.keyboard.press("Tab")
            here = page.evaluate(HERE)
            if here.get("end"):
                break
            if here["place"] < 0:  # inside the player's own controls, or what a script brought
                continue
            assert here["ring"], f"the focus on {names[here['place']]} is not seen"
            assert here["inside"], f"{names[here['place']]} has the focus outside the window"
            reached.add(here["place"])
        else:
            pytest.fail(f"the keyboard is caught on {name}")
        there = page.evaluate(TABBABLE)  # the plain button of the player goes when its controls come
        missed = [one for place, one in enumerate(names) if place not in reached and one in there]
        assert not missed, missed


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("name", PAGES)
def test_page_fits_the_screen(browser, site, slugs, name, size):
    """Nothing stands past the edge of a phone, a computer and a television; a picture of each is kept."""
    width, height = size
    with visit(browser, width=width, height=height) as page:
        page.goto(urljoin(site.url, PAGES[name].format(**slugs)))
        page.wait_for_load_state("load")
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
