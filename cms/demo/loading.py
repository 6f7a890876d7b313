"""Brings the demo library into the database. What is there and unchanged is left alone, also what editors changed."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import transaction
from wagtail.models import ReferenceIndex
from wagtail.signal_handlers import disable_reference_index_auto_update

from catalog import publishing
from catalog.models import Course, Institution, Lesson, Membership, Place, Teacher, Theme
from catalog.policy import CENTRAL_GROUP
from cms.demo.content import CourseText, Library

SOURCE = "demo"
PASSWORD = "wenlan-demo"  # noqa: S105 - printed on purpose; production refuses this command
PARTNER, REVIEWED = "cq-qj", "cq"
LEVELS = {2: 1, 4: 2, 6: 3, 9: 4, 12: 5}

Media = tuple[str, int]
"""A piece of media still to be made: course id, lesson number."""


@dataclass(slots=True)
class Loaded:
    """What one run changed. ``wanted``: media that no lesson has yet."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    pages: int = 0
    wanted: list[Media] = field(default_factory=list)


def load(library: Library) -> Loaded:
    """Themes, places, institutions, teachers, people and courses with their texts, all public."""
    with transaction.atomic():
        themes = _themes(library.partners["theme"])
        _places(library.pages)
        institutions = _institutions(library.partners["institution"])
        teachers = _teachers(library.partners["teacher"], institutions)
        _people(institutions)
    loaded = Loaded()
    stored = {course.external_id: course for course in Course.objects.filter(external_source=SOURCE)}
    for text in library.courses:
        course = stored.get(text.id)
        if course is not None and course.external_digest == text.digest:
            loaded.unchanged += 1
            continue
        with one_reference_update() as changed, transaction.atomic():
            changed.append(_course(course or Course(), text, institutions, themes, teachers))
        loaded.created += course is None
        loaded.updated += course is not None
    loaded.wanted = _wanted(library.courses)
    return loaded


def _themes(entries: Iterable[dict[str, Any]]) -> dict[str, Theme]:
    known = {theme.slug: theme for theme in Theme.objects.all()}
    for entry in entries:
        looks = {"colour": entry["colour"], "pattern": entry["pattern"]}
        if entry["slug"] not in known:
            names = {"name": entry["name"], "name_en": entry["en"], "summary": entry["summary"]}
            known[entry["slug"]] = Theme.add_root(slug=entry["slug"], **names, **looks)
        for slug, name, english in entry["children"]:
            if slug not in known:
                parent = Theme.objects.get(slug=entry["slug"])
                known[slug] = parent.add_child(slug=slug, name=name, name_en=english, **looks)
    return known


def _places(pages: dict[str, Any]) -> None:
    """The divisions the demo needs, where the full tree has not been loaded, and their brands."""
    names = {**pages["division"], **{code: entry[0] for code, entry in pages["place"].items()}}
    known = {place.code: place for place in Place.objects.filter(code__in=names)}
    for code in sorted(names, key=len):
        if code not in known:
            parent = next((code[:n] for n in (9, 6, 4, 2) if n < len(code) and code[:n] in known), None)
            known[code] = Place.objects.create(code=code, level=LEVELS[len(code)], name=names[code], parent_id=parent)
    for code, (_, brand, _, _) in pages["place"].items():
        if not known[code].brand:
            known[code].brand = brand
            known[code].save()


def _institutions(entries: Iterable[dict[str, Any]]) -> dict[str, Institution]:
    known = {institution.code: institution for institution in Institution.objects.all()}
    for entry in entries:
        if entry["code"] in known:
            continue
        facts = {"code": entry["code"], "name": entry["name"], "name_en": entry.get("en", "")}
        facts |= {"place_id": entry["place"], "summary": entry["summary"]}
        parent = Institution.objects.get(code=entry["parent"]) if "parent" in entry else None
        known[entry["code"]] = parent.add_child(**facts) if parent else Institution.add_root(**facts)
    return known


def _teachers(entries: Iterable[dict[str, Any]], institutions: dict[str, Institution]) -> dict[str, Teacher]:
    known = {(teacher.name, teacher.institution_id): teacher for teacher in Teacher.objects.all()}
    result = {}
    for entry in entries:
        owner = institutions[entry["institution"]]
        teacher = known.get((entry["name"], owner.pk))
        result[entry["key"]] = teacher or Teacher.objects.create(
            name=entry["name"], title=entry["title"], institution=owner, bio=entry["bio"]
        )
    return result


