"""Jobs with leases. The row is the only truth: brokers may lose, repeat or delay their messages as they like.

A worker *claims* a queued job by compare-and-swap and holds it while its lease is renewed by a heartbeat. A claim is
named by worker and attempt, and every write about the job names the claim, so a worker that lost its lease can change
nothing any more. Times are the database's own clock: machines need not agree on theirs.

=========  ==================================================================================
ends with  then
=========  ==================================================================================
done       in the same transaction as the rows that publish the package: one effect, or none
Refused    asset rejected with the reason; no further attempt
Failed     queued again after 15 s, then 60 s; after the third failure the asset has failed
Stopped    handed back at once (the worker was told to stop)
LeaseLost  nothing: the job belongs to somebody else now
=========  ==================================================================================
"""

import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from types import TracebackType
from typing import Any

from django.conf import settings
from django.db import Error, close_old_connections, connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from media_pipeline import pipeline
from media_pipeline.errors import Failed, MediaError, Refused
from media_pipeline.models import AssetState, Job, JobState, MediaAsset
from media_pipeline.signals import asset_refused, job_moved

logger = logging.getLogger(__name__)

OPEN = (JobState.QUEUED, JobState.RUNNING)
MAX_FAILURES = 3
MAX_LOST = 20  # a claim lost this often was not lost to chance: the file takes its workers down
CLOCKS_DIFFER = timedelta(minutes=1)  # between this machine and the database; what is due now must not look early
CANDIDATES = 8  # looked at in one claim, so that workers who wake together do not all want the same row

Watch = Callable[[MediaAsset, str, float], None]

stopping = threading.Event()
"""Set when this process was told to stop: running jobs hand themselves back at their next report."""


_held: dict[int, "Claim"] = {}  # claims that run in this process, by job


class Stopped(Exception):
    """This process is going away; the job is handed back."""


class LeaseLost(Exception):
    """The job belongs to another worker now; whatever was made here is dropped."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on a job, valid until its lease ends."""

    job_id: int
    asset_id: int
    worker: str
    attempt: int

    def rows(self) -> QuerySet[Job]:
        """The job's row while the claim is valid, else nothing. Past its lease a claim holds until it is taken."""
        return Job.objects.filter(pk=self.job_id, worker=self.worker, attempt=self.attempt, state=JobState.RUNNING)


def worker_name() -> str:
    """Unique among threads, processes and machines."""
    return f"{socket.gethostname()[:60]}:{os.getpid()}:{secrets.token_hex(4)}"


def enqueue(asset: MediaAsset, *, queue: str = "media", priority: int = 0) -> Job:
    """The open job of ``asset``, made if there is none. Nobody is told of it: see ``tasks.enqueue``."""
    due = timezone.now() - CLOCKS_DIFFER
    job, _made = Job.objects.get_or_create(
        asset=asset,
        state__in=OPEN,
        defaults={"queue": queue, "priority": priority, "state": JobState.QUEUED, "not_before": due},
    )
    return job


def claim(worker: str, *, queue: str | None = None, assets: Iterable[int] | None = None) -> Claim | None:
    """Take the next due job, of one queue or of these assets (primary keys) only; None when there is none."""
    due = Job.objects.filter(state=JobState.QUEUED, not_before__lte=Now())
    if queue is not None:
        due = due.filter(queue=queue)
    if assets is not None:
        due = due.filter(asset__in=list(assets))
    for job in due[:CANDIDATES]:
        won = Job.objects.filter(pk=job.pk, state=JobState.QUEUED, attempt=job.attempt).update(
            state=JobState.RUNNING,
            worker=worker,
            attempt=job.attempt + 1,
            lease_until=_lease_end(),
            heartbeat_at=Now(),
            step="",
            progress=0.0,
            reason="",
            reason_code="",
        )
        if won:
            return Claim(job.pk, job.asset_id, worker, job.attempt + 1)
    return None


def beat(claim: Claim, step: str, progress: float) -> bool:
    """Renew the lease and write down how far the work is; False when the claim is lost."""
    renewed = claim.rows().update(
        lease_until=_lease_end(), heartbeat_at=Now(), step=step[:80], progress=min(progress, 1.0)
    )
    return bool(renewed)


def finish(claim: Claim, cpu_seconds: float | None = None) -> None:
    """Mark the job done. Called inside the transaction that publishes; raises LeaseLost to undo that."""
    if not claim.rows().update(
        state=JobState.DONE, progress=1.0, lease_until=None, finished_at=Now(), cpu_seconds=cpu_seconds
    ):
        raise LeaseLost(str(claim))


def hand_back(claim: Claim) -> None:
    """Put the job back for whoever comes next. ``rung_at`` is cleared, so that the sweeper tells somebody."""
    claim.rows().update(state=JobState.QUEUED, lease_until=None, rung_at=None, not_before=Now())


def hand_back_all() -> None:
    """Put back whatever still runs in this process, which is about to end."""
    for claimed in list(_held.values()):
        hand_back(claimed)


def give_up(claim: Claim, error: MediaError) -> None:
    """After an error: another attempt where that may help, otherwise the end of the asset."""
    with transaction.atomic():
        job = claim.rows().select_for_update().first()
        if job is None:
            return
        job.failures += 1
        job.reason_code, job.reason = error.code, error.reason[:500]
        job.lease_until = None
        if isinstance(error, Refused) or job.failures >= MAX_FAILURES:
            _close(job, rejected=isinstance(error, Refused))
        else:
            job.state = JobState.QUEUED
            job.rung_at = None
            job.not_before = timezone.now() + timedelta(seconds=15 * 4 ** (job.failures - 1))
        job.save()


