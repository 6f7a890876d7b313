"""What is asked and found, counted by day, without anybody's traces.

A count is a day, a folded query, searches, courses found and results opened: no person, address, session or hour.
Queries that look like personal data are not kept at all, and everything is forgotten after ``SEARCH_LOG_DAYS``.

Counting never writes within a request. Each process adds up in memory and writes what it has every ``FLUSH_SECONDS``
by a thread of its own, and at its end; a process that is killed loses at most those seconds. Only the first page of a
search without filters counts, for other pages and filters are another look at the same answer.
"""

from __future__ import annotations

import atexit
import logging
import re
import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta

from django.conf import settings
from django.db import DatabaseError, connections, transaction
from django.db.models import F
from django.utils import timezone

from catalog.models import Course
from search import analysis
from search.models import AskedQuery, QueryCount, as_compared
from search.query import Query
from search.results import Results

log = logging.getLogger(__name__)

FLUSH_SECONDS = 10
WAITING_LIMIT = 5_000
"""Different queries, and different clicks, that one process keeps until it writes; more are not counted."""

DAY_LIMIT = 50_000
"""Different queries a day. Once there are so many, only queries that are known already are counted."""

TEXT_LIMIT = 60
"""Longer queries are pasted text, not what many people ask."""

_PRIVATE = re.compile(
    r"[\w.+-]+@[\w-]+\.\w|://|www\."  # addresses of people and of pages, which may carry keys
    r"|\d{7}|\d(?:[ -]?\d){8}"  # numbers of telephones, identity cards, bank cards, QQ
    r"|[〇零一二三四五六七八九幺]{7}"
)


def is_private(folded: str) -> bool:
    """Whether a query looks like personal data. Names of people cannot be told from names of teachers: they go with
    time, and unless many ask for them nobody is shown them."""
    return bool(_PRIVATE.search(folded))


def sound_of(folded: str) -> str:
    """The pinyin of a query in one piece, the same however it is written: ``苗秀``, ``miao xiu`` → ``miaoxiu``."""
    ways = analysis.readings(folded)
    return ("".join(ways[0]) if ways else "")[:255] or folded


def found_by(results: Results) -> int:
    """Courses that answer the query; while the engine is away nobody knows, and none is said to."""
    return results.total


# In the process ---------------------------------------------------------------------------------


@dataclass(slots=True)
class _Waiting:
    """What a process has counted and not written: searches by (day, query), courses found by query, clicks by (day,
    query, course's slug)."""

    searches: Counter[tuple[date, str]] = field(default_factory=Counter)
    found: dict[str, int] = field(default_factory=dict)
    clicks: Counter[tuple[date, str, str]] = field(default_factory=Counter)

    def __bool__(self) -> bool:
        return bool(self.searches or self.clicks)

    def taken(self) -> _Waiting:
        """All of it, which from now on waits no more."""
        taken = _Waiting(self.searches, self.found, self.clicks)
        self.searches, self.found, self.clicks = Counter(), {}, Counter()
        return taken


_lock = threading.Lock()
_waiting = _Waiting()


def record(query: Query, results: Results) -> None:
    """Counts a search that was answered. Takes microseconds and cannot fail for the reader."""
    if query.page > 1 or query.filters or query.problems or results.degraded:
        return
    text = _kept(query.text)
    if not text:
        return
    with _lock:
        key = (timezone.localdate(), text)
        if key in _waiting.searches or len(_waiting.searches) < WAITING_LIMIT:
            _begin()
            _waiting.searches[key] += 1
            _waiting.found[text] = found_by(results)


def record_click(typed: str, slug: str) -> None:
    """Counts that a result was opened. Whether the query is known and the course public is looked up when it is
    written."""
    text = _kept(typed)
    if not text:
        return
    with _lock:
        key = (timezone.localdate(), text, slug)
        if key in _waiting.clicks or len(_waiting.clicks) < WAITING_LIMIT:
            _begin()
            _waiting.clicks[key] += 1