def _people(institutions: dict[str, Institution]) -> None:
    """Demo users, made once: a password that somebody changed stays changed."""
    people = (("editor", "文编辑"), ("reviewer", "审核员"), ("partner", "黔江的老师"), ("learner", "学员小满"))
    users = get_user_model().objects
    for name, shown in people:
        if not users.filter(username=name).exists():
            users.create_user(name, f"{name}@example.org", PASSWORD, display_name=shown)
    central, _ = Group.objects.get_or_create(name=CENTRAL_GROUP)
    users.get(username="editor").groups.add(central)
    roles = (("partner", PARTNER, Membership.Role.EDITOR), ("reviewer", REVIEWED, Membership.Role.REVIEWER))
    for name, code, role in roles:
        Membership.objects.get_or_create(
            user=users.get(username=name), institution=institutions[code], defaults={"role": role}
        )


def _course(
    course: Course,
    text: CourseText,
    institutions: dict[str, Institution],
    themes: dict[str, Theme],
    teachers: dict[str, Teacher],
) -> Course:
    course.institution = institutions[text.institution]
    for name in ("kind", "title", "title_en", "summary", "description", "level", "language", "source", "licence"):
        setattr(course, name, getattr(text, name))
    course.alternative_titles = list(text.also)
    course.subjects = list(text.subjects)
    course.licence_until = datetime.date.fromisoformat(text.until) if text.until else None
    course.credit = f"{course.institution.name}（演示）"
    course.external_source, course.external_id, course.external_digest = SOURCE, text.id, text.digest
    course.lessons = _lessons(course, text)
    course.themes = [themes[slug] for slug in text.themes]
    course.teachers = [teachers[text.teacher]] if text.teacher else []
    course.places = list(Place.objects.filter(code=text.place)) if text.place else []
    course.save()
    revision = course.save_revision()
    course.publish(revision, skip_permission_checks=True)
    return course


@contextmanager
def one_reference_update() -> Iterator[list[Course]]:
    """Where courses are used is written down once for those put into the list, not in a task for each of the nine
    rows that a publication saves: those tasks took a minute of the worker."""
    changed: list[Course] = []
    with disable_reference_index_auto_update():
        yield changed
    for course in changed:
        ReferenceIndex.create_or_update_for_object(course)


def _lessons(course: Course, text: CourseText) -> list[Lesson]:
    """The lessons as the texts have them; those that are there keep their media."""
    before = {lesson.number: lesson for lesson in course.lessons.all()} if course.pk else {}
    lessons = []
    for entry in text.lessons:
        lesson = before.get(entry.number) or Lesson(number=entry.number)
        lesson.title, lesson.chapter, lesson.summary, lesson.url = entry.title, entry.chapter, entry.text, entry.url
        lesson.sort_order = entry.number
        lessons.append(lesson)
    return lessons


def _wanted(courses: Iterable[CourseText]) -> list[Media]:
    """Media no lesson has yet, first lessons first; a lesson that an editor removed wants nothing."""
    rows = Lesson.objects.filter(course__external_source=SOURCE, asset__isnull=True, url="")
    missing = set(rows.values_list("course__external_id", "number"))
    order = {text.id: place for place, text in enumerate(courses)}
    known = {(text.id, lesson.number) for text in courses for lesson in text.lessons}
    return sorted(missing & known, key=lambda media: ((media[1] - 1) // 3, order[media[0]], media[1]))


def attach(course_id: str, number: int, asset: Any) -> None:
    """Gives a demo lesson its media, in the newest version and, when readers see that, at once."""
    with one_reference_update() as changed, transaction.atomic():
        course = Course.objects.get(external_source=SOURCE, external_id=course_id)
        changed.append(course)
        drafted = course.has_unpublished_changes
        version = course.get_latest_revision_as_object()
        lessons = list(version.lessons.all())
        for lesson in lessons:
            if lesson.number == number:
                lesson.asset = asset
        version.lessons = lessons  # ``all`` gives copies
        revision = version.save_revision()
        if course.live and not drafted:
            course.publish(revision, skip_permission_checks=True)
        else:
            Lesson.objects.filter(course=course, number=number).update(asset=asset)
            publishing.settle([course.pk])
