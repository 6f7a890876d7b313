"""What a course says now, as the record of a row; and a name for it, by which a change made meanwhile is noticed."""

import hashlib
import json
from dataclasses import replace

from catalog.importers.checking import OWN_SOURCE
from catalog.importers.record import FIELDS, CourseRecord
from catalog.models import Course


def newest(course: Course) -> Course:
    """The newest version: the draft an editor left, or the course itself."""
    drafted = course.has_unpublished_changes and course.latest_revision_id is not None
    return course.get_latest_revision_as_object() if drafted else course


def record_of(number: int, course: Course) -> CourseRecord:
    """The record of the newest version of ``course``. A course that was made here is named by its slug."""
    course = newest(course)
    lessons = list(course.lessons.all())
    record = CourseRecord(
        row=number,
        id=course.external_id or course.slug,
        source=course.external_source if course.external_id else OWN_SOURCE,
        institution=course.institution.code,
        kind=course.kind,
        title=course.title,
        title_en=course.title_en,
        alternative_titles=tuple(course.alternative_titles),
        summary=course.summary,
        description=course.description,
        themes=tuple(theme.slug for theme in course.themes.all()),
        places=tuple(place.code for place in course.places.all()),
        teachers=tuple(teacher.name for teacher in course.teachers.all()),
        subjects=tuple(course.subjects),
        language=course.language,
        level=course.level,
        origin=course.source,
        licence=course.licence,
        licence_until=course.licence_until.isoformat() if course.licence_until else "",
        credit=course.credit,
        url=next((lesson.url for lesson in lessons if lesson.url), ""),
        files=tuple(lesson.asset.filename for lesson in lessons if lesson.asset),
        extra=course.extra,
        given=frozenset({*FIELDS, "extra"}),
    )
    return replace(record, exported_version=version_of(record))


def version_of(record: CourseRecord) -> str:
    """Twelve hex digits that name all a record says, in whatever order its lists are."""
    values = [getattr(record, name) for name in FIELDS if name != "exported_version"]
    said = [sorted(value) if isinstance(value, tuple) else value for value in values]
    text = json.dumps([said, record.extra], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
