"""Three players on a running site's own film, and what the media element says of itself: no player's word is taken."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
HLS_JS = ROOT / "frontend" / "node_modules" / "hls.js" / "dist" / "hls.min.js"
DASH_JS = ROOT / "frontend" / "node_modules" / "dashjs" / "dist" / "modern" / "umd" / "dash.all.min.js"

COUNTERS = """() => {
    const media = document.querySelector("video");
    const frames = media.getVideoPlaybackQuality();
    return {
        time: media.currentTime,
        duration: media.duration,
        frames: frames.totalVideoFrames,
        sound: media.webkitAudioDecodedByteCount,
        width: media.videoWidth,
        error: media.error ? media.error.message : "",
    };
}"""


@dataclass(frozen=True, slots=True)
class Playing:
    """The element's own counters: seconds, decoded frames, decoded bytes of sound, pixels."""

    time: float
    duration: float
    frames: int
    sound: int
    width: int
    error: str


def counters(page) -> Playing:
    return Playing(**page.evaluate(COUNTERS))


def wait_until_moving(page, *, seconds: float = 1.0) -> Playing:
    """Waits until pictures and sound have been decoded and the clock has moved on. Playwright's limit ends it."""
    page.wait_for_function(
        """least => {
            const media = document.querySelector("video");
            if (!media) return false;
            if (media.error) throw new Error(media.error.message);
            return media.currentTime >= least && media.getVideoPlaybackQuality().totalVideoFrames > 5
                && media.webkitAudioDecodedByteCount > 0;
        }""",
        arg=seconds,
        timeout=60_000,
    )
    return counters(page)


def open_bare(page, site_url: str) -> None:
    """A page of the site's own origin with nothing but a video element; the site's policy would keep foreign players
    out, as it should, so the page itself comes from here."""
    address = f"{site_url}/journey-player"
    body = "<!doctype html><video muted playsinline style='width:640px'></video>"
    page.route(address, lambda route: route.fulfill(body=body, content_type="text/html"))
    page.goto(address)


def play_native(page, url: str) -> None:
    page.evaluate("url => { const v = document.querySelector('video'); v.src = url; return v.play(); }", url)


def play_hls_js(page, url: str) -> None:
    page.add_script_tag(path=str(HLS_JS))
    page.evaluate(
        """url => {
            const video = document.querySelector("video"), player = new Hls();
            player.on(Hls.Events.MANIFEST_PARSED, () => video.play());
            player.loadSource(url);
            player.attachMedia(video);
        }""",
        url,
    )


def play_dash_js(page, url: str) -> None:
    page.add_script_tag(path=str(DASH_JS))
    page.evaluate(
        """url => {
            const player = dashjs.MediaPlayer().create();
            player.initialize(document.querySelector("video"), url, true);
        }""",
        url,
    )


PLAYERS = {"native": (play_native, "hls"), "hls.js": (play_hls_js, "hls"), "dash.js": (play_dash_js, "dash")}
