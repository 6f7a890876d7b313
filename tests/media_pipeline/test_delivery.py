"""Media over HTTP: ranges, caching, and who may read."""

import time

import pytest
from django.urls import reverse

from media_pipeline import access
from media_pipeline.models import TextTrack
from tests.media_pipeline.parts import asset_with

pytestmark = pytest.mark.django_db
DATA = bytes(range(256)) * 40


@pytest.fixture
def film(any_store):
    asset = asset_with(public=True)
    key = f"packages/{asset.uid.hex}/d/video.mp4"
    any_store.put_bytes(DATA, key, "video/mp4")
    asset.key = key
    return asset


@pytest.fixture
def local_film(local_store):
    asset = asset_with(public=True)
    asset.key = f"packages/{asset.uid.hex}/d/video.mp4"
    local_store.put_bytes(DATA, asset.key, "video/mp4")
    return asset


def body(answer) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def test_public_file_is_served_whole_and_for_ever(film, client):
    answer = client.get(f"/media/{film.key}")
    assert (answer.status_code, body(answer)) == (200, DATA)
    assert answer.headers["Content-Type"] == "video/mp4"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=100-199", 100, 199),
        ("bytes=10000-", 10000, 10239),
        ("bytes=10000-99999", 10000, 10239),
        ("bytes=-40", 10200, 10239),
        ("bytes=-99999", 0, 10239),
    ],
)
def test_range_is_served_as_asked(film, client, asked, first, last):
    answer = client.get(f"/media/{film.key}", headers={"Range": asked})
    assert (answer.status_code, body(answer)) == (206, DATA[first : last + 1])
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/10240"
    assert answer.headers["Content-Length"] == str(last - first + 1)


@pytest.mark.parametrize("asked", ["bytes=10240-", "bytes=99999-100000", "bytes=-0"])
def test_range_outside_the_file_cannot_be_satisfied(local_film, client, asked):
    answer = client.get(f"/media/{local_film.key}", headers={"Range": asked})
    assert (answer.status_code, answer.headers["Content-Range"]) == (416, "bytes */10240")


@pytest.mark.parametrize("asked", ["bytes=5-2", "bytes=0-1,5-6", "bytes=a-b", "lines=1-2", "bytes=-"])
def test_range_that_means_nothing_here_gets_the_whole(local_film, client, asked):
    answer = client.get(f"/media/{local_film.key}", headers={"Range": asked})
    assert (answer.status_code, len(body(answer))) == (200, 10240)


def test_range_of_another_version_gets_the_whole(local_film, client):
    etag = client.get(f"/media/{local_film.key}").headers["ETag"]
    same = client.get(f"/media/{local_film.key}", headers={"Range": "bytes=0-9", "If-Range": etag})
    other = client.get(f"/media/{local_film.key}", headers={"Range": "bytes=0-9", "If-Range": '"other"'})
    assert (same.status_code, other.status_code) == (206, 200)


def test_known_version_is_not_sent_again(local_film, client):
    etag = client.get(f"/media/{local_film.key}").headers["ETag"]
    answer = client.get(f"/media/{local_film.key}", headers={"If-None-Match": f'"x", {etag}'})
    assert (answer.status_code, answer.content) == (304, b"")


def test_head_tells_the_size_and_sends_nothing(film, client):
    answer = client.head(f"/media/{film.key}")
    assert (answer.status_code, answer.headers["Content-Length"], body(answer)) == (200, "10240", b"")


def test_what_is_not_public_is_not_there(any_store, client):
    private = asset_with(public=False)
    key = f"packages/{private.uid.hex}/d/video.mp4"
    any_store.put_bytes(DATA, key, "video/mp4")
    assert client.get(f"/media/{key}").status_code == 404
    access.set_public([private.pk], True)
    assert client.get(f"/media/{key}").status_code == 200
    access.set_public(type(private).objects.filter(pk=private.pk), False)
    assert client.get(f"/media/{key}").status_code == 404


def test_original_is_never_served(local_store, client):
    asset = asset_with(public=True)
    key = f"originals/{asset.uid.hex}/source.mp4"
    local_store.put_bytes(DATA, key, "video/mp4")
    uid = asset.uid.hex
    for path in (key, f"packages/{uid}/../../{key}", f"packages/{uid}/%2e%2e/%2e%2e/{key}", f"packages/{uid}", "", "x"):
        assert client.get(f"/media/{path}").status_code in {404, 400}
    signed = access.media_url(asset_with(), "x", signed=True).split("/")[2]
    assert client.get(f"/media/{signed}/{key}").status_code == 404


