"""Sums that only grow: what happened to jobs, what their steps took, what the work on an institution's media cost.

Jobs go with their media, so a sum over jobs could shrink, which Prometheus takes for a restart of the counter and an
institution for a gift. Each sum is kept twice: for ever, and by day (CPU: by month), so that reading them costs the
same however many jobs there were.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from media_pipeline.models import Job, Tally

What = Tally.What
EVER = ""
KEPT = timedelta(days=31)  # of what is kept by day
BOUNDS = tuple(2.0**power for power in range(-1, 15))
"""Upper bounds, in seconds, of the histogram of steps; what takes longer than the last, 4.5 hours, counts there."""


def month() -> str:
    return f"{timezone.localtime():%Y-%m}"


def add(what: str, name: str, *, number: int = 1, seconds: float = 0.0, bound: float = 0.0) -> None:
    """Count something up."""
    now = timezone.localdate()
    with transaction.atomic():
        for period in (EVER, f"{now:%Y-%m}" if what == What.CPU else f"{now:%Y-%m-%d}"):
            _add({"what": what, "period": period, "name": name, "bound": bound}, number, seconds)


def _add(key: dict[str, Any], number: int, seconds: float) -> None:
    mine, more = Tally.objects.filter(**key), {"number": F("number") + number, "seconds": F("seconds") + seconds}
    if mine.update(**more):
        return
    _row, made = Tally.objects.get_or_create(**key, defaults={"number": number, "seconds": seconds})
    if not made:  # by another worker at this moment
        mine.update(**more)


def finished(job: Job, cpu_seconds: float | None, log: Iterable[dict[str, Any]]) -> None:
    """Count a job that is done: its CPU and the steps of its last attempt. Inside the transaction that ends the job;
    always in the same order, so that no two workers wait for each other."""
    if cpu_seconds:
        add(What.CPU, job.owner, seconds=cpu_seconds)
    steps = [(f"{job.kind}/{line['step']}", line["seconds"]) for line in log if line["attempt"] == job.attempt]
    for name, bound, seconds in sorted((name, _bound(seconds), seconds) for name, seconds in steps):
        add(What.STEP, name, seconds=seconds, bound=bound)


def _bound(seconds: float) -> float:
    return BOUNDS[min(bisect_left(BOUNDS, seconds), len(BOUNDS) - 1)]


def quantile(share: float, counted: Sequence[tuple[float, int]]) -> float:
    """Seconds that ``share`` (0..1) of what was counted stays under: ``counted`` are bounds and numbers, rising. Even
    within a bound, as ``histogram_quantile`` of Prometheus takes it."""
    wanted, below = share * sum(number for _, number in counted), 0
    for bound, number in counted:
        if number and below + number >= wanted:
            start = bound / 2 if bound > BOUNDS[0] else 0.0
            return start + (bound - start) * (wanted - below) / number
        below += number
    return 0.0


def sweep() -> None:
    """Forget the days that are past."""
    before = f"{timezone.localdate() - KEPT:%Y-%m-%d}"
    Tally.objects.exclude(what=What.CPU).exclude(period=EVER).filter(period__lt=before).delete()
