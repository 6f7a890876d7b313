"""P5: another site shows a lesson in its own page, by what oEmbed says; nothing else of ours can be framed there."""

import json
import threading
import urllib.request
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, urljoin

import pytest

from tests.journeys.desk import PATIENCE


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """Another site: the directory of its pages, and its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield tmp_path, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_a_lesson_plays_in_another_sites_page(page, site, talk, elsewhere):
    pages, home = elsewhere
    address = quote(urljoin(site.url, talk["url"]), safe="")
    with urllib.request.urlopen(f"{site.url}/oembed?url={address}&maxwidth=640") as answer:
        told = json.load(answer)
    course = f'<iframe id="course" src="{urljoin(site.url, talk["url"])}"></iframe>'
    (pages / "index.html").write_text(f"<!doctype html><title>村里的网站</title>{told['html']}{course}")
    page.goto(f"{home}/index.html")
    frame = page.frame_locator("iframe[src*='/embed/']")
    frame.locator("button[data-start]").click()
    player = next(one for one in page.frames if "/embed/" in one.url)
    player.wait_for_function("() => document.querySelector('video').currentTime > 1", timeout=PATIENCE)
    assert player.evaluate("() => document.documentElement.scrollHeight <= innerHeight + 1")
    framed = next(one for one in page.frames if one.parent_frame and one is not player)
    assert "/courses/" not in framed.evaluate("() => location.pathname"), "a page of the site is not framed elsewhere"
