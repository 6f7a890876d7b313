"""Files that come with a table in the desk: a ZIP sent like any upload, or a bucket the operator opened, for the own
institution alone."""

import base64
import json
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from openpyxl import load_workbook

from catalog import quotas
from catalog.models import Course, Institution
from cms import import_job
from cms.models import ImportRun
from media_pipeline import storage
from media_pipeline.models import Job, MediaAsset, Upload
from media_pipeline.storage import Bucket, S3Store
from tests.cms.conftest import World
from tests.cms.test_imports import bring, fates, work
from tests.cms.test_rights import text_of
from tests.media_pipeline.parts import crc, mp4_bytes
from tests.media_pipeline.zips import changed, zipped

FILMS = {f"第{number}讲.mp4": mp4_bytes(3000 + 4 * number) for number in range(1, 31)}
TABLE = "编号,标题,文件\n" + "".join(f"f{number},第{number}讲,第{number}讲.mp4\n" for number in range(1, 31))


@pytest.fixture(autouse=True)
def directory(settings: Any, tmp_path: Path) -> None:
    settings.STORAGE_URL, settings.MEDIA_STORE_DIR = "", tmp_path / "media"
    settings.MEDIA_WORK_DIR = tmp_path / "work"
    storage.store().prepare([])


def ask(client: Client, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    text = json.dumps(body) if body else ""
    return client.generic(method, f"/api/v1{path}", text, content_type="application/json")


def upload(client: Client, path: Path, *, institution: str = "jia") -> str:
    """Sends an archive as the page does; its uid."""
    data = path.read_bytes()
    new = {"filename": path.name, "bytes": len(data), "fingerprint": path.name, "archive": True}
    begun = ask(client, "POST", "/uploads", {**new, "institution": institution})
    assert begun.status_code == 200, begun.content
    uid = begun.json()["uid"]
    if begun.json()["state"] == "open":
        signed = ask(client, "POST", f"/uploads/{uid}/parts", {"number": 1, "crc32": crc(data)}).json()
        assert client.put(signed["url"], data, content_type="application/octet-stream").status_code == 200
    done = ask(client, "POST", f"/uploads/{uid}/complete")
    assert (done.status_code, done.json()["uid"], done.json()["archive"]) == (200, uid, True)
    return uid


def given(table: str | None, source: str, **more: Any) -> dict[str, Any]:
    sent = {"table": SimpleUploadedFile("课程.csv", table.encode())} if table else {}
    return {"institution": "jia", "source": source, **sent, **more}


def check(client: Client, table: str | None, source: str, **more: Any) -> ImportRun:
    before = ImportRun.objects.count()
    response = client.post("/cms/imports/", given(table, source, **more))
    assert response.status_code == 302, text_of(response)[:3000]
    assert ImportRun.objects.count() == before + 1
    return work(ImportRun.objects.latest("pk"))


def test_table_and_archive_become_courses_with_films_once(world: World, tmp_path: Path) -> None:
    client = world.a.client("editor")
    assets = MediaAsset.objects.count()
    uid = upload(client, zipped(tmp_path / "课.zip", FILMS.items()))
    assert MediaAsset.objects.count() == assets
    run = check(client, TABLE, "archive", archive=uid)
    assert (run.state, fates(run)) == ("done", {"created": 30})
    assert run.coming == {"jia": [30, sum(map(len, FILMS.values()))]}
    page = text_of(client.get(f"/cms/imports/{run.pk}/"))
    assert "要收 30 个新文件" in page
    assert "文件“第1讲.mp4”：音视频，2.9" in page
    assert MediaAsset.objects.count() == assets
    run = bring(client, run)
    assert fates(run) == {"created": 30}
    course = Course.objects.get(external_id="f7")
    asset = course.lessons.get().asset
    assert b"".join(storage.store().read_range(asset.original_key, 0, asset.bytes)) == FILMS["第7讲.mp4"]
    assert (asset.owner, asset.created_by) == ("jia", world.a.people["editor"])
    assert Job.objects.filter(asset=asset, state="queued").count() == 1
    again = bring(client, check(client, TABLE, "archive", archive=upload(client, tmp_path / "课.zip")))
    assert fates(again) == {"unchanged": 30}
    assert (MediaAsset.objects.count(), Upload.objects.filter(archive=True).count()) == (assets + 30, 1)


def test_killed_in_the_middle_no_file_is_taken_in_twice(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = world.a.client("editor")
    assets = MediaAsset.objects.count()
    run = check(client, TABLE, "archive", archive=upload(client, zipped(tmp_path / "课.zip", FILMS.items())))
    import_job.again(run, "bring")
    monkeypatch.setattr(import_job, "TURN", 3600.0)

    class Killed(BaseException):
        pass

    for kill_at in (3, 23):  # in the first and in the second batch, after some files are there and before their rows
        real, taken = import_job.MediaSource.receive, []

        def receive(*args: Any, at: int = kill_at, real: Any = real, taken: list = taken) -> MediaAsset:
            taken.append(real(*args))
            if len(taken) == at:
                raise Killed
            return taken[-1]

        with monkeypatch.context() as patch:
            patch.setattr(import_job.MediaSource, "receive", receive)
            with pytest.raises(Killed):
                import_job.work.call(run.pk)
        assert import_job.work.call(run.pk) == 0  # its lease still holds
        assert ImportRun.objects.get(pk=run.pk).state == "working"
        ImportRun.objects.filter(pk=run.pk).update(lease_until="2000-01-01T00:00Z")
        assert import_job.ring_again() == 1
    run = work(run)
    assert fates(run) == {"created": 30}
    assert MediaAsset.objects.count() == Upload.objects.filter(asset__isnull=False).count() + assets == assets + 30
    assert all(course.lessons.count() == 1 for course in Course.objects.filter(external_id__startswith="f"))


def test_lease_is_renewed_while_a_file_is_read(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = world.a.client("editor")
    uid = upload(client, zipped(tmp_path / "课.zip", [("第1讲.mp4", mp4_bytes(1_000_000))]))
    run = check(client, TABLE.partition("f2,")[0], "archive", archive=uid)
    leases: list[Any] = []
    real = import_job._renew
    monkeypatch.setattr(import_job, "LEASE", import_job.LEASE / 1_000_000)  # so that each chunk is late
    monkeypatch.setattr(import_job, "_renew", lambda one: leases.append(real(one)))
    bring(client, run)
    assert len(leases) >= 4


def test_archive_may_hold_the_table_itself(world: World, tmp_path: Path) -> None:
    client = world.a.client("editor")
    files = [("课/课程.csv", TABLE.encode()), *((f"课/{name}", data) for name, data in FILMS.items())]
    run = check(client, None, "archive", archive=upload(client, zipped(tmp_path / "课.zip", files)))
    assert (run.filename, fates(run)) == ("课/课程.csv", {"created": 30})
    bare = upload(client, zipped(tmp_path / "无表.zip", FILMS.items()))
    page = text_of(client.post("/cms/imports/", given(None, "archive", archive=bare)))
    assert "压缩包里没有表格" in page


def test_faults_of_archive_and_rows_are_told_on_the_page_and_in_the_report(world: World, tmp_path: Path) -> None:
    client = world.a.client("editor")
    files = [*list(FILMS.items())[:3], ("../逃.mp4", b"x"), ("包.zip", b"x")]
    path = changed(zipped(tmp_path / "课.zip", files, zipfile.ZIP_DEFLATED), "第2讲.mp4", flags=0x801)
    run = check(client, TABLE.partition("f5,")[0], "archive", archive=upload(client, path))
    assert fates(run) == {"created": 2, "rejected": 2}
    page = text_of(client.get(f"/cms/imports/{run.pk}/"))
    for words in ("3 个文件没有收", "路径指向压缩包之外", "压缩包里的压缩包", "有密码", "名字相近的有：第"):
        assert words in page
    book = load_workbook(BytesIO(client.get(f"/cms/imports/{run.pk}/report/").content))
    rows = list(book.worksheets[0].iter_rows(min_row=2, values_only=True))
    assert [row[3] for row in rows] == ["没有收"] * 3 + ["新建", "退回", "新建", "退回"]
    assert "新文件" in rows[3][4]
    assert "有密码" in rows[4][4]


def test_archive_that_cannot_be_opened_is_refused_with_the_reason(world: World, tmp_path: Path) -> None:
    client = world.a.client("editor")
    path = zipped(tmp_path / "课.zip", FILMS.items())
    path.write_bytes(path.read_bytes()[:-9])
    uid = upload(client, path)
    assert "压缩包损坏" in text_of(client.post("/cms/imports/", given(None, "archive", archive=uid)))
    run = check(client, TABLE, "archive", archive=uid)
    assert run.state == "refused"
    assert "压缩包损坏" in run.reason


@pytest.mark.parametrize(("filename", "head"), [("a.rar", b"Rar!"), ("a.zip", b"%PDF-1.7"), ("a.mp4", b"PK\3\4")])
def test_what_is_no_zip_is_refused_before_it_is_sent(world: World, filename: str, head: bytes) -> None:
    client = world.a.client("editor")
    new = {"filename": filename, "bytes": 99, "archive": True, "head": base64.b64encode(head).decode()}
    refused = ask(client, "POST", "/uploads", {**new, "institution": "jia"})
    assert (refused.status_code, refused.json()["code"]) == (422, "not-a-zip")
    assert not Upload.objects.filter(archive=True).exists()


def test_archive_of_another_institution_is_nobodys(world: World, tmp_path: Path) -> None:
    foreign = upload(world.b.client("editor"), zipped(tmp_path / "乙.zip", FILMS.items()), institution="yi-bmark77")
    client = world.a.client("editor")
    plain = world.a.upload.uid  # an upload of one's own that is no archive
    for uid in (foreign, str(plain), "", "x", "00000000-0000-0000-0000-000000000000"):
        response = client.post("/cms/imports/", given(TABLE, "archive", archive=uid))
        assert response.status_code == 200
        assert "还没有收到压缩包" in text_of(response) or uid == "x"
    assert not ImportRun.objects.filter(institution=world.a.institution).exists()
    assert ask(client, "POST", f"/uploads/{foreign}/complete").status_code == 404


def test_archive_that_was_swept_away_is_told_and_nothing_is_brought_in(world: World, tmp_path: Path) -> None:
    client = world.a.client("editor")
    run = check(client, TABLE, "archive", archive=upload(client, zipped(tmp_path / "课.zip", FILMS.items())))
    Upload.objects.filter(archive=True).delete()
    run = bring(client, run)
    assert run.state == "refused"
    assert "已经删除" in run.reason
    assert not Course.objects.filter(external_id="f1").exists()
    assert "压缩包（已删除）" in text_of(client.get(f"/cms/imports/{run.pk}/"))


def test_quota_holds_for_files_of_an_archive_and_the_archive_counts_apart(world: World, tmp_path: Path) -> None:
    house = Institution.objects.get(code="jia")  # its path has changed since it was made
    Upload.objects.filter(owner="jia").delete()
    Institution.objects.filter(pk=house.pk).update(daily_uploads=20)
    client = world.a.client("editor")
    run = check(client, TABLE, "archive", archive=upload(client, zipped(tmp_path / "课.zip", FILMS.items())))
    assert fates(run) == {"created": 20, "rejected": 10}
    assert "到了额度" in run.fates.filter(fate="rejected")[0].told["problems"][0][2]
    assert fates(bring(client, run)) == {"created": 20, "rejected": 10}
    assert quotas.of(house).uploads_left == 0
    assert quotas.of(house, archives=True).uploads_left == 19
    Institution.objects.filter(pk=house.pk).update(daily_uploads=100)
    assert fates(bring(client, run)) == {"unchanged": 20, "created": 10}


# Buckets ----------------------------------------------------------------------------------------------
@pytest.fixture
def bucket(s3_url: str, settings: Any) -> S3Store:
    store = S3Store(Bucket.from_url(s3_url))
    for name, data in FILMS.items():
        store.put_bytes(data, f"jia/{name}", "video/mp4")
    store.put_bytes(mp4_bytes(9000), "yi/秘密.mp4", "video/mp4")
    settings.IMPORT_BUCKETS = {
        "省馆资料": {"url": s3_url, "institutions": {"jia": "jia/", "yi-bmark77": "yi/"}},
        "别家资料": {"url": s3_url, "institutions": {"yi-bmark77": "yi/"}},
    }
    return store


def test_table_brings_films_out_of_a_bucket(world: World, bucket: S3Store) -> None:
    client = world.a.client("editor")
    page = text_of(client.get("/cms/imports/"))
    assert "省馆资料" in page
    assert "别家资料" not in page
    table = f"{TABLE}f31,偷,秘密.mp4\nf32,偷,../yi/秘密.mp4\n"
    run = check(client, table, "bucket:省馆资料")
    assert fates(run) == {"created": 30, "rejected": 2}
    run = bring(client, run)
    assert fates(run) == {"created": 30, "rejected": 2}
    asset = Course.objects.get(external_id="f3").lessons.get().asset
    assert b"".join(storage.store().read_range(asset.original_key, 0, asset.bytes)) == FILMS["第3讲.mp4"]
    assert fates(bring(client, check(client, table, "bucket:省馆资料"))) == {"unchanged": 30, "rejected": 2}


@pytest.mark.parametrize(
    "source",
    ["bucket:别家资料", "s3://wenlan?endpoint=http://169.254.169.254", "bucket:s3://x", "bucket:", "https://x"],
)
def test_bucket_that_is_not_ones_own_is_no_choice(world: World, bucket: S3Store, source: str) -> None:
    response = world.a.client("editor").post("/cms/imports/", given(TABLE, source))
    assert response.status_code == 200
    assert "wl-error" in text_of(response)
    assert not ImportRun.objects.filter(institution=world.a.institution).exists()


def test_bucket_that_was_closed_meanwhile_brings_nothing_in(world: World, bucket: S3Store, settings: Any) -> None:
    client = world.a.client("editor")
    run = check(client, TABLE, "bucket:省馆资料")
    settings.IMPORT_BUCKETS = {}
    run = bring(client, run)
    assert run.state == "refused"
    assert "没有向" in run.reason


def test_bucket_that_does_not_answer_is_told_and_may_be_tried_again(
    world: World, bucket: S3Store, settings: Any
) -> None:
    client = world.a.client("editor")
    told = settings.IMPORT_BUCKETS["省馆资料"]
    right = told["url"]
    told["url"] = right.replace("s3://", "s3://none-")
    run = check(client, TABLE, "bucket:省馆资料")
    assert run.state == "refused"
    assert "可以稍后再试一次" in run.reason
    assert "再试一次" in text_of(client.get(f"/cms/imports/{run.pk}/"))
    told["url"] = right
    assert fates(bring(client, run)) == {"created": 30}
    assert not Course.objects.filter(external_id="f1").exists()  # it was the look that was tried again
