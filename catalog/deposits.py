"""Courses that machines of partners hand in: made as drafts, changed, sent to review, taken back, and followed.

What a field may hold is decided by ``importers.checking``, as for tables; who may do what by ``policy``; review is the
workflow of the desk. A change builds on the newest version, whoever made it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from wagtail.models import WorkflowState

from catalog import policy, publishing
from catalog.errors import CallRefused
from catalog.importers import current
from catalog.importers.checking import Checker, Prepared
from catalog.importers.loading import put_into
from catalog.importers.record import HEADINGS, CourseRecord
from catalog.models import Course, Institution, Lesson
from catalog.places import gazetteer
from media_pipeline.follow import Follow, follow_all
from media_pipeline.models import AssetState, MediaAsset

_NAME_OF = {headings[0]: name for name, headings in HEADINGS.items()}


@dataclass(frozen=True, slots=True)
class Part:
    """A lesson as it is handed in. ``number`` names one that is there already, None a new one."""

    title: str
    asset: Any = None
    url: str = ""
    chapter: str = ""
    summary: str = ""
    number: int | None = None


def create(user: Any, record: CourseRecord, institution: Institution, more: Mapping[str, Any]) -> tuple[Course, bool]:
    """The draft of ``record``, and whether it is new: what has the same ``id`` and ``source`` is answered as it is.
    ``more`` may hold ``lessons`` and ``cover``. Raises CallRefused."""
    same = Course.objects.filter(institution=institution, external_source=record.source, external_id=record.id)
    if found := same.first():
        return found, False
    prepared = _checked(record, institution)
    course = Course(
        institution=institution,
        live=False,
        has_unpublished_changes=True,
        external_source=record.source,
        external_id=record.id,
        kind=prepared.first["kind"],
    )
    try:
        with transaction.atomic():
            _write(user, course, prepared, more)
    except IntegrityError:  # the same call came twice at once
        if found := same.first():
            return found, False
        raise
    return course, True


def change(user: Any, course: Course, record: CourseRecord, more: Mapping[str, Any]) -> Course:
    """Writes what ``record`` gives over the newest version; of a public course the change waits. Raises CallRefused."""
    lock = course.get_lock()
    if lock is not None and lock.for_user(user):
        raise CallRefused(409, "locked", "课程正在审核或已锁定，不能修改。", "请先撤回送审，或等审核结束。")
    version = current.newest(course)
    named = replace(record, id=course.external_id or course.slug, title=record.title or version.title)
    with transaction.atomic():
        _write(user, version, _checked(named, course.institution), more)
    course.refresh_from_db()
    return course


def _checked(record: CourseRecord, institution: Institution) -> Prepared:
    checked = Checker(institution, gazetteer()).check(record)
    if isinstance(checked, Prepared):
        return checked
    wrong = {_NAME_OF.get(one.column, one.column): f"{one.reason}：{one.remedy}" for one in checked}
    raise CallRefused(422, "invalid", "请求中有不合要求的内容。", fields=wrong)


def _write(user: Any, version: Course, prepared: Prepared, more: Mapping[str, Any]) -> None:
    put_into(version, prepared)
    if "lessons" in more:
        version.lessons = _lessons(user, version, more["lessons"])
    if "cover" in more:
        version.cover = _asset(user, more["cover"], "cover") if more["cover"] else None
    _clean(version)
    if not version.live:
        version.save()
    version.save_revision(user=user)


def _clean(version: Course) -> None:
    """The rules of the desk's form, told by field."""
    try:
        version.full_clean(exclude=["institution", "cover"])
    except ValidationError as error:
        wrong = {name: "".join(map(str, said)) for name, said in error.message_dict.items()}
        raise CallRefused(422, "invalid", "请求中有不合要求的内容。", fields=wrong) from error
    for place, lesson in enumerate(version.lessons.all()):
        problems = lesson.problems(version.kind) if lesson.asset_id else []
        try:
            lesson.clean_fields(exclude=["course", "asset"])
            lesson.clean()
        except ValidationError as error:
            problems += error.messages
        if problems:
            wrong = {f"lessons.{place}": "".join(map(str, problems))}
            raise CallRefused(422, "invalid", "课时有不合要求的内容。", fields=wrong)


def _lessons(user: Any, version: Course, parts: Iterable[Part]) -> list[Lesson]:
    """The lessons of ``parts`` in their order; those that are named keep their address, those that are not named go."""
    there = {lesson.number: lesson for lesson in version.lessons.all()} if version.pk else {}
    lessons = []
    for place, part in enumerate(parts):
        field = f"lessons.{place}"
        if part.number is None:
            lesson = Lesson()
        elif (kept := there.pop(part.number, None)) is not None:
            lesson = kept
        else:
            raise CallRefused(422, "invalid", "课时有不合要求的内容。", fields={field: f"没有第 {part.number} 课。"})
        lesson.title, lesson.url, lesson.chapter, lesson.summary = part.title, part.url, part.chapter, part.summary
        lesson.asset = _asset(user, part.asset, field) if part.asset else None
        lesson.sort_order = place
        lessons.append(lesson)
    return lessons


