"""The queue of jobs: who may work on what, and in which order. The row is the only truth: brokers may lose, repeat or
delay their messages as they like.

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
LeaseLost  nothing: the job belongs to somebody else now, or was cancelled
=========  ==================================================================================
"""

import os
import secrets
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.db.models.functions import Greatest, Now
from django.utils import timezone

from accounts import trail
from media_pipeline import tallies
from media_pipeline.errors import MediaError, Refused
from media_pipeline.models import AssetState, Job, JobKind, JobState, MediaAsset
from media_pipeline.signals import asset_refused, tell
from media_pipeline.tallies import What

OPEN = (JobState.QUEUED, JobState.RUNNING)
PARTS = (JobKind.SIDES, JobKind.PICTURES)
ROUND = (JobKind.MAKE, JobKind.WHOLE, *PARTS, JobKind.JOIN)  # what together makes an asset playable
MAX_FAILURES = 3
MAX_LOST = 20  # a claim lost this often was not lost to chance: the file takes its workers down
CLOCKS_DIFFER = timedelta(minutes=1)  # between this machine and the database; what is due now must not look early
CANDIDATES = 8  # looked at in one claim, so that workers who wake together do not all want the same row
OVERTAKEN = 168  # seconds that younger work may overtake for each second of film: a week for an hour
GUESSED_RATE = 500_000  # bytes a second of film, before a file has been looked at

Log = list[dict[str, Any]]


class LeaseLost(Exception):
    """The job belongs to another worker now, or to nobody; whatever was made here is dropped."""


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


def process_name() -> str:
    """Unique among processes and machines."""
    return f"{socket.gethostname()[:60]}:{os.getpid()}"


def worker_name() -> str:
    """Unique among threads, processes and machines."""
    return f"{process_name()}:{secrets.token_hex(4)}"


def rank(owner: str, seconds: float) -> datetime:
    """When work of ``seconds`` of film comes to its turn: short films before long ones, owners in turn, and nothing
    waits for ever.

    Each second of film may be overtaken for ``OVERTAKEN`` seconds by what comes later. It counts from now, or from the
    last of the owner's own waiting films that are not longer; so one who brings a thousand films shares the workers
    with one who brings two, and does not keep his own short film waiting either."""
    mine = Job.objects.filter(owner=owner, state__in=OPEN, seconds__lte=seconds)
    last = mine.order_by("-rank").values_list("rank", flat=True).first()
    now = timezone.now()
    return max(now, last or now) + timedelta(seconds=OVERTAKEN * seconds)


def guessed_seconds(asset: MediaAsset) -> float:
    """Seconds of film that the first job of an asset may cost; what is longer is only looked at and cut."""
    return min(asset.duration or asset.bytes / GUESSED_RATE, settings.MEDIA_WHOLE_SECONDS)


def enqueue(asset: MediaAsset, *, kind: str = JobKind.MAKE, queue: str = "media", priority: int = 0) -> Job:
    """The open job of ``asset`` that leads to the same end, or a new one. Nobody is told of it: see
    ``tasks.enqueue``."""
    same = ROUND if kind in ROUND else (kind,)
    found = Job.objects.filter(asset=asset, kind__in=same, state__in=OPEN).first()
    if found is not None:
        return found
    seconds = guessed_seconds(asset) if kind == JobKind.MAKE else 0.0
    try:
        with transaction.atomic():
            return Job.objects.create(
                asset=asset,
                kind=kind,
                queue=queue,
                priority=priority,
                owner=asset.owner,
                seconds=seconds,
                rank=rank(asset.owner, seconds),
                not_before=due(),
                request_id=trail.current(),
            )
    except IntegrityError:  # made by somebody else at this moment
        return Job.objects.get(asset=asset, kind=kind, state__in=OPEN)


def add(  # noqa: PLR0913  each says something else about the work
    after: Job, kind: str, *, place: str = "", seconds: float = 0.0, turn: datetime | None = None, spans: int = 1
) -> None:
    """Queue what follows from ``after`` for the same asset, whose row is locked; ``turn`` is its rank, if not now."""
    shared = {"asset_id": after.asset_id, "owner": after.owner, "queue": after.queue, "priority": after.priority}
    shared["request_id"] = after.request_id
    turn = turn or rank(after.owner, seconds)
    Job.objects.bulk_create(
        Job(kind=kind, span=span, place=place, seconds=seconds, rank=turn, not_before=due(), **shared)
        for span in range(spans)
    )