def _close(job: Job, *, rejected: bool) -> None:
    """End the job and its asset, and tell the rooms above once that is certain."""
    job.state, job.finished_at = JobState.FAILED, timezone.now()
    asset = job.asset
    asset.state = AssetState.REJECTED if rejected else AssetState.FAILED
    asset.reason_code, asset.reason = job.reason_code, job.reason
    asset.save(update_fields=["state", "reason_code", "reason"])
    transaction.on_commit(partial(pipeline.tell, asset_refused, asset))


def requeue_expired() -> int:
    """Take jobs from workers that have not renewed their lease, and queue them again. How many."""
    expired = Job.objects.filter(state=JobState.RUNNING, lease_until__lt=Now())
    moved = 0
    for job in expired.select_related("asset"):
        mine = Job.objects.filter(pk=job.pk, attempt=job.attempt, state=JobState.RUNNING, lease_until__lt=Now())
        if job.attempt < MAX_LOST:
            moved += mine.update(state=JobState.QUEUED, lease_until=None, rung_at=None, not_before=Now())
            continue
        with transaction.atomic():
            if mine.update(lease_until=None):
                job.lease_until, job.reason_code = None, "lost"
                job.reason = "处理这个文件时，工作进程多次中断。请换一种格式导出后重新上传。"
                _close(job, rejected=False)
                job.save()
    return moved


def unheard(*, again_after: float = 60.0, limit: int = 8) -> list[str]:
    """Queues with due jobs of which no worker has been told lately, one entry a job; they count as told from now on."""
    now = timezone.now()
    waiting = Job.objects.filter(state=JobState.QUEUED, not_before__lte=Now()).exclude(
        rung_at__gt=now - timedelta(seconds=again_after)
    )
    return [
        job.queue
        for job in waiting[:limit]
        if Job.objects.filter(pk=job.pk, state=JobState.QUEUED, rung_at=job.rung_at).update(rung_at=now)
    ]


class Heart:
    """Renews a claim from a thread of its own while the work goes on, and carries its progress to the database."""

    def __init__(self, claim: Claim, asset: MediaAsset, watch: Watch | None = None) -> None:
        self.claim = claim
        self.asset = asset
        self.watch = watch
        self.step = ""
        self.progress = 0.0
        self.lost = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._live, name=f"heart-{claim.job_id}", daemon=True)

    def __enter__(self) -> "Heart":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()

    def report(self, step: str, progress: float) -> None:
        """How the work tells where it is (0..1), and learns that it should end: raises Stopped or LeaseLost."""
        self.step, self.progress = step, max(self.progress, progress)
        if self.lost:
            raise LeaseLost(str(self.claim))
        if stopping.is_set():
            raise Stopped

    def _live(self) -> None:
        lease = settings.JOB_LEASE_SECONDS
        renewed, told = time.monotonic(), ("", 0.0)
        while not self._over.wait(min(1.0, lease / 4)):
            now = (self.step, self.progress)
            if now == told and time.monotonic() - renewed < lease / 4:
                continue
            try:
                self.lost = not beat(self.claim, *now)
            except Error:  # the database is away: the claim holds until the lease ends, whoever is to blame
                connection.close()
                self.lost = time.monotonic() - renewed > lease
            else:
                renewed, told = time.monotonic(), now
                self._tell()
            if self.lost:
                break
        connection.close()

    def _tell(self) -> None:
        job_moved.send(sender=Job, asset=self.asset, step=self.step, progress=self.progress)
        if self.watch is not None:
            self.watch(self.asset, self.step, self.progress)


def run(claim: Claim, *, watch: Watch | None = None) -> None:
    """Do the work of a claim and write down how it ended. Raises Stopped after handing the job back."""
    asset = MediaAsset.objects.get(pk=claim.asset_id)
    _held[claim.job_id] = claim
    try:
        with Heart(claim, asset, watch) as heart:
            pipeline.process(asset, heart.report, partial(finish, claim))
    except (Stopped, KeyboardInterrupt):
        hand_back(claim)
        raise
    except LeaseLost:
        logger.warning("job %s: lease lost in attempt %s", claim.job_id, claim.attempt)
    except MediaError as error:
        logger.warning("job %s, attempt %s: %s", claim.job_id, claim.attempt, error)
        give_up(claim, error)
    except Exception:  # the one catch of the worker: nothing a file does may end it
        logger.exception("job %s, attempt %s", claim.job_id, claim.attempt)
        give_up(claim, Failed("internal", "处理时出现意外错误。", "系统会自动重试；若仍失败，请联系管理员。"))
    finally:
        _held.pop(claim.job_id, None)


def work_until_empty(queue: str) -> int:
    """Claim and run jobs of ``queue`` until none is due or this process is told to stop. How many were run."""
    worker, ran = worker_name(), 0
    while not stopping.is_set() and (claimed := claim(worker, queue=queue)):
        ran += 1
        try:
            run(claimed)
        except Stopped:
            break
        close_old_connections()
    return ran


def run_until_done(assets: Iterable[MediaAsset], *, report: Watch | None = None) -> None:
    """Bring the open jobs of ``assets`` to their end: run them here, wait for those that another worker holds, and take
    them over when its lease ends. ``report(asset, step, progress)`` about once a second, from another thread."""
    pks, worker = [asset.pk for asset in assets], worker_name()
    while Job.objects.filter(asset__in=pks, state__in=OPEN).exists():
        claimed = claim(worker, assets=pks)
        if claimed is not None:
            run(claimed, watch=report)
        else:
            requeue_expired()
            time.sleep(0.3)


def _lease_end() -> Any:
    return Now() + timedelta(seconds=settings.JOB_LEASE_SECONDS)
