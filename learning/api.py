"""A learner's own places and favourites over HTTP. Signed in by session, with CSRF; what is not public is 404."""

from typing import Any

from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _
from ninja import Router, Schema
from ninja.errors import HttpError
from ninja.security import django_auth
from pydantic import AwareDatetime, Field

from accounts import limits
from catalog.covers import prepare
from catalog.errors import CallRefused
from catalog.models import Course, Lesson
from learning import plays, shelf
from learning.models import PARTS, Progress
from media_pipeline.access import media_url

router = Router(auth=django_auth, tags=["shelf"])

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


class FavouriteItem(Schema):
    course: int
    title: str
    url: str
    cover: str
    institution: str
    kind: str


class Favourites(Schema):
    items: list[FavouriteItem]


class FavouriteOut(Schema):
    kept: bool


class RememberedIn(Schema):
    """A place that a device kept, ``at`` what moment (ISO 8601 with its offset)."""

    lesson: int
    position: float = Field(ge=0, le=LONGEST, allow_inf_nan=False)
    finished: bool = False
    at: AwareDatetime


class DeviceIn(Schema):
    """What a device remembers: at most 200 places and 500 courses at a time, courses last kept first."""

    places: list[RememberedIn] = Field(default=[], max_length=200)
    favourites: list[int] = Field(default=[], max_length=shelf.FAVOURITES)


class Brought(Schema):
    """How many places ``changed``; ``left``: courses for which the account's shelf has no room."""

    changed: int
    left: list[int]


class PlayIn(Schema):
    """What one play has watched so far. ``number``: 32 hex digits, new for every page. ``seconds`` watched at least
    once; ``parts``: which twentieths of the lesson were heard, one bit each, the first the lowest; ``late``: kept by a
    device that had no network."""

    number: str = Field(pattern=r"^[0-9a-f]{32}$")
    lesson: int
    seconds: int = Field(ge=0, le=int(LONGEST))
    parts: int = Field(ge=0, lt=1 << PARTS)
    late: bool = False


@router.post("/plays", response={204: None}, auth=None)
def tell_play(request: HttpRequest, play: PlayIn) -> tuple[int, None]:
    """Counts how a public lesson is watched, without saying by whom. Telling the same again changes nothing; robots are
    not counted, nor what cannot have been watched since the first news of it. 429 ``too-many`` is for those who tell
    more than a classroom does."""
    if not limits.spend(request, "play"):
        raise CallRefused(429, "too-many", _("这个地址说得太多了。"), _("请过一分钟再来。"))
    lesson = _lesson(play.lesson)
    if not plays.is_robot(request.headers.get("User-Agent", "")):
        late = play.late and limits.spend(request, "late_play")
        plays.hear(play.number, lesson, play.seconds, play.parts, late=late)
    return 204, None


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


@router.post("/shelf", response=Brought)
def bring_shelf(request: HttpRequest, device: DeviceIn) -> dict[str, Any]:
    """Puts what a device remembers on the account's shelf; of two places in one lesson the later holds. Doing it twice
    changes nothing."""
    places = [shelf.Remembered(**place.dict()) for place in device.places]
    return {
        "changed": shelf.bring(request.user, places),  # type: ignore[arg-type]
        "left": shelf.bring_favourites(request.user, device.favourites),  # type: ignore[arg-type]
    }


@router.get("/favourites", response=Favourites)
def list_favourites(request: HttpRequest) -> dict[str, Any]:
    """The courses the learner keeps, last kept first."""
    courses = prepare(row.course for row in shelf.favourites(request.user))  # type: ignore[arg-type]
    return {"items": [_kept(course) for course in courses]}


@router.get("/favourites/{course_id}", response=FavouriteOut)
def get_favourite(request: HttpRequest, course_id: int) -> dict[str, bool]:
    return {"kept": shelf.is_favourite(request.user, course_id)}  # type: ignore[arg-type]


@router.put("/favourites/{course_id}", response=FavouriteOut)
def put_favourite(request: HttpRequest, course_id: int) -> dict[str, bool]:
    course = Course.objects.public().filter(pk=course_id).first()
    if course is None:
        raise Http404
    if not shelf.keep_favourite(request.user, course):  # type: ignore[arg-type]
        raise HttpError(409, _("收藏已满 %(n)s 门，请先去掉几门。") % {"n": shelf.FAVOURITES})
    return {"kept": True}


@router.delete("/favourites/{course_id}", response=FavouriteOut)
def delete_favourite(request: HttpRequest, course_id: int) -> dict[str, bool]:
    shelf.drop_favourite(request.user, course_id)  # type: ignore[arg-type]
    return {"kept": False}


def _kept(course: Course) -> dict[str, Any]:
    return {
        "course": course.pk,
        "title": course.title,
        "url": course.get_absolute_url(),
        "cover": course.card_cover.url,
        "institution": course.institution.name,
        "kind": course.kind,
    }


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
