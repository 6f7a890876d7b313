"""C3, the part that machines can prove: the same film plays natively, in hls.js and in dash.js, with moving pictures
and sound by the element's own counters; and in our own player on its page."""

import json
import re
from urllib.parse import urljoin

import pytest
from playwright.sync_api import expect

from tests.journeys.players import PLAYERS, counters, open_bare, wait_until_moving


def published(course: dict) -> dict:
    asset = course["assets"][0]
    assert asset["state"] == "published", asset
    return asset


def check_playing(page, url: str, manifest: str, player: str) -> None:
    start, _kind = PLAYERS[player]
    open_bare(page, url)
    start(page, urljoin(url, manifest))
    playing = wait_until_moving(page)
    assert playing.frames > 5
    assert playing.sound > 0
    assert playing.duration == pytest.approx(6, abs=0.5)
    assert playing.error == ""


@pytest.mark.parametrize("player", PLAYERS)
def test_watch_plays_moving_pictures_and_sound(page, site, course, player):
    check_playing(page, site.url, published(course)[PLAYERS[player][1]], player)


@pytest.mark.parametrize("player", PLAYERS)
def test_watch_plays_on_the_real_parts_behind_nginx(page, real_site, real_course, player):
    check_playing(page, real_site.url, published(real_course)[PLAYERS[player][1]], player)


def test_watch_our_own_player_plays_and_seeks(page, site, course):
    page.goto(urljoin(site.url, course["url"]))
    if not page.locator("video").count():
        page.locator("a[href*='/1/']").first.click()
    page.locator("video").wait_for(state="attached")
    page.evaluate("() => { const v = document.querySelector('video'); v.muted = true; return v.play(); }")
    assert wait_until_moving(page).width > 0
    page.evaluate("() => { document.querySelector('video').currentTime = 4; }")
    page.wait_for_function("() => document.querySelector('video').currentTime > 4.2", timeout=30_000)
    assert counters(page).error == ""


# Our own player on its page ------------------------------------------------------------------------


def open_player(page, site, talk, tail: str = "1/") -> None:
    page.goto(urljoin(site.url, talk["url"]) + tail)
    page.wait_for_function("() => document.querySelector('[data-player]')?.dataset.engine")
    page.wait_for_function("() => document.querySelector('video').readyState >= 2")


def play(page) -> None:
    page.evaluate("() => { const v = document.querySelector('video'); v.muted = true; return v.play(); }")
    wait_until_moving(page, seconds=0.5)


AT_SECOND = """second => document.querySelector("video").currentTime === second
    && Number(document.querySelector("media-controller").getAttribute("mediacurrenttime")) === second"""
"""The film is there and the controls know it: a key counts from where they believe it to be."""


def test_watch_captions_speed_and_keyboard(screen, site, talk):
    """Looked at while the film stands still, so that no word goes by before it was read."""
    open_player(screen, site, talk)
    play(screen)
    button = screen.locator("media-captions-button")
    expect(button).to_be_visible()
    controller = screen.locator("media-controller")
    controller.focus()
    screen.keyboard.press("k")
    screen.wait_for_function("() => document.querySelector('video').paused")
    screen.evaluate("() => { document.querySelector('video').currentTime = 2; }")
    captions = "[...document.querySelector('video').textTracks].find(track => track.kind === 'captions')"
    screen.wait_for_function(f"() => {captions}.mode === 'showing'")
    screen.wait_for_function(f"() => {captions}.activeCues?.[0]?.text === '清早先看天色'")
    button.click()
    screen.wait_for_function(f"() => {captions}.mode !== 'showing'")
    button.click()
    screen.wait_for_function(f"() => {captions}.mode === 'showing'")
    screen.locator("media-playback-rate-button").click()
    screen.wait_for_function("() => document.querySelector('video').playbackRate === 1.25")
    controller.focus()
    screen.keyboard.press("ArrowRight")
    screen.wait_for_function(AT_SECOND, arg=12)
    screen.keyboard.press("ArrowLeft")
    screen.wait_for_function(AT_SECOND, arg=2)
    screen.keyboard.press("k")
    screen.wait_for_function("() => !document.querySelector('video').paused")


