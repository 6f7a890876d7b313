"""What people are told while they wait, and the order in which work is done."""

from datetime import timedelta

import pytest
from django.utils import timezone

from media_pipeline import follow, intake, jobs, leases, pipeline
from media_pipeline.errors import Failed, Refused
from media_pipeline.models import Job, JobKind, MediaAsset, Package
from tests.media_pipeline import clips
from tests.media_pipeline.parts import asset_with, make_clip

HOUR = 3600.0


def _cut(asset: MediaAsset, spans: int = 1) -> Job:
    """The open jobs of a film that has been looked at."""
    after = Job(asset=asset, owner=asset.owner)
    leases.add(after, JobKind.PICTURES, seconds=asset.duration, spans=spans)
    return Job.objects.filter(asset=asset).first()


def order() -> list[tuple[str, float]]:
    """Owners and lengths of films in the order in which one worker takes them."""
    taken = []
    while claim := leases.claim("w"):
        job = Job.objects.select_related("asset").get(pk=claim.job_id)
        taken.append((job.asset.owner, job.asset.duration))
    return taken


# The order ----------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_short_film_does_not_wait_behind_forty_hours_of_lectures():
    for _ in range(40):
        _cut(asset_with(owner="a", duration=HOUR), spans=3)
    Job.objects.update(rank=timezone.now() + timedelta(days=5))  # they came two days ago
    _cut(asset_with(owner="a", duration=300))
    assert order()[0] == ("a", 300)


@pytest.mark.django_db
def test_owners_take_turns_whoever_brings_more():
    for owner, films in (("many", 6), ("few", 2)):
        for _ in range(films):
            _cut(asset_with(owner=owner, duration=HOUR))
    assert [owner for owner, _ in order()[:4]].count("few") == 2


@pytest.mark.django_db
def test_long_film_is_not_overtaken_for_ever():
    _cut(asset_with(owner="a", duration=HOUR))
    waited = timedelta(seconds=leases.OVERTAKEN * HOUR)
    Job.objects.update(rank=timezone.now())  # as if it had come a week ago
    _cut(asset_with(owner="b", duration=300))
    assert order()[0] == ("a", HOUR)
    assert waited == timedelta(days=7)


@pytest.mark.django_db
def test_spans_of_one_film_come_in_order_and_urgent_work_first():
    asset = asset_with(duration=HOUR)
    _cut(asset, spans=3)
    urgent = leases.enqueue(asset_with(duration=HOUR), priority=5)
    taken = [leases.claim("w").job_id for _ in range(4)]
    spans = list(Job.objects.filter(asset=asset).order_by("span").values_list("pk", flat=True))
    assert taken == [urgent.pk, *spans]


# What is told -------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_waiting_film_is_told_how_many_are_before_it():
    assets = [asset_with() for _ in range(3)]
    for asset in assets:
        leases.enqueue(asset)
    told = [follow.follow(asset) for asset in assets]
    assert [one.words for one in told] == [
        "排队中，马上开始",
        "排队中，前面还有 1 个",
        "排队中，前面还有 2 个",
    ]
    assert {one.percent for one in told} == {0}


@pytest.mark.django_db
def test_percentage_stays_when_a_worker_is_lost():
    asset = asset_with()
    leases.enqueue(asset)
    leases.beat(leases.claim("first"), "encode", 0.6)
    Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    leases.requeue_expired()
    again = leases.claim("second")
    leases.beat(again, "fetch", 0.0)
    told = follow.follow(asset)
    assert (told.percent, told.words, told.busy) == (60, "读取原文件", True)
    assert "中断" in told.steps[-1].note


@pytest.mark.django_db
def test_failure_says_what_and_what_to_do_and_can_be_taken_up_again():
    asset = asset_with()
    leases.enqueue(asset)
    for left in (2, 1, 0):
        Job.objects.update(not_before=timezone.now() - timedelta(minutes=2))
        leases.give_up(leases.claim("w"), Failed("disk-full", "磁盘已满。", "请联系管理员清理空间。"))
        asset.refresh_from_db()
        told = follow.follow(asset)
        assert told.can_retry is (left == 0)
    assert (told.reason, told.remedy) == ("磁盘已满。", "请联系管理员清理空间。")
    assert [step.note for step in told.steps] == ["磁盘已满。请联系管理员清理空间。"] * 3
    assert pipeline.retry(asset)
    asset.refresh_from_db()
    assert (asset.state, follow.follow(asset).words, Job.objects.count()) == ("received", "等待继续", 1)
    assert not pipeline.retry(asset)


