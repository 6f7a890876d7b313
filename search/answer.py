"""The order in which a question is put: as it is written, as it sounds, then loosely. Knows engines, no database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from search import ask
from search.ask import Ask, Word
from search.engines.contract import Engine, Found
from search.facets import FACETS, place_pattern
from search.query import Query

WEAK = 3
"""With fewer courses than this for what is written, it is also looked up by its sound."""

SOUND_LIMIT = 14
"""Characters of a query that may be a misspelt word or two; a sentence is not looked up by its sound."""


@dataclass(frozen=True, slots=True)
class Answer:
    """``words`` as they were asked in the end. ``level``: ``written``, ``heard``, ``loose`` or ``none``.
    ``elsewhere``: courses there would be without the filters, told when there is none with them."""

    found: Found
    words: tuple[Word, ...]
    level: str
    elsewhere: int = 0


def answer(engine: Engine, query: Query, today: date, counted: Sequence[str] = ()) -> Answer:
    """Courses for a query, page and counts included. Raises EngineAway."""
    first = Ask(
        words=ask.as_written(query.text),
        filters=query.filters,
        counted=tuple(counted),
        places=place_pattern(query.filters.get("place", ())),
        sort=query.sort,
        offset=query.offset,
        limit=query.per_page,
        today=today,
    )
    if query.text and not first.words:
        return Answer(Found(0), (), "none")
    found = engine.search(first)
    if found.total >= WEAK or not first.words:
        return Answer(found, first.words, "written")
    elsewhere = _unfiltered(engine, first) if query.filters else found.total
    if elsewhere >= WEAK:
        return Answer(found, first.words, "written", elsewhere)
    return _weak(engine, query, first, found, elsewhere)


def _weak(engine: Engine, query: Query, first: Ask, found: Found, elsewhere: int) -> Answer:
    """Little or nothing is written like this: by sound, and if there is nothing at all, loosely."""
    if len(query.text) <= SOUND_LIMIT or ask.split(query.text)[0].isascii():
        heard = replace(first, words=ask.as_heard(query.text))
        if heard.words != first.words:
            again = engine.search(heard)
            if again.total > found.total:
                return Answer(again, heard.words, "heard")
    if found.total or elsewhere:
        return Answer(found, first.words, "written", elsewhere)
    loose = engine.search(replace(first, loose=True))
    return Answer(loose, first.words, "loose" if loose.total else "none")


def _unfiltered(engine: Engine, asked: Ask) -> int:
    return engine.search(replace(asked, filters={}, counted=(), limit=0, offset=0)).total


SHOWN = tuple(name for name, facet in FACETS.items() if facet.shown)
