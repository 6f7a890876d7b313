"""The operator's page: it tells what is so, asks little of the database, and takes up again what failed."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from catalog import policy
from catalog.models import Institution
from cms import costs, operations
from media_pipeline import leases, tallies
from media_pipeline.errors import Failed
from media_pipeline.models import AssetState, Job, JobState, MediaAsset, Rendition, Tally, Worker
from tests.media_pipeline.parts import asset_with

pytestmark = pytest.mark.django_db
PAGE = "/cms/operations/"


@pytest.fixture
def desk(client):
    client.force_login(User.objects.create_superuser("op", "op@example.cn", "x"))
    return client


def failed_job(asset: MediaAsset) -> Job:
    """A job that failed as often as it may."""
    job = leases.enqueue(asset)
    for _ in range(leases.MAX_FAILURES):
        Job.objects.filter(pk=job.pk).update(not_before=leases.due())
        leases.give_up(leases.claim("w:1:a", queue="media"), Failed("store", "存储没有回应。", "请稍后。"))
    return job


def test_what_failed_is_told_without_its_title_and_taken_up_again(desk):
    job = failed_job(asset_with(title="秘密影片"))
    page = desk.get(PAGE).content.decode()
    assert "存储没有回应。请稍后。" in page
    assert "秘密影片" not in page
    assert f"/cms/operations/{job.pk}/again/" in page
    assert desk.post(f"/cms/operations/{job.pk}/again/", follow=True).status_code == 200
    job.refresh_from_db()
    assert (job.state, job.failures, job.asset.state) == (JobState.QUEUED, 0, AssetState.RECEIVED)
    assert f"/cms/operations/{job.pk}/again/" not in desk.get(PAGE).content.decode()


def test_what_did_not_fail_is_left_alone(desk):
    job = leases.enqueue(asset_with())
    answer = desk.post(f"/cms/operations/{job.pk}/again/", follow=True)
    assert "不需要重做" in answer.content.decode()
    assert Job.objects.count() == 1
    assert desk.post("/cms/operations/999/again/").status_code == 404


def test_an_operator_who_is_nobody_else_takes_it_up(client, world):
    job = failed_job(asset_with(owner="jia"))
    operator = User.objects.create_user("duty", "duty@example.cn", "x")
    operator.groups.add(Group.objects.get(name=policy.OPERATORS_GROUP))
    client.force_login(operator)
    assert client.post(f"/cms/operations/{job.pk}/again/").url == "/cms/operations/"
    job.refresh_from_db()
    assert job.state == JobState.QUEUED


def test_a_partner_takes_nothing_up(client, world):
    job = failed_job(asset_with(owner="jia"))
    editor = world.a.client("editor")
    assert editor.post(f"/cms/operations/{job.pk}/again/").status_code in {302, 403}
    job.refresh_from_db()
    assert job.state == JobState.FAILED


def test_workers_are_those_that_tell_of_themselves_and_those_that_hold_jobs(desk):
    now = timezone.now()
    Worker.objects.create(name="zhuanma-1:17", queues="media", started_at=now, seen_at=now)
    Worker.objects.create(name="zhuanma-2:9", queues="default", started_at=now, seen_at=now - timedelta(minutes=9))
    leases.enqueue(asset_with())
    held = leases.claim("zhuanma-1:17:ab12cd34", queue="media")
    leases.beat(held, "encode", 0.4)
    leases.enqueue(asset_with())
    leases.claim("laptop:5:ef", queue="media")
    found = {busy.host: busy for busy in operations.workers()}
    assert {host: busy.silent for host, busy in found.items()} == {
        "zhuanma-1": False,
        "zhuanma-2": True,
        "laptop": False,
    }
    assert [job.pk for job in found["zhuanma-1"].jobs] == [held.job_id]
    page = desk.get(PAGE).content.decode()
    assert f"任务 {held.job_id}：检查与制作，转码中 40%" in page
    assert "没有消息" in page


def test_quantiles_lie_within_the_bucket_that_holds_them():
    counted = [(1.0, 90), (64.0, 10)]
    assert 0.5 < tallies.quantile(0.5, counted) <= 1.0
    assert 32.0 < tallies.quantile(0.95, counted) <= 64.0
    assert tallies.quantile(0.5, []) == 0.0


def test_steps_and_cpu_of_a_job_outlive_its_media():
    asset = asset_with(owner="jia")
    Institution.add_root(code="jia", name="甲县馆")
    for seconds in (3.0, 3.0, 200.0):
        leases.enqueue(asset)
        claimed = leases.claim("w:1:a", queue="media")
        lines = [{"step": "encode", "attempt": claimed.attempt, "at": "", "seconds": seconds, "note": ""}]
        leases.finish(claimed, 30.0, log=[{**lines[0], "attempt": 0, "seconds": 9999.0}, *lines])
    asset.delete()
    (slow,) = operations.slow_steps()
    assert (slow.step, slow.number, slow.seconds) == ("转码中", 3, 206.0)
    assert slow.p50 < 4.0
    assert 128.0 < slow.p95 <= 256.0
    (cost,) = costs.costs()
    assert (cost.name, cost.cpu, cost.cpu_month, cost.bytes) == ("甲县馆", 90.0, 90.0, 0)


def test_days_long_past_are_forgotten_and_sums_are_not():
    tallies.add(Tally.What.CLAIMED, "media")
    Tally.objects.exclude(period=tallies.EVER).update(period="2020-01-01")
    tallies.add(Tally.What.CPU, "jia", seconds=5.0)
    tallies.sweep()
    assert set(Tally.objects.values_list("what", "period")) == {
        ("claimed", ""),
        ("cpu", ""),
        ("cpu", tallies.month()),
    }


def test_costs_are_sorted_and_downloaded(desk):
    for code, name, size in (("jia", "甲", 4_000_000_000), ("yi", "=乙", 2_000_000_000)):
        Institution.add_root(code=code, name=name)
        asset = asset_with(owner=code, bytes=size)
        Rendition.objects.create(asset=asset, spec="a", source_sha256="", key="k", bytes=size // 2)
    old = asset_with(owner="yi", bytes=9_000_000_000)
    MediaAsset.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=40))
    tallies.add(Tally.What.CPU, "jia", seconds=7200.0)
    assert [row.code for row in costs.costs("bytes")] == ["yi", "jia"]
    assert [row.code for row in costs.costs("bytes_month")] == ["jia", "yi"]
    assert [row.code for row in costs.costs("cpu")] == ["jia", "yi"]
    told = desk.get(f"{PAGE}?sort=bytes&export=csv")
    lines = told.content.decode("utf-8-sig").splitlines()
    assert lines[1] == "yi,'=乙,0.00,0.00,3.00,12.00"
    assert lines[2] == "jia,甲,2.00,2.00,6.00,6.00"
    assert desk.get(f"{PAGE}?sort=; drop&p=99").status_code == 200


def test_page_asks_as_much_of_many_as_of_few(desk, settings):
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert desk.get(PAGE).status_code == 200
        return len(seen)

    def fill(houses: int) -> None:
        for n in range(houses):
            Institution.add_root(code=f"h{houses}-{n}", name=f"馆{houses}-{n}")
            asset = asset_with(owner=f"h{houses}-{n}", bytes=10**9)
            Rendition.objects.create(asset=asset, spec="a", source_sha256="", key="k", bytes=5)
            failed_job(asset)
            tallies.add(Tally.What.STEP, f"make/{n}", seconds=2.0, bound=2.0)
            leases.enqueue(asset_with(owner=f"h{houses}-{n}"))
            leases.claim(f"host-{n}:1:a", queue="media")

    queries()
    fill(2)
    few = queries()
    fill(30)
    assert queries() == few


def test_sums_are_read_from_indices_alone():
    """On SQLite, which says so; a table of jobs is wide, and reading it whole takes a second for 100,000."""
    with CaptureQueriesContext(connection) as seen:
        operations.queues()
        costs.costs()
    wide = ("media_pipeline_job", "media_pipeline_rendition", "media_pipeline_mediaasset")
    sums = [query["sql"] for query in seen if any(f'FROM "{table}"' in query["sql"] for table in wide)]
    assert len(sums) == 4
    with connection.cursor() as cursor:
        for sql in sums[1:]:  # the first reads what is open, which is little
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            steps = [row[3] for row in cursor if row[3].startswith(("SCAN", "SEARCH"))]
            assert all("COVERING INDEX" in step for step in steps), (sql, steps)


def test_parts_are_told_at_the_first_look(desk, settings):
    settings.SEARCH_URL = "http://127.0.0.1:9/first-look"  # nobody has asked there before
    page = desk.get(PAGE).content.decode()
    assert "存储" in page
    assert "正常" in page
    assert "没有回应" in page
