"""Looking a table through and bringing it in: the work of ``ImportRun``, done by a task.

The fates of a batch are written in the transaction that stores it, so a worker that is killed leaves whole batches
behind and another goes on with the next row. A task works for some seconds, then queues its continuation, so that other
light work gets its turn; a lease keeps two workers from the same run, and is renewed while a large file is read.
"""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone
from django_tasks import task

from catalog import policy
from catalog.errors import FileRefused
from catalog.importers import buckets, read
from catalog.importers.loading import Fate, Import
from catalog.importers.media import MediaSource, Received
from catalog.importers.shelves import ArchiveShelf, Shelf, StoreShelf
from catalog.models import Course
from catalog.signals import import_ended
from cms.models import Heading, ImportedRow, ImportRun
from media_pipeline import periodic
from media_pipeline.errors import Failed
from media_pipeline.storage import store

LEASE = timedelta(seconds=60)
STORED_A_SECOND = 8 * 1024**2  # bytes, where the line to the store is slow
TURN = 5.0  # seconds of one task
KEPT = timedelta(days=90)
MAX_BYTES = 20 * 1024**2
"""Of a table. Forty thousand rows with descriptions have eight."""
LEFT_TOLD = 200
"""Entries that an archive does not give, of which people are told."""


TELL_US = "已经导入的行不会重复；再试一次还是这样时，请告诉管理员。"

logger = logging.getLogger(__name__)


class _TurnOver(Exception):
    """So many seconds are over; the rest is queued."""


def begin(user: Any, institution: Any, filename: str, content: bytes, **more: Any) -> ImportRun:
    """Notes a table and queues the look through it. ``more``: ``publish``, ``source``, ``archive``."""
    with transaction.atomic():
        run = ImportRun.objects.create(
            user=user, institution=institution, filename=filename[-255:], content=content, **more
        )
        transaction.on_commit(partial(work.enqueue, run.pk), robust=True)
    return run


def again(run: ImportRun, phase: str) -> None:
    """Begins a phase from the first row, unless one is going on."""
    with transaction.atomic():
        free = ImportRun.objects.filter(pk=run.pk).exclude(state=ImportRun.State.WORKING)
        fresh: dict[str, Any] = {"coming": {}} if phase == ImportRun.Phase.CHECK else {}
        if free.update(phase=phase, state=ImportRun.State.WORKING, done=0, reason="", finished_at=None, **fresh):
            ImportedRow.objects.filter(run=run).delete()
            transaction.on_commit(partial(work.enqueue, run.pk), robust=True)


@task(queue_name="default", priority=10)
def work(run_id: int) -> int:
    """Works on a run for ``TURN`` seconds; the number of rows that are done."""
    run = _take(run_id)
    if run is None:
        return 0
    with tempfile.TemporaryDirectory(prefix="wenlan-import-") as folder:
        path = Path(folder) / f"table{PurePosixPath(run.filename).suffix.lower()}"
        path.write_bytes(run.content)
        try:
            _go_through(run, path)
        except _TurnOver:
            ImportRun.objects.filter(pk=run.pk).update(lease_until=None)
            work.enqueue(run.pk)
        except FileRefused as refused:
            _end(run, ImportRun.State.REFUSED, str(refused).replace(path.name, run.filename))
        except Failed as failed:
            _end(run, ImportRun.State.REFUSED, f"{failed.sentence}可以稍后再试一次，已经导入的行不会重复。")
        except Exception:  # whatever it is, the next worker would meet it too, and the one after it
            logger.exception("import %s", run.pk)
            _end(run, ImportRun.State.REFUSED, f"这次没有做完：服务器出了错。{TELL_US}")
        else:
            _end(run, ImportRun.State.DONE)
    return ImportRun.objects.values_list("done", flat=True).get(pk=run.pk)


def _take(run_id: int) -> ImportRun | None:
    now = timezone.now()
    free = ImportRun.objects.filter(Q(lease_until=None) | Q(lease_until__lt=now), pk=run_id)
    taken = free.filter(state=ImportRun.State.WORKING).update(lease_until=now + LEASE)
    return ImportRun.objects.select_related("institution", "archive").get(pk=run_id) if taken else None


def _go_through(run: ImportRun, path: Path) -> None:
    names = dict(Heading.objects.filter(institution=run.institution).values_list("heading", "field"))
    if not run.rows:
        ImportRun.objects.filter(pk=run.pk).update(rows=sum(1 for _record in read(path, names)))
    user = get_user_model().objects.filter(pk=run.user_id or 0, is_active=True).first()
    if user is None or not policy.may(user, "add", Course(institution=run.institution)):
        raise FileRefused("no-right", "提交这张表的人已经不能在这家机构建立课程。", "请由机构的编辑重新导入。")
    ends = time.monotonic() + TURN
    media = _media_of(run)
    publish = run.publish and policy.may(user, "publish", Course(institution=run.institution))

    def pause(_rows: int) -> None:
        _renew(run)
        if time.monotonic() > ends:
            raise _TurnOver

    Import(
        run.institution,
        publish=publish,
        dry_run=run.phase == ImportRun.Phase.CHECK,
        media=media,
        only=own_institutions(user, publish=publish),
        user=user,
        progress=pause,
        tell=partial(_write_down, run, media),
        after=run.done,
    ).run(read(path, names))


