"""The order in which a question is put: as it is written, cut at known words, by sound and shape, then loosely. Knows
engines, no database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from search import ask
from search.ask import Ask, Question, Word
from search.engines.contract import Engine, Found
from search.facets import FACETS, place_pattern
from search.query import Query
from search.rerank import SENTENCE_WINDOW, WINDOW, rerank
from search.rules import NONE, Curation
from search.vocabulary import Vocabulary

WEAK = 3
"""With fewer courses than this for what is written, it is also looked up otherwise."""

SOUND_LIMIT = 14
"""Characters of a query that may be a misspelt word or two; a sentence is not looked up by its sound."""

NAMES_LIMIT = 100
"""Themes, places, people that a name in a query may mean."""

NOTHING = ("",)
"""A filter value that no course has."""


@dataclass(frozen=True, slots=True)
class Answer:
    """``words`` as they were asked in the end. ``level``: ``written``, ``cut``, ``heard``, ``loose`` or ``none``.
    ``matching``: courses with every word; they come first, and the others of ``found`` are the closest to it."""

    found: Found
    words: tuple[Word, ...]
    level: str
    matching: int


@dataclass(frozen=True, slots=True)
class Taught:
    """What editors taught the search: for all queries, and for the one that is put."""

    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    curation: Curation = NONE


def answer(
    engine: Engine, query: Query, today: date, counted: Sequence[str] = (), taught: Taught | None = None
) -> Answer:
    """Courses for a query, page and counts included. Raises EngineAway."""
    taught = taught or Taught()
    question = ask.as_written(query.text, taught.vocabulary)
    if query.text and not (question.words or question.excluded or question.named):
        return Answer(Found(0), (), "none", 0)
    asked = replace(
        _first(query, question, taught.curation),
        within=(*query.within, *(_values_called(engine, facet, name, today) for facet, name in question.named)),
        counted=tuple(counted),
        today=today,
    )
    found, level = _ordered(engine, asked), "written"
    if found.total >= WEAK or not asked.words:
        return Answer(found, asked.words, level, found.total)
    if found.unfiltered >= WEAK:
        return Answer(found, asked.words, level, found.total)
    for way, words in _other_ways(query, question, taught.vocabulary):
        otherwise = replace(asked, words=words)
        more = _ordered(engine, otherwise) if words != asked.words else found
        if more.total > found.total:
            return Answer(more, words, way, more.total)
    asked_for = query.filters or query.within or any(word.exact or word.field for word in asked.words)
    if asked_for and found.unfiltered:
        return Answer(found, asked.words, level, found.total)
    return _with_the_closest(engine, asked, found)


def _with_the_closest(engine: Engine, asked: Ask, found: Found) -> Answer:
    """The few courses with every word, and after them those with most of the words."""
    few = found.rows if not asked.offset else engine.search(replace(asked, offset=0, limit=WEAK, counted=())).rows
    first = tuple(dict.fromkeys((*asked.pinned, *(row.id for row in few))))
    loose = replace(asked, words=ask.as_loose(asked.words), loose=True, pinned=first)
    more = _ordered(engine, loose)
    if more.total <= found.total:
        return Answer(found, asked.words, "written" if found.total else "none", found.total)
    return Answer(more, loose.words, "loose", found.total)


def _first(query: Query, question: Question, curation: Curation) -> Ask:
    return Ask(
        words=question.words,
        excluded=question.excluded,
        filters=query.filters,
        places=place_pattern(query.filters.get("place", ())),
        sort=query.sort,
        offset=query.offset,
        limit=query.per_page,
        without=tuple(sorted(curation.hidden)),
        pinned=curation.pinned if question.words else (),
    )


def _values_called(engine: Engine, facet: str, name: str, today: date) -> tuple[str, tuple[str, ...]]:
    """The values of a facet whose names have a text in them: ``("teacher", "李")`` → ``("teacher", ("7", "31"))``."""
    words = ask.split(name)
    clauses = ask.written(" ".join(words)).clauses
    known = engine.completions(clauses, today.isoformat(), NAMES_LIMIT).names if words else ()
    return facet, tuple(one.name.value for one in known if one.name.facet == facet) or NOTHING


def _other_ways(query: Query, question: Question, vocabulary: Vocabulary) -> list[tuple[str, tuple[Word, ...]]]:
    """What is tried when little is written like this, the most certain first."""
    ways = [("cut", ask.as_cut(question.words, vocabulary))]
    if len(query.text) <= SOUND_LIMIT or question.words[0].text.isascii():
        ways.append(("heard", ask.as_misspelt(question.words)))
    return ways


def _ordered(engine: Engine, asked: Ask) -> Found:
    """What an engine finds, its first courses in the finer order."""
    window = SENTENCE_WINDOW if asked.loose else WINDOW
    fine = asked.loose or len(asked.words) > 1 or any(word.spoken for word in asked.words)
    if not fine or asked.sort != "relevance" or asked.offset >= window:
        return engine.search(asked)
    end = asked.offset + asked.limit
    found = engine.search(replace(asked, offset=0, limit=max(window, end)))
    pinned = [row for row in found.rows if row.id in asked.pinned]
    others = [row for row in found.rows if row.id not in asked.pinned]
    inside = engine.passages([row.id for row in others[:window]], asked.words, 1) if asked.loose else {}
    texts = {course: best[0]["text"] for course, best in inside.items()}
    ordered = [*pinned, *rerank(others[:window], asked.words, loose=asked.loose, inside=texts), *others[window:]]
    return replace(found, rows=tuple(ordered[asked.offset : end]))


SHOWN = tuple(name for name, facet in FACETS.items() if facet.shown)
