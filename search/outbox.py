"""The outbox: which documents are out of date, which of them goes next, and which an engine refused."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, F, Max, Min, Q, QuerySet
from django.utils import timezone

from catalog.models import Course
from search.models import StaleDocument

BATCH = 500
"""Courses that are read, written or named in one statement at a time."""

KEEP = timedelta(days=1)
"""How long rows that are done are kept, for a rebuild that began before them to catch up."""

FIRST_RETRY, LAST_RETRY = timedelta(seconds=10), timedelta(hours=1)
"""A refused document is tried again after so long, then each time four times later."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a course cannot be indexed as it is, how often that was tried, and when it will be again."""

    course: int
    reason: str
    attempts: int
    next_try_at: datetime | None


def in_batches(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[first : first + BATCH] for first in range(0, len(ids), BATCH))


# Filling ----------------------------------------------------------------------------------------


def mark_stale(ids: Iterable[int]) -> None:
    """Remembers, in the transaction that changes them, that documents must be written again."""
    for batch in in_batches(list(dict.fromkeys(ids))):
        not_withdrawn = Q(live=True) | Q(first_published_at=None)
        kept = set(Course.objects.filter(not_withdrawn, pk__in=batch).values_list("pk", flat=True))
        StaleDocument.objects.bulk_create([StaleDocument(course_id=pk, withdrawn=pk not in kept) for pk in batch])


# What goes next ---------------------------------------------------------------------------------


def _waiting() -> QuerySet[StaleDocument]:
    return StaleDocument.objects.filter(done_at=None)


def _ready() -> QuerySet[StaleDocument]:
    """Without those that were refused and have their next try later."""
    return _waiting().filter(Q(next_try_at=None) | Q(next_try_at__lte=timezone.now()))


def pending() -> int:
    """Changes that the index has not taken yet."""
    return _waiting().count()


def oldest() -> datetime | None:
    """Since when the oldest of them waits."""
    return _waiting().aggregate(oldest=Min("created_at"))["oldest"]


def at_most(courses: int) -> bool:
    """Whether no more than so many courses wait."""
    return _ready().values("course_id").distinct()[: courses + 1].count() <= courses


def next_courses(limit: int = BATCH) -> set[int]:
    """The next courses to write: those that must leave the public library first, then as they came."""
    return set(_ready().order_by("-withdrawn", "pk").values_list("course_id", flat=True)[:limit])


def withdrawn_courses(limit: int) -> set[int]:
    """The next courses that must leave the public library."""
    return set(_ready().filter(withdrawn=True).order_by("pk").values_list("course_id", flat=True)[:limit])


def rows_of(courses: Collection[int]) -> dict[int, int]:
    """The changes that wait for these courses, course by row. Whoever reads a course afterwards reads all of them."""
    return dict(_waiting().filter(course_id__in=courses).values_list("pk", "course_id"))


# What became of it ------------------------------------------------------------------------------


def mark_done(rows: Iterable[int]) -> None:
    for batch in in_batches(list(rows)):
        _waiting().filter(pk__in=batch).update(done_at=timezone.now())


def put_off(refused: Mapping[int, str]) -> None:
    """Remembers that courses were refused, by course the reason; each is tried again, later each time."""
    now = timezone.now()
    for course, reason in refused.items():
        rows = _waiting().filter(course_id=course)
        if not rows.exists():
            StaleDocument.objects.create(course_id=course)
        before = rows.aggregate(tried=Max("attempts"))["tried"]
        wait = min(LAST_RETRY, FIRST_RETRY * 4 ** min(before, 8))
        rows.update(attempts=F("attempts") + 1, reason=reason[:300], next_try_at=now + wait)


def refusals() -> list[Refusal]:
    """The courses that were refused and have not been taken since."""
    rows = _waiting().filter(attempts__gt=0).order_by("course_id", "attempts")
    found = rows.values_list("course_id", "reason", "attempts", "next_try_at")
    return list({row[0]: Refusal(*row) for row in found}.values())


def refused_count() -> int:
    return _waiting().filter(attempts__gt=0).aggregate(courses=Count("course_id", distinct=True))["courses"]


def forget() -> None:
    """Removes rows that no rebuild needs any more."""
    StaleDocument.objects.filter(done_at__lt=timezone.now() - KEEP).delete()


# For a rebuild ----------------------------------------------------------------------------------


def seen_rows() -> set[int]:
    """The outbox as it stands, done or not. Whoever reads a course after this call reads at least these changes. Ids
    do not tell: a long transaction may bring a lower one to light later."""
    return set(StaleDocument.objects.values_list("pk", flat=True).iterator())


def rows_since(seen: Collection[int]) -> dict[int, int]:
    """What came to light since, course by row."""
    rows = StaleDocument.objects.order_by("pk").values_list("pk", "course_id").iterator()
    return {pk: course for pk, course in rows if pk not in seen}