@pytest.mark.django_db
def test_refused_file_cannot_be_retried():
    asset = asset_with()
    leases.enqueue(asset)
    leases.give_up(leases.claim("w"), Refused("empty", "文件是空的。", "请重新上传。"))
    asset.refresh_from_db()
    told = follow.follow(asset)
    assert (told.state, told.can_retry, told.percent, told.watchable) == ("rejected", False, 100, False)


@pytest.mark.django_db
def test_list_is_told_in_a_constant_number_of_queries(django_assert_num_queries):
    for _ in range(12):
        leases.enqueue(asset_with())
    with django_assert_num_queries(3):
        told = follow.follow_all(MediaAsset.objects.all())
    assert {one.words for one in told.values()} == {"排队中"}


@pytest.mark.django_db(transaction=True)
def test_film_in_parts_is_followed_to_its_end(local_store, settings):
    """The percentage only rises; people are told that they can watch, and when all is there."""
    settings.MEDIA_WHOLE_SECONDS, settings.MEDIA_SPAN_SECONDS = 4, 4
    film = clips.film("follow.mp4", "-g", "25", seconds=13)
    asset = intake.receive_file(film, owner="a")
    percents, words = [], []

    def look(*_):
        told = follow.follow(MediaAsset.objects.get(pk=asset.pk))
        percents.append(told.percent)
        words.append(told.words)

    while claim := leases.claim("w"):
        jobs.run(claim)
        look()
    assert percents == sorted(percents)
    assert len(set(percents)) >= 5
    assert (percents[-1], words[0], words[-1]) == (100, "可先观看，其余画质制作中", "可播放")
    told = follow.follow(MediaAsset.objects.get(pk=asset.pk))
    assert {step.part for step in told.steps} >= {None, 1, 2, 3}
    assert (told.seconds_left, told.busy, told.watchable) == (None, False, True)


# A first rung -------------------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("codec", ["copied", "encoded"])
def test_film_is_watchable_before_it_is_complete(local_store, settings, codec, monkeypatch):
    settings.MEDIA_FIRST_SECONDS = 1
    extra = ("-c:v", "mpeg4") if codec == "encoded" else ("-g", "25")
    asset = intake.receive_file(clips.film(f"first-{codec}.mp4", *extra, seconds=3), owner="a")
    seen = []

    def stop(work):
        seen.extend(Package.objects.values_list("current", "complete"))
        raise Failed("disk", "磁盘已满。")

    monkeypatch.setitem(pipeline.produce.MAKERS, "video", stop)
    jobs.run(leases.claim("w"))
    asset.refresh_from_db()
    told = follow.follow(asset)
    assert (seen, asset.state, told.words) == ([(True, False)], "published", "可先观看，其余画质制作中")
    assert asset.renditions.count() == 2
    monkeypatch.undo()
    Job.objects.update(not_before=timezone.now() - timedelta(minutes=2))
    jobs.run_until_done([asset])
    asset.refresh_from_db()
    assert [(p.current, p.complete) for p in asset.packages.order_by("pk")] == [(False, False), (True, True)]
    assert asset.packages.get(current=False).replaced_at
    assert follow.follow(asset).words == "可播放"


@pytest.mark.django_db(transaction=True)
def test_first_rung_of_a_bad_film_is_withdrawn(local_store, settings, tmp_path, monkeypatch):
    settings.MEDIA_FIRST_SECONDS = 0.5
    asset = intake.receive_file(make_clip(tmp_path / "c.mp4"), owner="a")

    def refuse(work):
        raise Refused("damaged", "文件已损坏。", "请重新导出。")

    monkeypatch.setitem(pipeline.produce.MAKERS, "video", refuse)
    jobs.run_until_done([asset])
    asset.refresh_from_db()
    assert (asset.state, asset.package, follow.follow(asset).watchable) == ("rejected", None, False)
