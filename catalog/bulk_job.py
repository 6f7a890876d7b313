"""Doing a bulk change: some courses after others, each of these groups in one short transaction, each course once.

The rows of ``BulkItem`` are the work still to do, so a worker that is killed leaves whole courses behind and another
goes on with the next. A task works for some seconds, then queues its continuation, so that other light work gets its
turn; a lease keeps two workers from the same change, and the sweeper rings again for one whose worker is gone.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any

from django.contrib.auth import get_user_model
from django.db import OperationalError, connection, transaction
from django.db.models import Count, Q
from django.utils import timezone
from django_tasks import task

from catalog import bulk_write, publishing
from catalog.bulk import (
    CHANGE,
    PUBLISH,
    WITHDRAW,
    Asked,
    Reason,
    looked_at,
    restored,
    sorted_out,
    standing,
    wanted,
    with_parts,
)
from catalog.errors import NotReady
from catalog.models import BulkChange, BulkItem, Course
from media_pipeline import periodic

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
TURN = 5.0  # seconds of one task
KEEP = timedelta(days=180)  # that a change can be looked at and taken back
AT_ONCE = 100  # courses of one transaction, between two looks at the clock and the lease
STATES_AT_ONCE = 10  # the same where courses are published or withdrawn, which takes several times as long
BREATH = 0.15  # seconds between two transactions on SQLite: a writer who waits looks again every 0.1
BATCH = 500
ACTION = "wenlan.bulk_change"


# Beginning --------------------------------------------------------------------------------------------


def begin(
    user: Any, asked: Asked, courses: Iterable[int], *, selection: str = "", skipped: dict[str, int] | None = None
) -> BulkChange:
    """Notes a change to these courses and queues it. ``skipped`` were selected too: reason → number."""
    with transaction.atomic():
        change = BulkChange.objects.create(user=user, asked=asked.as_json(), selection=selection, skipped=skipped or {})
        _add_items(change, courses)
        transaction.on_commit(partial(run.enqueue, change.pk), robust=True)
    return change


def undo(change: BulkChange, user: Any) -> BulkChange:
    """Notes that what ``change`` did is to be taken back, and queues it. Once: asked again it returns the same."""
    with transaction.atomic():
        BulkChange.objects.select_for_update().get(pk=change.pk)
        there = change.undone_by.first()
        if there is not None:
            return there
        back = BulkChange.objects.create(user=user, undoes=change, selection=change.selection)
        done = change.items.filter(state=BulkItem.State.DONE, course__isnull=False).order_by("pk")
        _add_items(back, done.values_list("course", flat=True))
        transaction.on_commit(partial(run.enqueue, back.pk), robust=True)
    return back


def _add_items(change: BulkChange, courses: Iterable[int]) -> None:
    BulkItem.objects.bulk_create((BulkItem(change=change, course_id=key) for key in courses), BATCH)


# Working ----------------------------------------------------------------------------------------------


@task(queue_name="default", priority=20)
def run(change_id: int) -> int:
    """Works on a change for ``TURN`` seconds; how many courses were dealt with."""
    change = _take(change_id)
    if change is None:
        return 0
    ends = time.monotonic() + TURN
    some = STATES_AT_ONCE if _moves_states(change) else AT_ONCE
    dealt = 0
    while items := list(change.items.filter(state=BulkItem.State.WAITING).order_by("pk")[:some]):
        if dealt and not connection.features.has_select_for_update:
            time.sleep(BREATH)
        deal_with(items, change)
        dealt += len(items)
        if time.monotonic() > ends:
            BulkChange.objects.filter(pk=change.pk).update(lease_until=None)
            run.enqueue(change.pk)
            return dealt
        BulkChange.objects.filter(pk=change.pk).update(lease_until=timezone.now() + LEASE)
    BulkChange.objects.filter(pk=change.pk).update(
        state=BulkChange.State.DONE, lease_until=None, finished_at=timezone.now()
    )
    return dealt


def _take(change_id: int) -> BulkChange | None:
    """The change, when it is not done and no other worker has it."""
    now = timezone.now()
    free = BulkChange.objects.filter(Q(lease_until=None) | Q(lease_until__lt=now), pk=change_id)
    taken = free.exclude(state=BulkChange.State.DONE).update(state=BulkChange.State.RUNNING, lease_until=now + LEASE)
    return BulkChange.objects.get(pk=change_id) if taken else None


def _moves_states(change: BulkChange) -> bool:
    """Whether it publishes or withdraws, or takes back what did."""
    while change.undoes:
        change = change.undoes
    return bool(change.asked.get("state"))


@periodic.every(seconds=30, name="bulk changes")
def ring_again() -> int:
    """Queues what nobody works on: the worker was killed, or the broker lost the bell."""
    now = timezone.now()
    quiet = Q(lease_until__lt=now) | Q(lease_until=None, created_at__lt=now - LEASE)
    waiting = list(BulkChange.objects.exclude(state=BulkChange.State.DONE).filter(quiet).values_list("pk", flat=True))
    for key in waiting:
        run.enqueue(key)
    return len(waiting)


@periodic.every(seconds=3600, name="old bulk changes")
def forget() -> None:
    """Forgets what ended long ago, one at a time: nobody takes it back any more."""
    old = BulkChange.objects.filter(finished_at__lt=timezone.now() - KEEP).order_by("pk").first()
    if old is not None:
        old.delete()


# Some courses -----------------------------------------------------------------------------------------


def deal_with(items: Sequence[BulkItem], change: BulkChange) -> None:
    """Changes these courses, all in one transaction, or notes why not. Rights are asked now, not when the change was.
    Where one makes trouble, each has a transaction of its own."""
    try:
        with transaction.atomic():
            mine = BulkItem.objects.select_for_update().filter(pk__in=[item.pk for item in items])
            _deal_with(list(mine.filter(state=BulkItem.State.WAITING).order_by("pk")), change)
    except OperationalError:
        raise  # the database is away: the courses keep their turn
    except Exception as trouble:  # one course's trouble must not hold up the others
        if len(items) > 1:
            for item in items:
                deal_with([item], change)
            return
        refused = isinstance(trouble, NotReady)
        if not refused:
            logger.exception("bulk change %s, course %s", change.pk, items[0].course_id)
        _leave(items[0], Reason.LACKS if refused else Reason.FAILED, "".join(getattr(trouble, "lacks", ())))
        items[0].save()


def _deal_with(items: list[BulkItem], change: BulkChange) -> None:
    user = get_user_model().objects.filter(pk=change.user_id or 0, is_active=True).first()
    locked = Course.objects.select_for_update(of=("self",)).filter(pk__in=[item.course_id for item in items])
    courses = list(with_parts(locked.order_by("pk")))
    befores = {course.pk: standing(course) for course in courses}
    plan = _undoing if change.undoes_id else _changing
    planned = plan(courses, befores, change, user) if user else {}
    chosen = [(course, planned[course.pk]) for course in courses if user and planned[course.pk].fate == CHANGE]
    with publishing.settling_once():
        bulk_write.write([(course, befores[course.pk], one.after) for course, one in chosen], user)
        versions = _finish([(course, one.state) for course, one in chosen], user, change)
    for item in items:
        key = item.course_id
        if key is None or key not in befores:
            _leave(item, Reason.GONE)
        elif key not in versions:
            _leave(item, *((planned[key].fate, planned[key].note) if user else (Reason.RIGHTS,)))
        else:
            item.state, item.note = BulkItem.State.DONE, planned[key].note[:300]
            item.before, item.after = befores[key], {**planned[key].after, "version": versions[key]}
    BulkItem.objects.bulk_update(items, ["state", "reason", "note", "before", "after"])


@dataclass(frozen=True, slots=True)
class _Plan:
    """What becomes of one course. ``state`` is publish, withdraw or nothing."""

    fate: str
    after: dict[str, Any]
    state: str = ""
    note: str = ""


def _changing(courses: list[Course], befores: dict[int, dict], change: BulkChange, user: Any) -> dict[int, _Plan]:
    asked = Asked.from_json(change.asked)
    fates = _fates(befores, asked, user)
    planned = {}
    for course in courses:
        fate, note = fates[course.pk], ""
        if fate == CHANGE:
            fate, note = looked_at(course, asked)
        planned[course.pk] = _Plan(fate, wanted(befores[course.pk], asked), asked.state, note)
    return planned


def _undoing(courses: list[Course], befores: dict[int, dict], change: BulkChange, user: Any) -> dict[int, _Plan]:
    originals = {one.course_id: one for one in BulkItem.objects.filter(change=change.undoes_id, course__in=courses)}
    planned = {course.pk: _taken_back(course, befores[course.pk], originals[course.pk]) for course in courses}
    for state in sorted({one.state for one in planned.values()}):
        asked = [pk for pk, one in planned.items() if one.state == state]
        for pk, fate in _fates(asked, Asked(state=state), user).items():
            if fate not in {CHANGE, Reason.SAME}:
                planned[pk] = replace(planned[pk], fate=fate)
    return planned


def _taken_back(course: Course, before: dict[str, Any], original: BulkItem) -> _Plan:
    after, kept = restored(before, original.before, original.after)
    if after["live"] and not before["live"] and course.latest_revision_id != original.after["version"]:
        after["live"] = False
        kept.append("发布状态")
    state = "" if after["live"] == before["live"] else PUBLISH if after["live"] else WITHDRAW
    note = f"{'、'.join(kept)}后来又改过，没有恢复。" if kept else ""
    return _Plan(CHANGE if after != before else Reason.SINCE if kept else Reason.SAME, after, state, note)


def _fates(courses: Iterable[int], asked: Asked, user: Any) -> dict[int, str]:
    return dict(sorted_out(Course.objects.filter(pk__in=courses).order_by(), asked, user).values_list("pk", "fate"))


def _leave(item: BulkItem, reason: str, note: str = "") -> None:
    item.state, item.reason, item.note = BulkItem.State.LEFT, reason, note[:300]


def _finish(courses: list[tuple[Course, str]], user: Any, change: BulkChange) -> dict[int, int | None]:
    """Publishes or withdraws what is to be, tells of the others, and leaves entries in the log; the newest version of
    each course."""
    for course, state in courses:
        if state == PUBLISH:
            publishing.publish(Course.objects.get(pk=course.pk), user=user)
        elif state == WITHDRAW:
            publishing.withdraw(Course.objects.get(pk=course.pk), user=user)
    publishing.renewed([course.pk for course, state in courses if not state])
    keys = [course.pk for course, _state in courses]
    versions = dict(Course.objects.filter(pk__in=keys).order_by().values_list("pk", "latest_revision"))
    bulk_write.log([(course, versions[course.pk]) for course, _state in courses], ACTION, user, {"change": change.pk})
    return versions


# Following --------------------------------------------------------------------------------------------


def left_out(change: BulkChange) -> list[tuple[str, int]]:
    """Why courses were left as they are: reason in words, number. One query."""
    rows = change.items.filter(state=BulkItem.State.LEFT).order_by().values_list("reason").annotate(Count("pk"))
    found = dict(rows)
    for reason, number in change.skipped.items():
        found[reason] = found.get(reason, 0) + number
    return [(str(reason.label), found[reason]) for reason in Reason if found.get(reason)]


def progress(change: BulkChange) -> dict[str, int]:
    """Numbers of items: ``total``, ``waiting``, ``done``, ``left``, and ``percent``. One query."""
    rows = change.items.order_by().values_list("state").annotate(Count("pk"))
    found = {state.value: 0 for state in BulkItem.State} | dict(rows)
    total = sum(found.values())
    percent = 100 if not total else 100 * (total - found["waiting"]) // total
    return {**found, "total": total, "percent": percent}
