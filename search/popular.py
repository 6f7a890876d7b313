"""Queries that many people put, for completions: what one person asked for is shown to nobody else."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from django.db import transaction
from django.db.models import Count, Q, Sum
from django.utils import timezone

from search import analysis
from search.models import AskedQuery, QueryCount

WINDOW = timedelta(days=30)
ENOUGH = Q(days__gte=3) | Q(days__gte=2, asked__gte=5)
"""When a query is no longer somebody's own: asked on three days, or five times on more than one day. Five times on
one day may be one person who reloads a page."""

KEPT = 2_000
"""Popular queries that are offered; the most asked ones."""

FRESH_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Popular:
    """A query many people put, folded, and the courses it finds."""

    text: str
    found: int
    sound: str
    initials: str


def popular_queries(prefix: str, limit: int) -> list[Popular]:
    """At most ``limit`` queries that begin with a folded ``prefix`` by characters, pinyin or initials, the most asked
    first. Some microseconds; what is popular is read every five minutes."""
    letters = "".join(prefix.split()) if prefix.isascii() else ""
    if not prefix:
        return []
    found: list[Popular] = []
    for one in _known(int(time.monotonic() / FRESH_SECONDS)):
        if one.text.startswith(prefix) or (letters and (one.sound.startswith(letters) or one.initials == letters)):
            found.append(one)
            if len(found) == limit:
                break
    return found


@lru_cache(maxsize=1)
def _known(period: int) -> tuple[Popular, ...]:
    """Popular queries, the most asked first; ``period`` makes them new."""
    rows = AskedQuery.objects.filter(popularity__gt=0).order_by("-popularity", "text")[:KEPT]
    return tuple(Popular(row.text, row.found, row.sound, _initials(row.text)) for row in rows)


def _initials(text: str) -> str:
    return "".join(analysis.initials(analysis.readings(text)[0])) if analysis.readings(text) else ""


def mark_popular() -> None:
    """Decides anew which queries are popular. For the worker, every few minutes; two at once come to the same."""
    counts = QueryCount.objects.filter(day__gt=timezone.localdate() - WINDOW, query__found__gt=0)
    summed = counts.values_list("query").annotate(asked=Sum("searches"), days=Count("day", filter=Q(searches__gt=0)))
    best = {query: asked for query, asked, _days in summed.filter(ENOUGH).order_by("-asked")[:KEPT]}
    with transaction.atomic():
        AskedQuery.objects.filter(popularity__gt=0).exclude(pk__in=best).update(popularity=0)
        rows = [AskedQuery(pk=query, popularity=asked) for query, asked in sorted(best.items())]
        AskedQuery.objects.bulk_update(rows, ["popularity"], batch_size=500)