def test_watch_seek_bar_shows_pictures(screen, site, talk):
    open_player(screen, site, talk)
    play(screen)
    bar = screen.locator("media-time-range").bounding_box()
    screen.mouse.move(bar["x"] + bar["width"] * 0.6, bar["y"] + bar["height"] / 2)
    screen.wait_for_function(
        """() => {
            const bar = document.querySelector("media-time-range");
            const preview = bar.shadowRoot.querySelector("media-preview-thumbnail");
            const picture = preview?.shadowRoot.querySelector("img");
            return picture && picture.complete && picture.naturalWidth > 0;
        }"""
    )
    screen.mouse.click(bar["x"] + bar["width"] * 0.6, bar["y"] + bar["height"] / 2)
    screen.wait_for_function("() => Math.abs(document.querySelector('video').currentTime - 18) < 4")


def test_watch_goes_on_to_the_next_lesson_and_plays(screen, site, talk):
    open_player(screen, site, talk)
    play(screen)
    screen.evaluate("() => { document.querySelector('video').currentTime = 29; }")
    screen.wait_for_url("**/2/", timeout=60_000)
    assert "晾布" in screen.locator(".course-head").inner_text()
    screen.wait_for_function("() => document.querySelector('video')?.currentTime > 0.3", timeout=60_000)


def test_watch_goes_on_after_a_reload_where_it_was_left(screen, site, talk):
    open_player(screen, site, talk)
    play(screen)
    screen.evaluate("() => { document.querySelector('video').currentTime = 15; }")
    screen.wait_for_function("() => document.querySelector('video').currentTime > 16")
    screen.evaluate("() => document.querySelector('video').pause()")
    left = counters(screen).time
    screen.reload()
    screen.wait_for_function("at => Math.abs(document.querySelector('video')?.currentTime - at) < 2", arg=left)
    assert "已接着播放" in screen.locator("[data-player-note]").inner_text()
    screen.goto(site.url)
    card = screen.locator("[data-continue] .card", has_text="染坊里的一天")
    card.wait_for()
    assert f"00:{int(left):02}" in card.inner_text()


@pytest.mark.parametrize("engine", ["", "?engine=hls.js"])
def test_watch_survives_twenty_seconds_without_a_network(screen, site, talk, engine):
    """What is loaded plays on, what is not waits; with the network back it goes on by itself, to the next lesson."""
    open_player(screen, site, talk, f"1/{engine}")
    screen.context.set_offline(True)
    note = screen.locator("[data-player-note]")
    note.get_by_text("网络断了").wait_for()
    screen.evaluate("() => { const v = document.querySelector('video'); v.muted = true; v.play().catch(() => {}); }")
    screen.evaluate("() => { document.querySelector('video').currentTime = 15; }")
    screen.wait_for_timeout(20_000)
    assert screen.url.endswith(f"/1/{engine}")
    assert screen.locator("[data-player][data-failed]").count() == 0
    screen.context.set_offline(False)
    screen.wait_for_url("**/2/", timeout=60_000)
    screen.wait_for_function("() => document.querySelector('video')?.currentTime > 0.3", timeout=60_000)


def test_watch_opens_a_chapter_from_the_list(screen, site, talk):
    open_player(screen, site, talk)
    play(screen)
    chapters = screen.locator("[data-chapters]")
    chapters.locator("summary").click()
    chapters.get_by_role("link", name="下缸").click()
    screen.wait_for_function("() => document.querySelector('video').currentTime > 14.2", timeout=60_000)
    expect(chapters.get_by_role("link", name="下缸")).to_have_attribute("aria-current", "true")


def test_watch_sound_alone_goes_on_at_the_same_place_and_fetches_no_picture(screen, site, talk):
    open_player(screen, site, talk)
    play(screen)
    screen.evaluate("() => { document.querySelector('video').currentTime = 8; }")
    screen.wait_for_function("() => document.querySelector('video').currentTime > 8.3", timeout=60_000)
    button = screen.get_by_role("button", name="只听声音")
    button.click()
    alone = "() => { const v = document.querySelector('video'); return v.videoWidth === 0 && v.currentTime > 8.5; }"
    screen.wait_for_function(alone, timeout=60_000)
    assert counters(screen).sound > 0
    expect(button).to_have_attribute("aria-pressed", "true")
    button.click()
    both = "() => { const v = document.querySelector('video'); return v.videoWidth > 0 && v.currentTime > 8.5; }"
    screen.wait_for_function(both, timeout=60_000)


