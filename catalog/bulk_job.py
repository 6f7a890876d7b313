"""Doing a bulk change: one course after another, each in a transaction of its own, each once.

The rows of ``BulkItem`` are the work still to do, so a worker that is killed leaves whole courses behind and another
goes on with the next. A task works for some seconds, then queues its continuation, so that other light work gets its
turn; a lease keeps two workers from the same change, and the sweeper rings again for one whose worker is gone.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from django.contrib.auth import get_user_model
from django.db import OperationalError, transaction
from django.db.models import Count, Q
from django.utils import timezone
from django_tasks import task
from wagtail.log_actions import log

from catalog import publishing
from catalog.bulk import (
    CHANGE,
    LISTS,
    PUBLISH,
    SCALARS,
    WITHDRAW,
    Asked,
    Reason,
    has_draft,
    looked_at,
    put,
    restored,
    sorted_out,
    standing,
    wanted,
)
from catalog.errors import NotReady
from catalog.models import BulkChange, BulkItem, Course
from media_pipeline import periodic

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
TURN = 5.0  # seconds of one task
KEEP = timedelta(days=180)  # that a change can be looked at and taken back
AT_ONCE = 20  # courses between two looks at the clock and the lease
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
    dealt = 0
    while items := list(change.items.filter(state=BulkItem.State.WAITING).order_by("pk")[:AT_ONCE]):
        for item in items:
            deal_with(item, change)
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


# One course -------------------------------------------------------------------------------------------


def deal_with(item: BulkItem, change: BulkChange) -> None:
    """Changes one course or notes why not. Rights are asked now, not when the change was."""
    try:
        with transaction.atomic():
            mine = BulkItem.objects.filter(pk=item.pk, state=BulkItem.State.WAITING)
            if mine.update(state=BulkItem.State.DONE):
                _deal_with(item, change)
    except NotReady as refused:
        _leave(item, Reason.LACKS, "".join(refused.lacks))
    except OperationalError:
        raise  # the database is away: the course keeps its turn
    except Exception:  # one course's trouble must not hold up the others
        logger.exception("bulk change %s, course %s", change.pk, item.course_id)
        _leave(item, Reason.FAILED)


def _deal_with(item: BulkItem, change: BulkChange) -> None:
    user = get_user_model().objects.filter(pk=change.user_id or 0, is_active=True).first()
    course = Course.objects.select_for_update(of=("self",)).filter(pk=item.course_id).first()
    if course is None or user is None:
        _leave(item, Reason.RIGHTS if course else Reason.GONE)
        return
    before = standing(course)
    planned = _undoing(course, before, change, user) if change.undoes_id else _changing(course, before, change, user)
    if planned.fate != CHANGE:
        _leave(item, planned.fate, planned.note)
        return
    version = _write(course, before, planned, user, change)
    after = {**planned.after, "version": version}
    BulkItem.objects.filter(pk=item.pk).update(before=before, after=after, note=planned.note[:300])


@dataclass(frozen=True, slots=True)
class _Plan:
    """What becomes of one course. ``state`` is publish, withdraw or nothing."""

    fate: str
    after: dict[str, Any]
    state: str = ""
    note: str = ""


def _changing(course: Course, before: dict[str, Any], change: BulkChange, user: Any) -> _Plan:
    asked = Asked.from_json(change.asked)
    fate, note = _fate(course, asked, user), ""
    if fate == CHANGE:
        fate, note = looked_at(course, asked)
    return _Plan(fate, wanted(before, asked), asked.state, note)


def _undoing(course: Course, before: dict[str, Any], change: BulkChange, user: Any) -> _Plan:
    original = BulkItem.objects.get(change=change.undoes_id, course=course)
    after, kept = restored(before, original.before, original.after)
    if after["live"] and not before["live"] and course.latest_revision_id != original.after["version"]:
        after["live"] = False
        kept.append("发布状态")
    state = "" if after["live"] == before["live"] else PUBLISH if after["live"] else WITHDRAW
    note = f"{'、'.join(kept)}后来又改过，没有恢复。" if kept else ""
    fate = _fate(course, Asked(state=state), user)
    if fate in {CHANGE, Reason.SAME}:
        fate = CHANGE if after != before else Reason.SINCE if kept else Reason.SAME
    return _Plan(fate, after, state, note)


def _fate(course: Course, asked: Asked, user: Any) -> str:
    return sorted_out(Course.objects.filter(pk=course.pk), asked, user).values_list("fate", flat=True).get()


def _leave(item: BulkItem, reason: str, note: str = "") -> None:
    BulkItem.objects.filter(pk=item.pk).update(state=BulkItem.State.LEFT, reason=reason, note=note[:300])


def _write(course: Course, before: dict[str, Any], plan: _Plan, user: Any, change: BulkChange) -> int | None:
    """Writes row and versions, publishes or withdraws, and leaves an entry in the log; the newest version's key."""
    if any(before[part] != plan.after[part] for part in ("row", "newest")):
        _write_fields(course, before, plan.after, user)
        if not plan.state:
            publishing.renewed([course.pk])
    course = Course.objects.get(pk=course.pk)
    if plan.state == PUBLISH:
        publishing.publish(course, user=user)
    elif plan.state == WITHDRAW:
        publishing.withdraw(course, user=user)
    course = Course.objects.select_related("latest_revision").get(pk=course.pk)
    log(course, ACTION, user=user, revision=course.latest_revision, content_changed=True, data={"change": change.pk})
    return course.latest_revision_id


def _write_fields(course: Course, before: dict[str, Any], after: dict[str, Any], user: Any) -> None:
    """What is public becomes a version of its own, and unpublished edits with the same change become the newest."""
    draft = course.get_latest_revision_as_object() if has_draft(course) else None
    put(course, after["row"], _touched(before["row"], after["row"]))
    course.save()
    if course.live or draft is None:
        shown = course.save_revision(user=user, changed=False, clean=False)
        if course.live:
            Course.objects.filter(pk=course.pk).update(live_revision=shown)
    if draft is not None:
        put(draft, after["newest"], _touched(before["newest"], after["newest"]))
        draft.save_revision(user=user, changed=False, clean=False)


def _touched(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return [name for name in (*SCALARS, *LISTS) if before[name] != after[name]]


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
