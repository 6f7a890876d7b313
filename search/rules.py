"""What editors put on top and left out for certain queries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from django.utils import timezone

from search import analysis
from search.models import Rule
from search.snapshot import Marks, Snapshot, marks


@dataclass(frozen=True, slots=True)
class Curation:
    """Ids of courses: ``pinned`` on top in this order, ``hidden`` left out. Whether a pinned course is public is for
    the engine to know."""

    pinned: tuple[int, ...] = ()
    hidden: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Dated:
    """A curation and the days on which it holds, both included."""

    curation: Curation
    first: date
    last: date


Curations = Mapping[str, tuple[Dated, ...]]


def rule_for(text: str, today: date | None = None, seen: Marks | None = None) -> Curation:
    """What rules say today about a query as it was typed, with what was saved before this call, or before ``seen``.
    Where several hold, the newest pins first; what one of them hides, none pins."""
    dated = _snapshot.current(marks() if seen is None else seen).get(key(text), ())
    if not dated:
        return NONE
    day = today or timezone.localdate()
    valid = [one.curation for one in dated if one.first <= day <= one.last]
    hidden = frozenset(course for one in valid for course in one.hidden)
    pinned = dict.fromkeys(course for one in valid for course in one.pinned if course not in hidden)
    return Curation(tuple(pinned), hidden)


NONE = Curation()


def key(text: str) -> str:
    """A query as rules compare it: folded, without blanks: ``苗 繡`` → ``苗绣``."""
    return "".join(analysis.fold(text).split())


def curations_of(rules: Iterable[Rule]) -> Curations:
    """By the key of a query what holds for it, in the order of ``rules``."""
    found: dict[str, tuple[Dated, ...]] = {}
    for rule in rules:
        curation = Curation(
            tuple(pin.course_id for pin in rule.pins.all()), frozenset(course.pk for course in rule.hidden.all())
        )
        dated = Dated(curation, rule.first_day or date.min, rule.last_day or date.max)
        for query in dict.fromkeys(map(key, rule.queries)):
            found[query] = (*found.get(query, ()), dated)
    return found


def _read() -> Curations:
    return curations_of(Rule.objects.order_by("-pk").prefetch_related("pins", "hidden"))


_snapshot: Snapshot[Curations] = Snapshot("rules", _read, {})
