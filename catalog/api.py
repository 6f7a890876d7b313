"""The public catalogue over HTTP: what anyone may see, nothing else."""

from dataclasses import asdict
from typing import Annotated, Any
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from catalog.kinds import Kind
from catalog.models import Course, Lesson
from media_pipeline.access import media_url
from media_pipeline.playback import playback

router = Router(tags=["courses"])


class Filters(Schema):
    """``place`` takes a code and means everything within it. ``after`` is the id of the last item of the page before
    (newest first): pages stay whole however many courses are added meanwhile."""

    theme: str = ""
    place: str = Field("", pattern=r"^\d{0,12}$")
    kind: Kind | None = None
    institution: str = ""
    language: str = Field("", max_length=20)
    level: str = ""
    after: int | None = Field(None, ge=1)
    limit: int = Field(20, ge=1, le=100)


class Named(Schema):
    code: str
    name: str


class CourseOut(Schema):
    """``duration`` in seconds, null where there is nothing to play; ``cover`` is "" where there is no picture."""

    id: int
    url: str
    kind: str
    title: str
    title_en: str
    summary: str
    institution: Named
    themes: list[Named]
    places: list[Named]
    language: str
    level: str
    licence: str
    credit: str
    duration: float | None
    has_captions: bool
    cover: str
    published: str | None


class LessonOut(Schema):
    """``playback`` has the addresses to play or show the lesson, null while there is nothing yet; ``link`` is the
    address of a lesson elsewhere."""

    id: int
    number: int
    url: str
    title: str
    chapter: str
    summary: str
    link: str
    playback: dict[str, Any] | None


class CourseDetail(CourseOut):
    description: str
    alternative_titles: list[str]
    subjects: list[str]
    teachers: list[str]
    extra: dict[str, str]
    lessons: list[LessonOut]


class CoursePage(Schema):
    """``total`` counts everything that fits the filters; ``next`` is the address of the next page, null on the last."""

    total: int
    items: list[CourseOut]
    next: str | None


@router.get("/courses", response=CoursePage)
def list_courses(request: HttpRequest, filters: Annotated[Filters, Query()]) -> dict[str, Any]:
    """Public courses, newest first."""
    fitting = _filtered(filters)
    total = fitting.count()
    page = fitting.filter(pk__lt=filters.after) if filters.after else fitting
    page = page.select_related("institution", "cover").prefetch_related("themes", "places").order_by("-pk")
    courses = list(page[: filters.limit + 1])
    shown = courses[: filters.limit]
    following = None
    if len(courses) > filters.limit:
        query = filters.model_dump(mode="json", exclude_defaults=True) | {"after": shown[-1].pk}
        following = request.build_absolute_uri(f"{request.path}?{urlencode(query)}")
    return {"total": total, "items": [_course(request, course) for course in shown], "next": following}


@router.get("/courses/{course_id}", response=CourseDetail)
def get_course(request: HttpRequest, course_id: int) -> dict[str, Any]:
    """One public course with its lessons and how to play them."""
    everything = Course.objects.public().select_related("institution", "cover")
    course = everything.prefetch_related("themes", "places", "teachers").filter(pk=course_id).first()
    if course is None:
        raise Http404
    return {
        **_course(request, course),
        "description": course.description,
        "alternative_titles": course.alternative_titles,
        "subjects": course.subjects,
        "teachers": [teacher.name for teacher in course.teachers.all()],
        "extra": course.extra,
        "lessons": [_lesson(request, lesson) for lesson in course.lessons.select_related("asset", "course")],
    }


def _filtered(filters: Filters) -> QuerySet[Course]:
    wanted = Q()
    if filters.kind:
        wanted &= Q(kind=filters.kind)
    if filters.institution:
        wanted &= Q(institution__code=filters.institution)
    if filters.language:
        wanted &= Q(language=filters.language)
    if filters.level:
        wanted &= Q(level=filters.level)
    courses = Course.objects.public().filter(wanted)
    if filters.theme:
        through = Course.themes.through.objects.filter(theme__slug=filters.theme)
        courses = courses.filter(pk__in=through.values("course"))
    if filters.place:
        # a code begins with those of the divisions around it
        through = Course.places.through.objects.filter(place__code__startswith=filters.place)
        courses = courses.filter(pk__in=through.values("course"))
    return courses


def _course(request: HttpRequest, course: Course) -> dict[str, Any]:
    cover = media_url(course.cover, course.cover.poster_key) if course.cover else ""
    return {
        "id": course.pk,
        "url": request.build_absolute_uri(course.get_absolute_url()),
        "kind": course.kind,
        "title": course.title,
        "title_en": course.title_en,
        "summary": course.summary,
        "institution": {"code": course.institution.code, "name": course.institution.name},
        "themes": [{"code": theme.slug, "name": theme.name} for theme in course.themes.all()],
        "places": [{"code": place.code, "name": place.name} for place in course.places.all()],
        "language": course.language,
        "level": course.level,
        "licence": course.licence,
        "credit": course.credit,
        "duration": course.duration,
        "has_captions": course.has_captions,
        "cover": request.build_absolute_uri(cover) if cover else "",
        "published": course.first_published_at.isoformat() if course.first_published_at else None,
    }


def _lesson(request: HttpRequest, lesson: Lesson) -> dict[str, Any]:
    played = playback(lesson.asset) if lesson.asset else None
    return {
        "id": lesson.pk,
        "number": lesson.number,
        "url": request.build_absolute_uri(lesson.get_absolute_url()),
        "title": lesson.title,
        "chapter": lesson.chapter,
        "summary": lesson.summary,
        "link": lesson.url,
        "playback": asdict(played) if played else None,
    }
