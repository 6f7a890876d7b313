"""Files that rows name, out of a folder, a ZIP or a bucket on a real server: found, taken in once, and told apart."""

import csv
import hashlib
import json
import zipfile

import pytest
from django.core.management import call_command

from catalog.errors import FileRefused
from catalog.importers import buckets, load, read, shelves
from catalog.importers.media import MediaSource, Received
from catalog.importers.shelves import ArchiveShelf, StoreShelf
from catalog.models import Course, Lesson
from config.checks import check_import_buckets
from media_pipeline import storage, uploads
from media_pipeline.errors import Refused
from media_pipeline.models import Job, MediaAsset, Upload
from media_pipeline.storage import Bucket, LocalStore, S3Store
from tests.media_pipeline.parts import mp4_bytes
from tests.media_pipeline.zips import changed, zipped

pytestmark = pytest.mark.django_db
FILES = [
    ("影像/剪纸.mp4", mp4_bytes(3000)),
    ("影像/上/唱歌.mp4", mp4_bytes(4000)),
    ("影像/下/唱歌.mp4", mp4_bytes(5000)),
]
ROWS = [
    ["编号", "标题", "文件"],
    ["1", "剪纸", "剪纸.mp4"],
    ["2", "唱歌", "上/唱歌.mp4；下/唱歌.mp4"],
    ["3", "分不清", "唱歌.mp4"],
    ["4", "没有", "剪纸1.mp4"],
    ["5", "逃", "../剪纸.mp4"],
]


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "t.csv"
    with path.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows(ROWS)
    return path


@pytest.fixture(params=["folder", "zip", "bucket"])
def address(request, tmp_path, stores):
    """What ``--media`` names."""
    if request.param == "folder":
        for name, data in FILES:
            (tmp_path / "files" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "files" / name).write_bytes(data)
        return str(tmp_path / "files")
    if request.param == "zip":
        return str(zipped(tmp_path / "files.zip", FILES, zipfile.ZIP_DEFLATED))
    url = request.getfixturevalue("new_bucket")().replace("?", "/top?")
    for name, data in FILES:
        S3Store(Bucket.from_url(url)).put_bytes(data, name, "video/mp4")
    return url


def test_each_row_has_its_file_from_any_place_and_once(town, table, address):
    fates = []
    report = load(read(table), town, media=MediaSource.at(address), tell=fates.extend)
    assert (report.created, report.rejected_rows) == (2, 3)
    reasons = {one.row: one.reason[:5] for one in report.rejected}
    assert reasons == {4: "有 2 个", 5: "找不到这个", 6: "指向别的地"}
    remedies = {one.row: one.remedy for one in report.rejected}
    assert "影像/上/唱歌.mp4" in remedies[4]
    assert "影像/剪纸.mp4" in remedies[5]
    assert [one.found for one in fates[1].files] == ["影像/上/唱歌.mp4", "影像/下/唱歌.mp4"]
    assert [lesson.asset.bytes for lesson in Course.objects.get(external_id="2").lessons.all()] == [4000, 5000]
    assert Job.objects.count() == MediaAsset.objects.count() == Upload.objects.filter(state="complete").count() == 3
    for asset in MediaAsset.objects.all():
        assert (asset.owner, len(asset.sha256)) == ("town", 64)
        assert storage.store().size(asset.original_key) == asset.bytes
    again = load(read(table), town, media=MediaSource.at(address))
    assert (again.created, again.updated, again.unchanged) == (0, 0, 2)
    assert (Lesson.objects.count(), MediaAsset.objects.count()) == (3, 3)


def test_dry_run_tells_what_comes_and_what_is_there_and_takes_nothing_in(town, table, address):
    there = MediaAsset.objects.create(
        owner="town", title="旧名", filename="旧名.mp4", bytes=3000, sha256=sha(FILES[0][1])
    )
    fates = []
    media = MediaSource.at(address)
    report = load(read(table), town, media=media, dry_run=True, tell=fates.extend)
    assert report.created == 2
    told = [(one.bytes, one.kind, one.known) for fate in fates for one in fate.files]
    assert told == [(3000, "音视频", True), (4000, "音视频", False), (5000, "音视频", False)]
    assert media.coming == {"town": [2, 9000]}
    assert (MediaAsset.objects.get(), Upload.objects.count()) == (there, 0)
    load(read(table), town, media=MediaSource.at(address))
    assert Course.objects.get(external_id="1").lessons.get().asset == there


def sha(data):
    return hashlib.sha256(data).hexdigest()


