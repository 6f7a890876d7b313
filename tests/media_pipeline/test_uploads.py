"""The upload protocol, on a directory and on a real bucket: cut lines, lost parts, wrong files, two windows."""

import random
import socket
from datetime import timedelta
from io import BytesIO
from urllib.parse import urlsplit

import pytest
import urllib3
from django.utils import timezone

from media_pipeline import leases, storage, uploads
from media_pipeline.errors import Refused
from media_pipeline.models import Job, MediaAsset, Upload
from media_pipeline.upload_targets import Part, target
from tests.media_pipeline.parts import crc, mp4_bytes

PART = 5 * 1024**2  # the least that S3 takes
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def parts_of_five_mebibytes(settings):
    settings.UPLOAD_PART_BYTES = PART


def begin(data: bytes, **more) -> Upload:
    asked = {"owner": "a", "filename": "film.mp4", "fingerprint": "f1", "head": data[:4096]} | more
    return uploads.create(size=len(data), **asked)


def part_of(data: bytes, number: int) -> bytes:
    return data[(number - 1) * PART : number * PART]


def send(client, upload: Upload, data: bytes, number: int) -> int:
    """Send one part to its signed address as a browser does; the status."""
    chunk = part_of(data, number)
    signed = uploads.sign_part(upload, number, crc(chunk))
    return put(client, signed.url, chunk, signed.headers)


def put(client, url: str, body: bytes, headers: dict) -> int:
    if url.startswith("/"):
        return client.put(url, body, content_type="application/octet-stream", headers=headers).status_code
    return urllib3.request("PUT", url, body=body, headers=headers, retries=False).status


