"""A library of any size in the database, as a province would have it: institutions in a tree with their people, courses
with media, versions and history.

    .venv/bin/python -m tests.bench.filled --courses 100000 --institutions 200 --users 1000

Courses are those of ``tests.bench.courses``: the same seed gives the same library. Written to ``DATABASE_URL``, which
must be migrated and empty.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from itertools import islice

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.contrib.auth.models import Group  # noqa: E402
from django.contrib.contenttypes.models import ContentType  # noqa: E402
from django.core.management.color import no_style  # noqa: E402
from django.db import connection  # noqa: E402
from django.db.models import F  # noqa: E402
from django.utils import timezone  # noqa: E402
from wagtail.models import ModelLogEntry, Revision, TaskState, Workflow, WorkflowState  # noqa: E402

from accounts.models import User  # noqa: E402
from catalog.models import Course, Institution, Lesson, Membership, Place, Teacher, Theme  # noqa: E402
from cms import setup  # noqa: E402
from learning.models import PARTS, LessonMonth  # noqa: E402
from media_pipeline.models import AssetState, MediaAsset, MediaType  # noqa: E402
from search.documents import CourseDocument  # noqa: E402
from tests.bench.courses import Library, Words  # noqa: E402

ROLES = ("editor", "uploader", "reviewer", "editor", "uploader")
IN_REVIEW = 7
"""Every so many-th draft waits for its review."""

BATCH = 500


def fill(courses: int, institutions: int, users: int, only: str = "") -> int:
    """Writes the library and returns the number of its courses. ``only``: the code of an institution whose courses are
    written alone, as they would be in a library that is empty otherwise."""
    words = Words()
    words.houses = words.houses[:institutions]
    words.put_into_database()
    houses = dict(Institution.objects.values_list("code", "pk"))
    _people(list(houses.values()), users)
    writer = _Writer(houses, words)
    documents = (one for one in Library(words).documents(courses) if not only or _value(one, "institution") == only)
    written = 0
    for some in _batches(documents):
        writer.write(some)
        written += len(some)
    _versions()
    _reviews()
    a_year_of_plays()
    return written


def _batches(items: Iterable) -> Iterator[list]:
    rest = iter(items)
    while some := list(islice(rest, BATCH)):
        yield some


def _value(document: CourseDocument, facet: str) -> str:
    return next((value for name, value in document.facets if name == facet), "")


def _people(houses: list[int], count: int) -> None:
    people = User.objects.bulk_create(
        (User(username=f"person-{n}", email=f"person-{n}@example.cn", password="!") for n in range(count)), BATCH
    )
    roles = [ROLES[n // len(houses) % len(ROLES)] for n in range(count)]
    Membership.objects.bulk_create(
        (
            Membership(user=person, institution_id=houses[n % len(houses)], role=roles[n])
            for n, person in enumerate(people)
        ),
        BATCH,
    )
    groups = {role: Group.objects.get(name=name).pk for role, name in setup.GROUP_OF_ROLE.items()}
    within = User.groups.through
    within.objects.bulk_create(
        (within(user_id=person.pk, group_id=groups[role]) for person, role in zip(people, roles, strict=True)), BATCH
    )


class _Writer:
    def __init__(self, houses: dict[str, int], words: Words) -> None:
        self.houses = houses
        self.themes = dict(Theme.objects.values_list("slug", "pk"))
        self.places = set(Place.objects.values_list("pk", flat=True))
        names, keys = words.teachers, list(houses.values())
        Teacher.objects.bulk_create(
            Teacher(pk=n + 1, name=name, institution_id=keys[n % len(keys)]) for n, name in enumerate(names)
        )

    def write(self, documents: list[CourseDocument]) -> None:
        MediaAsset.objects.bulk_create(map(_asset, documents))
        Course.objects.bulk_create(map(self._course, documents))
        Lesson.objects.bulk_create(
            Lesson(course_id=one.id, asset_id=one.id, title=one.titles[0], number=1, sort_order=0) for one in documents
        )
        ordered, lies = Course.themes.through, Course.places.through
        themes = ((one.id, value) for one in documents for name, value in one.facets if name == "theme")
        ordered.objects.bulk_create(ordered(course_id=key, theme_id=self.themes[slug]) for key, slug in themes)
        teach = Course.teachers.through
        teachers = ((one.id, int(name.value) + 1) for one in documents for name in one.known if name.facet == "teacher")
        teach.objects.bulk_create(teach(course_id=key, teacher_id=teacher) for key, teacher in teachers)
        places = ((one.id, max((v for n, v in one.facets if n == "place"), key=len, default="")) for one in documents)
        lies.objects.bulk_create(lies(course_id=key, place_id=code) for key, code in places if code in self.places)

    def _course(self, document: CourseDocument) -> Course:
        published = datetime.fromtimestamp(document.published, UTC)
        live = document.id % 7 != 0
        return Course(
            pk=document.id,
            institution_id=self.houses[_value(document, "institution")],
            kind=_value(document, "kind"),
            title=document.titles[0],
            slug=document.slug,
            summary=document.body[:60],
            description=document.body,
            language=_value(document, "language"),
            level=_value(document, "level"),
            live=live,
            first_published_at=published if live else None,
            last_published_at=published if live else None,
            views=document.views,
            duration=1800.0,
            sort_key=document.sort_key,
            external_source="bench",
            external_id=str(document.id),
        )


def _asset(document: CourseDocument) -> MediaAsset:
    broken = document.id % 97 == 0
    return MediaAsset(
        pk=document.id,
        owner=_value(document, "institution"),
        title=document.titles[0],
        filename=f"{document.slug}.mp4",
        media_type=MediaType.VIDEO,
        state=AssetState.FAILED if broken else AssetState.PUBLISHED,
        reason="文件在第 3 秒处损坏。" if broken else "",
        duration=1800.0,
        sha256=f"{document.id:064x}",
    )


def _versions() -> None:
    """A version of every course and two lines of its history."""
    kind, now = ContentType.objects.get_for_model(Course), timezone.now()
    courses = Course.objects.order_by("pk").prefetch_related("lessons", "themes", "places", "teachers")
    for some in _batches(courses.iterator(BATCH)):
        same = {"content_type": kind}
        Revision.objects.bulk_create(
            Revision(
                pk=course.pk,
                base_content_type=kind,
                object_id=str(course.pk),
                created_at=now,
                object_str=course.title,
                content=course.serializable_data(),
                **same,
            )
            for course in some
        )
        ModelLogEntry.objects.bulk_create(
            ModelLogEntry(object_id=str(course.pk), label=course.title, action=action, timestamp=now, data={}, **same)
            for course in some
            for action in ("wagtail.create", "wagtail.publish")
        )
    Course.objects.update(latest_revision_id=F("pk"))
    Course.objects.filter(live=True).update(live_revision_id=F("pk"))
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), [Course, MediaAsset, Revision, Teacher]):
            cursor.execute(statement)


def a_year_of_plays() -> None:
    """Twelve months of plays for every lesson, fewer from part to part."""
    now = timezone.localdate().replace(day=1)
    months = [date(now.year - (now.month <= n), (now.month - n - 1) % 12 + 1, 1) for n in range(12)]
    for some in _batches(Lesson.objects.order_by("pk").values_list("pk", flat=True).iterator(BATCH)):
        LessonMonth.objects.bulk_create((_month(lesson, month) for lesson in some for month in months), 5000)


def _month(lesson: int, month: date) -> LessonMonth:
    plays = 1 + (lesson * 7 + month.month * 13) % 50
    parts = [plays * (2 * PARTS - part) // (2 * PARTS) for part in range(PARTS)]
    return LessonMonth(
        lesson_id=lesson, month=month, plays=plays, finished=plays // 2, seconds=plays * 900, parts=parts
    )


def _reviews() -> None:
    kind, asker = ContentType.objects.get_for_model(Course), User.objects.order_by("pk").first()
    workflow = Workflow.objects.get(name=setup.WORKFLOW)
    task = workflow.tasks.first()
    drafts = Course.objects.filter(live=False).order_by("pk").values_list("pk", flat=True)
    for key in list(islice(drafts, 0, None, IN_REVIEW)):
        state = WorkflowState.objects.create(
            content_type=kind, base_content_type=kind, object_id=str(key), workflow=workflow, requested_by=asker
        )
        state.current_task_state = TaskState.objects.create(workflow_state=state, revision_id=key, task=task)
        state.save()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--courses", type=int, default=100_000)
    parser.add_argument("--institutions", type=int, default=200)
    parser.add_argument("--users", type=int, default=1000)
    parser.add_argument("--only", default="", help="the courses of this institution alone")
    chosen = parser.parse_args()
    written = fill(chosen.courses, chosen.institutions, chosen.users, chosen.only)
    sys.stdout.write(json.dumps({"courses": written}) + "\n")


if __name__ == "__main__":
    main()
