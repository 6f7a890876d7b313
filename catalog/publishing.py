"""Making courses public and taking them back, and keeping what follows from that true: the public state of their
media, the figures shown on cards, the news to the rooms above."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone
from wagtail.actions.unpublish import UnpublishAction

from catalog.errors import NotReady
from catalog.models import Course, Lesson
from catalog.signals import courses_changed, courses_shown
from media_pipeline import access
from media_pipeline.models import MediaAsset, MediaType, TextTrack

BATCH = 500  # below SQLite's limit of variables in one statement, with room for other conditions


def publish(course: Course, *, user: AbstractBaseUser | None = None) -> None:
    """Makes the newest version of ``course`` public. Whether ``user`` may is the caller's question.

    Raises NotReady when something its kind requires is missing. Media still being made do not hinder: the course
    shows them when they are ready. Publishing what is public and unchanged does nothing.
    """
    version = course.get_latest_revision_as_object()
    if lacks := version.missing():
        raise NotReady(version.title, lacks)
    if course.live and not course.has_unpublished_changes:
        return
    with transaction.atomic():
        drafted = course.has_unpublished_changes and course.latest_revision is not None
        revision = course.latest_revision if drafted else course.save_revision(user=user)
        course.publish(revision, user=user, skip_permission_checks=True)
    course.refresh_from_db()


def withdraw(course: Course, *, user: AbstractBaseUser | None = None, expired: bool = False) -> None:
    """Takes ``course`` back from the public; its versions stay. Doing it twice does nothing."""
    with transaction.atomic():
        UnpublishAction(course, set_expired=expired, user=user).execute(skip_permission_checks=True)


def expire_licences() -> int:
    """Withdraws courses whose licence ended before today, at most 500, and returns their number. For a periodic call:
    pages are exact without it, media, search and desk follow with it."""
    ended = list(Course.objects.filter(live=True, licence_until__lt=timezone.localdate())[:BATCH])
    for course in ended:
        withdraw(course, expired=True)
    return len(ended)


def renewed(ids: Iterable[int]) -> None:
    """Says that a new version of those courses that are public is what everybody sees now. For what writes past
    ``Course.publish``; that a course becomes public or ceases to be is seen by itself."""
    wanted = sorted(set(ids))
    for start in range(0, len(wanted), BATCH):
        public = Course.objects.public().filter(pk__in=wanted[start : start + BATCH])
        if seen := list(public.order_by("pk").values_list("pk", flat=True)):
            courses_shown.send(sender=Course, ids=seen)


@dataclass(frozen=True, slots=True)
class _Figures:
    duration: float | None
    has_captions: bool
    cover: int | None


_gathered: ContextVar[set[int] | None] = ContextVar("gathered", default=None)


@contextmanager
def settling_once() -> Iterator[None]:
    """What would be settled within is settled at the end, once for all courses. Inside one transaction only."""
    ids: set[int] = set()
    before = _gathered.set(ids)
    try:
        yield
    finally:
        _gathered.reset(before)
    settle(ids)


def settle(ids: Iterable[int]) -> None:
    """Brings everything that follows from these courses up to date and tells the rooms above.

    Length, captions and (where none was chosen) cover are taken from their lessons; an asset is public if and only
    if a lesson or the cover of some public course uses it.
    """
    wanted = sorted(set(ids))
    if (gathered := _gathered.get()) is not None:
        gathered.update(wanted)
        return
    for start in range(0, len(wanted), BATCH):
        batch = wanted[start : start + BATCH]
        with transaction.atomic():
            _keep_figures(batch)
            open_media(_assets_of(batch))
            courses_changed.send(sender=Course, ids=batch)


def open_media(asset_ids: Iterable[int]) -> None:
    """Makes those assets public that some public course uses, and the others private."""
    asked = set(asset_ids)
    public = Course.objects.public()
    used = set(Lesson.objects.filter(asset__in=asked, course__in=public).values_list("asset", flat=True))
    used |= set(public.filter(cover__in=asked).values_list("cover", flat=True))
    state = dict(MediaAsset.objects.filter(pk__in=asked).values_list("pk", "public"))
    for wanted, change in ((True, used), (False, asked - used)):
        if different := [pk for pk in change if state.get(pk, wanted) is not wanted]:
            access.set_public(different, wanted)


def courses_with(asset: MediaAsset) -> list[int]:
    """Ids of the courses that use ``asset`` in a lesson or as their cover."""
    lessons = Lesson.objects.filter(asset=asset).values_list("course", flat=True)
    covers = Course.objects.filter(cover=asset).values_list("pk", flat=True)
    return sorted({*lessons, *covers})


def _assets_of(ids: list[int]) -> set[int]:
    lessons = Lesson.objects.filter(course__in=ids, asset__isnull=False).values_list("asset", flat=True)
    covers = Course.objects.filter(pk__in=ids, cover__isnull=False).values_list("cover", flat=True)
    return {*lessons, *covers}


def _keep_figures(ids: list[int]) -> None:
    figures = _figures(ids)
    courses = Course.objects.filter(pk__in=ids).values_list("pk", "duration", "has_captions", "cover")
    for pk, duration, captions, cover in courses:
        found = figures.get(pk, _Figures(None, False, None))
        new = _Figures(found.duration, found.has_captions, cover or found.cover)
        if new != _Figures(duration, captions, cover):
            Course.objects.filter(pk=pk).update(duration=new.duration, has_captions=new.has_captions, cover=new.cover)


def _figures(ids: list[int]) -> dict[int, _Figures]:
    """Figures of those courses that have lessons with media. Two queries."""
    captioned = set(
        TextTrack.objects.filter(kind=TextTrack.Kind.CAPTIONS, draft=False, asset__lessons__course__in=ids).values_list(
            "asset", flat=True
        )
    )
    figures: dict[int, _Figures] = {}
    lessons = Lesson.objects.filter(course__in=ids, asset__isnull=False).select_related("asset")
    for lesson in lessons.order_by("course", "sort_order", "pk"):
        asset = lesson.asset
        before = figures.get(lesson.course_id, _Figures(None, False, None))
        shows = asset.poster_key or asset.media_type == MediaType.PICTURE
        length = before.duration if asset.duration is None else (before.duration or 0.0) + asset.duration
        figures[lesson.course_id] = _Figures(
            duration=length,
            has_captions=before.has_captions or asset.pk in captioned,
            cover=before.cover or (asset.pk if shows else None),
        )
    return figures
