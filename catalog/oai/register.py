"""When each course that is or was public last changed, for harvesters.

A record is written in the transaction of the change, so none is lost, and its datestamp is set again when that
transaction commits: a harvester who asks for what is new since the last visit would otherwise miss what was stamped
before that visit and became visible after it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from catalog.exchange import OaiRecord, OaiSet
from catalog.models import Course, Institution, Theme

BATCH = 500  # below SQLite's limit of variables in one statement
AT_ONCE = 5000  # courses of one turn of ``keep_missing``


@dataclass(frozen=True, slots=True)
class Turned:
    """Courses that became public, and such as ceased to be, since their records were last kept."""

    shown: list[int]
    hidden: list[int]


def keep(ids: Iterable[int]) -> Turned:
    """Brings the records of these courses up to date: public ones changed now; what was public and is not, ended."""
    wanted = sorted(set(ids))
    turned = Turned([], [])
    for start in range(0, len(wanted), BATCH):
        shown, hidden = _keep(wanted[start : start + BATCH])
        turned.shown.extend(shown)
        turned.hidden.extend(hidden)
    return turned


def keep_missing() -> int:
    """Makes records of public courses that have none, at most ``AT_ONCE``; their number. They are courses made before
    the table was, or written past all signals."""
    without = Course.objects.public().exclude(Exists(OaiRecord.objects.filter(course_id=OuterRef("pk"))))
    ids = list(without.order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
    keep(ids)
    return len(ids)


def _keep(ids: list[int]) -> tuple[list[int], list[int]]:
    public = {course.pk: course for course in Course.objects.public().filter(pk__in=ids).only("institution", "kind")}
    known = set(OaiRecord.objects.filter(course_id__in=ids, deleted=False).values_list("course_id", flat=True))
    gone = sorted(known - public.keys())
    if not public and not gone:
        return [], []
    now = timezone.now().replace(microsecond=0)
    with transaction.atomic():
        OaiRecord.objects.bulk_create(
            [OaiRecord(course_id=pk, datestamp=now) for pk in public],
            update_conflicts=True,
            unique_fields=["course_id"],
            update_fields=["datestamp", "deleted"],
        )
        OaiRecord.objects.filter(course_id__in=gone).update(deleted=True)
        _write_sets(public, now)
        _stamp([*public, *gone], now)
    # Without a transaction around it, the stamp just set is the one of the commit.
    if transaction.get_connection().in_atomic_block:
        transaction.on_commit(partial(_stamp, [*public, *gone]))
    return sorted(public.keys() - known), gone


def _stamp(ids: list[int], moment: datetime | None = None) -> None:
    now = moment or timezone.now().replace(microsecond=0)
    with transaction.atomic():
        OaiRecord.objects.filter(course_id__in=ids).update(datestamp=now)
        OaiSet.objects.filter(record__in=ids).update(datestamp=now)


def _write_sets(public: dict[int, Course], now: datetime) -> None:
    wanted = {(pk, spec) for pk, specs in _specs(public).items() for spec in specs}
    stored = {
        (pk, spec): key
        for key, pk, spec in OaiSet.objects.filter(record__in=public).values_list("pk", "record", "spec")
    }
    left = [key for pair, key in stored.items() if pair not in wanted]
    for start in range(0, len(left), BATCH):
        OaiSet.objects.filter(pk__in=left[start : start + BATCH]).delete()
    new = sorted(wanted - stored.keys())
    OaiSet.objects.bulk_create(
        [OaiSet(record_id=pk, spec=spec, datestamp=now) for pk, spec in new], ignore_conflicts=True
    )


def _specs(public: dict[int, Course]) -> dict[int, set[str]]:
    """Sets of each course: its kind; its institution and themes, with all above them. Three queries."""
    houses = _lines(Institution, "code")
    themes = _lines(Theme, "slug")
    specs = {
        pk: {f"kind.{course.kind}", *(f"institution.{code}" for code in houses[course.institution_id])}
        for pk, course in public.items()
    }
    for pk, theme in Course.themes.through.objects.filter(course__in=public).values_list("course", "theme"):
        specs[pk].update(f"theme.{slug}" for slug in themes[theme])
    return specs


def _lines(model: type[Institution] | type[Theme], name: str) -> dict[int, list[str]]:
    """Key of a node → names of it and of the nodes above it."""
    rows = list(model.objects.values_list("pk", "path", name))
    of_path = {path: value for _pk, path, value in rows}
    step = model.steplen
    return {
        pk: [of_path[path[:end]] for end in range(step, len(path) + 1, step) if path[:end] in of_path]
        for pk, path, _value in rows
    }
