"""Similar courses for the templates of the catalogue, which does not know this room."""

from __future__ import annotations

from django import template

from catalog.models import Course
from catalog.neighbours import Neighbour, nearest
from search import find

CANDIDATES = 24
"""Courses of much the same words that are compared for what they share."""

register = template.Library()


@register.simple_tag
def similar_courses(course: Course, limit: int = 4) -> list[Neighbour]:
    """The nearest courses, each with what it shares; none while the engine is away and for a course that was never
    saved."""
    if course.pk is None:
        return []
    return nearest(course, find.similar(course, CANDIDATES), limit)
