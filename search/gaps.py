"""What people look for and do not get: queries without result or without click, grouped by their sound."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta

from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet, Subquery, Sum
from django.utils import timezone

from search import find
from search.models import AskedQuery, Gap, QueryCount
from search.query import Query
from search.query_log import found_by

SHOWN = ("all", "nothing", "unopened")
"""All groups, those that found nothing, those of which nothing was opened."""

UNOPENED = 2
"""Searches without a click before a group counts as one that nobody opens a result of."""

SPELLINGS = 10
"""Spellings of a group that are shown and tried, the most asked first."""


@dataclass(frozen=True, slots=True)
class Spelling:
    text: str
    searches: int
    found: int


@dataclass(frozen=True, slots=True)
class Group:
    """Queries of one sound. ``failed``: searches by spellings that find nothing now."""

    sound: str
    spellings: tuple[Spelling, ...]
    searches: int
    failed: int
    clicks: int
    last: date

    @property
    def text(self) -> str:
        return self.spellings[0].text if self.spellings else self.sound


def unanswered(days: int, shown: str = "all") -> QuerySet:
    """Sounds of the last ``days`` days with their sums, most wanted first, to be paged; ``groups`` dresses a page.
    Left out: what was commissioned, and what was solved unless it failed again or is still not opened since."""
    gap = Gap.objects.filter(sound=OuterRef("query__sound"))
    rows = _since(days).filter(~Exists(gap.filter(wanted=True)))
    rows = rows.annotate(solved_on=Subquery(gap.values("solved_on")[:1]))
    rows = rows.filter(Q(solved_on=None) | Q(day__gt=F("solved_on")) | Q(query__found=0))
    nothing, unopened = Q(failed__gt=0), Q(failed=0, opened=0, asked__gte=UNOPENED)
    wanted = {"nothing": nothing, "unopened": unopened}.get(shown, nothing | unopened)
    return _summed(rows).filter(wanted).order_by("-asked", "query__sound")


def _since(days: int) -> QuerySet[QueryCount]:
    return QueryCount.objects.filter(day__gt=timezone.localdate() - timedelta(days=days), searches__gt=0)


def _summed(rows: QuerySet) -> QuerySet:
    failed = Sum("searches", filter=Q(query__found=0), default=0)
    sums = {"asked": Sum("searches"), "opened": Sum("clicks"), "failed": failed, "last": Max("day")}
    return rows.values("query__sound").annotate(**sums)


def groups(rows: Iterable[dict], days: int) -> list[Group]:
    """Groups of a page of ``unanswered``; one query, whatever the page."""
    chosen = list(rows)
    spelled = _spellings([row["query__sound"] for row in chosen], days)
    return [
        Group(
            row["query__sound"],
            tuple(spelled.get(row["query__sound"], ())[:SPELLINGS]),
            row["asked"],
            row["failed"],
            row["opened"],
            row["last"],
        )
        for row in chosen
    ]


def _spellings(sounds: list[str], days: int) -> dict[str, list[Spelling]]:
    rows = _since(days).filter(query__sound__in=sounds)
    summed = rows.values_list("query__sound", "query__text", "query__found").annotate(asked=Sum("searches"))
    found: dict[str, list[Spelling]] = {}
    for sound, text, courses, searches in summed.order_by("-asked", "query__text"):
        found.setdefault(sound, []).append(Spelling(text, searches, courses))
    return found


def wanted() -> QuerySet[Gap]:
    """Commissioned content, the newest first; ``found`` is what its queries find now, None once they are forgotten."""
    most = AskedQuery.objects.filter(sound=OuterRef("sound")).order_by("-found").values("found")[:1]
    return Gap.objects.filter(wanted=True).annotate(found=Subquery(most)).order_by("-created_at", "-pk")


def commission(sound: str, text: str, note: str) -> Gap:
    """Marks queries of a sound as content that is wanted."""
    return Gap.objects.update_or_create(sound=sound, defaults={"text": text, "note": note, "wanted": True})[0]


def try_again(sound: str, text: str = "") -> list[Spelling] | None:
    """Asks the spellings of a sound again, or ``text`` when none is remembered, and notes what they find now. A group
    that finds something is solved. None while the engine is away: then nothing is noted."""
    asked = list(AskedQuery.objects.filter(sound=sound).order_by("-asked_on", "text")[:SPELLINGS])
    tried: list[Spelling] = []
    for spelling in [query.text for query in asked] or list(filter(None, [text])):
        results = find.search(replace(Query.from_params({"q": spelling}), per_page=1))
        if results.degraded:
            return None
        tried.append(Spelling(spelling, 0, found_by(results)))
    found = {one.text: one.found for one in tried}
    for query in asked:
        query.found = found[query.text]
    AskedQuery.objects.bulk_update(asked, ["found"])
    if any(one.found for one in tried):
        today = timezone.localdate()
        solved = {"solved_on": today, "text": tried[0].text}
        Gap.objects.update_or_create(sound=sound, defaults={"solved_on": today}, create_defaults=solved)
    return tried