def _kept(typed: str) -> str:
    """A query as it is counted, or "" when it is not to be kept."""
    if not settings.SEARCH_LOG_DAYS:
        return ""
    text = as_compared(typed)
    return "" if len(text) > TEXT_LIMIT or is_private(text) else text


def _begin() -> None:
    """Sees to it that what is being counted will be written. Called with the lock held."""
    if not _waiting:
        timer = threading.Timer(FLUSH_SECONDS, _flush_and_close)
        timer.daemon = True
        timer.start()


def _flush_and_close() -> None:
    try:
        flush()
    finally:
        connections.close_all()


@atexit.register
def flush() -> None:
    """Writes what this process has counted. A batch the database does not take is lost, and said so."""
    with _lock:
        counted = _waiting.taken()
    if not counted:
        return
    try:
        with transaction.atomic():
            _write(counted)
    except DatabaseError as error:
        log.warning("%d counts of searches are lost: %s", counted.searches.total(), error)


# Into the database ------------------------------------------------------------------------------


def _write(counted: _Waiting) -> None:
    """Adds counts to what is there. Rows are touched in the order of their texts, so that two processes wait for each
    other instead of both failing; nothing is read that another process could change before it is written."""
    searches = _within_the_day(counted.searches)
    days = {text: day for day, text in sorted(searches)}
    asked = [
        AskedQuery(text=text, sound=sound_of(text), found=counted.found[text], asked_on=days[text])
        for text in sorted(days)
    ]
    AskedQuery.objects.bulk_create(
        asked, update_conflicts=True, unique_fields=["text"], update_fields=["found", "asked_on"], batch_size=500
    )
    texts = {*days, *(text for _day, text, _slug in counted.clicks)}
    keys = dict(AskedQuery.objects.filter(text__in=texts).values_list("text", "pk"))
    clicks = _on_public_courses(counted.clicks)
    rows = sorted(row for row in {*searches, *clicks} if row[1] in keys)
    QueryCount.objects.bulk_create(
        [QueryCount(query_id=keys[text], day=day) for day, text in rows], ignore_conflicts=True, batch_size=500
    )
    _add({(day, keys[text]): (searches[day, text], clicks[day, text]) for day, text in rows})


def _within_the_day(searches: Counter[tuple[date, str]]) -> Counter[tuple[date, str]]:
    if QueryCount.objects.filter(day=timezone.localdate()).count() < DAY_LIMIT:
        return searches
    known = set(AskedQuery.objects.filter(text__in={text for _day, text in searches}).values_list("text", flat=True))
    return Counter({key: number for key, number in searches.items() if key[1] in known})


def _on_public_courses(clicks: Counter[tuple[date, str, str]]) -> Counter[tuple[date, str]]:
    slugs = {slug for _day, _text, slug in clicks}
    public = set(Course.objects.public().filter(slug__in=slugs).values_list("slug", flat=True)) if slugs else set()
    counted: Counter[tuple[date, str]] = Counter()
    for (day, text, slug), number in clicks.items():
        if slug in public:
            counted[day, text] += number
    return counted


def _add(increments: dict[tuple[date, int], tuple[int, int]]) -> None:
    """Adds (searches, clicks) to the counts of (day, query): one statement for all that grow by the same."""
    alike: defaultdict[tuple[date, int, int], list[int]] = defaultdict(list)
    for (day, query), (searches, clicks) in increments.items():
        alike[day, searches, clicks].append(query)
    for (day, searches, clicks), queries in sorted(alike.items()):
        rows = QueryCount.objects.filter(day=day, query__in=queries)
        rows.update(searches=F("searches") + searches, clicks=F("clicks") + clicks)


def forget() -> None:
    """Removes what is older than ``SEARCH_LOG_DAYS``. For the worker, from time to time."""
    oldest = timezone.localdate() - timedelta(days=settings.SEARCH_LOG_DAYS)
    QueryCount.objects.filter(day__lt=oldest).delete()
    AskedQuery.objects.filter(asked_on__lt=oldest).delete()
