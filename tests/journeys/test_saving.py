"""Where data is dear: the device says so, and what is fetched is counted."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urljoin

import imageio_ffmpeg
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.desk import PATIENCE, visit
from tests.journeys.line import line
from tests.journeys.test_offline import CONTROLLED
from tests.running import Site

HOUR, RADIO = 3600, 15e6  # seconds, bytes in them
ENDS = """() => {
    const film = document.querySelector("video");
    film.muted = true;
    film.playbackRate = 8;
    if (film.paused && !film.ended) film.play().catch(() => {});
    return film.ended;
}"""


NOISE = ("-f", "lavfi", "-i", "anoisesrc=duration=120:color=pink:sample_rate=48000")
PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=10:duration=120")


def noise(path: Path, *more: str) -> Path:
    """Two minutes of what no encoder makes smaller than it is told."""
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *more, *NOISE, str(path)], check=True)
    return path


@pytest.fixture(scope="module")
def rain(site: Site, tmp_path_factory: pytest.TempPathFactory) -> dict:
    return site.ingest(noise(tmp_path_factory.mktemp("rain") / "雨声.wav"), title="听雨")


@pytest.fixture(scope="module")
def storm(site: Site, tmp_path_factory: pytest.TempPathFactory) -> dict:
    return site.ingest(noise(tmp_path_factory.mktemp("storm") / "大雨.mp4", *PICTURE), title="看雨")


@contextmanager
def sparing_device(browser: Browser) -> Iterator[Page]:
    """A visit from a device that is set to save data."""
    with visit(browser, width=390, height=844) as page:
        device = page.context.new_cdp_session(page)
        device.send("Emulation.setDataSaverOverride", {"dataSaverEnabled": True})
        yield page


@pytest.mark.parametrize("given", ["rain", "storm"])
def test_radio_takes_at_most_fifteen_megabytes_an_hour(
    given: str, browser: Browser, site: Site, request: pytest.FixtureRequest
) -> None:
    """Everything that comes over the line, whoever asks for it, from when the page is there to the end of the sound."""
    course = request.getfixturevalue(given)
    with line(site.url) as way, sparing_device(browser) as page:
        page.route("**/*.m3u8", lambda route: route.abort())
        page.goto(urljoin(way.url, course["url"]))
        page.wait_for_function(CONTROLLED, timeout=PATIENCE)
        if given == "storm":
            page.get_by_role("button", name="只听声音").click()
        page.locator("[data-player]").hover()
        page.wait_for_function("() => customElements.get('media-time-range')", timeout=PATIENCE)
        page.wait_for_load_state("networkidle")
        before = way.came
        page.unroute("**/*.m3u8")
        page.wait_for_function(ENDS, timeout=3 * PATIENCE)
        played = page.evaluate("() => document.querySelector('video').duration")
        came = way.came - before
        assert came > played * 2_000, "what was played came over the line"
        assert came * HOUR / played <= RADIO


def test_device_that_saves_data_gets_the_smallest_and_is_told_once(browser: Browser, site: Site, talk: dict) -> None:
    with sparing_device(browser) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(urljoin(site.url, talk["url"]))
        note = page.locator("[data-player-note]")
        expect(note).to_contain_text("省流量")
        expect(page.locator("[data-player]")).to_have_attribute("data-engine", "hls.js")
        page.locator("[data-player]").hover()
        page.wait_for_function("() => customElements.get('media-time-range')", timeout=PATIENCE)
        page.locator("media-time-range").hover()
        assert not any("storyboard" in address for address in asked)
        note.get_by_role("button", name="照常播放").click()
        expect(note).to_be_hidden()
        page.locator("[data-options] summary").click()
        expect(page.get_by_label("省流量")).not_to_be_checked()
        page.wait_for_function("() => document.querySelector('track[label=thumbnails]').track.cues?.length > 0")
        page.reload()
        expect(page.locator("[data-player]")).to_have_attribute("data-engine", "native")
        expect(note).to_be_hidden()
