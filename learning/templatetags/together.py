"""What others watched, for the templates of the catalogue, which does not know this room."""

from __future__ import annotations

from django import template
from django.utils.translation import ngettext

from catalog.models import Course
from catalog.neighbours import Neighbour, beside
from learning.together import watched_too

register = template.Library()


@register.simple_tag
def others_watched(course: Course, limit: int = 4) -> list[Neighbour]:
    """Courses that people who watched this one watched too, each with how many."""
    if course.pk is None:
        return []
    return beside({key: _reason(learners) for key, learners in watched_too(course, limit).items()})


def _reason(learners: int) -> str:
    text = ngettext("%(n)d 位看过这门课的人也看了", "%(n)d 位看过这门课的人也看了", learners)
    return text % {"n": learners}
