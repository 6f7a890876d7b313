"""The site behind the real nginx: pages from its cache, media by range, parts of uploads, nothing that is private."""

import urllib.request
from urllib.error import HTTPError
from urllib.parse import urljoin

import pytest


def get(url: str, **headers: str):
    return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30)


def test_front_pages_come_from_the_cache_by_language(real_site):
    get(f"{real_site.url}/")
    again = get(f"{real_site.url}/")
    assert again.headers["X-Cache"] in {"HIT", "EXPIRED", "MISS", "STALE", "UPDATING"}
    assert again.headers["Cache-Control"] == "no-cache"
    assert any(get(f"{real_site.url}/").headers["X-Cache"] == "HIT" for _ in range(3))
    english = get(f"{real_site.url}/", Cookie="django_language=en").read().decode()
    chinese = get(f"{real_site.url}/").read().decode()
    assert 'lang="en"' in english
    assert 'lang="en"' not in chinese.partition(">")[0]


def test_front_people_who_are_signed_in_are_not_served_from_the_cache(real_site):
    answers = [get(f"{real_site.url}/", Cookie="sessionid=someone").headers["X-Cache"] for _ in range(3)]
    assert answers == ["BYPASS"] * 3


def test_front_media_comes_by_range(real_site, real_course):
    playlist = urljoin(real_site.url, real_course["assets"][0]["hls"])
    with get(playlist) as answer:
        assert answer.read(7) == b"#EXTM3U"
        assert answer.headers["Content-Type"].startswith("application/vnd.apple.mpegurl")
    with get(playlist, Range="bytes=1-6") as part:
        assert part.status == 206
        assert part.headers["Content-Range"].startswith("bytes 1-6/")
        assert part.read() == b"EXTM3U"
    assert any(get(playlist).headers["X-Cache"] == "HIT" for _ in range(3)), "Django is asked at each range"


@pytest.mark.parametrize("path", ["/_store/x", "/_s3/x", "/media/packages/0/x"])
def test_front_hides_what_is_inside(real_site, path):
    with pytest.raises(HTTPError) as refusal:
        get(f"{real_site.url}{path}")
    assert refusal.value.code == 404


def test_front_says_that_every_part_is_there(real_site):
    assert get(f"{real_site.url}/health/ready?strict=1").status == 200


def test_front_serves_collected_files_for_ever(real_site):
    page = get(f"{real_site.url}/").read().decode()
    path = page.partition('href="/static/')[2].partition('"')[0]
    assert "immutable" in get(f"{real_site.url}/static/{path}").headers["Cache-Control"]