def _asset(user: Any, uid: Any, field: str) -> MediaAsset:
    found = policy.scope(MediaAsset.objects.all(), user).filter(uid=uid).first()
    if found is None:
        wrong = {field: f"没有文件 {uid}，或者它不属于您的机构：请先上传。"}
        raise CallRefused(422, "invalid", "请求中有不合要求的内容。", fields=wrong)
    return found


# Review ---------------------------------------------------------------------------------------------


def submit(user: Any, course: Course) -> None:
    """Sends the newest version to review; again after it was returned. Doing it twice does nothing. Raises
    CallRefused."""
    state = course.current_workflow_state
    if state is not None and state.status == WorkflowState.STATUS_IN_PROGRESS:
        return
    if course.live and not course.has_unpublished_changes:
        raise CallRefused(409, "nothing-to-submit", "课程已发布，没有新的修改。", "请先修改再送审。")
    if lacks := current.newest(course).missing():
        raise CallRefused(409, "course-not-ready", f"《{course.title}》还不能送审：", "".join(lacks))
    workflow = course.get_workflow()
    if workflow is None:
        raise CallRefused(503, "no-workflow", "还没有设置审核流程。", "请联系编辑中心。")
    with transaction.atomic():
        if course.latest_revision is None:
            course.save_revision(user=user)
        if state is not None:
            state.resume(user)
        else:
            workflow.start(course, user)


def withdraw(user: Any, course: Course) -> None:
    """Takes a submission back; a public course from the public, if the person may publish. Doing it twice does
    nothing. Raises CallRefused."""
    state = course.current_workflow_state
    if state is not None:
        state.cancel(user)
    elif course.live:
        if not policy.may(user, "publish", course):
            raise CallRefused(403, "role", "撤下已发布的课程需要审核员。", "请与本机构的审核员联系。")
        publishing.withdraw(course, user=user)


# Where it stands ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """``state``: draft, received, checked, transcoding, failed (of its media, while it is a draft), in-review,
    returned (``comment`` says why) or published. ``changed``: the newest version is not the public one. ``progress``
    0..1 over all media; ``words`` says it to people."""

    state: str
    words: str
    comment: str
    progress: float | None
    changed: bool


_MEDIA = {
    AssetState.RECEIVED: ("received", "文件已收到"),
    AssetState.CHECKED: ("checked", "文件已检查"),
    AssetState.PROCESSING: ("transcoding", "正在转码"),
}
_BROKEN = {AssetState.REJECTED, AssetState.FAILED}


def standings(courses: Iterable[Course]) -> dict[int, Standing]:
    """Where each course stands, by primary key. As many queries for a hundred as for one, where ``lessons__asset`` is
    prefetched."""
    courses = list(courses)
    reviews = _reviews([course.pk for course in courses])
    media = {course.pk: [one.asset for one in course.lessons.all() if one.asset] for course in courses}
    followed = follow_all({asset.pk: asset for assets in media.values() for asset in assets}.values())
    return {course.pk: _standing(course, reviews.get(course.pk), media[course.pk], followed) for course in courses}


def _standing(
    course: Course, review: WorkflowState | None, assets: list[MediaAsset], followed: Mapping[int, Follow]
) -> Standing:
    progress = sum(followed[one.pk].percent for one in assets) / len(assets) / 100 if assets else None
    state, words, comment = "draft", "草稿", ""
    if review is not None and review.status == WorkflowState.STATUS_IN_PROGRESS:
        state, words = "in-review", "审核中"
    elif review is not None:
        comment = review.current_task_state.comment if review.current_task_state else ""
        state, words = "returned", f"已退回：{comment}" if comment else "已退回"
    elif course.live:
        state, words = "published", "已发布"
    elif broken := [one for one in assets if one.state in _BROKEN]:
        state, words = "failed", broken[0].reason
    else:
        unfinished = [one for one in assets if one.state in _MEDIA]
        if unfinished:
            slowest = min(unfinished, key=lambda one: list(_MEDIA).index(AssetState(one.state)))
            state, words = _MEDIA[AssetState(slowest.state)]
            words = f"{words} {round(100 * (progress or 0))} %" if state == "transcoding" else words
    return Standing(state, words, comment, progress, course.live and course.has_unpublished_changes)


def _reviews(keys: list[int]) -> dict[int, WorkflowState]:
    """The open review of each course. One query."""
    states = WorkflowState.objects.filter(
        base_content_type=ContentType.objects.get_for_model(Course),
        object_id__in=[str(key) for key in keys],
        status__in=(WorkflowState.STATUS_IN_PROGRESS, WorkflowState.STATUS_NEEDS_CHANGES),
    )
    return {int(state.object_id): state for state in states.select_related("current_task_state")}
