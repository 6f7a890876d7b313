"""A store is moved by command: every object once, again as often as one likes, between directory and bucket."""

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from media_pipeline.storage import Bucket, LocalStore, S3Store

OBJECTS = {
    "originals/aa/source.mp4": b"film",
    "packages/aa/0123/master.m3u8": b"#EXTM3U",
    "packages/aa/0123/media.mp4": b"m" * 9_000_000,  # sent in parts
    "packages/ab/0123/media.mp4": b"",
    "work/aa/0123/0/done.json": b"{}",
    "archives/aa/source.zip": b"zip",
}


@pytest.fixture(autouse=True)
def _work(settings, tmp_path):
    settings.MEDIA_WORK_DIR = tmp_path / "work-dir"


def filled(place):
    store = LocalStore(place)
    for key, data in OBJECTS.items():
        store.put_bytes(data, key, "x")
    store.put_bytes(b"half", "parts/aa/1", "x")
    return store


def held(store) -> dict[str, bytes]:
    keys = [one.key for folder in ("originals", "packages", "work", "archives", "parts") for one in store.walk(folder)]
    return {key: store.open(key).read() for key in keys}


def copy(capsys, *places) -> str:
    call_command("copy_storage", *map(str, places))
    return capsys.readouterr().out


def test_directory_to_bucket_to_directory(tmp_path, s3_url, capsys):
    filled(tmp_path / "old")
    assert "6 个对象" in copy(capsys, tmp_path / "old", s3_url)
    bucket = S3Store(Bucket.from_url(s3_url))
    assert held(bucket) == OBJECTS
    with bucket.working("packages/aa/0123/master.m3u8") as client:
        head = client.head_object(**bucket.where("packages/aa/0123/master.m3u8"))
    assert head["ContentType"] == "application/vnd.apple.mpegurl"
    assert "immutable" in head["CacheControl"]
    copy(capsys, s3_url, tmp_path / "new")
    assert held(LocalStore(tmp_path / "new")) == OBJECTS


def test_bucket_to_bucket_takes_only_what_is_missing(tmp_path, new_bucket, capsys):
    old, new = new_bucket(), f"{new_bucket()}".replace("?", "/below?", 1)
    filled(tmp_path / "old")
    copy(capsys, tmp_path / "old", old)
    target = S3Store(Bucket.from_url(new))
    target.put_bytes(b"FILM", "originals/aa/source.mp4", "x")  # the same size: it is there
    target.put_bytes(b"cut", "packages/aa/0123/media.mp4", "x")
    assert "5 个对象" in copy(capsys, old, new)
    assert held(target) == {**OBJECTS, "originals/aa/source.mp4": b"FILM"}
    assert "0 个对象" in copy(capsys, old, new)


@pytest.mark.parametrize("place", ["/nowhere/at/all", "ftp://bucket"])
def test_a_place_that_is_none_is_named(place, tmp_path):
    with pytest.raises(CommandError, match=place.partition("://")[0]):
        call_command("copy_storage", place, str(tmp_path / "new"))


def test_a_bucket_that_does_not_answer_is_told(tmp_path, s3_url, monkeypatch):
    filled(tmp_path / "old")
    with pytest.raises(CommandError, match="再运行一次"):
        call_command("copy_storage", str(tmp_path / "old"), "s3://nobody?endpoint=http://127.0.0.1:9&region=us-east-1")
