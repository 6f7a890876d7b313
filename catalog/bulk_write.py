"""Writing the fields of many courses at once, as ``Course.save`` and ``save_revision`` would one by one: rows,
versions, what follows from them, entries in the log. Inside a transaction of the caller, who has locked the courses."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.utils import timezone
from wagtail.models import ModelLogEntry, Revision

from accounts import deeds
from catalog import publishing
from catalog.bulk import LISTS, SCALARS, has_draft
from catalog.models import Course, Institution

Standing = dict[str, Any]


def write(changes: Sequence[tuple[Course, Standing, Standing]], user: Any) -> None:
    """``(course, before, after)``: what is public becomes a version of its own, and unpublished edits with the same
    change become the newest. The courses come with their parts (``catalog.bulk.with_parts``). A fixed number of queries
    for one kind of change."""
    different = [one for one in changes if any(one[1][part] != one[2][part] for part in ("row", "newest"))]
    if not different:
        return
    _write_scalars(different)
    for name in LISTS:
        _write_list(name, different)
    _write_versions(different, user)
    publishing.settle(course.pk for course, *_ in different)


def _touched(before: Standing, after: Standing) -> dict[str, Any]:
    return {name: after[name] for name in (*SCALARS, *LISTS) if before[name] != after[name]}


def _write_scalars(changes: Sequence[tuple[Course, Standing, Standing]]) -> None:
    same: dict[tuple, list[int]] = defaultdict(list)
    for course, before, after in changes:
        new = {name: value for name, value in _touched(before["row"], after["row"]).items() if name in SCALARS}
        same[tuple(new.items())].append(course.pk)
    for values, keys in same.items():
        fields = dict(values)
        Course.objects.filter(pk__in=keys).update(**fields, updated_at=timezone.now())


def _write_list(name: str, changes: Sequence[tuple[Course, Standing, Standing]]) -> None:
    links = getattr(Course, name).through
    column = str(LISTS[name]._meta.model_name)
    gone: dict[Any, list[int]] = defaultdict(list)
    come = []
    for course, before, after in changes:
        old, new = set(before["row"][name]), set(after["row"][name])
        come += [links(**{"course_id": course.pk, f"{column}_id": key}) for key in sorted(new - old)]
        for key in old - new:
            gone[key].append(course.pk)
    for key, courses in gone.items():
        links.objects.filter(**{column: key, "course__in": courses}).delete()
    links.objects.bulk_create(come)


def _write_versions(changes: Sequence[tuple[Course, Standing, Standing]], user: Any) -> None:
    shown, edited = [], []
    for course, before, after in changes:
        draft = has_draft(course)
        if course.live or not draft:
            shown.append((course, {**course.serializable_data(), **_touched(before["row"], after["row"])}))
        if draft:
            edited.append((course, {**course.latest_revision.content, **_touched(before["newest"], after["newest"])}))
    for public, versions in ((True, shown), (False, edited)):
        made = Revision.objects.bulk_create(_version(course, content, user) for course, content in versions)
        for (course, _content), version in zip(versions, made, strict=True):
            course.latest_revision = version
            if public and course.live:
                course.live_revision = version
    Course.objects.bulk_update((course for course, *_ in changes), ["latest_revision", "live_revision"])


def _version(course: Course, content: dict[str, Any], user: Any) -> Revision:
    kind = ContentType.objects.get_for_model(Course)
    return Revision(
        content_type=kind,
        base_content_type=kind,
        object_id=str(course.pk),
        created_at=timezone.now(),
        user=user,
        object_str=str(course),
        content=content,
    )


def log(courses: Sequence[tuple[Course, int | None]], action: str, user: Any, data: dict[str, Any]) -> None:
    """An entry in the history of each course, with the version that it tells of, and in the log of deeds, by two
    queries."""
    kind, now = ContentType.objects.get_for_model(Course), timezone.now()
    ModelLogEntry.objects.bulk_create(
        ModelLogEntry(
            content_type=kind,
            object_id=str(course.pk),
            label=str(course),
            action=action,
            timestamp=now,
            user=user,
            revision_id=version,
            content_changed=True,
            data=data,
        )
        for course, version in courses
    )
    codes = Institution.objects.filter(pk__in={course.institution_id for course, _version in courses})
    houses = dict(codes.values_list("pk", "code"))
    for course, _version in courses:
        deeds.note(action, course, who=user, whose=houses[course.institution_id], **data)
