"""Jobs: one worker at a time, leases, retries, and one effect whatever is killed."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from media_pipeline import intake, jobs, leases, pipeline, sweeper, tasks, workplace
from media_pipeline.errors import Failed, Refused
from media_pipeline.models import Job, Package, Rendition
from media_pipeline.signals import asset_ready, asset_refused
from tests.media_pipeline.parts import asset_with, make_clip

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def heard():
    """News of assets, in order."""
    news = []

    def ready(asset, **kwargs):
        news.append(("ready", asset.pk))

    def refused(asset, **kwargs):
        news.append(("refused", asset.reason_code))

    asset_ready.connect(ready)
    asset_refused.connect(refused)
    yield news
    asset_ready.disconnect(ready)
    asset_refused.disconnect(refused)


@pytest.fixture
def bells(monkeypatch):
    """Queues that were rung for."""
    rung = []
    monkeypatch.setattr(tasks, "ring", rung.append)
    return rung


def expire(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


@pytest.mark.django_db
def test_claim_takes_the_most_urgent_due_job():
    late, plain, urgent = (leases.enqueue(asset_with(), priority=n) for n in (9, 0, 5))
    Job.objects.filter(pk=late.pk).update(not_before=timezone.now() + timedelta(hours=1))
    taken = [leases.claim("w", queue="media") for _ in range(3)]
    assert [claim and claim.job_id for claim in taken] == [urgent.pk, plain.pk, None]
    assert leases.claim("w", queue="default") is None


@pytest.mark.django_db
def test_asset_has_one_open_job():
    asset = asset_with()
    assert leases.enqueue(asset) == leases.enqueue(asset)
    leases.finish(leases.claim("w"))
    assert leases.enqueue(asset).state == "queued"
    assert Job.objects.count() == 2


@pytest.mark.django_db
def test_claim_that_lost_its_lease_changes_nothing():
    job = leases.enqueue(asset_with())
    old = leases.claim("old")
    expire(job)
    assert leases.requeue_expired() == 1
    new = leases.claim("new")
    assert not leases.beat(old, "encode", 0.9)
    leases.hand_back(old)
    leases.give_up(old, Refused("x", "y"))
    with pytest.raises(leases.LeaseLost):
        leases.finish(old)
    assert leases.beat(new, "encode", 0.5)
    job.refresh_from_db()
    assert (job.state, job.worker, job.attempt, job.progress) == ("running", "new", 2, 0.5)


@pytest.mark.django_db
def test_lease_that_is_renewed_does_not_expire(settings):
    leases.enqueue(asset_with())
    claim = leases.claim("w")
    assert leases.beat(claim, "encode", 0.1)
    assert leases.requeue_expired() == 0


@pytest.mark.django_db
def test_file_that_takes_its_workers_down_is_given_up(heard, django_capture_on_commit_callbacks):
    job = leases.enqueue(asset_with())
    Job.objects.update(attempt=leases.MAX_LOST - 1)
    leases.claim("w")
    expire(job)
    with django_capture_on_commit_callbacks(execute=True):
        assert leases.requeue_expired() == 0
    job.refresh_from_db()
    assert (job.state, job.asset.state, heard) == ("failed", "failed", [("refused", "lost")])


@pytest.mark.django_db
def test_failure_is_tried_three_times_with_longer_waits(heard, django_capture_on_commit_callbacks):
    job = leases.enqueue(asset_with())
    waits = []
    for _ in range(3):
        Job.objects.update(not_before=timezone.now() - timedelta(minutes=1))
        with django_capture_on_commit_callbacks(execute=True):
            leases.give_up(leases.claim("w"), Failed("disk", "磁盘已满。"))
        job.refresh_from_db()
        waits.append(round((job.not_before - timezone.now()).total_seconds() / 15))
    assert (job.state, job.failures, waits[:2]) == ("failed", 3, [1, 4])
    assert (job.asset.state, job.asset.reason, heard) == ("failed", "磁盘已满。", [("refused", "disk")])


@pytest.mark.django_db
def test_sweeper_rings_once_for_jobs_that_nobody_heard_of(bells):
    job = leases.enqueue(asset_with())
    sweeper.tend_jobs()
    sweeper.tend_jobs()
    assert bells == ["media"]
    leases.hand_back(leases.claim("w"))
    sweeper.tend_jobs()
    assert bells == ["media"] * 2
    Job.objects.filter(pk=job.pk).update(rung_at=timezone.now() - timedelta(minutes=2))
    sweeper.tend_jobs()
    assert bells == ["media"] * 3


@pytest.mark.django_db
def test_idle_worker_does_not_wait_for_a_bell_that_is_lost(bells, monkeypatch):
    """Lost with a worker that was killed, or fetched ahead by one that is busy for an hour."""
    job = leases.enqueue(asset_with())
    monkeypatch.setattr(jobs, "hands", 1)
    for held, seconds, rung in (({}, 2, 0), ({}, 6, 1), ({9: None}, 6, 0), ({9: None}, 90, 1)):
        monkeypatch.setattr(jobs, "_held", held)
        Job.objects.filter(pk=job.pk).update(rung_at=timezone.now() - timedelta(seconds=seconds))
        bells.clear()
        sweeper.tend_jobs()
        assert len(bells) == rung, (held, seconds)


@pytest.mark.django_db(transaction=True)
def test_film_becomes_playable_and_is_told_once(any_store, tmp_path, heard):
    asset = intake.receive_file(make_clip(tmp_path / "c.mp4"), owner="a", title="片子")
    seen = []
    jobs.run_until_done([asset], report=lambda asset, step, progress: seen.append(progress))
    asset.refresh_from_db()
    job, package = Job.objects.get(), Package.objects.get()
    assert (asset.state, job.state, job.progress, job.attempt) == ("published", "done", 1.0, 1)
    assert heard == [("ready", asset.pk)]
    assert seen == sorted(seen)
    assert any_store.exists(package.hls_key)
    assert any_store.exists(package.dash_key)
    assert package.prefix.startswith(f"packages/{asset.uid.hex}/")
    renditions = Rendition.objects.all()
    assert any_store.size(renditions[0].key) == sum(r.bytes for r in renditions)
    assert len(asset.sha256) == 64
    assert [path for path in Path(jobs.settings.MEDIA_WORK_DIR).rglob("*") if path.is_file()] == []


@pytest.mark.django_db(transaction=True)
def test_work_done_twice_leaves_one_set(local_store, tmp_path, heard):
    asset = intake.receive_file(make_clip(tmp_path / "c.mp4"), owner="a")
    for _ in range(2):
        leases.enqueue(asset)
        jobs.run_until_done([asset])
    assert Package.objects.filter(current=True).count() == Package.objects.count() == 1
    assert heard == [("ready", asset.pk)] * 2
    folders = {key.split("/")[2] for key in local_store.list(f"packages/{asset.uid.hex}")}
    assert len(folders) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("leer.mp4", b""),
        ("brief.mp4", b"%PDF-1.4\n"),
        ("list.mp4", b"#EXTM3U\n"),
        ("noise.mp4", bytes(range(256)) * 50),
    ],
)
def test_bad_file_is_rejected_with_a_reason_and_not_tried_again(local_store, tmp_path, heard, name, content):
    file = tmp_path / name
    file.write_bytes(content)
    asset = intake.receive_file(file, owner="a")
    jobs.run_until_done([asset])
    asset.refresh_from_db()
    assert (asset.state, Job.objects.get().attempt) == ("rejected", 1)
    assert asset.reason.endswith("。")
    assert heard == [("refused", asset.reason_code)]
    assert list(local_store.list("packages")) == []


@pytest.mark.django_db(transaction=True)
def test_missing_original_is_rejected(local_store, tmp_path):
    asset = intake.receive_file(make_clip(tmp_path / "c.mp4"), owner="a")
    local_store.delete(asset.original_key)
    jobs.run_until_done([asset])
    asset.refresh_from_db()
    assert (asset.state, asset.reason_code) == ("rejected", "original-missing")


@pytest.mark.django_db(transaction=True)
def test_lease_lost_while_publishing_leaves_no_rows(local_store, tmp_path, heard):
    asset = intake.receive_file(make_clip(tmp_path / "c.mp4"), owner="a")
    claim = leases.claim("slow")

    def taken_meanwhile(cpu_seconds):
        Job.objects.update(worker="other", attempt=2)
        leases.finish(claim, cpu_seconds)

    with pytest.raises(leases.LeaseLost):
        pipeline.process(claim.rows().get(), lambda step, progress: None, taken_meanwhile)
    asset.refresh_from_db()
    assert (Package.objects.count(), Rendition.objects.count(), heard) == (0, 0, [])
    assert asset.state == "processing"


@pytest.mark.django_db(transaction=True)
def test_a_late_worker_takes_nothing_back(local_store, tmp_path):
    """It was cut off while it fetched the original, and another made the film meanwhile."""
    asset = intake.receive_file(make_clip(tmp_path / "c.mp4"), owner="a")
    claim = leases.claim("slow")
    job = claim.rows().select_related("asset").get()
    leases.hand_back(claim)
    jobs.run_until_done([asset])
    with pytest.raises(leases.LeaseLost):
        pipeline.process(job, lambda step, progress: None)
    asset.refresh_from_db()
    assert (asset.state, Package.objects.filter(current=True, complete=True).count()) == ("published", 1)


def until(true, seconds: float = 30.0) -> None:
    """Wait for something that happens elsewhere; fails when it does not come."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.1)


