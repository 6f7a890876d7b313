"""What the people who watched a course watched too. Counted over learners, told only where several share it."""

from __future__ import annotations

from django.db.models import Count, F, Q, QuerySet

from catalog.models import Course
from learning.models import Progress

SHARED = 3
"""Learners who must have watched both courses before a page says so: below that it would tell of a person."""

ENOUGH = 0.5
"""Part of a film or sound that counts as watched; a reading counts when it was finished."""

LEARNERS = 500
"""Learners of a course that are looked at, those who watched last."""


def watched() -> QuerySet[Progress]:
    """Lessons that a learner has finished or seen to the half."""
    half = Q(position__gte=F("lesson__asset__duration") * ENOUGH)
    return Progress.objects.filter(Q(finished=True) | half).order_by()


def watched_too(course: Course, limit: int) -> dict[int, int]:
    """Other public courses that at least ``SHARED`` of the course's learners watched: their number by id, the most
    first. Two queries over at most ``LEARNERS`` learners."""
    latest = watched().filter(lesson__course=course).order_by("-updated_at").values_list("user_id", flat=True)
    learners = set(latest[:LEARNERS])
    if len(learners) < SHARED:
        return {}
    counts = (
        watched()
        .filter(user__in=learners, lesson__course__in=Course.objects.public())
        .exclude(lesson__course=course)
        .values("lesson__course")
        .annotate(learners=Count("user", distinct=True))
        .filter(learners__gte=SHARED)
        .order_by("-learners", "-lesson__course")
    )
    return dict(counts.values_list("lesson__course", "learners")[:limit])