def send_cut(url: str, headers: dict, body: bytes, keep: int) -> None:
    """Announce the whole part and drop the line after ``keep`` bytes."""
    parts = urlsplit(url)
    lines = [f"PUT {parts.path}?{parts.query} HTTP/1.1", f"Host: {parts.netloc}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    with socket.create_connection((parts.hostname, parts.port)) as line:
        line.sendall("\r\n".join([*lines, "", ""]).encode() + body[:keep])


def stored(upload: Upload) -> bytes:
    with storage.store().open(upload.key) as file:
        return file.read()


def test_upload_in_any_order_becomes_an_asset_with_the_same_bytes(any_store, client):
    data = mp4_bytes(2 * PART + 12345)
    upload = begin(data)
    assert [send(client, upload, data, number) for number in (3, 1, 2)] == [200, 200, 200]
    assert [(part.number, part.bytes) for part in uploads.parts(upload)] == [(1, PART), (2, PART), (3, 12345)]
    asset = uploads.complete(upload)
    assert stored(upload) == data
    assert (asset.uid, asset.bytes, asset.title, asset.owner) == (upload.uid, len(data), "film", "a")
    assert Job.objects.get(asset=asset).state == "queued"
    assert list(storage.store().list("parts")) == []


def test_completing_twice_gives_the_same_asset_and_one_job(any_store, client):
    data = mp4_bytes(1000)
    upload = begin(data)
    send(client, upload, data, 1)
    first = uploads.complete(Upload.objects.get(pk=upload.pk))
    stale = Upload.objects.get(pk=upload.pk)
    stale.state, stale.asset = Upload.State.OPEN, None  # as a second request read it a moment before
    assert uploads.complete(stale) == first
    assert uploads.complete(Upload.objects.get(pk=upload.pk)) == first
    assert (MediaAsset.objects.count(), Job.objects.count()) == (1, 1)


def test_completing_after_a_crash_between_store_and_row_goes_on(any_store, client):
    data = mp4_bytes(1000)
    upload = begin(data)
    send(client, upload, data, 1)
    target().complete(upload)  # and here the process died
    assert uploads.complete(upload).bytes == 1000
    assert stored(upload) == data


def test_completing_names_the_missing_parts(any_store, client):
    data = mp4_bytes(3 * PART)
    upload = begin(data)
    send(client, upload, data, 2)
    with pytest.raises(uploads.Incomplete) as incomplete:
        uploads.complete(upload)
    assert incomplete.value.missing == [1, 3]
    assert not MediaAsset.objects.exists()


def test_altered_part_is_refused_and_not_listed(any_store, client):
    data = mp4_bytes(PART)
    upload = begin(data)
    signed = uploads.sign_part(upload, 1, crc(data))
    altered = data[:-1] + bytes([data[-1] ^ 1])
    assert put(client, signed.url, altered, signed.headers) >= 400
    assert uploads.parts(upload) == []
    assert put(client, signed.url, data, signed.headers) == 200
    assert len(uploads.parts(upload)) == 1


def test_part_cut_on_its_way_to_the_bucket_is_not_stored(s3_store, client):
    data = mp4_bytes(PART)
    upload = begin(data)
    signed = uploads.sign_part(upload, 1, crc(data))
    for keep in (0, 1, PART // 2, PART - 1):
        send_cut(signed.url, signed.headers, data, keep)
    # whole by its length, but what was lost is filled with nothing
    assert put(client, signed.url, data[: PART // 2] + bytes(PART // 2), signed.headers) >= 400
    assert uploads.parts(upload) == []
    assert put(client, signed.url, data, signed.headers) == 200
    assert uploads.complete(upload).bytes == PART
    assert stored(upload) == data


@pytest.mark.django_db(transaction=True)
def test_upload_cut_a_hundred_times_is_whole_and_no_part_is_sent_whole_twice(any_store, live_server, client):
    data = mp4_bytes(12 * PART + 999)
    upload = begin(data)
    chance, cuts, arrived = random.Random(7), 0, []
    while missing := [number for number in range(1, 14) if number not in arrived]:
        again = uploads.create(owner="a", filename="film.mp4", fingerprint="f1", head=data[:4096], size=len(data))
        assert (again.pk, [part.number for part in uploads.parts(again)]) == (upload.pk, sorted(arrived))
        number = chance.choice(missing)
        chunk = part_of(data, number)
        signed = uploads.sign_part(upload, number, crc(chunk))
        url = f"{live_server.url}{signed.url}" if signed.url.startswith("/") else signed.url
        if cuts < 100 and chance.random() < 0.95:
            send_cut(url, signed.headers, chunk, chance.randrange(len(chunk)))
            cuts += 1
        elif cuts == 100 or len(missing) > 1:
            assert put(client, url, chunk, signed.headers) == 200
            arrived.append(number)
    assert (cuts, len(arrived), uploads.complete(upload).bytes) == (100, 13, len(data))
    assert stored(upload) == data


def test_part_without_its_checksum_does_not_fit_the_signature(s3_store, client):
    data = mp4_bytes(PART)
    upload = begin(data)
    signed = uploads.sign_part(upload, 1, crc(data))
    assert "x-amz-checksum-crc32" in signed.url
    assert put(client, signed.url, data, {}) == 403
    assert put(client, signed.url, data, {"x-amz-checksum-crc32": crc(b"other")}) == 403
    assert uploads.parts(upload) == []


@pytest.mark.parametrize("s3_url", ["s3"], indirect=True)  # the other has one rule for all, given when it is started
def test_browsers_of_this_site_may_send_to_the_bucket(s3_store):
    asked = {"Origin": "http://127.0.0.1:8000", "Access-Control-Request-Method": "PUT"}
    asked["Access-Control-Request-Headers"] = "x-amz-checksum-crc32"
    url = f"{s3_store.bucket.endpoint}/{s3_store.bucket.name}/originals/x"
    answer = urllib3.request("OPTIONS", url, headers=asked)
    assert answer.headers.get("Access-Control-Allow-Origin") == "http://127.0.0.1:8000"
    assert urllib3.request("OPTIONS", url, headers=asked | {"Origin": "http://evil.example"}).status == 403


def test_part_cut_on_its_way_to_the_directory_is_not_stored(local_store):
    data = mp4_bytes(PART)
    upload = begin(data)
    with pytest.raises(Refused) as refused:
        uploads.receive_part(upload.uid, Part(1, PART, crc(data)), BytesIO(data[: PART // 2]))
    assert refused.value.code == "part-cut"
    assert uploads.parts(upload) == []
    assert sorted(path.name for path in target().folder(upload).iterdir()) == ["data"]


def test_part_address_takes_no_other_length_and_no_forged_token(local_store, client):
    data = mp4_bytes(1000)
    signed = uploads.sign_part(begin(data), 1, crc(data))
    assert put(client, signed.url, data[:-1], {}) == 400
    assert put(client, signed.url[:-2] + "xx", data, {}) == 403
    assert client.post(signed.url, data, content_type="application/octet-stream").status_code == 405


def test_same_file_resumes_its_open_upload(any_store, client):
    data = mp4_bytes(2 * PART)
    upload = begin(data)
    send(client, upload, data, 1)
    again = begin(data)
    assert (again.uid, [part.number for part in uploads.parts(again)]) == (upload.uid, [1])
    assert begin(data, owner="b").uid != upload.uid
    assert begin(data, fingerprint="other").uid != upload.uid


def test_same_file_is_not_sent_again_when_it_has_arrived(any_store, client):
    data = mp4_bytes(1000)
    upload = begin(data)
    send(client, upload, data, 1)
    asset = uploads.complete(upload)
    assert begin(data).asset == asset
    MediaAsset.objects.update(state="rejected")
    assert begin(data).state == "open"


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"filename": "a.exe"}, "unknown-type"),
        ({"filename": "no extension"}, "unknown-type"),
        ({"filename": "  "}, "no-name"),
        ({"filename": "a.mp4", "head": b"%PDF-1.7\n" + bytes(100)}, "wrong-extension"),
        ({"filename": "a.mp4", "head": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"}, "playlist"),
        ({"filename": "a.pdf", "head": mp4_bytes(100)}, "wrong-extension"),
        ({"filename": "a.mp4", "head": b"PK\x03\x04" + bytes(100)}, None),
    ],
)
def test_wrong_file_is_refused_before_anything_is_sent(local_store, asked, code):
    with pytest.raises(Refused) as refused:
        uploads.create(**{"owner": "a", "size": 5000} | asked)
    assert code is None or refused.value.code == code
    assert refused.value.reason.endswith("。")
    assert not Upload.objects.exists()


@pytest.mark.parametrize(("size", "code"), [(0, "empty"), (-5, "empty"), (2001, "too-large")])
def test_size_is_refused_with_its_limit(local_store, settings, size, code):
    settings.UPLOAD_MAX_BYTES = 2000
    with pytest.raises(Refused) as refused:
        uploads.create(owner="a", filename="a.mp4", size=size)
    assert refused.value.code == code


def test_first_part_that_is_not_what_the_name_says_ends_the_upload(local_store, client):
    data = b"%PDF-1.7\n" + bytes(PART)
    upload = begin(data, head=b"")
    assert send(client, upload, data, 1) == 422
    assert Upload.objects.get().state == "aborted"
    assert not target().folder(upload).exists()


def test_wrong_file_in_the_bucket_is_refused_on_completing(s3_store, client):
    data = b"%PDF-1.7\n" + bytes(5000)
    upload = begin(data, head=b"")
    send(client, upload, data, 1)
    with pytest.raises(Refused) as refused:
        uploads.complete(upload)
    assert refused.value.code == "wrong-extension"
    assert list(s3_store.list("originals")) == []


def test_epub_passes_by_its_head(local_store):
    assert uploads.create(owner="a", filename="b.epub", size=90000, head=b"PK\x03\x04" + bytes(90)).state == "open"


def test_aborted_upload_keeps_nothing_and_takes_nothing(any_store, client):
    data = mp4_bytes(2 * PART)
    upload = begin(data)
    send(client, upload, data, 1)
    uploads.abort(upload)
    uploads.abort(upload)
    upload.refresh_from_db()
    with pytest.raises(Refused) as refused:
        uploads.sign_part(upload, 2, crc(b"x"))
    assert refused.value.code == "upload-closed"
    assert uploads.parts(upload) == []


def test_sweep_aborts_what_nobody_touched_and_parts_that_nobody_knows(any_store, client, settings):
    data = mp4_bytes(2 * PART)
    fresh, stale, lost = (begin(data, fingerprint=name) for name in ("fresh", "stale", "lost"))
    send(client, stale, data, 1)
    Upload.objects.filter(pk=stale.pk).update(touched_at=timezone.now() - timedelta(days=8))
    Upload.objects.filter(pk=lost.pk).delete()
    assert uploads.sweep() == 1
    assert target().sweep([fresh.uid.hex, fresh.target_id], timezone.now() + timedelta(minutes=1)) == 1
    stale.refresh_from_db()
    assert (stale.state, Upload.objects.get(pk=fresh.pk).state) == ("aborted", "open")
    assert send(client, fresh, data, 1) == 200


def test_part_numbers_outside_the_file_are_refused(local_store):
    upload = begin(mp4_bytes(PART + 1))
    assert [uploads.part_size(upload, n) for n in (1, 2)] == [PART, 1]
    for number in (0, 3, -1):
        with pytest.raises(Refused):
            uploads.sign_part(upload, number, crc(b""))
    with pytest.raises(Refused):
        uploads.sign_part(upload, 1, "not base64")


def test_large_file_gets_larger_parts_so_that_ten_thousand_suffice(local_store, settings, monkeypatch):
    settings.UPLOAD_PART_BYTES = 1
    upload = begin(mp4_bytes(30_000))
    assert (upload.part_bytes, uploads.part_count(upload)) == (3, 10_000)


def test_original_that_changed_after_it_was_hashed_is_refused(local_store, client, tmp_path):
    from media_pipeline import pipeline

    data = mp4_bytes(1000)
    upload = begin(data)
    send(client, upload, data, 1)
    asset = uploads.complete(upload)
    asset.sha256 = "0" * 64
    errand = pipeline.Errand(asset.jobs.get(), asset, tmp_path, lambda step, progress: None, lambda seconds: None)
    with pytest.raises(Refused) as refused:
        pipeline.identify(errand, local_store.path(asset.original_key))
    assert refused.value.code == "original-changed"
    assert leases.enqueue(asset).pk == Job.objects.get().pk
