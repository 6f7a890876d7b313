"""Keeping the index true to the database: changes follow from the outbox, and libraries are built beside the live
ones."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection

from django.db import DatabaseError
from django.db.models import QuerySet

from catalog.models import Course
from search import leases, outbox
from search.documents import VERSION, documents, public_courses
from search.engines.choose import COURSES, DESK, engine
from search.engines.contract import Engine, EngineAway, RefusedDocuments
from search.leases import Lease, LeaseLost, RebuildRunning
from search.outbox import mark_stale, pending

__all__ = ["flush_small", "flush_stale", "mark_stale", "pending", "rebuild", "tend", "write"]

log = logging.getLogger(__name__)

LIBRARIES = (COURSES, DESK)

AT_ONCE = 50
"""Courses that are brought up to date within the request that changed them; more are left to the worker."""

SMALL = 500
"""A library of up to this many courses is built on the first change when there is none."""

Report = Callable[[int, int], None]

# Changes ----------------------------------------------------------------------------------------


def flush_stale(limit: int | None = None) -> int:
    """Brings the index up to date with what changed; returns the number of courses that were written, taken out or
    refused. What the engine does not take stays for the next call. Builds a small library that is missing. For the
    worker, every few seconds, and for the end of a small change."""
    done = 0
    try:
        done += _build_small()
        while (limit is None or done < limit) and (courses := outbox.next_courses()):
            done += _flush(courses)
    except EngineAway as error:
        log.warning("the search index is behind: %s", error)
    outbox.forget()
    return done


def flush_small() -> None:
    """Right after a commit: a small change is searchable at once. A large one is left to the worker, but for the first
    courses that must not be found any more."""
    if outbox.at_most(AT_ONCE):
        flush_stale(AT_ONCE)
        return
    try:
        if withdrawn := outbox.withdrawn_courses(AT_ONCE):
            _flush(withdrawn)
    except EngineAway as error:
        log.warning("the search index is behind: %s", error)


def _flush(courses: Collection[int]) -> int:
    """Writes courses of the outbox. The documents are read after the rows, so they are at least as new; the version
    in each keeps a slower flush elsewhere from putting older text over newer."""
    rows = outbox.rows_of(courses)
    refused: dict[int, str] = {}
    for index in LIBRARIES:
        library = engine(index)
        if (library.version() or 0) > VERSION:
            raise EngineAway(
                f"“{index}” is of a newer release, which writes it; to go back for good, run rebuild_index"
            )
        refused |= write(library, index, courses)
    outbox.mark_done(row for row, course in rows.items() if course not in refused)
    outbox.put_off(refused)
    return len(courses)


def write(library: Engine, index: str, courses: Collection[int]) -> dict[int, str]:
    """Puts courses into a library, or takes out those that do not belong in it any more. Returns those that cannot be
    indexed as they are, with the reason; they keep no other from being written. Raises EngineAway."""
    version = time.time_ns()
    try:
        found = list(documents(courses_of(index).filter(pk__in=courses), inside=index == COURSES))
        if gone := set(courses) - {document.id for document in found}:
            library.remove(gone, version)
        if found:
            library.put(found)
    except RefusedDocuments as refused:
        return refused.reasons
    except (EngineAway, DatabaseError):
        raise
    except Exception as error:
        if len(courses) > 1:
            return {pk: reason for course in courses for pk, reason in write(library, index, [course]).items()}
        log.exception("course %s cannot be indexed", *courses)
        return dict.fromkeys(courses, f"{type(error).__name__}: {error}")
    return {}


def courses_of(index: str) -> QuerySet[Course]:
    """What belongs in a library."""
    return public_courses() if index == COURSES else Course.objects.all()


# Libraries --------------------------------------------------------------------------------------


def tend() -> None:
    """Builds what is due, and sweeps away what old libraries and killed rebuilds left. For the worker, from time to
    time, beside its other work: it may take long."""
    for index in LIBRARIES:
        library = engine(index)
        try:
            _build_or_sweep(library, index, leases.claim(_key(library, index)))
        except RebuildRunning:
            continue
        except (EngineAway, LeaseLost) as error:
            log.warning("the library “%s” could not be tended: %s", index, error)


def _build_or_sweep(library: Engine, index: str, lease: Lease) -> None:
    try:
        due = lease.inherited or _is_due(library)
        if not due:
            library.sweep()
    except BaseException:
        lease.release()
        raise
    if due:
        _build(library, index, lease, _tell_nobody)
    else:
        lease.release()


def _is_due(library: Engine) -> bool:
    """Whether there is no library, or one of an older release. One of a newer release is left to that: while both run
    side by side, they would build by turns."""
    built = library.version()
    return built is None or built < VERSION


def _build_small() -> int:
    """Builds small libraries that are due; large ones are built by ``tend``."""
    due = [index for index in LIBRARIES if _is_due(engine(index))]
    if not due or Course.objects.count() > SMALL:
        return 0
    try:
        return sum(rebuild(engine(index), index) for index in due)
    except RebuildRunning:
        return 0


def _key(library: Engine, index: str) -> str:
    return f"{library.name}:{index}"


def _tell_nobody(_done: int, _total: int) -> None:
    return


def rebuild(library: Engine, index: str, report: Report = _tell_nobody) -> int:
    """Builds a library anew beside the live one and swaps them; returns its courses. What changes meanwhile goes to
    the live one and is brought over before and after the swap, so that nothing is lost and no search fails. It may be
    killed at any step: until the swap the live library is as before, and what is half-built is swept away; after it
    the lease that runs out tells ``tend`` to build again. Raises RebuildRunning, LeaseLost, EngineAway."""
    return _build(library, index, leases.claim(_key(library, index)), report)


def _build(library: Engine, index: str, lease: Lease, report: Report) -> int:
    made: Engine | None = None
    try:
        library.sweep()
        seen = outbox.seen_rows()
        made = library.fresh()
        refused = _fill(made, index, lease, report)
        seen |= _catch_up(made, index, seen, refused)
        lease.renew()
    except BaseException:
        if not lease.inherited:
            lease.release()
        if made is not None:
            _drop(made)
        raise
    # From here on the lease is given back only when all is done: it says that something is missing.
    library.adopt(made)
    _catch_up(library, index, seen, refused)
    outbox.put_off(refused)
    lease.release()
    return library.count()


def _fill(made: Engine, index: str, lease: Lease, report: Report) -> dict[int, str]:
    """Writes all courses; returns those that were refused."""
    courses = courses_of(index)
    total, done, last = courses.count(), 0, 0
    refused: dict[int, str] = {}
    while batch := list(courses.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[: outbox.BATCH]):
        refused |= write(made, index, batch)
        last, done = batch[-1], done + len(batch)
        lease.renew()
        report(done, max(done, total))
    return refused


def _catch_up(library: Engine, index: str, seen: set[int], refused: dict[int, str]) -> set[int]:
    """Writes what changed since the outbox held ``seen`` into a library that may have missed it; returns the rows."""
    rows = outbox.rows_since(seen)
    for batch in outbox.in_batches(list(dict.fromkeys(rows.values()))):
        refused |= write(library, index, batch)
    return set(rows)


def _drop(made: Engine) -> None:
    """Tidies up at once when the engine is there to do it; else the next rebuild sweeps."""
    try:
        made.drop()
    except EngineAway as error:
        log.warning("a half-built library stays until the next sweep: %s", error)