@pytest.mark.django_db(transaction=True)
def test_deleting_an_asset_removes_its_objects(any_store, tmp_path):
    kept, gone = (intake.receive_file(make_clip(tmp_path / f"{n}.mp4"), owner="a", enqueue=False) for n in "kg")
    any_store.put_bytes(b"x", f"packages/{gone.uid.hex}/d/f", "x")
    gone.delete()
    assert list(any_store.list("packages")) == []
    assert list(any_store.list("originals")) == [kept.original_key]


@pytest.mark.django_db
def test_work_directories_of_the_dead_are_swept(local_store, settings):
    root = Path(settings.MEDIA_WORK_DIR)
    dead = root / "dead"
    dead.mkdir(parents=True)
    (dead / ".lock").touch()
    os.utime(dead / ".lock", (0, 0))
    asset = asset_with()
    with workplace.work_dir(asset.uid) as alive:
        os.utime(alive / ".lock", (0, 0))
        assert workplace.sweep() == 1
        assert alive.is_dir()
    assert list(root.iterdir()) == []


# Other processes ------------------------------------------------------------------------------------
def site_env(tmp_path: Path, **more: str) -> dict[str, str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("MEDIA_", "DJANGO_", "TASKS_"))}
    return clean | {"WENLAN_VAR": str(tmp_path / "var"), "JOB_LEASE_SECONDS": "4", "PYTHONUNBUFFERED": "1"} | more


