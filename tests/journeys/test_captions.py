"""Captions as the viewer wants them, the text beside the film searched, the keys told; proven by what is on the
screen."""

import io
from urllib.parse import urljoin

import pytest
from PIL import Image, ImageChops
from playwright.sync_api import expect

from tests.journeys.conftest import make_film
from tests.journeys.test_watch import open_player

SHOW = """mode => {
    const track = [...document.querySelector("video").textTracks].find(track => track.kind === "captions");
    track.mode = mode;
}"""
READY = """() => {
    const film = document.querySelector("video");
    const track = [...film.textTracks].find(track => track.kind === "captions");
    return !film.seeking && film.readyState >= 2 && track.activeCues?.length === 1;
}"""


def picture(page, mode: str) -> Image.Image:
    """The film as it is seen, without its right edge, where the button of the captions changes with them."""
    page.evaluate(SHOW, mode)
    page.evaluate("() => new Promise(seen => requestAnimationFrame(() => requestAnimationFrame(seen)))")
    seen = Image.open(io.BytesIO(page.locator("media-controller").screenshot())).convert("L")
    return seen.crop((0, 0, seen.width * 7 // 10, seen.height))


def caption_rows(page) -> tuple[float, float, float]:
    """Where the caption is, as shares of the picture's height: its top and bottom edge, and how high it is."""
    changed = ImageChops.difference(picture(page, "hidden"), picture(page, "showing"))
    box = changed.point(lambda value: 255 * (value > 48)).getbbox()
    assert box, "no caption on the screen"
    height = page.locator("media-controller").bounding_box()["height"]
    return box[1] / height, box[3] / height, (box[3] - box[1]) / height


def still(page) -> None:
    page.evaluate("() => { const film = document.querySelector('video'); film.pause(); film.currentTime = 3; }")
    page.wait_for_function(READY)


def choose(page, what: str, value: str) -> None:
    page.locator(f"select[data-captions={what}]").select_option(value)


@pytest.mark.parametrize("size", [(390, 844), (1440, 900)])
def test_captions_are_as_large_and_where_the_viewer_wants_them_and_stay_so(page, site, talk, size):
    page.set_viewport_size({"width": size[0], "height": size[1]})
    open_player(page, site, talk)
    page.locator("[data-options] summary").click()
    still(page)
    choose(page, "size", "small")
    top, bottom, small = caption_rows(page)
    assert top > 0.5
    choose(page, "size", "huge")
    _top, _bottom, huge = caption_rows(page)
    assert huge > 1.8 * small
    choose(page, "place", "top")
    top, bottom, _high = caption_rows(page)
    assert bottom < 0.5
    page.reload()
    page.wait_for_function("() => document.querySelector('video')?.readyState >= 2")
    still(page)
    again = caption_rows(page)
    assert again[1] < 0.5
    assert again[2] > 1.8 * small


def test_captions_keep_clear_of_the_controls(page, site, talk):
    open_player(page, site, talk)
    still(page)
    page.locator("media-controller").hover(position={"x": 40, "y": 40})
    bar = page.locator("media-time-range")
    expect(bar).to_be_visible()
    frame = page.locator("media-controller").bounding_box()
    _top, bottom, _high = caption_rows(page)
    assert frame["y"] + bottom * frame["height"] <= bar.bounding_box()["y"] + 1


def test_keys_are_told_by_a_question_mark(page, site, talk):
    open_player(page, site, talk)
    page.keyboard.type("?")
    expect(page.get_by_role("dialog", name="键盘操作")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="键盘操作")).to_be_hidden()
    page.locator("[data-options] summary").click()
    page.keyboard.press("Escape")
    expect(page.locator("[data-options] summary")).to_be_focused()
    expect(page.locator("[data-keys]")).to_be_hidden()


def test_keys_work_before_anything_has_the_focus(page, site, talk):
    open_player(page, site, talk)
    page.evaluate("() => { document.querySelector('video').muted = true; }")
    page.keyboard.press("5")
    page.wait_for_function("() => Math.abs(document.querySelector('video').currentTime - 15) < 1")
    page.keyboard.press("k")
    page.wait_for_function("() => !document.querySelector('video').paused")
    page.keyboard.press("k")
    page.wait_for_function("() => document.querySelector('video').paused")
    page.get_by_role("combobox").first.fill("5")
    page.wait_for_function("() => document.querySelector('video').currentTime > 14")


@pytest.fixture(scope="module")
def lecture(site, tmp_path_factory):
    """Six seconds of film with fifteen lines of text."""
    path = make_film(tmp_path_factory.mktemp("lecture") / "讲稿.mp4")
    clock = "00:00:{:06.3f} --> 00:00:{:06.3f}\n{}\n"
    words = ["先看天色", "再看水色", *(f"第{n}道工序" for n in range(1, 12)), "靛蓝起花", "Indigo 染成"]
    lines = [clock.format(n * 0.4, n * 0.4 + 0.35, word) for n, word in enumerate(words)]
    path.with_suffix(".vtt").write_text("WEBVTT\n\n" + "\n".join(lines))
    return site.ingest(path, title="染坊讲稿")


def test_transcript_is_searched_and_plays_from_the_line_found(page, site, lecture):
    page.goto(urljoin(site.url, lecture["url"]))
    page.wait_for_function("() => document.querySelector('video').readyState >= 2")
    lines = page.locator("[data-transcript] li")
    box = page.get_by_label("在文稿里找")
    expect(lines.filter(visible=True)).to_have_count(15)
    box.fill("工序")
    expect(lines.filter(visible=True)).to_have_count(11)
    expect(page.locator("[data-find] [role=status]")).to_have_text("11 句")
    box.fill("indigo")
    expect(lines.filter(visible=True)).to_have_text(["00:05 Indigo 染成"])
    page.evaluate("() => (document.querySelector('video').muted = true)")
    box.press("Enter")
    page.wait_for_function("() => document.querySelector('video').currentTime >= 5.6")
    box.fill("绸缎")
    expect(page.locator("[data-find] [role=status]")).to_have_text("没有")
    box.press("Escape")
    expect(lines.filter(visible=True)).to_have_count(15)


def test_player_goes_on_when_a_seek_breaks_the_browsers_own_hls(page, site, talk):
    """What a browser promised to play and could not is played another way, from the same second, by itself."""
    open_player(page, site, talk)
    page.evaluate(
        "() => { const film = document.querySelector('video'); film.muted = true; film.currentTime = 17;"
        " film.play().catch(() => {}); }"
    )
    page.wait_for_function("() => document.querySelector('video').currentTime > 19", timeout=60_000)
