"""Keys and stores: the same behaviour on a directory and on a bucket."""

from uuid import UUID

import pytest
from django.core.exceptions import ImproperlyConfigured, SuspiciousFileOperation

from deploy.components import ACCESS_KEY, SECRET_KEY
from media_pipeline import storage
from media_pipeline.errors import Failed
from media_pipeline.storage import Bucket, S3Store

UID = UUID("00000000-0000-0000-0000-0000000000ab")


def test_original_key_keeps_only_a_plain_extension():
    assert storage.original_key(UID, "我的 film.MP4") == f"originals/{UID.hex}/source.mp4"
    assert storage.original_key(UID, "x.m/../p4") == f"originals/{UID.hex}/source"
    assert storage.original_key(UID, "x.视频") == f"originals/{UID.hex}/source"


def test_content_type_of_an_unknown_file_is_never_a_page():
    assert {storage.content_type(f"a.{name}") for name in ("html", "svg", "xhtml", "js", "")} == {
        "application/octet-stream"
    }


def test_store_gives_back_what_was_put(any_store, tmp_path):
    file = tmp_path / "f.bin"
    file.write_bytes(bytes(range(256)) * 10)
    any_store.put_file(file, "packages/aa/d/f.bin", "application/octet-stream")
    any_store.put_bytes(b"two", "packages/aa/d/g.txt", "text/plain")
    assert any_store.size("packages/aa/d/f.bin") == 2560
    with any_store.open("packages/aa/d/g.txt") as stored:
        assert stored.read() == b"two"
    assert b"".join(any_store.read_range("packages/aa/d/f.bin", 255, 257)) == b"\xff\x00\x01"
    any_store.download("packages/aa/d/f.bin", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == file.read_bytes()


def test_store_lists_and_deletes_by_folder_not_by_beginning(any_store):
    for key in ("packages/aa/d/1", "packages/aa/e/2", "packages/aab/d/3"):
        any_store.put_bytes(b"x", key, "text/plain")
    assert sorted(any_store.list("packages/aa")) == ["packages/aa/d/1", "packages/aa/e/2"]
    any_store.delete_prefix("packages/aa")
    any_store.delete_prefix("packages/aa")
    assert list(any_store.list("packages")) == ["packages/aab/d/3"]
    any_store.delete("packages/aab/d/3")
    assert not any_store.exists("packages/aab/d/3")


def test_store_says_that_a_key_is_missing(any_store, tmp_path):
    assert not any_store.exists("packages/none")
    with pytest.raises(FileNotFoundError):
        any_store.size("packages/none")
    with pytest.raises(FileNotFoundError):
        any_store.open("packages/none")
    with pytest.raises(FileNotFoundError):
        any_store.download("packages/none", tmp_path / "x")


@pytest.mark.parametrize("key", ["../secret", "a/../../secret", "/etc/passwd", ""])
def test_store_refuses_keys_that_leave_it(any_store, key):
    with pytest.raises(SuspiciousFileOperation):
        any_store.open(key)


def test_local_write_that_fails_leaves_nothing(local_store, tmp_path):
    local_store.put_bytes(b"old", "packages/aa/f", "text/plain")
    with pytest.raises(FileNotFoundError):
        local_store.put_file(tmp_path / "missing", "packages/aa/f", "text/plain")
    assert local_store.open("packages/aa/f").read() == b"old"
    assert [path.name for path in local_store.path("packages/aa").iterdir()] == ["f"]


def test_bucket_reads_its_address():
    url = "s3://k%2Fey:se%40cret@media/sub/dir?endpoint=http://127.0.0.1:7070&region=cn-1&public=https://m.example.cn"
    assert Bucket.from_url(url) == Bucket(
        name="media",
        prefix="sub/dir/",
        endpoint="http://127.0.0.1:7070",
        public="https://m.example.cn",
        region="cn-1",
        access_key="k/ey",
        secret_key="se@cret",
    )
    with pytest.raises(ImproperlyConfigured):
        Bucket.from_url("https://bucket")


def test_bucket_with_a_prefix_keeps_to_it(s3_store, settings):
    bucket, _, query = settings.STORAGE_URL.partition("?")
    inside = S3Store(Bucket.from_url(f"{bucket}/wenlan?{query}"))
    inside.put_bytes(b"x", "packages/aa/f", "text/plain")
    assert list(inside.list("packages")) == ["packages/aa/f"]
    assert list(s3_store.list("wenlan")) == ["wenlan/packages/aa/f"]


def test_a_store_that_does_not_answer_has_failed(settings):
    gone = S3Store(Bucket.from_url("s3://b?endpoint=http://127.0.0.1:9&region=us-east-1"))
    with pytest.raises(Failed) as failed:
        gone.exists("packages/x")
    assert failed.value.code == "store"


def test_another_client_lists_what_was_stored(s3_store):
    import minio

    s3_store.put_bytes(b"#EXTM3U", "packages/aa/d/master.m3u8", "application/vnd.apple.mpegurl")
    host = s3_store.bucket.endpoint.removeprefix("http://")
    client = minio.Minio(host, access_key=ACCESS_KEY, secret_key=SECRET_KEY, secure=False, region="us-east-1")
    found = list(client.list_objects(s3_store.bucket.name, prefix="packages/", recursive=True))
    assert [(item.object_name, item.size) for item in found] == [("packages/aa/d/master.m3u8", 7)]
    told = client.stat_object(s3_store.bucket.name, "packages/aa/d/master.m3u8")
    assert told.content_type == "application/vnd.apple.mpegurl"
