"""Cached pages and media ranges, each beside its baseline: gunicorn without a cache, and a plain file of nginx.

    .venv/bin/python -m tests.bench.bench_delivery

Prints one JSON object: requests a second, and our figure divided by the baseline's. Needs nginx; makes its own site.
"""

import base64
import hashlib
import json
import os
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from tests.bench.table import Row, tell
from tests.journeys.conftest import make_film
from tests.running import behind_nginx, run_site

SECONDS = 5.0
CLIENTS = 4
SECRET = "bench"


def rate(url: str, headers: dict[str, str] | None = None, seconds: float = SECONDS) -> float:
    """Answered requests a second over a few kept connections; raises when one is not answered well."""
    address, stop = urlsplit(url), threading.Event()

    def client() -> int:
        line, count = HTTPConnection(address.netloc, timeout=30), 0
        while not stop.is_set():
            line.request("GET", address.path, headers=headers or {})
            answer = line.getresponse()
            answer.read()
            if answer.status not in {200, 206}:
                raise RuntimeError(f"{url}: {answer.status}")
            count += 1
        line.close()
        return count

    began = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        runs = [pool.submit(client) for _ in range(CLIENTS)]
        time.sleep(seconds)
        stop.set()
        total = sum(run.result() for run in runs)
    return total / (time.perf_counter() - began)


def signed_prefix(key: str) -> str:
    """``~<expiry>.<signature>`` as ``media_pipeline.access`` makes it, without its settings."""
    expiry = int(time.time()) + 3600
    digest = hashlib.md5(f"{expiry}/{key.split('/')[1]} {SECRET}".encode(), usedforsecurity=False).digest()
    return f"~{expiry}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def main() -> None:
    var = Path(tempfile.mkdtemp(prefix="wenlan-bench-"))
    settings = {"MEDIA_ACCEL": "true", "MEDIA_LINK_SECRET": SECRET}
    with run_site(var, settings, films="0") as site, behind_nginx(site) as front:
        course = site.ingest(make_film(var / "film.mp4"), title="测速")
        playlist = course["assets"][0]["hls"]
        media = next((var / "media" / "packages").rglob("*.mp4"))
        key = str(media.relative_to(var / "media"))
        plain = site.var / "static" / "plain.bin"
        os.link(media, plain)
        part = {"Range": "bytes=0-65535"}
        for warm in (f"{front.url}/", f"{front.url}{playlist}"):
            rate(warm, seconds=0.5)
        pages, bare_pages = rate(f"{front.url}/"), rate(f"{site.url}/")
        signed = f"{front.url}/media/{signed_prefix(key)}/{key}"
        ranges, bare_ranges = rate(signed, part), rate(f"{front.url}/static/plain.bin", part)
        public = rate(f"{front.url}/media/{key}", part)
    figures = {
        "page_cached_per_second": round(pages),
        "page_gunicorn_per_second": round(bare_pages),
        "page_ratio": round(pages / bare_pages, 1),
        "media_signed_range_per_second": round(ranges),
        "media_public_range_per_second": round(public),
        "media_plain_file_per_second": round(bare_ranges),
        "media_signed_ratio": round(ranges / bare_ranges, 2),
    }
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")
    tell(
        [
            Row(
                "home page in front of the cache, gunicorn without one",
                "/s",
                pages,
                usual=bare_pages,
                aim="580 × usual",
            ),
            Row(
                "64 KiB of a film under a signed link, a plain file",
                "/s",
                ranges,
                limit=bare_ranges,
                aim="≥ 0.95 of it",
            ),
            Row("64 KiB of a public film, a plain file", "/s", public, limit=bare_ranges),
        ]
    )


if __name__ == "__main__":
    main()