def open_parts(asset: MediaAsset) -> QuerySet[Job]:
    return Job.objects.filter(asset=asset, kind__in=PARTS, state__in=OPEN)


def is_open(job: Job) -> bool:
    """Whether whoever claimed ``job`` still holds it."""
    return Claim(job.pk, job.asset_id, job.worker, job.attempt).rows().exists()


def last_round(asset: MediaAsset) -> list[Job]:
    """The jobs of the latest work on ``asset`` as a whole, in the order they were made."""
    jobs = list(Job.objects.filter(asset=asset, kind__in=ROUND).order_by("pk"))
    begins = max((n for n, job in enumerate(jobs) if job.kind in (JobKind.MAKE, JobKind.WHOLE)), default=0)
    return jobs[begins:]


def reopen(asset: MediaAsset) -> int:
    """Queue again what failed or was called off in the latest round; what is done stays done. How many."""
    again = [job.pk for job in last_round(asset) if job.state in (JobState.FAILED, JobState.CANCELLED)]
    return Job.objects.filter(pk__in=again).update(
        state=JobState.QUEUED, failures=0, not_before=Now(), rung_at=None, finished_at=None, reason="", reason_code=""
    )


def due() -> datetime:
    """A moment that no worker takes for the future."""
    return timezone.now() - CLOCKS_DIFFER


def claim(worker: str, *, queue: str | None = None, assets: Iterable[int] | None = None) -> Claim | None:
    """Take the next due job, of one queue or of these assets (primary keys) only; None when there is none."""
    waiting = Job.objects.filter(state=JobState.QUEUED, not_before__lte=Now())
    if queue is not None:
        waiting = waiting.filter(queue=queue)
    if assets is not None:
        waiting = waiting.filter(asset__in=list(assets))
    for job in waiting[:CANDIDATES]:
        won = Job.objects.filter(pk=job.pk, state=JobState.QUEUED, attempt=job.attempt).update(
            state=JobState.RUNNING,
            worker=worker,
            attempt=job.attempt + 1,
            lease_until=_lease_end(),
            heartbeat_at=Now(),
            started_at=job.started_at or Now(),
            seconds_left=None,
            step="",
            reason="",
            reason_code="",
        )
        if won:
            tallies.add(What.CLAIMED, job.queue)
            return Claim(job.pk, job.asset_id, worker, job.attempt + 1)
    return None


def beat(
    claim: Claim, step: str, progress: float, *, seconds_left: float | None = None, log: Log | None = None
) -> bool:
    """Renew the lease and write down how far the work is; False when the claim is lost."""
    written = {"log": log} if log is not None else {}
    renewed = claim.rows().update(
        lease_until=_lease_end(),
        heartbeat_at=Now(),
        step=step[:80],
        progress=Greatest("progress", min(progress, 1.0)),
        seconds_left=seconds_left,
        **written,
    )
    return bool(renewed)


def finish(claim: Claim, cpu_seconds: float | None = None, *, log: Log | None = None) -> None:
    """Mark the job done. Called inside the transaction that publishes; raises LeaseLost to undo that."""
    written = {"log": log} if log is not None else {}
    if not claim.rows().update(
        state=JobState.DONE,
        progress=1.0,
        seconds_left=0.0,
        lease_until=None,
        finished_at=Now(),
        cpu_seconds=cpu_seconds,
        **written,
    ):
        raise LeaseLost(str(claim))
    job = Job.objects.get(pk=claim.job_id)
    tallies.finished(job, cpu_seconds, job.log)


def hand_back(claim: Claim) -> None:
    """Put the job back for whoever comes next. ``rung_at`` is cleared, so that the sweeper tells somebody."""
    job = claim.rows().first()
    if job and claim.rows().update(state=JobState.QUEUED, lease_until=None, rung_at=None, not_before=Now()):
        tallies.add(What.HANDED_BACK, job.queue)