def manage(env: dict[str, str], *words: str) -> str:
    command = [sys.executable, "manage.py", *words]
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def start_worker(env: dict[str, str], tmp_path: Path, name: str, *words: str) -> subprocess.Popen:
    with (tmp_path / f"{name}.log").open("w") as log:
        return subprocess.Popen([sys.executable, "manage.py", "run_worker", *words], env=env, cwd=ROOT, stderr=log)


def in_shell(env: dict[str, str], code: str) -> None:
    manage(env, "shell", "-v0", "-c", code)


def told(env: dict[str, str], what: str) -> str:
    """Columns of the one job and its asset, read beside the site's own processes."""
    path = Path(env["WENLAN_VAR"]) / "wenlan.sqlite3"
    with closing(sqlite3.connect(path, timeout=20)) as data:
        sql = f"SELECT {what} FROM media_pipeline_job job JOIN media_pipeline_mediaasset asset ON asset.id = asset_id"
        return " ".join(str(value) for value in data.execute(sql).fetchone())


def tallied(what: str) -> str:
    return f"(SELECT sum(number) FROM media_pipeline_tally WHERE what = '{what}' AND period = '')"


PACKAGES = "(SELECT count(*) FROM media_pipeline_package), (SELECT count(*) FROM media_pipeline_package WHERE current)"
WORKERS = "(SELECT count(*) FROM media_pipeline_worker)"
RECEIVE = "from pathlib import Path; from media_pipeline import intake; intake.receive_file(Path({!r}), owner='a')"


@pytest.fixture(scope="module")
def new_site(tmp_path_factory):
    """A function that makes a directory with a fresh database, migrated once for all of them."""
    made = tmp_path_factory.mktemp("migrated")
    manage(site_env(made), "migrate", "-v0")

    def copy(place: Path) -> None:
        shutil.copytree(made / "var", place / "var")

    return copy


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> Path:
    """Long enough to be killed in the middle of."""
    return make_clip(tmp_path_factory.mktemp("film") / "film.mp4", seconds=20, size="640x360")


