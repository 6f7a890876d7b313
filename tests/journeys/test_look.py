"""C7: reading and looking closely, by keys and by mouse; on television by the remote control."""

from pathlib import Path
from urllib.parse import urljoin

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.journeys.desk import PATIENCE
from tests.media_pipeline import clips
from tests.running import Site


@pytest.fixture(scope="module")
def plate(site: Site, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """A gallery of one picture that is larger than any of its files."""
    path: Path = tmp_path_factory.mktemp("plate") / "长卷.jpg"
    Image.linear_gradient("L").resize((4200, 2800)).convert("RGB").save(path, quality=60)
    return site.ingest(path, title="山水长卷")


@pytest.fixture(scope="module")
def book(site: Site, tmp_path_factory: pytest.TempPathFactory) -> dict:
    path: Path = tmp_path_factory.mktemp("book") / "小册子.pdf"
    path.write_bytes(clips.pdf(3))
    return site.ingest(path, title="三页小册子")


def sheet_width(page: Page) -> float:
    return page.locator(".viewer .sheet").evaluate("sheet => sheet.getBoundingClientRect().width")


def test_look_closely_fetches_the_tiles_in_sight(screen: Page, site: Site, plate: dict) -> None:
    screen.goto(urljoin(site.url, plate["url"]))
    screen.locator("[data-gallery] a").click()
    expect(screen.get_by_role("dialog")).to_be_visible()
    screen.wait_for_function("() => document.querySelector('.viewer img').naturalWidth > 0", timeout=PATIENCE)
    whole = sheet_width(screen)
    for _press in range(4):
        screen.keyboard.press("+")
    screen.wait_for_function("least => document.querySelector('.sheet').offsetWidth > least", arg=2 * whole)
    tile = screen.locator(".viewer .sheet img[src*='/zoom/']")
    expect(tile.first).to_have_js_property("complete", True)
    screen.wait_for_function(
        "() => [...document.querySelectorAll(\".sheet img[src*='/zoom/']\")].some(tile => tile.naturalWidth === 512)",
        timeout=PATIENCE,
    )
    left = screen.locator(".viewer .sheet").evaluate("sheet => sheet.offsetLeft")
    screen.keyboard.press("ArrowRight")
    screen.wait_for_function("before => document.querySelector('.sheet').offsetLeft < before", arg=left)
    screen.keyboard.press("0")
    screen.wait_for_function("most => document.querySelector('.sheet').offsetWidth <= most", arg=whole + 2)
    screen.get_by_role("button", name="关闭").click()
    expect(screen.get_by_role("dialog")).to_have_count(0)
    expect(screen.locator("[data-gallery] a")).to_be_focused()


def test_look_closely_on_television_stays_in_its_page(browser, site: Site, plate: dict) -> None:
    context = browser.new_context(viewport={"width": 1920, "height": 1080}, locale="zh-CN")
    context.set_default_timeout(PATIENCE)
    tv = context.new_page()
    address = urljoin(site.url, plate["url"].replace("/courses/", "/tv/"))
    tv.goto(address)
    expect(tv.locator("[data-gallery] a")).to_be_focused()
    tv.keyboard.press("Enter")
    expect(tv.get_by_role("dialog")).to_be_visible()
    tv.wait_for_function("() => document.querySelector('.viewer img').naturalWidth > 0")
    tv.keyboard.press("ArrowUp")
    expect(tv.locator(".viewer .canvas")).to_have_class("canvas zoomed")
    tv.keyboard.press("Enter")
    expect(tv.locator(".viewer .canvas")).to_have_class("canvas")
    tv.keyboard.press("Backspace")
    expect(tv.get_by_role("dialog")).to_have_count(0)
    expect(tv.locator("[data-gallery] a")).to_be_focused()
    assert tv.url == address
    context.close()


def test_read_by_keys_and_on_whole_pages(screen: Page, site: Site, book: dict) -> None:
    address = urljoin(site.url, book["url"])
    screen.goto(address)
    screen.keyboard.press("ArrowRight")
    screen.wait_for_url("**?page=2#reader")
    screen.keyboard.press("End")
    screen.wait_for_url("**?page=3#reader")
    screen.keyboard.press("Home")
    screen.wait_for_url("**?page=1#reader")
    whole = screen.locator("[data-whole]").first
    screen.keyboard.press("w")
    expect(whole).to_have_attribute("aria-pressed", "true")
    screen.wait_for_function("() => document.querySelector('.page-picture').offsetHeight <= innerHeight")
    screen.keyboard.press("g")
    expect(screen.get_by_label("页码")).to_be_focused()
    screen.keyboard.type("2")
    screen.keyboard.press("Enter")
    screen.wait_for_url("**page=2**")
    expect(screen.locator("[data-whole]").first).to_have_attribute("aria-pressed", "true")
