"""What an engine must do. Both engines pass the same tests: ``tests/search/test_find.py`` (what is found),
``test_suggest.py`` (what is offered), ``test_index.py`` (what is kept true).

An engine object is one library of documents: courses with their passages, and the names they are ordered by.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from search.ask import Ask, Clause, Word
from search.documents import CourseDocument, Name

TITLE_WEIGHT, NAMES_WEIGHT, BODY_WEIGHT = 8.0, 2.0, 1.0
"""How much a token counts in each field group; measured in docs/decisions/search-ranking.md."""

SOUND_WEIGHTS = {"py": 1.0, "near": 0.5, "init": 0.7}
INSIDE_WEIGHT = 0.5
POPULARITY_WEIGHT = 0.03
"""A course watched a thousand times outranks an equal one never watched by 1 + 0.03 · log10(1 + 1000) = 1.09."""

FRESHNESS_WEIGHT, FRESHNESS_DAYS = 0.05, 180
"""A course published today outranks an equal old one by 1.05; after so many days by half of that."""

MOST_BOOST = 1 + POPULARITY_WEIGHT * 12 + FRESHNESS_WEIGHT
"""No course is lifted by more than this: a billion views are 10**9."""


def boost(views: int, published: float, today: date) -> float:
    """What a score is multiplied by for being watched and for being new. ``published``: seconds since 1970."""
    age = max(0.0, midnight(today) - published) / 86_400
    return 1 + POPULARITY_WEIGHT * math.log10(1 + max(0, views)) + FRESHNESS_WEIGHT * 0.5 ** (age / FRESHNESS_DAYS)


def midnight(day: date) -> float:
    """The beginning of a day in UTC, in seconds since 1970."""
    return (day - date(1970, 1, 1)).days * 86_400.0


NAMES_WEIGHED = 30
"""Names that match what is typed of which the largest are chosen; of more than these, the widest (``Name.rank``)."""


class EngineAway(Exception):
    """The engine cannot answer now: not reachable, or its index was never built."""


class RefusedDocuments(Exception):
    """Documents that the engine does not take as they are; it took all others of the call. ``reasons`` by course id."""

    def __init__(self, reasons: Mapping[int, str]) -> None:
        super().__init__(f"{len(reasons)} documents were refused")
        self.reasons = dict(reasons)


@dataclass(frozen=True, slots=True)
class Row:
    """A course found; ``source`` as in ``CourseDocument.source``."""

    id: int
    score: float
    source: dict


@dataclass(frozen=True, slots=True)
class Entry:
    """A course as the library has it: ``version`` and ``digest`` of the document last written, and how many passages
    there are."""

    id: int
    version: int
    digest: str
    passages: int


@dataclass(frozen=True, slots=True)
class Found:
    """``counts``: by facet name the number of courses by value. ``unfiltered``: the courses without the filters."""

    total: int
    rows: tuple[Row, ...] = ()
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    unfiltered: int = 0


@dataclass(frozen=True, slots=True)
class Named:
    """A name that courses are ordered by, and how many can be shown under it today."""

    name: Name
    count: int


@dataclass(frozen=True, slots=True)
class Completions:
    titles: tuple[Row, ...] = ()
    names: tuple[Named, ...] = ()


class Engine(ABC):
    """A library of documents. Methods raise ``EngineAway`` when the engine cannot answer."""

    name: str

    @abstractmethod
    def exists(self) -> bool:
        """Whether the library was built."""

    @abstractmethod
    def version(self) -> int | None:
        """The ``documents.VERSION`` the library was built with, 0 when it does not say; None when there is none, or
        none that can be read."""

    @abstractmethod
    def count(self) -> int:
        """Courses in the library."""

    @abstractmethod
    def entries(self, ids: Collection[int] | None = None) -> Iterator[Entry]:
        """What the library holds of these courses, else of all, in the order of their ids."""

    @abstractmethod
    def search(self, ask: Ask) -> Found:
        """Courses for a question, best first, with counts."""

    @abstractmethod
    def passages(self, ids: Sequence[int], words: Sequence[Word], each: int) -> dict[int, list[dict]]:
        """The best passages with all, else most, of the words, at most ``each`` a course, by course id. A passage is
        a mapping with the fields of ``PassageDocument``."""

    @abstractmethod
    def completions(self, clauses: Sequence[Clause], today: str, limit: int) -> Completions:
        """For suggestions: at most ``limit`` courses in whose titles one of the clauses matches, the most watched
        first, and as many names, the largest first. A long clause may match where its parts stand apart
        (``search.grams``). Of a course's ``source`` only ``slug`` and ``titles`` are sure to be there."""

    @abstractmethod
    def put(self, documents: Iterable[CourseDocument]) -> None:
        """Writes documents; one older than what is there (by ``version``) changes nothing. Raises RefusedDocuments
        after all others were written."""

    @abstractmethod
    def remove(self, ids: Iterable[int], version: int) -> None:
        """Takes courses and their passages out, unless they were written later than ``version``."""

    @abstractmethod
    def fresh(self) -> Engine:
        """A new empty library beside this one, not yet live."""

    @abstractmethod
    def adopt(self, other: Engine) -> None:
        """Makes a library from ``fresh`` the live one at a stroke. The old stays until ``sweep``."""

    @abstractmethod
    def sweep(self) -> None:
        """Removes what is not live: half-built libraries, and old ones once the last search in them has ended. Only
        for whoever holds the lease of the rebuild."""

    @abstractmethod
    def drop(self) -> None:
        """Removes the library."""