@pytest.mark.parametrize("broker", ["database", "redis", "rabbitmq"])
def test_killed_worker_loses_nothing(tmp_path, request, new_site, film, broker):
    """kill -9 in mid-encode: another worker takes the job over when the lease ends, and there is one effect."""
    more = {}
    if broker != "database":
        more["TASKS_URL"] = request.getfixturevalue({"redis": "redis_url", "rabbitmq": "amqp_url"}[broker])
    env = site_env(tmp_path, **more)
    new_site(tmp_path)
    in_shell(env, RECEIVE.format(str(film)))
    first = start_worker(env, tmp_path, "first", "--queue", "media")
    try:
        until(lambda: told(env, "job.state, attempt, progress > 0.04") == "running 1 1", 300)
    finally:
        first.send_signal(signal.SIGKILL)
        first.wait()
    second = start_worker(env, tmp_path, "second", "--queue", "media")
    try:
        until(lambda: told(env, "job.state, asset.state") == "done published", 300)
        second.terminate()
        assert second.wait(20) == 0, (tmp_path / "second.log").read_text()[-2000:]
    finally:
        second.kill()
    assert told(env, f"attempt, failures, {PACKAGES}") == "2 0 1 1"
    assert told(env, f"{WORKERS}, {tallied('lost')}, {tallied('claimed')}") == "1 1 2"  # the dead one said no good-bye


def test_worker_that_is_told_to_stop_hands_its_job_back(tmp_path, new_site, film):
    env = site_env(tmp_path)
    new_site(tmp_path)
    in_shell(env, RECEIVE.format(str(film)))
    worker = start_worker(env, tmp_path, "worker")
    try:
        until(lambda: told(env, f"job.state, attempt, progress > 0.04, {WORKERS}") == "running 1 1 1", 300)
        worker.terminate()
        assert worker.wait(20) == 0, (tmp_path / "worker.log").read_text()[-2000:]
    finally:
        worker.kill()
    assert told(env, "job.state, attempt, failures, rung_at") == "queued 1 0 None"
    assert told(env, f"{WORKERS}, {tallied('handed-back')}, {tallied('lost')}") == "0 1 None"
    assert list((tmp_path / "var" / "work").iterdir()) == []


def test_many_workers_share_jobs_without_taking_one_twice(postgres_url, tmp_path):
    """Forty jobs, four processes on PostgreSQL: each job is claimed exactly once."""
    env = site_env(tmp_path, DATABASE_URL=postgres_url)
    manage(env, "migrate", "-v0", "media_pipeline")  # the claim needs no other room
    make = "from media_pipeline.models import *; from media_pipeline import leases\n"
    make += "[leases.enqueue(MediaAsset.objects.create(owner='a', title=str(n), filename='f')) for n in range(40)]"
    in_shell(env, make)
    take = "from media_pipeline import leases\n"
    take += "w, mine = leases.worker_name(), []\n"
    take += "while c := leases.claim(w, queue='media'): mine.append(c.job_id)\n"
    take += "print(*mine)"
    command = [sys.executable, "manage.py", "shell", "-v0", "-c", take]
    racers = [subprocess.Popen(command, env=env, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    taken = [int(number) for racer in racers for number in racer.communicate()[0].split()]
    assert sorted(taken) == list(range(1, 41))


@pytest.mark.django_db(transaction=True)
def test_bell_reaches_the_database_queue_only_after_commit(local_store):
    bells = DBTaskResult.objects.filter(queue_name="media")
    with transaction.atomic():
        tasks.enqueue(asset_with())
        inside = bells.count()
    assert (inside, bells.count()) == (0, 1)


def test_task_results_are_pruned_only_where_the_database_keeps_them(settings):
    settings.TASKS_URL = "amqp://127.0.0.1:9//"
    settings.TASKS = {"default": {"BACKEND": "media_pipeline.celery_backend.CeleryBackend", "QUEUES": ["default"]}}
    sweeper.prune_task_results()  # the command of django-tasks-db would refuse


def test_bells_that_nobody_hears_leave_the_broker(amqp_url, monkeypatch, settings):
    """A real RabbitMQ drops a bell for media after its time; a light task stays."""
    from kombu import Connection

    from media_pipeline import celery_backend

    monkeypatch.setattr(celery_backend, "BELL_SECONDS", 1.0)
    monkeypatch.setattr(celery_backend.app.conf, "broker_url", amqp_url)
    media, default = (f"{name}-{uuid4().hex}" for name in ("media", "default"))
    settings.TASKS = {"default": {"BACKEND": "media_pipeline.celery_backend.CeleryBackend", "QUEUES": [media, default]}}
    monkeypatch.setattr(celery_backend, "MEDIA", media)
    for name in (media, default):
        tasks.work.using(queue_name=name).enqueue("media")
    with Connection(amqp_url) as link:

        def waiting(name: str) -> int:
            return link.default_channel.queue_declare(queue=name, passive=True).message_count

        assert waiting(default) == 1
        until(lambda: waiting(media) == 0, 60)
        assert waiting(default) == 1
        for name in (media, default):
            link.default_channel.queue_delete(name)