def test_same_content_under_two_names_is_one_asset_and_another_institution_has_its_own(town, city, tmp_path, stores):
    path = zipped(tmp_path / "a.zip", [("a.mp4", FILES[0][1]), ("b.mp4", FILES[0][1])])
    media = MediaSource.at(str(path))
    first = media.receive("a.mp4", "town", "甲", None)
    assert media.receive("b.mp4", "town", "乙", None) == first
    assert media.receive("b.mp4", "city", "乙", None) != first


def test_what_was_turned_down_is_not_the_same_file(town, tmp_path, stores):
    media = MediaSource.at(str(zipped(tmp_path / "a.zip", [("a.mp4", FILES[0][1])])))
    first = media.receive("a.mp4", "town", "甲", None)
    MediaAsset.objects.filter(pk=first.pk).update(state="rejected")
    assert media.receive("a.mp4", "town", "甲", None) != first


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("a.doc", b"\xd0\xcf\x11\xe0" * 99, "unknown-type"),
        ("a.mp4", b"%PDF-1.7" + b"x" * 999, "wrong-extension"),
        ("a.mp4", b"", "empty"),
        ("a.mp4", b"#EXTM3U\n/etc/passwd", "playlist"),
    ],
)
@pytest.mark.usefixtures("stores", "town")
def test_file_that_no_upload_may_be_is_refused_in_the_dry_run_and_in_the_run(tmp_path, name, data, code):
    media = MediaSource.at(str(zipped(tmp_path / "a.zip", [(name, data)])))
    for step in (lambda: media.plan(name, "town"), lambda: media.receive(name, "town", "甲", None)):
        with pytest.raises(Refused, match=code):
            step()
    assert not MediaAsset.objects.exists()


def test_entry_that_the_archive_does_not_give_is_told_with_the_reason(town, tmp_path, stores):
    path = changed(zipped(tmp_path / "a.zip", [("课/a.mp4", FILES[0][1])]), "课/a.mp4", flags=0x801)
    with pytest.raises(Refused, match="有密码"):
        MediaSource.at(str(path)).find("a.mp4")


def test_entry_that_lies_costs_its_row_and_no_other(town, tmp_path, stores):
    files = [("a.mp4", FILES[0][1]), ("b.mp4", FILES[1][1])]
    path = changed(zipped(tmp_path / "a.zip", files, zipfile.ZIP_DEFLATED), "a.mp4", size=2999)
    rows = tmp_path / "t.csv"
    rows.write_text("编号,标题,文件\n1,甲,a.mp4\n2,乙,b.mp4\n", encoding="utf-8")
    report = load(read(rows), town, media=MediaSource.at(str(path)))
    assert [(one.row, one.column) for one in report.rejected] == [(2, "文件")]
    assert Course.objects.get().external_id == "2"
    assert MediaAsset.objects.get().bytes == 4000
    assert not any((stores / "originals").rglob(f"*{sha(FILES[0][1])}*"))


def test_quota_refuses_the_file_that_is_too_much_in_the_dry_run_and_in_the_run(town, table, tmp_path, stores):
    town.daily_uploads = 2
    town.save()
    path = zipped(tmp_path / "a.zip", FILES)
    for dry_run in (True, False):
        media = MediaSource(shelf=shelves.at(str(path)), where="压缩包", limited=True)
        report = load(read(table), town, media=media, dry_run=dry_run)
        assert (report.created, report.rejected_rows) == (1, 4)
        assert "到了额度" in next(one.reason for one in report.rejected if one.row == 3)
    assert MediaAsset.objects.count() == 2
    assert len([path for path in stores.rglob("*") if path.is_file()]) == 2


def test_what_lies_not_on_the_shelf_may_have_been_uploaded(town, tmp_path, stores):
    there = MediaAsset.objects.create(owner="town", title="旧", filename="旧.mp4", bytes=9)
    shelf = shelves.at(str(zipped(tmp_path / "a.zip", FILES)))
    media = MediaSource(shelf=shelf, where="压缩包", uploaded=Received("town"))
    assert media.known("旧.mp4", "town") == there
    with pytest.raises(Refused, match="file-missing"):
        media.find("新.mp4")


def test_more_than_is_listed_is_found_by_its_whole_name(tmp_path, monkeypatch, stores):
    for name, data in FILES:
        (tmp_path / "files" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "files" / name).write_bytes(data)
    monkeypatch.setattr(shelves, "MOST_LISTED", 1)
    shelf = StoreShelf(LocalStore(tmp_path / "files"))
    assert len(shelf.listed) == 1
    media = MediaSource(shelf=shelf, where="")
    assert media.find("影像/剪纸.mp4").bytes == 3000
    for name in (".", "没有.mp4"):
        with pytest.raises(Refused, match="file-missing"):
            media.find(name)