def test_signed_address_opens_its_asset_and_no_other(local_store, client):
    mine, other = asset_with(), asset_with()
    for asset in (mine, other):
        local_store.put_bytes(DATA, f"packages/{asset.uid.hex}/d/master.m3u8", "x")
    url = access.media_url(mine, f"packages/{mine.uid.hex}/d/master.m3u8", signed=True)
    answer = client.get(url)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/vnd.apple.mpegurl")
    assert answer.headers["Cache-Control"].startswith("private")
    # relative addresses inside a playlist stay under the signature
    assert url.rsplit("/", 1)[0].endswith(f"packages/{mine.uid.hex}/d")
    assert client.get(url.replace(mine.uid.hex, other.uid.hex)).status_code == 404
    assert client.get(url.replace("/media/~", "/media/~9")).status_code == 404


def test_signature_ends(local_store, client):
    asset = asset_with()
    local_store.put_bytes(DATA, f"packages/{asset.uid.hex}/d/f", "x")
    past = int(time.time()) - 1
    signed = f"/media/~{past}.{access.signature(asset.uid, past)}/packages/{asset.uid.hex}/d/f"
    assert client.get(signed).status_code == 404


def test_signature_of_the_secret_before_holds_until_it_is_forgotten(local_store, client, settings):
    asset = asset_with()
    local_store.put_bytes(DATA, f"packages/{asset.uid.hex}/d/f", "x")
    url = access.media_url(asset, f"packages/{asset.uid.hex}/d/f", signed=True)
    settings.MEDIA_LINK_SECRET_FALLBACKS, settings.MEDIA_LINK_SECRET = [settings.MEDIA_LINK_SECRET], "another"
    assert client.get(url).status_code == 200
    assert access.media_url(asset, f"packages/{asset.uid.hex}/d/f", signed=True) != url
    settings.MEDIA_LINK_SECRET_FALLBACKS = []
    assert client.get(url).status_code == 404


def test_signature_is_what_nginx_computes(settings):
    """nginx: ``secure_link_md5 "$expiry/$uid $secret"``; compared with openssl's answer as nginx's manual shows."""
    import base64
    import subprocess

    settings.MEDIA_LINK_SECRET = "secret"
    asset = asset_with(uid="a" * 32)
    asset.refresh_from_db()
    told = subprocess.run(
        ["openssl", "md5", "-binary"], input=f"123/{'a' * 32} secret".encode(), capture_output=True, check=True
    )
    assert access.signature(asset.uid, 123) == base64.urlsafe_b64encode(told.stdout).decode().rstrip("=")


def test_signing_makes_no_difference_to_what_is_public():
    asset = asset_with(public=True)
    assert access.media_url(asset, "packages/x", signed=True) == "/media/packages/x"
    assert access.media_url(asset, "", signed=True) == ""


def test_nginx_sends_the_file_when_told(film, client, settings, any_store):
    settings.MEDIA_ACCEL = True
    answer = client.get(f"/media/{film.key}")
    inside = answer.headers["X-Accel-Redirect"]
    bucket = getattr(any_store, "bucket", None)
    assert inside.startswith(f"/_s3/{bucket.name}/{film.key}?" if bucket else f"/_store/{film.key}")
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.content == b""


def test_track_is_served_as_webvtt(local_store, client):
    asset = asset_with(public=True)
    TextTrack.objects.create(asset=asset, cues=[[0.0, 1.5, "你好 <世界>"]])
    answer = client.get(access.track_url(asset, "captions", "zh-Hans"))
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/vtt; charset=utf-8")
    assert answer.content.decode().startswith("WEBVTT\n")
    assert "00:00:00.000 --> 00:00:01.500" in answer.content.decode()
    assert client.get(access.track_url(asset, "captions", "en")).status_code == 404
    asset.public = False
    asset.save()
    assert client.get(access.track_url(asset, "captions", "zh-Hans").replace("~", "")).status_code == 404
    assert client.get(access.track_url(asset, "captions", "zh-Hans", signed=True)).status_code == 200


def test_addresses_are_named():
    assert reverse("media", args=["packages/a/b"]) == "/media/packages/a/b"
