"""Figures of a partner: plays, hours, finished plays, and what part of a lesson is still watched, for courses a person
may see. Sums of ``LessonMonth``; nothing here knows a viewer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count, Model, QuerySet, Sum
from django.utils import timezone

from catalog.models import Course, Institution, Lesson, Place, Theme
from learning.models import PARTS, LessonMonth


@dataclass(frozen=True, slots=True)
class Period:
    """Whole months, both ends included."""

    first: date
    last: date

    @classmethod
    def of(cls, first: str = "", last: str = "") -> Period:
        """From two months as ``2026-05``; what is no month is the end of the last twelve."""
        end = _month(last) or timezone.localdate().replace(day=1)
        begin = _month(first) or _back(end, 11)
        return cls(min(begin, end), max(begin, end))

    @property
    def months(self) -> list[date]:
        found: list[date] = []
        month = self.first
        while month <= self.last and len(found) < 240:
            found.append(month)
            month = _back(month, -1)
        return found


YEARS = range(2000, 2200)


def _month(text: str) -> date | None:
    try:
        month = date.fromisoformat(f"{text}-01")
    except ValueError:
        return None
    return month if month.year in YEARS else None


def _back(month: date, by: int) -> date:
    number = month.year * 12 + month.month - 1 - by
    return date(number // 12, number % 12 + 1, 1)


@dataclass(frozen=True, slots=True)
class Figures:
    """``label`` and ``key`` say of what. ``hours`` with one decimal, ``finish`` a share of the plays, 0 to 1."""

    key: Any
    label: str
    plays: int = 0
    seconds: int = 0
    finished: int = 0

    @property
    def hours(self) -> float:
        return round(self.seconds / 3600, 1)

    @property
    def finish(self) -> float:
        return self.finished / self.plays if self.plays else 0.0


SUMS = {"plays": Sum("plays"), "seconds": Sum("seconds"), "finished": Sum("finished")}
BY: dict[str, tuple[str, str, type[Model], str]] = {
    "course": ("课程", "lesson__course", Course, "title"),
    "institution": ("机构", "lesson__course__institution", Institution, "name"),
    "place": ("地方", "lesson__course__places", Place, "name"),
    "theme": ("主题", "lesson__course__themes", Theme, "name"),
}
"""What figures are told by: label, key, and what the keys are of. A course of two places counts for both."""

Sums = tuple[Any, int, int, int]
"""A key with its plays, seconds and finished plays."""

FEW = 500
"""Names asked for at a time, below SQLite's limit of variables."""


def within(courses: QuerySet[Course], period: Period) -> QuerySet[LessonMonth]:
    rows = LessonMonth.objects.filter(month__range=(period.first, period.last))
    # all courses need not be looked for: sums are then read from the index alone
    return rows.filter(lesson__course__in=courses.order_by().values("pk")) if courses.query.has_filters() else rows


def total(months: Sequence[Figures]) -> Figures:
    plays, seconds, finished = (sum(getattr(one, name) for one in months) for name in SUMS)
    return Figures("", "", plays, seconds, finished)


def courses_watched(rows: QuerySet[LessonMonth]) -> int:
    return rows.aggregate(courses=Count("lesson__course", distinct=True))["courses"]


def by_month(rows: QuerySet[LessonMonth], period: Period) -> list[Figures]:
    """Every month of the period, also those without a play."""
    sums = {month: tuple(found) for month, *found in rows.order_by().values_list("month").annotate(**SUMS)}
    return [Figures(month, f"{month:%Y-%m}", *sums.get(month, ())) for month in period.months]


def grouped(rows: QuerySet[LessonMonth], by: str, sort: str = "plays") -> list[Sums]:
    """All keys with a play, the most first. A row a course is a tenth of a second for 100,000, and saves counting them
    by another look at all plays."""
    _label, key, _model, _name = BY[by]
    order = sort if sort in SUMS else "plays"
    return list(rows.exclude(**{key: None}).order_by().values_list(key).annotate(**SUMS).order_by(f"-{order}", key))


def named(by: str, sums: Sequence[Sums]) -> list[Figures]:
    """The same with the names of their keys."""
    _label, _key, model, name = BY[by]
    names: dict[Any, str] = {}
    for first in range(0, len(sums), FEW):
        keys = [key for key, *_ in sums[first : first + FEW]]
        names |= dict(model._default_manager.filter(pk__in=keys).values_list("pk", name))
    return [Figures(key, names.get(key, ""), *numbers) for key, *numbers in sums]


def of_lessons(course: Course, period: Period) -> list[tuple[Lesson, Figures, list[float]]]:
    """For each lesson its figures and the share of plays that heard each of the parts. Two queries."""
    rows: dict[int, list[LessonMonth]] = {}
    for row in within(Course.objects.filter(pk=course.pk), period):
        rows.setdefault(row.lesson_id, []).append(row)
    lessons = course.lessons.select_related("asset")
    return [(lesson, *_of_lesson(lesson, rows.get(lesson.pk, []))) for lesson in lessons]


def _of_lesson(lesson: Lesson, rows: Sequence[LessonMonth]) -> tuple[Figures, list[float]]:
    plays = sum(row.plays for row in rows)
    figures = Figures(
        lesson.pk, lesson.title, plays, sum(row.seconds for row in rows), sum(row.finished for row in rows)
    )
    heard = [sum(row.parts[part] for row in rows if row.parts) for part in range(PARTS)]
    return figures, [number / plays for number in heard] if plays else []


def end_to_end(
    lessons: Sequence[tuple[Lesson, Figures, list[float]]],
) -> list[tuple[Lesson, list[tuple[float, float]]]]:
    """The lessons of ``of_lessons`` one after another, as long as their media: for each the points ``(place in the
    course, share still watching)``, both 0 to 1. The share is of the plays of the lesson with most of them, so that it
    also falls where people do not go on. A lesson without a length is as long as the mean; none without any play."""
    most = max((one.plays for _lesson, one, _heard in lessons), default=0)
    if not most:
        return []
    known = [lesson.asset.duration for lesson, *_ in lessons if lesson.asset and lesson.asset.duration]
    mean = sum(known) / len(known) if known else 1.0
    lengths = [(lesson.asset.duration if lesson.asset else None) or mean for lesson, *_ in lessons]
    begin, found = 0.0, []
    for (lesson, one, heard), length in zip(lessons, lengths, strict=True):
        shares = [share * one.plays / most for share in heard] or [0.0] * PARTS
        places = [(begin + length * (part + 0.5) / PARTS) / sum(lengths) for part in range(PARTS)]
        found.append((lesson, list(zip(places, shares, strict=True))))
        begin += length
    return found
