"""Working on jobs: a claim is held by a heartbeat while its work goes on, and its end is written down.

Who may work on what, and in which order, is settled in ``leases``; what the work is, in ``pipeline``."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from contextvars import copy_context
from types import TracebackType

from django.conf import settings
from django.db import Error, close_old_connections, connection
from django.utils import timezone

from accounts import trail
from media_pipeline import leases, pipeline
from media_pipeline.errors import Failed, MediaError
from media_pipeline.leases import Claim, LeaseLost, Log
from media_pipeline.models import Job, MediaAsset
from media_pipeline.signals import job_moved

logger = logging.getLogger(__name__)

LEAST_SECONDS, LEAST_PROGRESS = 3.0, 0.02  # before which a speed is only a guess

Watch = Callable[[MediaAsset, str, float], None]

stopping = threading.Event()
"""Set when this process was told to stop: running jobs hand themselves back at their next report."""

hands = 0
"""How many jobs this process may have at once; none where it only does light tasks, or serves pages."""

_held: dict[int, Claim] = {}  # claims that run in this process, by job


class Stopped(Exception):
    """This process is going away; the job is handed back."""


def idle() -> bool:
    """Whether this process waits for a bell."""
    return len(_held) < hands


def hand_back_all() -> None:
    """Put back whatever still runs in this process, which is about to end."""
    for claimed in list(_held.values()):
        leases.hand_back(claimed)


class Heart:
    """Renews a claim from a thread of its own while the work goes on, and carries its progress to the database."""

    def __init__(self, claim: Claim, job: Job, watch: Watch | None = None) -> None:
        self.claim = claim
        self.asset = job.asset
        self.watch = watch
        self.step = ""
        self.progress = 0.0
        self.lost = False
        self.log: Log = list(job.log)
        self._began = self._stepped = time.monotonic()
        self._over = threading.Event()
        name, live = f"heart-{claim.job_id}", copy_context().run  # its lines belong to the same request
        self._thread = threading.Thread(target=live, args=(self._live,), name=name, daemon=True)

    def __enter__(self) -> "Heart":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()

    def report(self, step: str, progress: float) -> None:
        """How the work tells where it is (0..1), and learns that it should end: raises Stopped or LeaseLost."""
        if step != self.step:
            self._step(step)
        self.step, self.progress = step, max(self.progress, progress)
        if self.lost:
            raise LeaseLost(str(self.claim))
        if stopping.is_set():
            raise Stopped

    def finish(self, cpu_seconds: float | None) -> None:
        """End the job, inside the transaction that publishes."""
        self._end_step()
        leases.finish(self.claim, cpu_seconds, log=self.log)

    def _step(self, step: str) -> None:
        self._end_step()
        trail.step(step)
        began = {"at": timezone.now().isoformat(), "seconds": 0.0, "note": ""}
        self.log = [*self.log, {"step": step, "attempt": self.claim.attempt, **began}]
        self._stepped = time.monotonic()

    def _end_step(self) -> None:
        if self.step and self.log:
            seconds = round(time.monotonic() - self._stepped, 1)
            self.log = [*self.log[:-1], {**self.log[-1], "seconds": seconds}]

    def _seconds_left(self) -> float | None:
        """By the speed of this attempt so far."""
        gone, done = time.monotonic() - self._began, self.progress
        return gone * (1 - done) / done if gone > LEAST_SECONDS and done > LEAST_PROGRESS else None

    def _live(self) -> None:
        lease = settings.JOB_LEASE_SECONDS
        renewed, told = time.monotonic(), ("", 0.0)
        while not self._over.wait(min(1.0, lease / 4)):
            now = (self.step, self.progress)
            if now == told and time.monotonic() - renewed < lease / 4:
                continue
            try:
                self.lost = not leases.beat(self.claim, *now, seconds_left=self._seconds_left(), log=self.log)
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
    job = claim.rows().select_related("asset").first()
    if job is not None:
        with trail.followed(job.request_id):
            _work(claim, job, watch)


def _work(claim: Claim, job: Job, watch: Watch | None) -> None:
    logger.info("job %s, attempt %s: %s of asset %s", job.pk, claim.attempt, job.kind, job.asset_id)
    _held[claim.job_id] = claim
    try:
        # The heart beats outside of the trace: one part a second would be all that is seen of it.
        with (
            Heart(claim, job, watch) as heart,
            trail.span(f"job {job.kind}", asset=job.asset_id, attempt=claim.attempt),
        ):
            pipeline.process(job, heart.report, heart.finish)
    except (Stopped, KeyboardInterrupt):
        leases.hand_back(claim)
        raise
    except LeaseLost:
        logger.warning("job %s: lease lost in attempt %s", claim.job_id, claim.attempt)
    except MediaError as error:
        logger.warning("job %s, attempt %s: %s", claim.job_id, claim.attempt, error)
        leases.give_up(claim, error)
    except Exception:  # the one catch of the worker: nothing a file does may end it
        logger.exception("job %s, attempt %s", claim.job_id, claim.attempt)
        leases.give_up(claim, Failed("internal", "处理时出现意外错误。", "系统会自动重试；若仍失败，请联系管理员。"))
    finally:
        _held.pop(claim.job_id, None)


def work_until_empty(queue: str) -> int:
    """Claim and run jobs of ``queue`` until none is due or this process is told to stop. How many were run."""
    worker, ran = leases.worker_name(), 0
    while not stopping.is_set() and (claimed := leases.claim(worker, queue=queue)):
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
    pks, worker = [asset.pk for asset in assets], leases.worker_name()
    while Job.objects.filter(asset__in=pks, state__in=leases.OPEN).exists():
        claimed = leases.claim(worker, assets=pks)
        if claimed is not None:
            run(claimed, watch=report)
        else:
            leases.requeue_expired()
            time.sleep(0.3)
