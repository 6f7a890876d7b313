"""The filters of the catalogue: one entry a filter, in the order pages show them.

A new filter is one entry here; documents, both engines, the address, the API and the pages follow.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from catalog.kinds import Kind
from catalog.models import Course, Institution, Level, Place, Teacher, Theme

PLACE_DIGITS = (2, 4, 6, 9, 12)
"""Digits of a place's code on each level, province to village."""

MUNICIPALITIES = frozenset({"11", "12", "31", "50"})
"""Beijing, Tianjin, Shanghai, Chongqing."""

LENGTHS: dict[str, tuple[float, float, str | Promise]] = {
    "short": (0, 10 * 60, _("10 分钟以内")),
    "medium": (10 * 60, 30 * 60, _("10–30 分钟")),
    "long": (30 * 60, 90 * 60, _("30–90 分钟")),
    "series": (90 * 60, float("inf"), _("90 分钟以上")),
}
"""Length buckets: from (inclusive) and to (exclusive) in seconds, and the label."""

LANGUAGES: dict[str, str | Promise] = {
    "zh-Hans": _("普通话"),
    "zh-Hant": _("国语（繁体）"),
    "yue": _("粤语"),
    "wuu": _("吴语"),
    "nan": _("闽南语"),
    "hak": _("客家话"),
    "hsn": _("湘语"),
    "sgn": _("手语"),
    "en": _("英语"),
}

Labels = Callable[[Iterable[str]], Mapping[str, str | Promise]]

KEPT_SECONDS = 30
"""How long a label that was changed in another process may still be shown."""


class KeptLabels:
    """Labels read from the database, kept in this process until something of the catalogue changes here, or for some
    seconds."""

    def __init__(self, read: Callable[[Iterable[str]], Mapping[str, str]]) -> None:
        self._read = read
        self._known: dict[str, str] = {}
        self._until = 0.0

    def __call__(self, values: Iterable[str]) -> Mapping[str, str]:
        if time.monotonic() > self._until:
            self.forget()
        known, wanted = self._known, list(values)
        if missing := [value for value in wanted if value not in known]:
            known.update(self._read(missing))
        return {value: known[value] for value in wanted if value in known}

    def forget(self) -> None:
        self._known, self._until = {}, time.monotonic() + KEPT_SECONDS


@dataclass(frozen=True, slots=True)
class FacetField:
    """One filter.

    ``values`` gives what a course is counted under, without ancestors; ``labels`` names values for people.
    ``fixed`` lists the only values there are, in their order; empty for an open list ordered by count.
    ``tree``: values are place codes, shown level by level. ``range``: the fixed values are steps from little to much.
    ``shown``: False for what filters without a list.
    """

    name: str
    label: str | Promise
    values: Callable[[Course], Iterable[str]]
    labels: Labels
    fixed: tuple[str, ...] = ()
    tree: bool = False
    range: bool = False
    shown: bool = True


def length_of(seconds: float | None) -> str:
    """The bucket of a duration; "" when it is unknown."""
    if seconds is None:
        return ""
    return next(name for name, (low, high, _label) in LENGTHS.items() if low <= seconds < high)


def _from(table: Mapping[str, str | Promise]) -> Labels:
    @lru_cache
    def told(_language: str | None) -> dict[str, str]:
        return {value: str(label) for value, label in table.items()}

    def labels(values: Iterable[str]) -> dict[str, str]:
        known = told(get_language())
        return {value: known.get(value, value) for value in values}

    return labels


@KeptLabels
def _theme_labels(slugs: Iterable[str]) -> dict[str, str]:
    return dict(Theme.objects.filter(slug__in=slugs).values_list("slug", "name"))


@KeptLabels
def _place_labels(codes: Iterable[str]) -> dict[str, str]:
    return dict(Place.objects.filter(code__in=codes).values_list("code", "name"))


@KeptLabels
def _institution_labels(codes: Iterable[str]) -> dict[str, str]:
    return dict(Institution.objects.filter(code__in=codes).values_list("code", "name"))


def _teacher_labels(ids: Iterable[str]) -> dict[str, str]:
    found = Teacher.objects.filter(pk__in=[int(value) for value in ids if value.isdigit()])
    return {str(pk): name for pk, name in found.values_list("pk", "name")}


FACETS: dict[str, FacetField] = {
    field.name: field
    for field in (
        FacetField("theme", _("主题"), lambda course: [theme.slug for theme in course.themes.all()], _theme_labels),
        FacetField(
            "place", _("地方"), lambda course: [place.code for place in course.places.all()], _place_labels, tree=True
        ),
        FacetField("kind", _("类型"), lambda course: [course.kind], _from(dict(Kind.choices)), tuple(Kind.values)),
        FacetField("institution", _("机构"), lambda course: [course.institution.code], _institution_labels),
        FacetField(
            "length",
            _("时长"),
            lambda course: [length_of(course.duration)],
            _from({name: label for name, (_low, _high, label) in LENGTHS.items()}),
            tuple(LENGTHS),
            range=True,
        ),
        FacetField("language", _("语言"), lambda course: [course.language], _from(LANGUAGES)),
        FacetField(
            "level",
            _("程度"),
            lambda course: [course.level],
            _from(dict(Level.choices)),
            tuple(Level.values),
            range=True,
        ),
        FacetField(
            "captions", _("字幕"), lambda course: ["yes"] * course.has_captions, _from({"yes": _("有字幕")}), ("yes",)
        ),
        FacetField(
            "teacher",
            _("教师"),
            lambda course: [str(teacher.pk) for teacher in course.teachers.all()],
            _teacher_labels,
            shown=False,
        ),
    )
}


def place_ancestors(code: str) -> list[str]:
    """Codes of the divisions a place lies in, widest first, its own last: 500153 → 50, 5001, 500153."""
    return [code[:digits] for digits in PLACE_DIGITS if digits <= len(code)]


def place_pattern(selected: Iterable[str]) -> str:
    """A regular expression of the place codes a page shows: all provinces, the way down to each selected place, and
    what lies directly below it."""
    branches = ["[0-9]{2}"]
    for code in selected:
        for above in place_ancestors(code):
            branches += _below(above)
    return "|".join(dict.fromkeys(branches))


def _below(code: str) -> list[str]:
    """Codes directly below a place. Counties of the four municipalities, and those that a province (90) keeps without
    a city, stand two levels deeper in the code."""
    if code in MUNICIPALITIES:
        return [f"{code}[0-9]{{4}}"]
    direct = [f"{code}90[0-9]{{2}}"] if len(code) == PLACE_DIGITS[0] else []
    deeper = [digits for digits in PLACE_DIGITS if digits > len(code)]
    return [f"{code}[0-9]{{{deeper[0] - len(code)}}}", *direct] if deeper else []


def forget_labels() -> None:
    """Labels are read anew by the next question in this process."""
    for facet in FACETS.values():
        if isinstance(facet.labels, KeptLabels):
            facet.labels.forget()
