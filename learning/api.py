"""A learner's own places over HTTP. Signed in by session, with CSRF; a lesson that is not public is 404."""

from typing import Any

from django.http import Http404, HttpRequest
from ninja import Router, Schema
from ninja.security import django_auth
from pydantic import Field

from catalog.models import Lesson
from learning import shelf
from learning.models import Progress
from media_pipeline.access import media_url

router = Router(auth=django_auth, tags=["progress"])

LONGEST = 1_000_000.0  # seconds: eleven days, longer than any lesson


class PlaceIn(Schema):
    """``position`` in seconds, or the page of a reading. ``restart``: the learner chose to begin again."""

    position: float = Field(ge=0, le=LONGEST, allow_inf_nan=False)
    finished: bool = False
    restart: bool = False


class PlaceOut(Schema):
    position: float
    finished: bool


class ShelfItem(PlaceOut):
    """``url`` opens the lesson at the position; ``duration`` in seconds, null for a reading."""

    lesson: int
    course: int
    title: str
    lesson_title: str
    url: str
    duration: float | None
    cover: str
    updated_at: str


class Shelf(Schema):
    items: list[ShelfItem]


@router.get("/progress", response=Shelf)
def list_progress(request: HttpRequest, limit: int = 12) -> dict[str, Any]:
    """Lessons to go on with, last watched first; at most 50."""
    rows = shelf.continue_watching(request.user, max(1, min(limit, 50)))  # type: ignore[arg-type]
    return {"items": [_item(row) for row in rows]}


@router.get("/progress/{lesson_id}", response=PlaceOut)
def get_progress(request: HttpRequest, lesson_id: int) -> shelf.Place:
    """Where the learner stands; 0 when the lesson was never opened."""
    return shelf.place_in(request.user, _lesson(lesson_id))  # type: ignore[arg-type]


@router.put("/progress/{lesson_id}", response=PlaceOut)
def put_progress(request: HttpRequest, lesson_id: int, place: PlaceIn) -> shelf.Place:
    """Keeps the furthest place and answers it."""
    return shelf.keep_place(
        request.user,  # type: ignore[arg-type]
        _lesson(lesson_id),
        place.position,
        finished=place.finished,
        restart=place.restart,
    )


def _lesson(lesson_id: int) -> Lesson:
    lesson = shelf.public_lesson(lesson_id)
    if lesson is None:
        raise Http404
    return lesson


def _item(row: Progress) -> dict[str, Any]:
    lesson, course = row.lesson, row.lesson.course
    return {
        "lesson": lesson.pk,
        "course": course.pk,
        "title": course.title,
        "lesson_title": lesson.title,
        "url": f"{lesson.get_absolute_url()}?t={int(row.position)}",
        "position": row.position,
        "finished": row.finished,
        "duration": lesson.asset.duration if lesson.asset else None,
        "cover": media_url(course.cover, course.cover.poster_key) if course.cover else "",
        "updated_at": row.updated_at.isoformat(),
    }
