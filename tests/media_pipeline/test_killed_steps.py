"""Killed at every call of store and database: after a restart, the sweeper and the auditor, one correct state is left.

A kill is an exception that nothing catches, before or after each write to the store, before each statement that writes
and right after each commit; what was to follow a commit is lost with the process, as it is in a real one. Kills of real
processes in mid-film are in test_kills."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
import urllib3
from django.db import connection
from django.utils import timezone

from media_pipeline import audit, intake, jobs, pipeline, storage, sweeper, uploads
from media_pipeline.models import Job, MediaAsset, Package, Upload
from tests.media_pipeline import clips
from tests.media_pipeline.parts import crc

pytestmark = pytest.mark.django_db(transaction=True)
STORE_WRITES = ("put_file", "put_bytes", "delete", "delete_prefix")
MOST = 300  # steps; more means that a countdown never ran out


class Killed(BaseException):
    pass


class Countdown:
    def __init__(self, steps: int) -> None:
        self.left = steps

    def step(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise Killed


@contextmanager
def killed_at(number: int, store, monkeypatch) -> Iterator[Countdown]:
    """A process that dies at its ``number``-th step; nothing happens when it has fewer."""
    countdown = Countdown(number)

    def around(call: Callable) -> Callable:
        def stepping(*args, **named):
            countdown.step()
            answer = call(*args, **named)
            countdown.step()
            return answer

        return stepping

    def statement(execute, sql, params, many, context):
        if sql.split(None, 1)[0] in {"INSERT", "UPDATE", "DELETE"}:
            countdown.step()
        return execute(sql, params, many, context)

    commit = connection._commit

    def commits():
        commit()
        countdown.step()

    with monkeypatch.context() as patch, connection.execute_wrapper(statement):
        for name in STORE_WRITES:
            patch.setattr(store, name, around(getattr(store, name)))
        patch.setattr(connection, "_commit", commits)
        try:
            yield countdown
        except Killed:
            connection.run_on_commit.clear()


def recover() -> None:
    """What the workers do after a restart, with everything old enough to be judged."""
    Job.objects.filter(state="running").update(lease_until=timezone.now() - timedelta(hours=1))
    uploads.sweep()
    for _ in range(2):
        jobs.run_until_done(MediaAsset.objects.all())
        Package.objects.filter(current=False).update(replaced_at=timezone.now() - 2 * sweeper.KEPT)
        sweeper.remove_old_packages()
        sweeper.remove_orphans(suspect_seconds=0)
        MediaAsset.objects.update(created_at=timezone.now() - timedelta(days=2))
        for finding in list(audit.look()):
            audit.mend(finding)


def assert_one_state(store) -> None:
    assert list(audit.look(deep=True)) == []
    assert list(store.list("work")) == list(store.list("parts")) == []
    assert not Upload.objects.filter(state=Upload.State.OPEN).exists()
    for asset in MediaAsset.objects.all():
        assert (asset.state, asset.packages.count()) == ("published", 1)


def each_kill(store, monkeypatch, act: Callable[[], object], before: Callable[[], object]) -> Iterator[int]:
    """Die at every step in turn, every third on a bucket; ends when the work is done without dying."""
    for number in range(1, MOST, 1 if isinstance(store, storage.LocalStore) else 3):
        before()
        with killed_at(number, store, monkeypatch) as countdown:
            act()
        yield number
        if countdown.left > 0:
            return
    pytest.fail(f"{MOST} steps did not bring it to its end")


@pytest.fixture
def pictures(any_store, settings, tmp_path):
    settings.UPLOAD_STALE_HOURS = 0
    for name, size in (("old.png", (320, 200)), ("new.png", (300, 180))):
        (tmp_path / name).write_bytes(clips.picture(*size, "PNG"))
    return tmp_path


def start_over(store) -> None:
    MediaAsset.objects.all().delete()
    Upload.objects.all().delete()
    for folder in storage.FOLDERS:
        store.delete_prefix(folder)


def received(path) -> MediaAsset:
    asset = intake.receive_file(path, owner="a")
    jobs.run_until_done([asset])
    return asset


def test_upload_that_is_completed(pictures, any_store, monkeypatch):
    """The client comes again after every other kill, and never after the rest."""
    data, here = (pictures / "old.png").read_bytes(), {}

    def sent() -> None:
        start_over(any_store)
        upload = here["upload"] = uploads.create(owner="a", filename="画.png", size=len(data))
        signed = uploads.sign_part(upload, 1, crc(data))
        if signed.url.startswith("/"):
            from django.test import Client

            kind = "application/octet-stream"
            assert Client().put(signed.url, data, content_type=kind, headers=signed.headers).status_code == 200
        else:
            answer = urllib3.request("PUT", signed.url, body=data, headers=signed.headers, retries=False)
            assert answer.status == 200

    for number in each_kill(any_store, monkeypatch, lambda: uploads.complete(here["upload"]), sent):
        comes_again = number % 2
        if comes_again:
            uploads.complete(Upload.objects.get(pk=here["upload"].pk))
        recover()
        assert_one_state(any_store)
        assert MediaAsset.objects.count() == (1 if comes_again else Upload.objects.filter(state="complete").count())


def test_package_that_is_made_and_published(pictures, any_store, monkeypatch):
    def arrived() -> None:
        start_over(any_store)
        intake.receive_file(pictures / "old.png", owner="a")

    def work() -> None:
        jobs.work_until_empty("media")

    for _ in each_kill(any_store, monkeypatch, work, arrived):
        recover()
        assert_one_state(any_store)
        assert MediaAsset.objects.count() == 1


def test_original_that_is_replaced(pictures, any_store, monkeypatch):
    def published() -> None:
        start_over(any_store)
        received(pictures / "old.png")

    def replace() -> None:
        pipeline.replace_source(MediaAsset.objects.get(), pictures / "new.png")
        jobs.work_until_empty("media")

    for _ in each_kill(any_store, monkeypatch, replace, published):
        recover()
        assert_one_state(any_store)
        asset = MediaAsset.objects.get()
        assert list(any_store.list("originals")) == [asset.original_key]
        assert (asset.filename, asset.width) in {("old.png", 320), ("new.png", 300)}


def test_asset_that_is_deleted(pictures, any_store, monkeypatch):
    def published() -> None:
        start_over(any_store)
        received(pictures / "old.png")

    for _ in each_kill(any_store, monkeypatch, lambda: MediaAsset.objects.get().delete(), published):
        recover()
        assert_one_state(any_store)
        if not MediaAsset.objects.exists():
            assert [key for folder in storage.FOLDERS for key in any_store.list(folder)] == []
