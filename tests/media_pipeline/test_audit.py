"""What the auditor finds between database and store, on a directory and on a real bucket, and how it is mended."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from media_pipeline import audit, intake, jobs, leases, storage, uploads
from media_pipeline.models import Job, MediaAsset, Upload
from tests.media_pipeline import clips

pytestmark = pytest.mark.django_db(transaction=True)
NOBODY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def source(request, tmp_path):
    """A picture; a film, whose tracks lie in one file, where a test asks for it."""
    if getattr(request, "param", "") == "film":
        return clips.film()
    path = tmp_path / "画.png"
    path.write_bytes(clips.picture(320, 200, "PNG"))
    return path


either = pytest.mark.parametrize("source", ["picture", "film"], indirect=True)


@pytest.fixture
def asset(any_store, settings, source) -> MediaAsset:
    """What became of ``source``: published, older than anything on its way."""
    settings.UPLOAD_STALE_HOURS = 0
    made = intake.receive_file(source, owner="a")
    jobs.run_until_done([made])
    MediaAsset.objects.update(created_at=timezone.now() - timedelta(days=2))
    made.refresh_from_db()
    assert made.state == "published"
    return made


def kinds(*, deep: bool = False) -> list[str]:
    return sorted(finding.kind for finding in audit.look(deep=deep))


def mend(*, deep: bool = False) -> None:
    for finding in list(audit.look(deep=deep)):
        audit.mend(finding)


@either
def test_what_agrees_has_no_findings(asset):
    assert kinds(deep=True) == []


def test_walk_tells_each_object_once_in_order(asset, any_store):
    for name in ("a-b/1", "a/2", "a.txt", "ab"):
        any_store.put_bytes(b"12", f"work/{asset.uid.hex}/{name}", "application/json")
    told = list(any_store.walk("work"))
    assert [item.key.split("/", 2)[2] for item in told] == ["a-b/1", "a.txt", "a/2", "ab"]
    assert {item.bytes for item in told} == {2}
    everything = {key for folder in audit.HELD for key in any_store.list(folder)}
    assert {item.key for folder in audit.HELD for item in any_store.walk(folder)} == everything


@either
@pytest.mark.parametrize("damage", ["missing", "size", "hash"])
def test_lost_or_spoiled_package_is_made_again_from_the_original(asset, any_store, damage):
    rendition = asset.renditions.first()
    with any_store.open(rendition.key) as file:
        whole = file.read()
    spoiled = {"missing": None, "size": whole[:-1], "hash": bytes(len(whole))}[damage]
    any_store.delete(rendition.key)
    if spoiled is not None:
        any_store.put_bytes(spoiled, rendition.key, "image/webp")
    assert kinds(deep=damage == "hash") == [f"package-{damage}"]
    mend(deep=damage == "hash")
    mend(deep=damage == "hash")  # again changes nothing: one job
    assert Job.objects.filter(asset=asset, state__in=leases.OPEN).count() == 1
    jobs.run_until_done([asset])
    assert kinds(deep=True) == []
    with any_store.open(rendition.key) as file:
        assert file.read() == whole


def test_missing_original_is_told_and_left(asset, any_store):
    any_store.delete(asset.original_key)
    found = list(audit.look())
    assert [(one.kind, one.mendable, one.asset) for one in found] == [("original-missing", False, asset.pk)]
    assert "备份" in found[0].remedy


def test_changed_original_is_marked_until_it_is_whole_again(asset, any_store):
    with any_store.open(asset.original_key) as file:
        whole = file.read()
    any_store.put_bytes(bytes(len(whole)), asset.original_key, "application/octet-stream")
    assert kinds() == []
    mend(deep=True)
    asset.refresh_from_db()
    assert (asset.reason_code, asset.state) == ("original-changed", "published")
    assert kinds() == ["original-hash"]  # told each night, without reading it again
    any_store.put_bytes(whole, asset.original_key, "application/octet-stream")
    assert kinds(deep=True) == []
    asset.refresh_from_db()
    assert asset.reason_code == ""


def test_orphans_go_and_what_is_on_its_way_stays(asset, any_store):
    uid = asset.uid.hex
    upload = uploads.create(owner="a", filename="b.mp4", size=10)
    Upload.objects.update(created_at=timezone.now() - timedelta(hours=1))
    orphans = [f"originals/{uid}/old.png", f"packages/{uid}/0123/a.webp", f"packages/{NOBODY}/0123/a.webp"]
    for key in orphans:
        any_store.put_bytes(b"x", key, "image/webp")
    any_store.put_bytes(b"x" * 10, upload.key, "video/mp4")  # its parts are joined, its row is not written yet
    assert kinds() == []  # the open upload is older than they are
    Upload.objects.update(created_at=timezone.now() + timedelta(hours=1))
    assert kinds() == ["orphan"] * 3
    mend()
    assert [key for key in orphans if any_store.exists(key)] == []
    assert any_store.exists(upload.key)
    assert kinds() == []


def test_young_orphans_are_left_alone(asset, any_store, settings):
    settings.UPLOAD_STALE_HOURS = 1
    any_store.put_bytes(b"x", f"packages/{NOBODY}/0123/a.webp", "image/webp")
    assert kinds() == []


def test_orphan_that_was_named_meanwhile_is_not_removed(asset, any_store):
    key = f"originals/{asset.uid.hex}/new.png"
    any_store.put_bytes(b"x", key, "image/png")
    found = list(audit.look())
    MediaAsset.objects.filter(pk=asset.pk).update(original_key=key)
    assert [audit.mend(one) for one in found] == [False]
    assert any_store.exists(key)


def test_asset_without_its_job_is_queued_again(asset):
    MediaAsset.objects.filter(pk=asset.pk).update(state="received")
    Job.objects.all().delete()
    assert kinds() == ["unserved"]
    mend()
    assert kinds() == []
    jobs.run_until_done([asset])
    asset.refresh_from_db()
    assert asset.state == "published"


def test_job_of_nobody_is_removed(asset):
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL keeps its foreign keys")
    connection.disable_constraint_checking()
    try:
        Job.objects.filter(asset=asset).update(asset_id=999_999)
        assert kinds() == ["job-of-nobody"]
        mend()
    finally:
        connection.enable_constraint_checking()
    assert Job.objects.count() == 0


def test_listing_is_never_held_as_a_whole(asset, any_store, monkeypatch):
    """Objects are told before the last is listed: the walk stands at the first asset while it is asked for."""
    for number in range(3):
        any_store.put_bytes(b"x", f"packages/{number:032x}/0123/a.webp", "image/webp")
    walked: list[str] = []
    walk = type(any_store).walk

    def watched(self, prefix):
        for item in walk(self, prefix):
            walked.append(item.key)
            yield item

    monkeypatch.setattr(type(any_store), "walk", watched)
    first = next(audit.look())
    assert first.where == f"packages/{0:032x}/"
    assert f"packages/{2:032x}/0123/a.webp" not in walked
    assert storage.store() is any_store
