"""Where a learner stands, written by the player, and what a learner keeps; read by the shelf."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from catalog.kinds import KINDS
from catalog.models import Course, Lesson
from learning.models import Favourite, Progress
from media_pipeline import periodic

_OPENING = {"seconds": 10.0, "pages": 1.0, "pictures": 1.0, "none": 0.0}
"""Up to where a place may only be the beginning of a new session, in the measure of the kind."""


FAVOURITES = 500
"""Courses one learner may keep."""


@dataclass(frozen=True, slots=True)
class Place:
    """Seconds into a film or sound, or the page of a reading; 0 at the beginning."""

    position: float = 0.0
    finished: bool = False


def public_lesson(lesson_id: int) -> Lesson | None:
    """The lesson, if it belongs to a course that anyone may see."""
    lessons = Lesson.objects.filter(pk=lesson_id, course__in=Course.objects.public())
    return lessons.select_related("course", "asset").first()


def place_in(user: AbstractBaseUser, lesson: Lesson) -> Place:
    found = Progress.objects.filter(user_id=user.pk, lesson=lesson).first()
    return Place(found.position, found.finished) if found else Place()


def keep_place(
    user: AbstractBaseUser, lesson: Lesson, position: float, *, finished: bool = False, restart: bool = False
) -> Place:
    """Remembers a place and answers the one that holds now.

    The last place counts, except that the first moments of a new session never wipe out a later one: players report
    them before they have found their place. A learner who chose to begin again says ``restart``. Finished stays
    finished. Saying the same twice changes nothing.
    """
    with transaction.atomic():
        progress, _new = Progress.objects.select_for_update().get_or_create(user_id=user.pk, lesson=lesson)
        opening = position <= _OPENING[KINDS[lesson.course.kind].measure]
        kept = progress.position if opening and not restart else 0.0
        now = Place(max(position, kept), finished or progress.finished)
        if now != Place(progress.position, progress.finished):
            progress.position, progress.finished = now.position, now.finished
            progress.save()
    return now


@dataclass(frozen=True, slots=True)
class Remembered:
    """A place that a device kept by itself, and when."""

    lesson: int
    position: float
    finished: bool
    at: datetime


def bring(user: AbstractBaseUser, places: Iterable[Remembered]) -> int:
    """Puts the places a device remembers on the learner's shelf and answers how many changed. Of two places in one
    lesson the later holds, as in ``keep_place``; finished stays finished. What is not public is passed over. Doing it
    twice changes nothing."""
    told = {place.lesson: place for place in sorted(places, key=lambda place: place.at)}
    public = Lesson.objects.filter(pk__in=told, course__in=Course.objects.public()).select_related("course")
    known = {row.lesson_id: row for row in Progress.objects.filter(user_id=user.pk, lesson__in=told)}
    changed = 0
    with transaction.atomic():
        for lesson in public:
            place, before = told[lesson.pk], known.get(lesson.pk)
            position, at = place.position, min(place.at, timezone.now())
            if before and before.updated_at >= at:
                position, at = before.position, before.updated_at
            now = keep_place(user, lesson, position, finished=place.finished)
            if before is None or now != Place(before.position, before.finished):
                Progress.objects.filter(user_id=user.pk, lesson=lesson).update(updated_at=at)
                changed += 1
    return changed


def bring_favourites(user: AbstractBaseUser, courses: Sequence[int]) -> list[int]:
    """Keeps the courses a device kept, given last kept first, and answers those for which the shelf has no room. What
    is not public is passed over. Doing it twice changes nothing."""
    with transaction.atomic():
        kept = set(Favourite.objects.filter(user_id=user.pk).values_list("course_id", flat=True))
        public = set(Course.objects.public().filter(pk__in=courses).values_list("pk", flat=True))
        new = [pk for pk in dict.fromkeys(courses) if pk in public - kept]
        room = max(0, FAVOURITES - len(kept))
        rows = [Favourite(user_id=user.pk, course_id=pk) for pk in reversed(new[:room])]
        Favourite.objects.bulk_create(rows, ignore_conflicts=True)
    return new[room:]


def favourites(user: AbstractBaseUser, limit: int = FAVOURITES) -> list[Favourite]:
    """The public courses the learner keeps, last kept first, each with its ``course``. One query."""
    if not user.is_authenticated:
        return []
    rows = Favourite.objects.filter(user_id=user.pk, course__in=Course.objects.public())
    return list(rows.select_related("course__institution")[:limit])


def keep_favourite(user: AbstractBaseUser, course: Course) -> bool:
    """Keeps a course; False when the shelf is full."""
    if Favourite.objects.filter(user_id=user.pk, course=course).exists():
        return True
    if Favourite.objects.filter(user_id=user.pk).count() >= FAVOURITES:
        return False
    Favourite.objects.get_or_create(user_id=user.pk, course=course)
    return True


def drop_favourite(user: AbstractBaseUser, course_id: int) -> None:
    Favourite.objects.filter(user_id=user.pk, course_id=course_id).delete()


def is_favourite(user: AbstractBaseUser, course_id: int) -> bool:
    return Favourite.objects.filter(user_id=user.pk, course_id=course_id).exists()


def continue_watching(user: AbstractBaseUser, limit: int = 12) -> list[Progress]:
    """The learner's unfinished lessons of public courses, one a course, last watched first; each with ``lesson``,
    its ``course`` and ``asset``. One query."""
    if not user.is_authenticated:
        return []
    rows = (
        Progress.objects.filter(user_id=user.pk, finished=False, position__gt=0)
        .filter(lesson__course__in=Course.objects.public())
        .select_related("lesson__asset", "lesson__course__cover", "lesson__course__institution")
        .order_by("-updated_at")
    )
    return _one_a_course(rows[: limit * 5], limit)


def _one_a_course(rows: Iterable[Progress], limit: int) -> list[Progress]:
    first: dict[int, Progress] = {}
    for row in rows:
        first.setdefault(row.lesson.course_id, row)
    return list(first.values())[:limit]


@periodic.every(seconds=6 * 3600, name="old places")
def forget_places() -> int:
    """Removes places in lessons that were not opened for ``PROGRESS_DAYS``; 0: none. How many."""
    if not settings.PROGRESS_DAYS:
        return 0
    before = timezone.now() - timedelta(days=settings.PROGRESS_DAYS)
    return Progress.objects.filter(updated_at__lt=before).delete()[0]
