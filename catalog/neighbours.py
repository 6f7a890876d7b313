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
    cannot be told in words is not shown."""
    found = _public(candidates)
    tied = [(ties(course, found[key]), found[key]) for key in candidates if key in found]
    best = sorted(tied, key=lambda pair: -pair[0].weight)[:limit]
    prepare(other for _ties, other in best)
    return [Neighbour(other, shared.sentence) for shared, other in best if shared.weight]


def beside(reasons: Mapping[int, str]) -> list[Neighbour]:
    """Public courses by id in the order given, each with its reason."""
    found = _public(reasons)
    prepare(found.values())
    return [Neighbour(found[key], reason) for key, reason in reasons.items() if key in found]


def _public(ids: Iterable[int]) -> dict[int, Course]:
    public = Course.objects.public().select_related("institution", "cover")
    return public.prefetch_related("themes", "places", "teachers").in_bulk(list(ids))


def ties(one: Course, other: Course) -> Ties:
    """What two courses have in common, in the language of the page."""
    english = get_language() == "en"
    subjects = [] if english else _both(map(str, one.subjects), map(str, other.subjects))
    return Ties(
        teachers=_both(one.teachers.all(), other.teachers.all()),
        words=subjects,
        title="" if subjects else _title_word(one, other, english=english),
        places=_both(one.places.all(), other.places.all()),
        themes=_both(one.themes.all(), other.themes.all()),
    )


def _both(ones: Iterable, others: Iterable) -> list:
    known = set(others)
    return [one for one in ones if one in known]


def _list(things: Iterable) -> str:
    english = get_language() == "en"
    names = [(getattr(thing, "name_en", "") if english else "") or str(thing) for thing in things]
    return (", " if english else "、").join(names[:NAMED])


def _title_word(one: Course, other: Course, *, english: bool) -> str:
    """The longest run of characters in both titles, as a word: ``非遗苗绣入门``, ``苗绣针法`` → ``苗绣``."""
    first, second = (course.title_en if english else course.title for course in (one, other))
    match = SequenceMatcher(None, first, second, autojunk=False).find_longest_match()
    return next(iter(_WORDS.findall(first[match.a : match.a + match.size])), "")
