"""What is known to search about a course: one set of documents for both engines.

A course document carries its titles, the names it is ordered by, its text, its filter values and what it says inside
(captions, pages, lesson texts) in passages that know their lesson and their second or page.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise

import orjson
from django.db.models import Prefetch, QuerySet

from catalog.models import Course, Lesson, Place, Theme
from media_pipeline.models import DocumentPage, TextTrack
from search.facets import FACETS, place_ancestors

WINDOW_SECONDS = 30
"""A passage of speech: long enough for a sentence and its context, short enough to open near the words."""

SECTION_CHARACTERS = 800
BODY_CHARACTERS = 20_000
PASSAGES_LIMIT = 60_000
"""Passages of one course; the embedded engine numbers them in 16 bits."""

BATCH = 500

VERSION = 6
"""What documents, analysis and indices look like. One more whenever any of them changes: the worker then builds each
library of a lower version anew. ``tests/search/test_index.py`` notices a change that was not counted."""

RANKS = {"theme": 1, "institution": 3, "teacher": 5}
"""Where other names stand between provinces (0), cities (2), counties (4), towns (6) and villages (8)."""


@dataclass(frozen=True, slots=True)
class PassageDocument:
    """``marks``: ``(position in text, seconds)`` of each cue, so that a match opens at its own second."""

    lesson: int
    lesson_title: str
    text: str
    seconds: int | None = None
    page: int | None = None
    marks: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Name:
    """Something courses are ordered by and that is suggested: ``facet`` and ``value`` as in the address."""

    facet: str
    value: str
    text: str

    @property
    def rank(self) -> int:
        """Wide names before narrow ones, where more match than can be counted: 浙江省 0, 杭州市 2."""
        return len(place_ancestors(self.value)) * 2 - 2 if self.facet == "place" else RANKS.get(self.facet, 9)


@dataclass(frozen=True, slots=True)
class CourseDocument:
    """``version``: nanoseconds at the moment before the course was read; a newer one always wins in the index.
    ``until``: last day of the licence as ``YYYY-MM-DD`` or "". ``published``: seconds since 1970."""

    id: int
    slug: str
    titles: tuple[str, ...]
    version: int
    names: tuple[str, ...] = ()
    body: str = ""
    facets: tuple[tuple[str, str], ...] = ()
    known: tuple[Name, ...] = ()
    passages: tuple[PassageDocument, ...] = ()
    until: str = ""
    views: int = 0
    published: float = 0.0
    sort_key: str = ""

    @property
    def source(self) -> dict:
        """What an answer needs of it, as JSON. ``inside``: whether there are passages to look for."""
        shown = {"slug": self.slug, "titles": list(self.titles), "names": list(self.names), "body": self.body}
        return {**shown, "inside": bool(self.passages)}

    @property
    def digest(self) -> str:
        """Of everything that is searched or shown, whatever order the database gave it in; of ``views`` and
        ``version``, which move by themselves, nothing."""
        told = (self.id, self.slug, self.titles, self.body, self.until, self.published, self.sort_key)
        lists = [sorted(map(orjson.dumps, part)) for part in (self.names, self.facets, self.known, self.passages)]
        return blake2b(
            b"\n".join([orjson.dumps(told), *(line for part in lists for line in (b"", *part))]), digest_size=16
        ).hexdigest()


def _whole(text: str) -> str:
    """A text without lone halves of UTF-16 pairs, which JSON lets in and no index takes: each is a question mark."""
    return text.encode("utf-8", "replace").decode()


@dataclass(frozen=True, slots=True)
class Trees:
    """Ancestors of themes and places, read once a batch instead of once a course."""

    themes: dict[str, Theme]
    places: dict[str, str]

    @classmethod
    def of(cls, courses: Iterable[Course]) -> Trees:
        codes = {code for course in courses for place in course.places.all() for code in place_ancestors(place.code)}
        return cls(
            themes={theme.path: theme for theme in Theme.objects.all()},
            places={place.code: place.name for place in Place.objects.filter(code__in=codes) if not place.is_gap},
        )

    def names(self, course: Course) -> Iterator[Name]:
        """Themes, places (all with ancestors), institution and teachers of a course."""
        step = Theme.steplen
        for theme in course.themes.all():
            above = (self.themes.get(theme.path[:end]) for end in range(step, len(theme.path) + 1, step))
            yield from (Name("theme", node.slug, node.name) for node in above if node)
        for place in course.places.all():
            codes = place_ancestors(place.code)
            yield from (Name("place", code, self.places[code]) for code in codes if code in self.places)
        yield Name("institution", course.institution.code, course.institution.name)
        yield from (Name("teacher", str(teacher.pk), teacher.name) for teacher in course.teachers.all())


def public_courses() -> QuerySet[Course]:
    """What the public index holds: everything live. Ended licences stay in it and are left out by each query."""
    return Course.objects.filter(live=True)


def documents(courses: QuerySet[Course], *, inside: bool = True) -> Iterator[CourseDocument]:
    """Documents of courses in the order of their ids, a constant number of queries for every ``BATCH``.
    ``inside=False`` leaves the passages out."""
    last = 0
    while True:
        version = time.time_ns()
        batch = list(_prefetched(courses, inside).filter(pk__gt=last).order_by("pk")[:BATCH])
        if not batch:
            return
        trees = Trees.of(batch)
        yield from (_document(course, trees, version, inside) for course in batch)
        last = batch[-1].pk


def _prefetched(courses: QuerySet[Course], inside: bool) -> QuerySet[Course]:
    lessons = Lesson.objects.order_by("sort_order", "pk")
    if inside:
        spoken = TextTrack.objects.filter(draft=False).exclude(kind=TextTrack.Kind.CHAPTERS)
        pages = DocumentPage.objects.defer("html")
        lessons = lessons.prefetch_related(Prefetch("asset__tracks", spoken), Prefetch("asset__pages", pages))
    return courses.select_related("institution").prefetch_related(
        "themes", "places", "teachers", Prefetch("lessons", lessons.select_related("asset"))
    )


def _document(course: Course, trees: Trees, version: int, inside: bool) -> CourseDocument:
    known = tuple(dict.fromkeys(trees.names(course)))
    lessons = list(course.lessons.all())
    titles = (course.title, *course.alternative_titles, course.title_en)
    texts = (course.summary, course.description, *course.extra.values())
    chapters = [name for lesson in lessons for name in (lesson.title, lesson.chapter)]
    names = (*(name.text for name in known), *map(str, course.subjects), *chapters)
    values = {(name.facet, name.value) for name in known}
    values |= {(facet.name, value) for facet in FACETS.values() for value in facet.values(course) if value}
    published = course.first_published_at or course.created_at
    return CourseDocument(
        id=course.pk,
        slug=course.slug,
        titles=tuple(dict.fromkeys(_whole(str(title)) for title in titles if title)),
        version=version,
        names=tuple(dict.fromkeys(_whole(name) for name in names if name and name != course.title)),
        body=_whole("\n".join(map(str, filter(None, texts)))[:BODY_CHARACTERS]),
        facets=tuple(sorted(values)),
        known=known,
        passages=tuple(passages(lessons))[:PASSAGES_LIMIT] if inside else (),
        until=course.licence_until.isoformat() if course.licence_until else "",
        views=course.views,
        published=published.timestamp() if published else 0.0,
        sort_key=course.sort_key,
    )


def passages(lessons: Iterable[Lesson]) -> Iterator[PassageDocument]:
    """What is said, printed and written inside lessons, in order."""
    for lesson in lessons:
        for text in _sections(lesson.summary):
            yield PassageDocument(lesson.number, lesson.title, text)
        if lesson.asset is None:
            continue
        for track in lesson.asset.tracks.all():
            yield from windows(lesson.number, lesson.title, track.cues)
        for page in lesson.asset.pages.all():
            for text in _sections(page.text):
                yield PassageDocument(lesson.number, lesson.title, text, page=page.number)


def windows(number: int, title: str, cues: Sequence[Sequence]) -> Iterator[PassageDocument]:
    """Cues ``[start s, end s, text]`` in passages of about ``WINDOW_SECONDS``; each begins with the last cue of the
    one before, so that a phrase over the border is found."""
    bounds = [0]
    for position, (start, _end, _text) in enumerate(cues):
        if start - cues[bounds[-1]][0] >= WINDOW_SECONDS:
            bounds.append(position)
    for first, end in pairwise((*bounds, len(cues))):
        part = cues[max(0, first - 1) : end]
        if part:
            yield _window(number, title, part)


def _window(number: int, title: str, cues: Sequence[Sequence]) -> PassageDocument:
    text, marks = "", []
    for start, _end, spoken in cues:
        words = " ".join(_whole(str(spoken)).split())
        glue = " " if text[-1:].isascii() and words[:1].isascii() and text else ""
        marks.append((len(text) + len(glue), int(start)))
        text += glue + words
    return PassageDocument(number, title, text, seconds=int(cues[0][0]), marks=tuple(marks))


def _sections(text: str) -> Iterator[str]:
    """Text in pieces of at most ``SECTION_CHARACTERS``, cut after a sentence or line where there is one."""
    text = _whole(text).strip()
    while text:
        end = SECTION_CHARACTERS
        if len(text) > end:
            cut = max(text.rfind(mark, end // 2, end) for mark in "。！？\n.")
            end = cut + 1 if cut > 0 else end
        yield text[:end].strip()
        text = text[end:].strip()
