"""P1: a partner's files on a bad line. Parts come through once, wrong files are told off at once, and what was uploaded
becomes a course that a stranger finds and plays."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest
from django.core import signing
from playwright.sync_api import Browser, BrowserContext, Page, Request, Route, expect

from tests.journeys.conftest import make_film
from tests.journeys.desk import approve, at_the_desk, press_action, visit
from tests.journeys.players import wait_until_moving
from tests.running import Site

PART = 1024 * 1024
TITLE = "涨潮时的渔歌"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_files(tmp_path_factory.mktemp("files"))


def make_files(place: Path) -> dict[str, Path]:
    """A film of six parts (long by a box that players pass over), a short one, and a document that calls itself one."""
    long = make_film(place / f"{TITLE}.mp4")
    with long.open("ab") as film:
        padding = 6 * PART - 1000 - film.tell()
        film.write(padding.to_bytes(4) + b"free" + bytes(padding - 8))
    short = make_film(place / "开篇.mp4", seconds=2)
    wrong = place / "通知.mp4"
    wrong.write_bytes(b"%PDF-1.7\n" + b"%" * 9000)
    return {"long": long, "short": short, "wrong": wrong}


class Line:
    """A line that lets so many parts through and keeps the others waiting; and what arrived, by part."""

    def __init__(self, context: BrowserContext) -> None:
        self.arrived: Counter[str] = Counter()
        self.waiting: list[Route] = []
        self.allowance = 0
        context.route("**/media/parts/**", self._pass)
        context.on("requestfinished", self._count)

    def _pass(self, route: Route) -> None:
        if self.allowance > 0:
            self.allowance -= 1
            route.continue_()
        else:
            self.waiting.append(route)

    def _count(self, request: Request) -> None:
        if "/media/parts/" in request.url:
            self.arrived[part_of(request.url)] += 1

    def allow(self, parts: int) -> None:
        self.allowance = parts
        waiting, self.waiting = self.waiting, []
        for route in waiting:
            self._pass(route)

    def cut(self) -> None:
        """What stands at the barrier is lost, as on a line that breaks."""
        waiting, self.waiting = self.waiting, []
        for route in waiting:
            route.abort()

    def wait(self, page: Page, *, arrived: int, waiting: int = 0) -> None:
        """Until so many parts are there and so many stand at the barrier. The row changes with each of them."""
        for _ in range(600):
            if len(self.arrived) >= arrived and len(self.waiting) >= waiting:
                return
            page.wait_for_timeout(100)
        raise AssertionError((self.arrived, len(self.waiting)))


def part_of(url: str) -> str:
    """Upload and number, from the signed address."""
    uid, number, *_ = json.loads(signing.b64_decode(url.rpartition("/")[2].partition(":")[0].encode()))
    return f"{uid} {number}"


def drop_files(page: Page, files: list[Path]) -> None:
    """Drags files from outside the browser onto the zone, as a mouse does."""
    zone = page.locator("[data-zone]")
    zone.scroll_into_view_if_needed()
    box = zone.bounding_box()
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path) for path in files], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        session.send("Input.dispatchDragEvent", {"type": kind, "data": data, **place})
    session.detach()


def item(page: Page, path: Path):
    return page.locator(".uploader-item", has_text=path.name)


def send_over_a_bad_line(page: Page, site: Site, files: dict[str, Path]) -> Page:
    """Dragged in, cut off, paused, closed, opened again; returns the page on which all has arrived."""
    line = Line(page.context)
    line.allow(3)  # the short film is one part
    page.goto(f"{site.url}/cms/upload/")
    drop_files(page, list(files.values()))
    expect(item(page, files["wrong"])).to_contain_text("扩展名是 .mp4，内容却是 PDF 文档")
    long = item(page, files["long"])
    line.wait(page, arrived=3, waiting=2)

    page.context.set_offline(True)
    line.cut()
    expect(long).to_contain_text("网络已断开，恢复后自动继续")
    page.context.set_offline(False)
    line.allow(1)
    line.wait(page, arrived=4, waiting=1)

    long.get_by_role("button", name="暂停").click()
    expect(long).to_contain_text("已暂停")
    line.waiting.clear()
    long.get_by_role("button", name="继续").click()
    line.allow(1)
    line.wait(page, arrived=5, waiting=1)
    page.context.set_offline(True)
    line.cut()  # what waits at the barrier must not slip through while the page goes
    page.close()
    page.context.set_offline(False)

    again = page.context.new_page()
    again.goto(f"{site.url}/cms/upload/")
    expect(again.locator("[data-waiting]")).to_contain_text(re.compile(r"渔歌.*已传 (66|83)%"))
    line.waiting.clear()
    line.allow(100)
    drop_files(again, [files["long"]])
    expect(item(again, files["long"]).get_by_role("link", name="建立课程")).to_be_visible()
    assert set(line.arrived.values()) == {1}, line.arrived
    assert len(line.arrived) >= 6  # and the short one; the answer to one may have been lost with the page
    return again


def make_a_course(page: Page, film: Path) -> None:
    """From the row of the upload to a course that waits for its review."""
    expect(item(page, film)).to_contain_text("处理完成，可以播放", timeout=300_000)
    item(page, film).get_by_role("link", name="建立课程").click()
    expect(page.locator("[name=title]")).to_have_value(TITLE)
    expect(page.locator("[name=kind]")).to_have_value("video")
    expect(page.locator("[name=lessons-0-title]")).to_have_value(TITLE)
    page.locator("[name=summary]").fill("潮水上来的时候，渔家唱什么。")
    press_action(page, "提交")
    expect(page.locator(".messages")).to_contain_text(TITLE)


def test_upload_over_a_bad_line_to_a_public_course(browser: Browser, site: Site, files: dict[str, Path]) -> None:
    with at_the_desk(browser, site, "partner") as page:
        make_a_course(send_over_a_bad_line(page, site, files), files["long"])
    with at_the_desk(browser, site, "reviewer") as page:
        page.get_by_role("link", name=TITLE).first.click()
        approve(page)
    with visit(browser) as page:
        page.goto(f"{site.url}/search/?q=yuge")
        page.locator("main").get_by_role("link", name=TITLE).first.click()
        page.wait_for_url("**/courses/**")
        if not page.locator("video").count():
            page.locator("main a[href*='/1/']").first.click()
        page.locator("video").wait_for(state="attached")
        page.evaluate("() => { const v = document.querySelector('video'); v.muted = true; return v.play(); }")
        assert wait_until_moving(page).error == ""
