"""How soon a film is seen and how many pages are served, each beside its baseline of the same run.

    make bench-site

First frame: milliseconds in Chromium from the press of play until the first picture is presented
(``requestVideoFrameCallback``), on a lesson's page and on a page that is nothing but ``<video src>`` with the same
list, by turns, each in a visit of its own. Pages: requests a second of the home page and of a course with the demo
library, through nginx and its cache, from gunicorn without, and of a Django that only answers as many bytes. Between
them the slowest answer to a press. Prints one JSON object.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urljoin

from playwright.sync_api import Browser, Page, sync_playwright

from deploy import run
from tests.bench.bench_delivery import rate
from tests.bench.table import Row, tell
from tests.conftest import CHROMIUM, CHROMIUM_FLAGS
from tests.journeys.conftest import make_film
from tests.running import Site, behind_nginx, free_port, run_site

PAIRS = int(os.environ.get("PAIRS", "15"))

PRESS = """press => new Promise(seen => {
    const film = document.querySelector("video");
    film.muted = true;
    const began = performance.now();
    film.requestVideoFrameCallback(now => seen(now - began));
    const start = document.querySelector("button[data-start]");
    if (start) start.click(); else film.play();
})"""


def first_frame(browser: Browser, url: str, body: str = "") -> float:
    """Milliseconds from the press of play. ``body``: the page, where the site has none."""
    visit = browser.new_context(viewport={"width": 1440, "height": 900})
    page = visit.new_page()
    if body:
        page.route(url, lambda route: route.fulfill(body=body, content_type="text/html"))
    page.goto(url)
    page.wait_for_function("() => document.querySelector('video').readyState >= 1", timeout=60_000)
    page.wait_for_timeout(700)
    spent = page.evaluate(PRESS)
    visit.close()
    return spent


def frames(site: Site, course: dict) -> dict[str, float]:
    film = course["assets"][0]["hls"]
    poster = film.replace("master.m3u8", "poster.webp")
    bare = f"<!doctype html><video src='{film}' poster='{poster}' preload=metadata playsinline width=800></video>"
    ours, plain = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=CHROMIUM_FLAGS)
        for turn in range(PAIRS + 2):
            pair = (
                first_frame(browser, urljoin(site.url, course["url"])),
                first_frame(browser, f"{site.url}/bench-bare", bare),
            )
            if turn >= 2:
                ours.append(pair[0])
                plain.append(pair[1])
        browser.close()
    mine, theirs = statistics.median(ours), statistics.median(plain)
    return {
        "first_frame_ms": round(mine, 1),
        "first_frame_bare_ms": round(theirs, 1),
        "first_frame_ratio": round(mine / theirs, 2),
    }


WATCH = """() => {
    window.slowest = 0;
    new PerformanceObserver((list) => {
        const pressed = list.getEntries().filter((one) => one.interactionId);
        window.slowest = Math.max(window.slowest, ...pressed.map((one) => one.duration));
    }).observe({ type: "event", durationThreshold: 16, buffered: true });
}"""


def interactions(site: Site, course: dict) -> dict[str, float]:
    """The slowest answer to a press or key (Event Timing, as INP takes it), in milliseconds, on a phone whose processor
    is four times slower than this machine's."""
    slowest = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=CHROMIUM_FLAGS)
        visit = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, locale="zh-CN")
        page = visit.new_page()
        page.add_init_script(f"({WATCH})()")
        visit.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": 4})
        page.goto(site.url)
        page.get_by_role("combobox").first.press_sequentially("miao", delay=120)
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Escape")
        page.locator(".menu summary").click()
        slowest["home"] = _told(page)
        page.goto(f"{site.url}/search/?q=miao")
        page.locator(".filters > summary").click()
        page.locator(".facet > summary").first.click()
        slowest["search"] = _told(page)
        page.goto(urljoin(site.url, course["url"]))
        page.locator("button[data-start]").click()
        page.locator("[data-options] summary").click()
        page.locator("[data-favourite]").click()
        slowest["course"] = _told(page)
        browser.close()
    return slowest


def _told(page: Page) -> float:
    page.wait_for_timeout(1500)
    return page.evaluate("() => window.slowest")


def plain_django(page: bytes) -> float:
    """Requests a second of a Django that does nothing, by the same gunicorn."""
    place = Path(tempfile.mkdtemp(prefix="wenlan-bench-plain-"))
    (place / "page.html").write_bytes(page)
    port = free_port()
    command = [
        sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", "-b", f"127.0.0.1:{port}",
        "tests.bench.plain:application",
    ]  # fmt: skip
    env = {**os.environ, "BENCH_PAGE": str(place / "page.html")}
    env.pop("DJANGO_SETTINGS_MODULE", None)
    server = subprocess.Popen(command, env=env, cwd=run.ROOT)
    try:
        run.wait_until_up(f"http://127.0.0.1:{port}", {"plain Django": server})
        rate(f"http://127.0.0.1:{port}/", seconds=1)
        return rate(f"http://127.0.0.1:{port}/")
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(place)


def pages(site: Site, front: Site, path: str) -> dict[str, float]:
    for warm in (site, front):
        rate(f"{warm.url}{path}", seconds=1)
    cached, uncached = rate(f"{front.url}{path}"), rate(f"{site.url}{path}")
    line = subprocess.run(["curl", "-sf", f"{site.url}{path}"], capture_output=True, check=True)
    plain = plain_django(line.stdout)
    return {
        "bytes": len(line.stdout),
        "cached_per_second": round(cached),
        "uncached_per_second": round(uncached),
        "plain_django_per_second": round(plain),
        "cached_ratio": round(cached / plain, 2),
        "uncached_ratio": round(uncached / plain, 3),
    }


def main() -> None:
    var = Path(tempfile.mkdtemp(prefix="wenlan-bench-"))
    with run_site(var, {"MEDIA_ACCEL": "true"}, films="0") as site, behind_nginx(site) as front:
        course = site.ingest(make_film(var / "film.mp4", seconds=20), title="测速")
        figures = {
            **frames(front, course),
            "slowest_interaction_ms": interactions(front, course),
            "home": pages(site, front, "/"),
            "course": pages(site, front, course["url"]),
        }
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")
    tell(rows(figures))


def rows(figures: dict) -> list[Row]:
    first = figures["first_frame_ms"], figures["first_frame_bare_ms"]
    kinds = {"cached_per_second": "from the front's cache", "uncached_per_second": "made by Django"}
    return [
        Row("press of play to first picture, a bare <video>", "ms", first[0], limit=first[1], aim="≤ 1.15 × it"),
        *(
            Row(f"{page} {words}, a Django that only answers", "/s", figures[page][key], limit=figures[page][plain])
            for plain in ("plain_django_per_second",)
            for page in ("home", "course")
            for key, words in kinds.items()
        ),
        *(
            Row(f"slowest answer to a press, slow phone, {page}", "ms", spent, aim="≤ 200")
            for page, spent in figures["slowest_interaction_ms"].items()
        ),
    ]


if __name__ == "__main__":
    main()