def test_names_that_come_near_are_offered_and_others_are_not(tmp_path, stores):
    files = [(f"第{number}讲 二十四节气.mp4", FILES[0][1]) for number in range(1, 9)]
    media = MediaSource.at(str(zipped(tmp_path / "a.zip", [*files, ("水.mp4", FILES[1][1])])))
    with pytest.raises(Refused) as refused:
        media.find("第3讲_二十四节气.mp4")
    assert "第3讲 二十四节气.mp4" in refused.value.remedy
    assert "水.mp4" not in refused.value.remedy


def test_table_lies_in_the_archive_once(tmp_path):
    path = zipped(tmp_path / "a.zip", [("课/表.csv", b"id,title\n"), *FILES])
    shelf = ArchiveShelf(LocalStore(tmp_path), path.name)
    assert shelf.table(100) == ("课/表.csv", b"id,title\n")
    with pytest.raises(FileRefused, match=r"超过"):
        shelf.table(5)
    for tables in ([], [("a.csv", b""), ("b.xlsx", b"")]):
        zipped(path, [*tables, *FILES])
        with pytest.raises(FileRefused, match="表格"):
            ArchiveShelf(LocalStore(tmp_path), path.name).table(100)


# Buckets ----------------------------------------------------------------------------------------------
@pytest.fixture
def shared(s3_url, settings):
    """A bucket with a folder for each of two institutions."""
    whole = S3Store(Bucket.from_url(s3_url))
    for key in ("top/town/a.mp4", "top/town-2/b.mp4", "top/city/c.mp4", "d.mp4"):
        whole.put_bytes(FILES[0][1], key, "video/mp4")
    url = s3_url.replace("?", "/top?")
    settings.IMPORT_BUCKETS = {"馆藏": {"url": url, "institutions": {"town": "town", "city": "city/"}}}
    return settings.IMPORT_BUCKETS


def test_institution_reads_its_own_folder_of_a_bucket(town, city, shared):
    assert dict(StoreShelf(buckets.opened("馆藏", town)).listed) == {"a.mp4": 3000}
    assert dict(StoreShelf(buckets.opened("馆藏", city)).listed) == {"c.mp4": 3000}
    media = MediaSource(shelf=StoreShelf(buckets.opened("馆藏", town)), where="存储桶")
    for name in ("c.mp4", "b.mp4", "../city/c.mp4", "d.mp4", "town/a.mp4"):
        with pytest.raises(Refused, match="file-missing"):
            media.find(name)


@pytest.mark.parametrize("name", ["别的", "", "s3://other?endpoint=http://127.0.0.1:1", "馆藏?endpoint=x"])
def test_only_a_name_of_the_setting_opens_a_bucket(town, shared, name):
    with pytest.raises(FileRefused, match="没有向"):
        buckets.opened(name, town)


def test_bucket_is_closed_to_institutions_that_are_not_named(town, shared):
    shared["馆藏"]["institutions"] = {"city": ""}
    with pytest.raises(FileRefused, match="没有向"):
        buckets.opened("馆藏", town)


@pytest.mark.parametrize(
    "told",
    [
        [],
        {"a": "s3://b"},
        {"a": {"url": "http://b", "institutions": {}}},
        {"a": {"url": "s3://b", "institutions": ["town"]}},
        {"a": {"url": "s3://b", "institutions": {"town": "../x"}}},
    ],
)
def test_setting_that_is_wrong_is_told_when_the_site_starts(settings, told):
    settings.IMPORT_BUCKETS = told
    assert [one.id for one in check_import_buckets()]
    settings.IMPORT_BUCKETS = {"a": {"url": "s3://b?endpoint=http://x", "institutions": {"town": ""}}}
    assert check_import_buckets() == []


# The command ------------------------------------------------------------------------------------------
@pytest.mark.usefixtures("town")
def test_command_takes_files_from_any_place(table, address, settings, tmp_path, capsys):
    settings.SEARCH_EMBEDDED_PATH = tmp_path / "search"
    with pytest.raises(SystemExit):
        call_command("import_courses", str(table), media=address, institution="town", json=True)
    report = json.loads(capsys.readouterr().out)
    assert (report["created"], report["rejected_rows"]) == (2, 3)
    assert MediaAsset.objects.count() == 3


# Archives among uploads -------------------------------------------------------------------------------
def test_archive_nobody_asked_for_is_swept_away(town, stores, settings):
    settings.STORAGE_URL = ""
    upload = uploads.create(owner="town", filename="a.zip", size=10, archive=True)
    storage.store().put_bytes(b"PK\x03\x04" + bytes(6), upload.key, "")
    assert uploads.complete(upload) is None
    uploads.sweep()
    assert storage.store().exists(upload.key)
    Upload.objects.update(touched_at="2000-01-01T00:00Z")
    uploads.sweep()
    assert not storage.store().exists(upload.key)
    assert not Upload.objects.exists()