AWAY = ("native", "hls.js")


@pytest.mark.parametrize("engine", AWAY)
def test_watch_waits_for_a_server_that_is_away_and_begins_by_itself(page, site, talk, engine):
    """The line is up, only the media do not come: nobody has to press anything."""
    page.route("**/media/packages/**", lambda route: route.abort())
    page.goto(urljoin(site.url, talk["url"]) + ("1/?engine=hls.js" if engine == "hls.js" else "1/"))
    page.locator("[data-player-note]").get_by_text("网络断了").wait_for(timeout=60_000)
    page.unroute("**/media/packages/**")
    page.wait_for_function("() => document.querySelector('video').readyState >= 2", timeout=120_000)
    play(page)
    assert page.locator("[data-player][data-failed]").count() == 0


def test_watch_falls_back_to_h264_when_av1_does_not_play(page, site, talk):
    """A device that says it can, and a list that does not open: the film plays all the same."""
    able = "{supported: true, smooth: true, powerEfficient: true}"
    page.add_init_script(f"navigator.mediaCapabilities.decodingInfo = async () => ({able});")
    address = urljoin(site.url, talk["url"]) + "1/"
    av1 = {"url": "/media/packages/nothing.m3u8", "type": "video/mp4", "width": 640, "height": 360, "bitrate": 1000}

    def offer(route):
        answer = route.fetch()
        body = re.sub(r'"av1": (null|\{[^}]*\})', f'"av1": {json.dumps(av1)}', answer.text())
        route.fulfill(response=answer, body=body)

    page.route(address, offer)
    with page.expect_request("**/nothing.m3u8"):
        page.goto(address)
    page.wait_for_function("() => document.querySelector('video').readyState >= 2", timeout=60_000)
    play(page)
    assert page.evaluate("() => sessionStorage.getItem('wenlan:no-av1')") == "yes"


# Sound with its text -------------------------------------------------------------------------------


def test_listen_with_waveform_text_and_lock_screen(screen, site, song):
    screen.goto(urljoin(site.url, song["url"]))
    screen.wait_for_function("() => document.querySelector('[data-player]')?.dataset.engine")
    wave = screen.locator("[data-wave]")
    screen.wait_for_function("() => document.querySelector('[data-wave] path').getAttribute('d')?.length > 100")
    place = wave.get_by_role("slider", name="播放进度")
    screen.wait_for_function("() => document.querySelector('video').readyState >= 1", timeout=60_000)
    screen.evaluate("() => { const v = document.querySelector('video'); v.muted = true; return v.play(); }")
    screen.wait_for_function("() => document.querySelector('video').currentTime > 0.3", timeout=60_000)
    screen.evaluate("() => document.querySelector('video').pause()")
    place.press("End")
    screen.wait_for_function("() => document.querySelector('video').currentTime > 11", timeout=60_000)
    place.press("Home")
    screen.wait_for_function("() => document.querySelector('video').currentTime < 1", timeout=60_000)
    expect(place).to_have_attribute("aria-valuetext", re.compile(r"00:00 / 00:12"))
    screen.locator("[data-transcript]").get_by_role("link", name="背篓上山去").click()
    screen.wait_for_function("() => document.querySelector('video').currentTime >= 5", timeout=60_000)
    assert screen.evaluate("() => navigator.mediaSession.metadata.title") == "采茶谣"
    heights = screen.evaluate(
        """() => document.querySelector("[data-wave] path").getAttribute("d").split("M").slice(1)
            .map(bar => Number(bar.split("v")[1]))"""
    )
    half = len(heights) // 2
    assert max(heights[: half - 2]) < min(heights[half + 2 : -2]), "the second half is louder"