def give_up(claim: Claim, error: MediaError) -> None:
    """After an error: another attempt where that may help, otherwise the end of the asset."""
    with transaction.atomic():
        MediaAsset.objects.select_for_update().filter(pk=claim.asset_id).first()  # always before its jobs
        job = claim.rows().select_for_update().first()
        if job is None:
            return
        job.failures += 1
        job.reason_code, job.reason = error.code, error.reason[:500]
        job.lease_until, job.seconds_left = None, None
        job.log = [*job.log, noted(job, error.reason)]
        if _is_of_cutting(job, error):
            _make_whole(job)
        elif isinstance(error, Refused) or job.failures >= MAX_FAILURES:
            _close(job, rejected=isinstance(error, Refused))
        else:
            job.state = JobState.QUEUED
            job.rung_at = None
            job.not_before = timezone.now() + timedelta(seconds=15 * 4 ** (job.failures - 1))
        job.save()
    tallies.add(What.FAILED, job.queue)


def _is_of_cutting(job: Job, error: MediaError) -> bool:
    """Whether the film may still be made in one go, though not in parts."""
    if job.kind not in (*PARTS, JobKind.JOIN) or error.code in ("original-missing", "original-changed"):
        return False
    spoilt = error.code in ("bad-package", "bad-output") and job.failures >= MAX_FAILURES
    return isinstance(error, Refused) or error.code == "parts-gone" or spoilt


def _make_whole(job: Job) -> None:
    job.state, job.finished_at = JobState.FAILED, timezone.now()
    cancel(job.asset, but=job)
    add(job, JobKind.WHOLE, seconds=job.seconds, turn=job.rank)


def noted(job: Job, note: str) -> dict[str, Any]:
    """A line of the log about an event that took no time."""
    return {"step": job.step, "attempt": job.attempt, "at": timezone.now().isoformat(), "seconds": 0.0, "note": note}


def _close(job: Job, *, rejected: bool) -> None:
    """End the job and the asset's other work, and tell the rooms above once that is certain.

    What people can watch stays: only a first rung whose film turned out bad is withdrawn."""
    job.state, job.finished_at = JobState.FAILED, timezone.now()
    if job.kind in (JobKind.FIRST, JobKind.POSTER, JobKind.CAPTIONS):
        return
    asset = job.asset
    cancel(asset, but=job)
    if rejected:
        asset.packages.filter(current=True, complete=False).update(current=False, replaced_at=Now())
    if not asset.packages.filter(current=True).exists():
        asset.state = AssetState.REJECTED if rejected else AssetState.FAILED
    asset.reason_code, asset.reason = job.reason_code, job.reason
    asset.save(update_fields=["state", "reason_code", "reason"])
    transaction.on_commit(partial(tell, asset_refused, asset))


def cancel(asset: MediaAsset, *, but: Job | None = None) -> int:
    """End the open jobs of ``asset``; whoever works on one finds its claim lost. How many."""
    mine = Job.objects.filter(asset=asset, state__in=OPEN)
    mine = mine.exclude(pk=but.pk) if but is not None else mine
    return mine.update(state=JobState.CANCELLED, lease_until=None, finished_at=Now())


def requeue_expired() -> int:
    """Take jobs from workers that have not renewed their lease, and queue them again. How many."""
    expired = Job.objects.filter(state=JobState.RUNNING, lease_until__lt=Now())
    moved = 0
    for job in expired.select_related("asset"):
        mine = Job.objects.filter(pk=job.pk, attempt=job.attempt, state=JobState.RUNNING, lease_until__lt=Now())
        log = [*job.log, noted(job, "工作进程中断，由别的进程接着做。")]
        if job.attempt < MAX_LOST:
            if mine.update(state=JobState.QUEUED, lease_until=None, rung_at=None, not_before=Now(), log=log):
                moved += 1
                tallies.add(What.LOST, job.queue)
            continue
        with transaction.atomic():
            MediaAsset.objects.select_for_update().filter(pk=job.asset_id).first()
            if mine.update(lease_until=None):
                job.lease_until, job.reason_code, job.log = None, "lost", log
                job.reason = "处理这个文件时，工作进程多次中断。请换一种格式导出后重新上传。"
                _close(job, rejected=False)
                job.save()
                tallies.add(What.LOST, job.queue)
    return moved


def unheard(*, again_after: float, limit: int = 8) -> list[str]:
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


def _lease_end() -> Any:
    return Now() + timedelta(seconds=settings.JOB_LEASE_SECONDS)
