"""What search engines are told there is: sitemaps.org 0.9, films with Google's video extension (sitemap-video/1.1).

The lists are read in parts of a constant number of queries, so the 40,000th course costs what the first does.
"""

from __future__ import annotations

from datetime import datetime

from django.contrib.sitemaps import Sitemap
from django.db.models import Exists, Max, Model, OuterRef, QuerySet, Subquery
from django.urls import reverse

from catalog.addresses import absolute
from catalog.kinds import Kind
from catalog.models import Course, Institution, Lesson, Licence, Place, Teacher, Theme
from media_pipeline.access import media_url
from media_pipeline.models import AssetState


def _films() -> QuerySet[Lesson]:
    """Lessons of public courses with a film that plays now and has a picture, which the extension asks for."""
    return Lesson.objects.filter(
        course__in=Course.objects.public().filter(kind=Kind.VIDEO), asset__state=AssetState.PUBLISHED
    ).exclude(asset__poster_key="")


class CourseSitemap(Sitemap):
    """Public courses that show no film themselves; those that do are told with their films."""

    limit = 5000

    def items(self) -> QuerySet[Course]:
        films = _films().filter(course=OuterRef("pk"))
        return Course.objects.public().exclude(Exists(films)).order_by("pk").only("pk", "slug", "updated_at")

    def lastmod(self, item: Course) -> datetime:
        return item.updated_at

    def get_latest_lastmod(self) -> datetime | None:
        return Course.objects.public().aggregate(latest=Max("updated_at"))["latest"]


class FilmSitemap(Sitemap):
    """Each lesson with a film, under its canonical address: the first lesson's is the course's."""

    limit = 2000

    def items(self) -> QuerySet[Lesson]:
        first = Lesson.objects.filter(course=OuterRef("course")).order_by("sort_order", "pk").values("pk")[:1]
        return _films().annotate(first=Subquery(first)).select_related("course", "asset").order_by("pk")

    def location(self, item: Lesson) -> str:
        return item.course.get_absolute_url() if item.pk == item.first else item.get_absolute_url()

    def lastmod(self, item: Lesson) -> datetime:
        return item.course.updated_at

    def get_latest_lastmod(self) -> datetime | None:
        return _films().aggregate(latest=Max("course__updated_at"))["latest"]

    def get_urls(self, *args, **kwargs) -> list[dict]:
        urls = super().get_urls(*args, **kwargs)
        for url in urls:
            url["video"] = _video(url["item"])
        return urls


def _video(lesson: Lesson) -> dict[str, object] | None:
    """The film as the extension wants it; None where the course may not be played in other people's pages."""
    course, asset = lesson.course, lesson.asset
    if course.licence == Licence.PLATFORM or asset is None:
        return None
    words = lesson.summary or course.summary or course.description or course.title
    return {
        "thumbnail": absolute(media_url(asset, asset.poster_key)),
        "title": (lesson.title or course.title)[:100],
        "description": words[:2048],
        "player": absolute(reverse("embed_lesson", args=[course.slug, lesson.number])),
        "duration": min(28_800, max(1, round(asset.duration or 1))),
        "published": course.first_published_at or course.created_at,
    }


class _WithCourses(Sitemap):
    """Things that have a page of their own once a course of theirs is public; ``field`` is the course's."""

    limit = 5000
    model: type[Model]
    field: str

    def items(self) -> QuerySet:
        shown = Course.objects.public().filter(**{self.field: OuterRef("pk")})
        return self.model._default_manager.filter(Exists(shown)).order_by("pk")


class ThemeSitemap(Sitemap):
    def items(self) -> QuerySet[Theme]:
        return Theme.objects.order_by("pk")


class PlaceSitemap(_WithCourses):
    model, field = Place, "places"


class InstitutionSitemap(_WithCourses):
    model, field = Institution, "institution"


class TeacherSitemap(_WithCourses):
    model, field = Teacher, "teachers"
