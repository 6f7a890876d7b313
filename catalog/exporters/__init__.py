"""Courses out to files that the importers read back: exporting and importing again changes nothing.

A new format is one function here and one entry in ``WRITERS``; it takes ``CourseRecord``s.
"""

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from typing import TextIO

from django.db.models import QuerySet

from catalog.importers.checking import OWN_SOURCE
from catalog.importers.record import FIELDS, HEADINGS, LISTS, CourseRecord
from catalog.models import Course


def records(courses: QuerySet[Course]) -> Iterator[CourseRecord]:
    """The records of ``courses``, by id. A course that was made here is named by its slug."""
    everything = courses.select_related("institution").prefetch_related(
        "themes", "places", "teachers", "lessons__asset"
    )
    for number, course in enumerate(everything.order_by("pk").iterator(chunk_size=500), 1):
        yield record_of(number, course)


def record_of(number: int, course: Course) -> CourseRecord:
    lessons = list(course.lessons.all())
    return CourseRecord(
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


def write_csv(courses: Iterable[CourseRecord], out: TextIO) -> int:
    """Chinese headings, several values separated by ；; facts without a field have columns of their own at the end.
    Returns the number of courses. The stream should be UTF-8 with BOM, which spreadsheets recognise."""
    rows = list(courses)
    labels = sorted({label for record in rows for label in record.extra})
    writer = csv.writer(out)
    writer.writerow([*(HEADINGS[name][0] for name in FIELDS), *labels])
    for record in rows:
        cells = [_cell(getattr(record, name), name) for name in FIELDS]
        writer.writerow([*cells, *(record.extra.get(label, "") for label in labels)])
    return len(rows)


def write_jsonl(courses: Iterable[CourseRecord], out: TextIO) -> int:
    """One object a line, English names. Returns the number of courses."""
    count = 0
    for record in courses:
        cells = {name: getattr(record, name) for name in FIELDS}
        out.write(json.dumps({**cells, **record.extra}, ensure_ascii=False) + "\n")
        count += 1
    return count


WRITERS: dict[str, Callable[[Iterable[CourseRecord], TextIO], int]] = {".csv": write_csv, ".jsonl": write_jsonl}


def _cell(value: str | tuple[str, ...], name: str) -> str:
    return "；".join(value) if name in LISTS else str(value)
