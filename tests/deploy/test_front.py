"""nginx alone: a signed file needs no Django, a public one asks it once a second, and everything that is not plainly
right is asked of Django."""

import json
import threading
import time
import urllib.request
import uuid
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import HTTPError

import pytest

from config.middleware import KEPT
from deploy import services
from deploy.programs import Missing
from media_pipeline.access import signature

UID = uuid.uuid4()
KEY = f"packages/{UID.hex}/0123456789ab/video-360-h264.mp4"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    from django.conf import settings

    media = tmp_path_factory.mktemp("media")
    (media / KEY).parent.mkdir(parents=True)
    (media / KEY).write_bytes(b"0123456789")
    try:
        # Nobody listens at the upstream: whatever is asked of Django answers 502.
        server = services.launch(
            "nginx", media=str(media), upstream="127.0.0.1:9", link_secret=settings.MEDIA_LINK_SECRET
        )
    except Missing as reason:
        (pytest.fail if services.IN_CI else pytest.skip)(f"nginx: {reason}")
    yield server
    services.stop_server(server)


@pytest.fixture
def front(server):
    return server.url


def get(url: str, **headers: str):
    return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10)


def signed(expiry: int, sign: str | None = None) -> str:
    return f"/media/~{expiry}.{sign or signature(UID, expiry)}/{KEY}"


def test_a_signed_file_comes_by_range_without_django(front):
    answer = get(front + signed(int(time.time()) + 3600), Range="bytes=2-5")
    assert (answer.status, answer.read()) == (206, b"2345")
    assert answer.headers["Content-Type"] == "video/mp4"
    assert "private" in answer.headers["Cache-Control"]


@pytest.mark.parametrize(
    "path",
    [
        signed(int(time.time()) - 10),
        signed(int(time.time()) + 3600, "A" * 22),
        signed(int(time.time()) + 3600).replace(UID.hex, uuid.uuid4().hex),
        signed(int(time.time()) + 3600).replace(".mp4", ".gone"),
        f"/media/{KEY}",
    ],
    ids=["expired", "forged", "another's", "not there", "not signed"],
)
def test_everything_else_is_asked_of_django(front, path):
    with pytest.raises(HTTPError) as refusal:
        get(front + path)
    assert refusal.value.code == 502


