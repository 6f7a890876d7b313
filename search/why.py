"""Why courses stand where they do for a query, in words an editor understands.

The engines give one figure a course, so a query is asked again word by word: what a word finds alone shows where it
stands in a course and how much it weighs there. The shares are those of the words asked alone; the order is that of
the whole query.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from django.utils.html import escape

from catalog.models import Course
from search import ask, find
from search.engines.contract import POPULARITY_WEIGHT
from search.query import PER_PAGE_LIMIT, Query
from search.results import Hit, Results
from search.rules import Curation, rule_for

TOP = 20
WORDS = 6
"""Words of a query that are asked again, each by itself."""

PLACES = {"title": "标题", "names": "名称（主题、地方、教师、课时、别名）", "body": "简介"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a word stands in a course; ``html`` is the text with ``<mark>``, safe."""

    label: str
    html: str


@dataclass(frozen=True, slots=True)
class Reason:
    """What one word does for a course. ``share``: per cent of what the words weigh, None when the word alone has the
    course behind its first hundred."""

    word: str
    places: tuple[Place, ...]
    share: int | None


@dataclass(frozen=True, slots=True)
class Placing:
    """A course in the answer. ``rank`` from 1, None when it is not among the first hundred. ``strength``: per cent of
    the score of the strongest. ``popularity``: per cent that being watched ``views`` times adds to the score."""

    course: Course
    rank: int | None
    strength: int
    reasons: tuple[Reason, ...]
    views: int
    popularity: float
    pinned: bool
    hidden: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """``placings``: the first twenty. ``asked``: the course that was asked about, wherever it stands."""

    total: int
    why: str
    degraded: bool
    placings: tuple[Placing, ...] = ()
    asked: Placing | None = None

    @property
    def asked_alone(self) -> tuple[Placing, ...]:
        return (self.asked,) if self.asked else ()


@dataclass(frozen=True, slots=True)
class _Answers:
    """What was asked for an explanation: the whole query, and by word what the word finds alone, by course."""

    whole: Results
    alone: dict[str, dict[int, Hit]]
    curation: Curation


def explain(text: str, course_id: int | None = None) -> Explanation:
    """Why the first twenty courses, and one that is asked about, stand where they do. Asks once for the query and once
    for each of its first words."""
    results = _ask(text)
    if results.degraded:
        return Explanation(results.total, results.why, True)
    answers = _Answers(results, _alone(text, results), rule_for(text))
    wanted = [hit.id for hit in results.hits[:TOP]]
    courses = Course.objects.select_related("institution").in_bulk([*wanted, *filter(None, [course_id])])
    shown = tuple(_placing(courses[key], answers) for key in wanted if key in courses)
    asked = _placing(courses[course_id], answers) if course_id in courses else None
    return Explanation(results.total, results.why, False, shown, asked)


def _ask(text: str) -> Results:
    return find.search(replace(Query.from_params({"q": text}), per_page=PER_PAGE_LIMIT))


def _alone(text: str, whole: Results) -> dict[str, dict[int, Hit]]:
    """By word, the courses it finds alone; a query of one word was asked already."""
    words = ask.split(text)[:WORDS]
    if len(words) == 1:
        return {words[0]: {hit.id: hit for hit in whole.hits}}
    return {word: {hit.id: hit for hit in _ask(word).hits} for word in words}


def _placing(course: Course, answers: _Answers) -> Placing:
    hits = answers.whole.hits
    rank = next((rank for rank, hit in enumerate(hits, 1) if hit.id == course.pk), None)
    strongest = max((hit.score for hit in hits), default=0.0)
    found = {word: alone.get(course.pk) for word, alone in answers.alone.items()}
    summed = sum(one.score for one in found.values() if one)
    return Placing(
        course=course,
        rank=rank,
        strength=round(100 * hits[rank - 1].score / strongest) if rank and strongest else 0,
        reasons=tuple(_reason(word, one, summed) for word, one in found.items()),
        views=course.views,
        popularity=round(100 * POPULARITY_WEIGHT * math.log10(1 + course.views), 1),
        pinned=course.pk in answers.curation.pinned,
        hidden=course.pk in answers.curation.hidden,
    )


def _reason(word: str, hit: Hit | None, summed: float) -> Reason:
    if hit is None:
        return Reason(word, (), None)
    return Reason(word, _places(hit), round(100 * hit.score / summed) if summed else None)


def _places(hit: Hit) -> tuple[Place, ...]:
    marked = {name: html for name, html in hit.highlights.items() if "<mark>" in html}
    places = [Place(label, marked[name]) for name, label in PLACES.items() if name in marked]
    places += [Place("课里（说的话、书页）", passage.highlight) for passage in hit.passages[:1]]
    return (*places, *([Place("读音", escape(hit.why))] if hit.why else []))
