"""Keeping the index true to the database: the outbox of stale documents, and rebuilding beside the live index."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from datetime import timedelta

from django.utils import timezone

from catalog.models import Course
from search.documents import documents, public_courses
from search.engines.choose import COURSES, DESK, engine
from search.engines.contract import Engine, EngineAway
from search.models import StaleDocument

log = logging.getLogger(__name__)

FLUSH_BATCH = 500
AT_ONCE = 50
"""Courses that are brought up to date within the request that changed them; more are left to the worker."""

KEEP = timedelta(days=1)
"""How long rows that are done are kept, for a rebuild that began before them to catch up."""

SMALL = 500
"""A library of up to this many courses is built on the first change when there is none."""

Report = Callable[[int, int], None]


def mark_stale(ids: Iterable[int]) -> None:
    """Remembers, in the transaction that changes them, that documents must be written again."""
    rows = [StaleDocument(course_id=course) for course in dict.fromkeys(ids)]
    StaleDocument.objects.bulk_create(rows, batch_size=1000)


def flush_stale(limit: int | None = None) -> int:
    """Brings the index up to date with what changed; returns the number of courses written or taken out. What the
    engine does not take stays for the next call. Builds a library that is missing. For the worker, every few
    seconds, and for the end of a small change."""
    done = 0
    try:
        done += _build_missing()
        while limit is None or done < limit:
            written = _flush_batch()
            if not written:
                break
            done += written
    except EngineAway as error:
        log.warning("the search index is behind: %s", error)
    StaleDocument.objects.filter(done_at__lt=timezone.now() - KEEP).delete()
    return done


def _build_missing() -> int:
    """Builds the libraries that are not there. When none was, what the outbox held is in them."""
    missing = [index for index in (COURSES, DESK) if not engine(index).exists()]
    known = _rows()
    built = [rebuild(engine(index), index) for index in missing]
    if len(missing) == len((COURSES, DESK)):
        _mark_done(list(known))
    return sum(built)


def _mark_done(rows: list[int]) -> None:
    for first in range(0, len(rows), FLUSH_BATCH):
        waiting = StaleDocument.objects.filter(pk__in=rows[first : first + FLUSH_BATCH], done_at=None)
        waiting.update(done_at=timezone.now())


def flush_small() -> None:
    """Right after a commit: a small change is searchable at once, a large one is left to the worker."""
    try:
        if not engine().exists() and Course.objects.count() > SMALL:
            return
        if StaleDocument.objects.filter(done_at=None).values("course_id").distinct()[: AT_ONCE + 1].count() <= AT_ONCE:
            flush_stale(AT_ONCE)
    except EngineAway as error:
        log.warning("the search index is behind: %s", error)


def pending() -> int:
    """Changes that the index has not taken yet."""
    return StaleDocument.objects.filter(done_at=None).count()


def _flush_batch() -> int:
    """One batch of the outbox. The documents are read after the rows, so they are at least as new; the version in
    each keeps a slower flush elsewhere from putting older text over newer."""
    rows = list(StaleDocument.objects.filter(done_at=None).order_by("pk").values_list("pk", "course_id")[:FLUSH_BATCH])
    if not rows:
        return 0
    ids = {course for _pk, course in rows}
    for index in (COURSES, DESK):
        write(engine(index), index, ids)
    _mark_done([pk for pk, _course in rows])
    return len(ids)


def write(library: Engine, index: str, ids: Iterable[int]) -> None:
    """Puts courses into a library, or takes out those that do not belong in it any more."""
    version = time.time_ns()
    wanted = set(ids)
    found = list(documents(_courses(index).filter(pk__in=wanted), inside=index == COURSES))
    gone = wanted - {document.id for document in found}
    if found:
        library.put(found)
    if gone:
        library.remove(gone, version)


def _courses(index: str):
    return public_courses() if index == COURSES else Course.objects.all()


def rebuild(library: Engine, index: str, report: Report = lambda done, total: None) -> int:
    """Builds a library anew beside the live one and swaps them. What changes meanwhile goes to the live one and is
    brought over before and after the swap, so that nothing is lost and no search fails. Returns its courses."""
    known = _rows()
    courses = _courses(index)
    total, done = courses.count(), 0
    made = library.fresh()
    waiting = documents(courses, inside=index == COURSES)
    while batch := [document for _n, document in zip(range(FLUSH_BATCH), waiting, strict=False)]:
        made.put(batch)
        done += len(batch)
        report(done, total)
    _catch_up(made, index, known)
    library.adopt(made)
    _catch_up(library, index, known)
    return library.count()


def _rows() -> dict[int, int]:
    """The outbox as it stands, course by row. Whoever reads a course after this call reads at least these changes."""
    return dict(StaleDocument.objects.order_by("pk").values_list("pk", "course_id"))


def _catch_up(library: Engine, index: str, known: dict[int, int]) -> None:
    """Writes what changed since the outbox held ``known`` into a library that may have missed it."""
    ids = list(dict.fromkeys(course for pk, course in _rows().items() if pk not in known))
    for first in range(0, len(ids), FLUSH_BATCH):
        write(library, index, ids[first : first + FLUSH_BATCH])
