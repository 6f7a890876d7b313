"""Courses shown beside a course, each with the reason in words. Who may be near is said above this room: by the index,
or by what people watched."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from catalog.covers import prepare
from catalog.models import Course, Place, Teacher, Theme

NAMED = 2
"""Shared things of one sort that a reason names, and sorts that it tells of."""

_WORDS = re.compile(r"[\u3400-\u9fff]{2,}|[^\W\d_]{3,}")


@dataclass(frozen=True, slots=True)
class Neighbour:
    course: Course
    reason: str


@dataclass(frozen=True, slots=True)
class Ties:
    """What two courses have in common. ``title``: a word in both titles, looked for when no keyword is shared."""

    teachers: Sequence[Teacher] = ()
    words: Sequence[str] = ()
    title: str = ""
    places: Sequence[Place] = ()
    themes: Sequence[Theme] = ()

    @property
    def weight(self) -> int:
        """A shared teacher or keyword says more than a theme, a theme more than a place or a word of the title."""
        named = 3 * len(self.teachers) + 3 * len(self.words) + 2 * len(self.themes)
        return named + len(self.places) + bool(self.title)

    @property
    def sentence(self) -> str:
        """``同一位老师：吴水根 · 都讲苗绣、针法``: the nearest two sorts; "" without any."""
        reasons = [
            _("同一位老师：%(names)s") % {"names": _list(self.teachers)} if self.teachers else "",
            _("都讲%(names)s") % {"names": _list(self.words)} if self.words else "",
            _("标题都有“%(word)s”") % {"word": self.title} if self.title else "",
            _("同在%(names)s") % {"names": _list(self.places)} if self.places else "",
            _("同属%(names)s") % {"names": _list(self.themes)} if self.themes else "",
        ]
        return " · ".join([reason for reason in reasons if reason][:NAMED])


def nearest(course: Course, candidates: Sequence[int], limit: int) -> list[Neighbour]:
    """Of candidates (ids, the likeliest first) the public ones that share most with a course. One whose nearness
    cannot be told in words is not shown. Only those that are shown are read whole."""
    tied = ties(course, candidates)
    best = sorted((key for key in candidates if key in tied), key=lambda key: -tied[key].weight)[:limit]
    return beside({key: tied[key].sentence for key in best if tied[key].weight})


def beside(reasons: Mapping[int, str]) -> list[Neighbour]:
    """Public courses by id in the order given, each with its reason."""
    shown = Course.objects.public().select_related("institution", "cover").prefetch_related("themes", "places")
    found = shown.in_bulk(list(reasons))
    prepare(found.values())
    return [Neighbour(found[key], reason) for key, reason in reasons.items() if key in found]


def ties(course: Course, others: Sequence[int]) -> dict[int, Ties]:
    """What a course has in common with each public one of ``others`` (ids), in the language of the page. Four queries
    at most beside those for the course's own relations, however many they are."""
    english = get_language() == "en"
    rows = Course.objects.public().order_by().filter(pk__in=others)
    teachers, places, themes = (_shared(course, name, others) for name in ("teachers", "places", "themes"))
    found = {}
    for key, title, subjects in rows.values_list("pk", "title_en" if english else "title", "subjects"):
        words = [] if english else _both(map(str, course.subjects), map(str, subjects))
        found[key] = Ties(
            teachers=teachers.get(key, ()),
            words=words,
            title="" if words else _title_word(course.title_en if english else course.title, title),
            places=places.get(key, ()),
            themes=themes.get(key, ()),
        )
    return found


def _shared(course: Course, name: str, others: Sequence[int]) -> dict[int, list]:
    """What stands in the relation ``name`` of a course, by the ids of those ``others`` that have it, too."""
    own = {thing.pk: thing for thing in getattr(course, name).all()}
    pairs = Course.objects.order_by().filter(pk__in=others, **{f"{name}__in": list(own)}).values_list("pk", name)
    held: dict[int, set] = {}
    for key, thing in pairs:
        held.setdefault(key, set()).add(thing)
    return {key: [thing for pk, thing in own.items() if pk in things] for key, things in held.items()}


def _both(ones: Iterable, others: Iterable) -> list:
    known = set(others)
    return [one for one in ones if one in known]


def _list(things: Iterable) -> str:
    english = get_language() == "en"
    names = [(getattr(thing, "name_en", "") if english else "") or str(thing) for thing in things]
    return (", " if english else "、").join(names[:NAMED])


def _title_word(first: str, second: str) -> str:
    """The longest run of characters in both titles, as a word: ``非遗苗绣入门``, ``苗绣针法`` → ``苗绣``."""
    match = SequenceMatcher(None, first, second, autojunk=False).find_longest_match()
    return next(iter(_WORDS.findall(first[match.a : match.a + match.size])), "")
