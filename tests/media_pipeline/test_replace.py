"""Another original in place of the first, a chosen poster, and what is left when an asset goes."""

import pytest
from django.utils import timezone

from media_pipeline import follow, intake, jobs, leases, pipeline, storage, sweeper, uploads
from media_pipeline.errors import Refused
from media_pipeline.models import Job, MediaAsset, Package, TextTrack
from tests.media_pipeline import clips
from tests.media_pipeline.parts import make_clip


@pytest.fixture
def asset(local_store, tmp_path) -> MediaAsset:
    """A film of a second, published, with captions."""
    made = intake.receive_file(make_clip(tmp_path / "old.mp4"), owner="a", title="片子")
    TextTrack.objects.create(asset=made, language="zh-Hans", cues=[[0, 1, "大家好"]])
    jobs.run_until_done([made])
    made.refresh_from_db()
    return made


def everything(store) -> list[str]:
    return [key for folder in storage.FOLDERS for key in store.list(folder)]


@pytest.mark.django_db(transaction=True)
def test_replaced_source_keeps_address_and_captions(asset, local_store, tmp_path):
    uid, old, package = asset.uid, asset.original_key, asset.package
    pipeline.replace_source(asset, make_clip(tmp_path / "new.mp4", seconds=2))
    told = follow.follow(asset)
    assert (asset.state, asset.package, told.words, told.watchable) == (
        "published",
        package,
        "可观看，新的版本制作中",
        True,
    )
    jobs.run_until_done([asset])
    asset.refresh_from_db()
    assert (asset.uid, asset.state, round(asset.duration)) == (uid, "published", 2)
    assert asset.tracks.get().cues == [[0, 1, "大家好"]]
    assert not local_store.exists(old)
    assert asset.package != package
    assert local_store.exists(package.hls_key)  # somebody may be watching
    Package.objects.filter(current=False).update(replaced_at=timezone.now() - 2 * sweeper.KEPT)
    assert sweeper.remove_old_packages() == 1
    assert {key.split("/")[2] for key in local_store.list("packages")} == {asset.package.prefix.split("/")[2]}


@pytest.mark.django_db(transaction=True)
def test_bad_replacement_leaves_the_old_film(asset, tmp_path):
    package = asset.package
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"%PDF-1.4\n")
    pipeline.replace_source(asset, bad)
    jobs.run_until_done([asset])
    asset.refresh_from_db()
    told = follow.follow(asset)
    assert (asset.state, asset.package, told.watchable) == ("published", package, True)
    assert told.words == "可观看，新的版本没有做成"
    assert told.reason.endswith("。")


@pytest.mark.django_db(transaction=True)
def test_work_on_the_old_source_ends_when_it_is_replaced(asset, tmp_path):
    leases.enqueue(asset)
    claim = leases.claim("w")
    pipeline.replace_source(asset, make_clip(tmp_path / "new.mp4", seconds=2))
    assert not leases.beat(claim, "encode", 0.5)
    with pytest.raises(leases.LeaseLost):
        leases.finish(claim)
    assert list(Job.objects.filter(asset=asset).order_by("pk").values_list("state", flat=True))[1:] == [
        "cancelled",
        "queued",
    ]


@pytest.mark.django_db(transaction=True)
def test_upload_may_replace_a_source(asset, tmp_path):
    new = make_clip(tmp_path / "new.mp4", seconds=2).read_bytes()
    upload = uploads.create(owner="a", filename="new.mp4", size=len(new), fingerprint="f", replaces=asset)
    assert upload.key.startswith(f"originals/{asset.uid.hex}/")
    assert uploads.create(owner="a", filename="new.mp4", size=len(new), fingerprint="f") != upload
    storage.store().put_bytes(new, upload.key, "video/mp4")  # as the parts would have made it
    assert uploads.complete(upload) == asset
    assert uploads.complete(upload) == asset
    jobs.run_until_done([asset])
    asset.refresh_from_db()
    assert (asset.filename, round(asset.duration), MediaAsset.objects.count()) == ("new.mp4", 2, 1)


@pytest.mark.django_db(transaction=True)
def test_chosen_poster_is_taken_from_the_original_and_stays(asset, local_store):
    automatic = asset.poster_key
    pipeline.choose_poster(asset, 0.5)
    jobs.run_until_done([asset])
    asset.refresh_from_db()
    assert asset.poster_key == f"{asset.package.prefix}poster-500.jpg"
    assert local_store.open(asset.poster_key).read(2) == b"\xff\xd8"
    leases.enqueue(asset)
    jobs.run_until_done([asset])
    asset.refresh_from_db()
    assert asset.poster_key.endswith("poster-500.jpg")
    pipeline.choose_poster(asset, None)
    asset.refresh_from_db()
    assert asset.poster_key == automatic


@pytest.mark.django_db(transaction=True)
def test_deleting_while_parts_are_made_leaves_nothing(local_store, settings):
    settings.MEDIA_WHOLE_SECONDS, settings.MEDIA_SPAN_SECONDS = 4, 4
    film = clips.film("follow.mp4", "-g", "25", seconds=13)
    asset = intake.receive_file(film, owner="a")
    jobs.run(leases.claim("w"))
    late = leases.claim("late")
    assert [key for key in everything(local_store) if key.startswith("work/")]
    MediaAsset.objects.get(pk=asset.pk).delete()
    assert everything(local_store) == []
    assert not leases.beat(late, "encode", 0.5)
    local_store.put_bytes(b"x", f"work/{asset.uid.hex}/0123456789ab/sides/done.json", "application/json")  # just before
    sweeper.remove_orphans(suspect_seconds=0)
    assert everything(local_store) == []


@pytest.mark.django_db(transaction=True)
def test_sweep_leaves_what_is_mentioned_or_being_made(asset, local_store):
    kept = sorted(everything(local_store))
    local_store.put_bytes(b"x", f"packages/{asset.uid.hex}/0123456789ab-00000000/media.mp4", "video/mp4")
    local_store.put_bytes(b"x", f"work/{asset.uid.hex}/0123456789ab/sheet.json", "application/json")
    job = leases.enqueue(asset)
    assert sweeper.remove_orphans(suspect_seconds=0) == 0
    Job.objects.filter(pk=job.pk).delete()
    assert sweeper.remove_orphans(suspect_seconds=0) == 2
    assert sorted(everything(local_store)) == kept


@pytest.mark.django_db(transaction=True)
def test_object_without_a_row_is_given_time(local_store):
    """An original is stored a moment before its row is written."""
    local_store.put_bytes(b"x", "originals/0123456789abcdef0123456789abcdef/source.mp4", "video/mp4")
    assert sweeper.remove_orphans() == 0
    assert sweeper.remove_orphans() == 0
    assert sweeper.remove_orphans(suspect_seconds=0) == 1


@pytest.mark.django_db(transaction=True)
def test_store_of_another_database_is_left_alone(local_store):
    """As after an older copy of the database was put back: all that came since has no row, and is not lost."""
    for number in range(sweeper.FEW + 1):
        local_store.put_bytes(b"x", f"originals/{number:032x}/source.mp4", "video/mp4")
    before = everything(local_store)
    assert sweeper.remove_orphans(suspect_seconds=0) == 0
    assert everything(local_store) == before


@pytest.mark.django_db(transaction=True)
def test_replacing_what_is_gone_is_refused(asset, tmp_path):
    MediaAsset.objects.get(pk=asset.pk).delete()
    with pytest.raises(Refused):
        pipeline.replace_source(asset, make_clip(tmp_path / "new.mp4"))
