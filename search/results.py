"""What a search gives back: the pieces that pages and the API show."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Passage:
    """A place inside a course. ``seconds`` for sound and film, ``page`` for readings; the other is None.

    ``highlight`` is safe HTML with ``<mark>``; ``url`` opens the lesson there.
    """

    lesson: int
    lesson_title: str
    seconds: int | None
    page: int | None
    url: str
    highlight: str


@dataclass(frozen=True, slots=True)
class Hit:
    """One course found. ``highlights`` maps ``title``, ``names`` or ``body`` to safe HTML with ``<mark>``; ``why``
    is a sentence when the match is not what was typed (``按拼音找到“苗绣”``)."""

    id: int
    url: str
    title: str
    highlights: dict[str, str] = field(default_factory=dict)
    passages: tuple[Passage, ...] = ()
    why: str = ""
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class FacetValue:
    """``depth`` is the value's level in a tree (0 on top); ``count`` is what choosing it, beside the other filters,
    would give."""

    value: str
    label: str
    count: int
    selected: bool = False
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Facet:
    """A filter with its values. ``name`` is its name in the address."""

    name: str
    label: str
    values: tuple[FacetValue, ...]

    @property
    def selected(self) -> tuple[FacetValue, ...]:
        return tuple(value for value in self.values if value.selected)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A completion. ``kind``: course, theme, place, teacher, institution or query; ``highlight`` is safe HTML;
    ``count`` is the number of courses behind it."""

    text: str
    kind: str
    url: str
    highlight: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Results:
    """The answer to one ``Query``.

    ``suggestion``: the nearest spelling when the typed one found nothing, else "". ``why``: a sentence about how
    the answer was found when it is not simply what was typed. ``popular``: ids of well-liked courses, given only
    when nothing was found. ``degraded``: the search engine is away and titles were looked up in the database.
    ``problems``: what was wrong with the query and was left out. ``ms``: time taken by the whole search.
    """

    total: int
    hits: tuple[Hit, ...]
    facets: tuple[Facet, ...] = ()
    suggestion: str = ""
    why: str = ""
    ms: float = 0.0
    degraded: bool = False
    popular: tuple[Hit, ...] = ()
    problems: tuple[str, ...] = ()
    pages: int = 0
