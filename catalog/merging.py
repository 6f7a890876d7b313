"""Two courses that are one: lessons, plays, themes, places and names of the second go to the first, then it is deleted.

Its address leads to the first for ever (``FormerAddress``). A lesson with the same file or link as one of the first is
not taken twice: who stood in it stands in the other (``lessons_merged`` tells the rooms above).
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import F, Max
from wagtail.log_actions import log

from catalog import policy, publishing
from catalog.bulk import LISTS, Asked, Reason, has_draft, sorted_out
from catalog.errors import CatalogueError
from catalog.models import Course, FormerAddress, Lesson
from catalog.signals import lessons_merged

ACTION = "wenlan.merge"


class CannotMerge(CatalogueError):
    """Why two courses stay two."""

    def __init__(self, sentence: str, remedy: str) -> None:
        super().__init__("courses-not-merged", sentence, remedy)


def check(kept: Course, gone: Course, user: Any) -> None:
    """Raises CannotMerge when ``user`` may not merge ``gone`` into ``kept``, or they do not fit."""
    if not (policy.may(user, "change", kept) and policy.may(user, "delete", gone)):
        raise CannotMerge(
            f"您无权把《{gone.title}》并入《{kept.title}》：", "需要能修改留下的、能删除并入的，请联系编辑中心。"
        )
    if kept.kind != gone.kind:
        raise CannotMerge(
            f"《{gone.title}》是{gone.get_kind_display()}，《{kept.title}》是{kept.get_kind_display()}：",
            "请先把两门课改成同一类型。",
        )
    if (kept.live or gone.live) and not (policy.may(user, "publish", kept) and policy.may(user, "publish", gone)):
        raise CannotMerge("其中有已发布的课程，而您没有发布权限：", "请联系审核员或编辑中心。")
    fates = sorted_out(Course.objects.filter(pk__in=[kept.pk, gone.pk]), Asked(), user)
    for title, fate in fates.values_list("title", "fate"):
        if fate in {Reason.LOCKED, Reason.REVIEW, Reason.SCHEDULED}:
            raise CannotMerge(f"《{title}》{Reason(fate).label}：", "请等它结束，再来合并。")
    if has_draft(gone) and gone.live:
        raise CannotMerge(f"《{gone.title}》有未发布的修改：", "请先发布，或恢复到已发布的版本。")


def merge(kept_id: int, gone_id: int, user: AbstractBaseUser) -> Course:
    """Unites two courses and returns the one that stays. Raises CannotMerge; then nothing has changed."""
    with transaction.atomic():
        both = Course.objects.select_for_update(of=("self",)).in_bulk(sorted([kept_id, gone_id]))
        if len(both) != 2:
            raise CannotMerge("其中一门课已经不在了：", "请回到列表重新选择。")
        kept, gone = both[kept_id], both[gone_id]
        check(kept, gone, user)
        moved, same = _move_lessons(kept, gone)
        lessons_merged.send(sender=Course, kept=kept, gone=gone, lessons={old: new.pk for old, new in same.items()})
        _keep_address(kept, gone, moved, same)
        title, slug, external = gone.title, gone.slug, (gone.external_source, gone.external_id, gone.external_digest)
        facts = _facts(gone)
        log(gone, "wagtail.delete", user=user, deleted=True)
        Course.objects.get(pk=gone.pk).delete()
        if not kept.external_id and kept.institution_id == gone.institution_id:
            kept.external_source, kept.external_id, kept.external_digest = external
        _write(kept, facts, moved, user)
        log(kept, ACTION, user=user, content_changed=True, data={"title": title, "slug": slug})
        publishing.settle([kept.pk])
        publishing.renewed([kept.pk])
    return Course.objects.get(pk=kept_id)


def _move_lessons(kept: Course, gone: Course) -> tuple[dict[int, Lesson], dict[int, Lesson]]:
    """Former number → lesson that moved; and key of a lesson that was there already → the one that stays."""
    there = list(Lesson.objects.filter(course=kept))
    known = {_content(lesson): lesson for lesson in there if _content(lesson)}
    last = max((lesson.number for lesson in there), default=0)
    order = Lesson.objects.filter(course=kept).aggregate(last=Max("sort_order"))["last"] or 0
    moved, same = {}, {}
    for lesson in Lesson.objects.filter(course=gone).order_by("sort_order", "pk"):
        if twin := known.get(_content(lesson)):
            same[lesson.pk] = twin
            continue
        last, order, former = last + 1, order + 1, lesson.number
        Lesson.objects.filter(pk=lesson.pk).update(course=kept, number=last, sort_order=order)
        moved[former] = Lesson.objects.get(pk=lesson.pk)
    return moved, same


def _content(lesson: Lesson) -> tuple[str, Any] | None:
    if lesson.asset_id:
        return ("asset", lesson.asset_id)
    return ("url", lesson.url) if lesson.url else None


def _keep_address(kept: Course, gone: Course, moved: dict[int, Lesson], same: dict[int, Lesson]) -> None:
    numbers = {str(former): lesson.number for former, lesson in moved.items()}
    for old in Lesson.objects.filter(pk__in=same):
        numbers[str(old.number)] = same[old.pk].number
    for earlier in FormerAddress.objects.filter(course=gone):
        earlier.numbers = {former: numbers.get(str(number), 1) for former, number in earlier.numbers.items()}
        earlier.course = kept
        earlier.save()
    FormerAddress.objects.update_or_create(slug=gone.slug, defaults={"course": kept, "numbers": numbers})


def _facts(gone: Course) -> dict[str, Any]:
    """What the second course brings besides its lessons."""
    facts: dict[str, Any] = {name: [item.pk for item in getattr(gone, name).all()] for name in LISTS}
    titles = [gone.title, *gone.alternative_titles]
    return {**facts, "titles": titles, "subjects": gone.subjects, "views": gone.views, "cover": gone.cover_id}


def _write(kept: Course, facts: dict[str, Any], moved: dict[int, Lesson], user: AbstractBaseUser) -> None:
    """The first course, what is public and its unpublished edits alike, with what the second brought."""
    draft = kept.get_latest_revision_as_object() if has_draft(kept) else None
    _unite(kept, facts)
    kept.save()
    Course.objects.filter(pk=kept.pk).update(views=F("views") + facts["views"])
    row = Course.objects.get(pk=kept.pk)
    if row.live or draft is None:
        shown = row.save_revision(user=user, changed=False, clean=False)
        if row.live:
            Course.objects.filter(pk=kept.pk).update(live_revision=shown)
    if draft is not None:
        _unite(draft, facts)
        draft.lessons.add(*moved.values())
        draft.save_revision(user=user, changed=False, clean=False)


def _unite(course: Course, facts: dict[str, Any]) -> None:
    for name, model in LISTS.items():
        keys = {item.pk for item in getattr(course, name).all()} | set(facts[name])
        getattr(course, name).set(model._default_manager.filter(pk__in=keys))
    titles = [*course.alternative_titles, *facts["titles"]]
    course.alternative_titles = [title for title in dict.fromkeys(titles) if title != course.title]
    course.subjects = list(dict.fromkeys([*course.subjects, *facts["subjects"]]))
    course.cover_id = course.cover_id or facts["cover"]


def moved_to(slug: str, number: int | None = None) -> tuple[str, int | None] | None:
    """Where a former address leads now: address of a public course, and number of the lesson if one was asked for."""
    former = (
        FormerAddress.objects.filter(slug=slug, course__in=Course.objects.public()).select_related("course").first()
    )
    if former is None:
        return None
    return former.course.slug, None if number is None else former.numbers.get(str(number))