def _renew(run: ImportRun, size: int = 0) -> None:
    """For another lease, and for as long as storing a file of ``size`` bytes may take."""
    until = timezone.now() + LEASE + timedelta(seconds=size / STORED_A_SECOND)
    ImportRun.objects.filter(pk=run.pk).update(lease_until=until)


def _media_of(run: ImportRun) -> MediaSource | Received:
    """Where the files of a run are. Raises FileRefused where it is closed or gone, Failed where it does not answer."""
    uploaded = Received(run.institution.code)
    if not run.source:
        return uploaded
    shelf: Shelf
    if run.source == ImportRun.ARCHIVE:
        if run.archive is None:
            raise FileRefused("archive-gone", "压缩包太久没有用，已经删除。", "请重新上传压缩包，再检查一次。")
        run.archive.save(update_fields=["touched_at"])
        shelf, where = ArchiveShelf(store(), run.archive.key), "压缩包"
        told = [[one.name, one.reason, one.remedy] for one in shelf.left_out[:LEFT_TOLD]]
        ImportRun.objects.filter(pk=run.pk).update(left_out=told)
    else:
        name = run.source.removeprefix(ImportRun.BUCKET)
        shelf, where = StoreShelf(buckets.opened(name, run.institution)), f"存储桶“{name}”"
    beat = _Beat(partial(_renew, run))
    more: dict[str, Any] = {"beat": beat, "storing": partial(_renew, run), "coming": run.coming}
    return MediaSource(shelf=shelf, where=where, uploaded=uploaded, limited=True, **more)


class _Beat:
    """Calls ``work`` again and again, though not more often than each quarter of the lease."""

    def __init__(self, work: Callable[[], None]) -> None:
        self.work, self.due = work, time.monotonic() + LEASE.total_seconds() / 4

    def __call__(self) -> None:
        if time.monotonic() > self.due:
            self.work()
            self.due = time.monotonic() + LEASE.total_seconds() / 4


def own_institutions(user: Any, *, publish: bool) -> set[int]:
    """Keys of the institutions whose courses this person's tables may name."""
    own = set(policy.institutions_of(user, policy.roles_for(Course, "add")).values_list("pk", flat=True))
    if publish:
        own &= set(policy.institutions_of(user, policy.roles_for(Course, "publish")).values_list("pk", flat=True))
    return own


def _write_down(run: ImportRun, media: MediaSource | Received, fates: list[Fate]) -> None:
    ImportedRow.objects.bulk_create(
        ImportedRow(
            run=run,
            row=fate.row,
            fate=fate.kind,
            external_id=fate.id[:200],
            title=fate.title[:255],
            told={
                "changes": [[one.column, one.before[:200], one.after[:200]] for one in fate.changes],
                "problems": [[one.column, one.value, one.reason, one.remedy] for one in fate.problems],
                "files": [[one.name, one.found, one.bytes, one.kind, one.known] for one in fate.files],
            },
        )
        for fate in fates
    )
    coming = {"coming": media.coming} if isinstance(media, MediaSource) and run.phase == ImportRun.Phase.CHECK else {}
    if fates:
        ImportRun.objects.filter(pk=run.pk).update(done=fates[-1].row, **coming)


def _end(run: ImportRun, state: str, reason: str = "") -> None:
    ImportRun.objects.filter(pk=run.pk).update(state=state, reason=reason, lease_until=None, finished_at=timezone.now())
    if run.phase == ImportRun.Phase.BRING:
        import_ended.send(ImportRun)


def counts(run: ImportRun) -> dict[str, int]:
    """Rows by fate. One query."""
    found = dict(run.fates.order_by().values_list("fate").annotate(Count("pk")))
    return {fate.value: found.get(fate.value, 0) for fate in ImportedRow.Fate}


@periodic.every(seconds=30, name="imports")
def ring_again() -> int:
    """Queues runs that nobody works on, and forgets old ones."""
    now = timezone.now()
    ImportRun.objects.filter(created_at__lt=now - KEPT).exclude(state=ImportRun.State.WORKING).delete()
    quiet = Q(lease_until__lt=now) | Q(lease_until=None, created_at__lt=now - LEASE)
    waiting = ImportRun.objects.filter(quiet, state=ImportRun.State.WORKING).values_list("pk", flat=True)
    for key in waiting:
        work.enqueue(key)
    return len(waiting)