class Site(ThreadingHTTPServer):
    """Says who may read, as ``media_pipeline.views`` does behind nginx; notes what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Says)
        self.asked: list[tuple[str, str]] = []
        self.public = {KEY}
        self.host = ""  # readers' name for the site; asked by any other, it refuses, as Django does
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def away(self) -> None:
        self.shutdown()
        self.server_close()


class _Says(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/":
            self._page()
            return
        self.server.asked.append((self.command, self.path))
        key = self.path.removeprefix("/media/")
        told = (self.headers["Host"], self.headers["X-Forwarded-Proto"])
        known = 200 if key in self.server.public else 404
        self.send_response(known if told == (self.server.host, "http") else 400)
        if key in self.server.public:
            self.send_header("X-Accel-Redirect", f"/_store/{key}")
        self.send_header("Cache-Control", "public, max-age=31536000, immutable")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_HEAD(self) -> None:
        self.do_GET()

    def _page(self) -> None:
        """Tells how often it was made."""
        self.server.asked.append((self.command, self.path))
        body = str(len(self.server.asked)).encode()
        self.send_response(200)
        self.send_header("Cache-Control", KEPT if self.headers["Surrogate-Capability"] else "no-store")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def asking(tmp_path):
    """A site and a front server that asks it."""
    (tmp_path / KEY).parent.mkdir(parents=True)
    (tmp_path / KEY).write_bytes(b"0123456789")
    site = Site()
    server = services.launch("nginx", media=str(tmp_path), upstream=f"127.0.0.1:{site.server_port}")
    site.host = server.url.removeprefix("http://")
    yield site, server.url
    services.stop_server(server)
    site.away()


def test_nobody_waits_for_a_page_that_is_made_anew_and_nobody_sees_an_old_one(asking):
    site, front = asking
    assert get(f"{front}/").headers["Cache-Control"] == "no-cache"
    seen = b""
    for _ in range(100):
        answer, before = get(f"{front}/"), seen
        seen = answer.read()
        if answer.headers["X-Cache"] == "STALE":
            break
        time.sleep(0.1)
    assert (answer.headers["X-Cache"], seen) == ("STALE", before)
    time.sleep(5)
    answer = get(f"{front}/")
    assert (answer.headers["X-Cache"], answer.read()) == ("EXPIRED", str(len(site.asked)).encode())


def test_a_public_film_is_asked_for_once_and_read_often(asking):
    site, front = asking
    with ThreadPoolExecutor(8) as readers:
        answers = [
            *readers.map(lambda first: get(f"{front}/media/{KEY}", Range=f"bytes={first}-{first + 1}"), range(8))
        ]
    assert [answer.read() for answer in answers] == [b"0123456789"[first : first + 2] for first in range(8)]
    kept = answers[0].headers
    assert (kept["Content-Type"], kept["X-Content-Type-Options"]) == ("video/mp4", "nosniff")
    assert kept.get_all("Cache-Control") == ["public, max-age=31536000, immutable"]
    assert {*site.asked} == {("HEAD", f"/media/{KEY}")}
    assert len(site.asked) < len(answers)


def test_what_was_withdrawn_ends_within_two_seconds(asking):
    site, front = asking
    assert get(f"{front}/media/{KEY}").status == 200
    site.public.clear()
    time.sleep(2)
    with pytest.raises(HTTPError) as refusal:
        get(f"{front}/media/{KEY}")
    assert refusal.value.code == 404


def test_public_films_play_on_while_the_site_is_away(asking):
    site, front = asking
    assert get(f"{front}/media/{KEY}").status == 200
    site.away()
    time.sleep(2)
    assert get(f"{front}/media/{KEY}", Range="bytes=2-5").read() == b"2345"


@pytest.mark.parametrize(
    "key",
    [
        KEY.replace("video", "audio"),
        KEY.replace(UID.hex, uuid.uuid4().hex),
        f"packages/{UID.hex}/x/../../{KEY}",
        f"packages/{UID.hex}/x/%2e%2e/%2e%2e/%2e%2e/{KEY}",
        f"packages/{UID.hex}/0123456789ab/.hidden.mp4",
        f"packages/{UID.hex}/0123456789ab/%2ehidden.mp4",
        f"packages/{UID.hex}/0123456789ab/a%0ab.mp4",
    ],
    ids=["another file", "another's", "climbing", "climbing in code", "hidden", "hidden in code", "broken line"],
)
def test_what_is_not_plainly_public_is_the_sites_to_refuse(asking, key):
    """Whatever lies in the directory: the site is asked under the very name that is read."""
    site, front = asking
    site.public.clear()
    with pytest.raises(HTTPError) as refusal:
        get(f"{front}/media/{key}")
    assert refusal.value.code == 404
    assert site.asked
    with pytest.raises(HTTPError):
        get(f"{front}/_may_read")


def test_a_collected_file_of_another_release_is_asked_of_django(front):
    with pytest.raises(HTTPError) as refusal:
        get(f"{front}/static/site.0123456789ab.css")
    assert refusal.value.code == 502


def status(front: str, path: str, address: str, method: str = "GET") -> tuple[int, dict, str]:
    """What nginx answers to somebody at ``address``; 502 is what Django would have been asked."""
    request = urllib.request.Request(front + path, method=method, headers={"X-Forwarded-For": address})
    try:
        answer = urllib.request.urlopen(request, timeout=10)
    except HTTPError as refusal:
        answer = refusal
    return answer.status, dict(answer.headers), answer.read().decode()


@pytest.mark.parametrize(
    ("path", "method", "burst"),
    [("/accounts/login/", "POST", 100), ("/api/v1/suggest?q=a", "GET", 300), ("/api/v1/search/clicks", "POST", 300)],
)
def test_one_address_may_not_ask_without_end_and_the_others_go_on(front, path, method, burst):
    address = f"203.0.113.{burst // 100 + len(path)}"
    for _ in range(20 * burst):
        code, headers, body = status(front, path, address, method)
        if code == 429:
            break
    assert (code, headers["Retry-After"]) == (429, "10")
    assert ("too-many" in body) is path.startswith("/api/")
    assert ("Too many requests" in body) is not path.startswith("/api/")
    assert status(front, path, "198.51.100.9", method)[0] == 502
    assert status(front, "/courses/x/", address)[0] == 502


def test_what_opens_something_is_not_written_down(server, front):
    """A signature, an invitation and every query stay out of the log; the rest of the path is there."""
    keys = ["AAAAAAAAAAAAAAAAAAAAAA", "c2VjcmV0:1abc:xyz", "0a1b2c3d4e", "4-set-abcdef0123456789", "my-illness"]
    asked = [
        f"/media/~99.{keys[0]}/{KEY}",
        f"/join/{keys[1]}/",
        f"/wenlan-store/x?X-Amz-Signature={keys[2]}",
        f"/accounts/password/reset/key/{keys[3]}/",
        f"/search/?q={keys[4]}",
    ]
    for path in asked:
        status(front, path, "198.51.100.9")
    text = (Path(server.home) / "access.log").read_text()
    assert f"/media/~99.***/{KEY}" in text
    assert not [key for key in keys if key in text]
    line = json.loads(text.splitlines()[-1])
    assert (line["path"], line["from"], line["status"]) == ("/search/", "198.51.100.9", 502)
