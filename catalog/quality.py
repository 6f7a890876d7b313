"""What is amiss with courses and media, each as a condition that the database answers; counted and filtered alike."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import CharField, Count, Exists, Min, OuterRef, Q, QuerySet
from django.db.models.functions import Cast, Greatest, Least
from django.utils import timezone
from wagtail.models import WorkflowState

from catalog.kinds import Kind
from catalog.links import DEAD_AFTER
from catalog.models import Course, Lesson
from media_pipeline import lookalikes
from media_pipeline.models import AssetState, Lookalike, MediaAsset

SLOW = timedelta(hours=6)
"""A file that is not playable so long after it came in is slow."""

LICENCE_SOON = timedelta(days=30)

Courses = QuerySet[Course]
Assets = QuerySet[MediaAsset]


# Media ------------------------------------------------------------------------------------------------


def failed(assets: Assets) -> Assets:
    return assets.filter(state__in=[AssetState.FAILED, AssetState.REJECTED])


def slow(assets: Assets) -> Assets:
    unfinished = [AssetState.RECEIVED, AssetState.CHECKED, AssetState.PROCESSING]
    return assets.filter(state__in=unfinished, created_at__lt=timezone.now() - SLOW)


def same_file(assets: Assets) -> Assets:
    """Those whose bytes came in more than once, among ``assets``."""
    known = assets.exclude(sha256="").order_by()
    twice = known.values("sha256").annotate(times=Count("pk")).filter(times__gt=1)
    return assets.filter(sha256__in=twice.values("sha256"))


def same_picture(assets: Assets) -> Assets:
    """Those that show what another of ``assets`` shows, in another encoding."""
    pairs = lookalikes.pairs_among(assets)
    return assets.filter(Q(pk__in=pairs.values("first")) | Q(pk__in=pairs.values("second")))


ASSET_PROBLEMS: dict[str, tuple[str, Callable[[Assets], Assets]]] = {
    "failed": ("失败或退回", failed),
    "slow": (f"超过 {SLOW.seconds // 3600} 小时没有做完", slow),
    "same-file": ("重复上传", same_file),
}


# Courses ----------------------------------------------------------------------------------------------


def _lessons(**conditions: object) -> Q:
    """Courses with such a lesson. The few lessons are sought first, instead of asking each course."""
    return Q(pk__in=Lesson.objects.filter(**conditions).order_by().values("course"))


def _without(name: str) -> Callable[[Courses, Courses, Assets], Courses]:
    links = getattr(Course, name).through.objects.filter(course=OuterRef("pk"))
    return lambda courses, own, assets: courses.filter(~Exists(links))


def _ends(first: int | None, last: int) -> Callable[[Courses, Courses, Assets], Courses]:
    """Licences that end so many days from today: from ``first`` (or ever) to ``last``."""

    def narrow(courses: Courses, own: Courses, assets: Assets) -> Courses:
        today = timezone.localdate()
        found = courses.filter(licence_until__lte=today + timedelta(days=last))
        return found if first is None else found.filter(licence_until__gte=today + timedelta(days=first))

    return narrow


def _same_title(courses: Courses, own: Courses, assets: Assets) -> Courses:
    """Titles that sound the same: ``sort_key`` is the title in pinyin without punctuation, in either script."""
    named = own.exclude(sort_key="").order_by()
    twice = named.values("sort_key").annotate(times=Count("pk")).filter(times__gt=1)
    return courses.filter(sort_key__in=twice.values("sort_key"))


def in_review() -> Exists:
    waiting = WorkflowState.objects.filter(
        base_content_type=ContentType.objects.get_for_model(Course),
        object_id=Cast(OuterRef("pk"), CharField()),
        status=WorkflowState.STATUS_IN_PROGRESS,
    )
    return Exists(waiting)


PROBLEMS: dict[str, tuple[str, Callable[[Courses, Courses, Assets], Courses]]] = {
    "failed-media": ("媒体失败或退回", lambda courses, own, assets: courses.filter(_lessons(asset__in=failed(assets)))),
    "slow-media": ("媒体迟迟没有做完", lambda courses, own, assets: courses.filter(_lessons(asset__in=slow(assets)))),
    "same-file": ("文件重复上传", lambda courses, own, assets: courses.filter(_lessons(asset__in=same_file(assets)))),
    "same-picture": (
        "画面几乎相同",
        lambda courses, own, assets: courses.filter(_lessons(asset__in=same_picture(assets))),
    ),
    "same-title": ("标题几乎相同", _same_title),
    "no-cover": ("没有封面", lambda courses, own, assets: courses.filter(cover=None)),
    "no-captions": (
        "没有字幕",
        lambda courses, own, assets: courses.filter(kind__in=[Kind.VIDEO, Kind.AUDIO], has_captions=False),
    ),
    "no-theme": ("没有主题", _without("themes")),
    "no-place": ("没有地方", _without("places")),
    "licence-soon": (f"许可 {LICENCE_SOON.days} 天内到期", _ends(0, LICENCE_SOON.days)),
    "licence-over": ("许可已到期", _ends(None, -1)),
    "dead-link": (
        "链接打不开",
        lambda courses, own, assets: courses.filter(_lessons(link_check__failures__gte=DEAD_AFTER), kind=Kind.LINK),
    ),
    "in-review": ("等待审核", lambda courses, own, assets: courses.filter(Q(in_review()))),
}
"""Name in addresses → label, and what narrows courses to those. ``own`` and ``assets`` are what the person sees: only
among those a title or file is a second one."""


def with_problem(courses: Courses, name: str, own: Courses, assets: Assets) -> Courses:
    return PROBLEMS[name][1](courses, own, assets)


# Courses that show the same ---------------------------------------------------------------------------


def alike(courses: Courses, assets: Assets) -> Any:
    """Pairs of ``courses`` with lessons that look the same: ``low`` and ``high`` (keys; equal when both lessons are in
    one course), ``times``, and ``example``, the key of one Lookalike. Those with the most first."""
    both = ("first__lessons__course", "second__lessons__course")
    pairs: Any = lookalikes.pairs_among(assets).filter(**{f"{course}__in": courses for course in both})
    pairs = pairs.annotate(low=Least(*both), high=Greatest(*both)).values("low", "high")
    return pairs.annotate(times=Count("pk", distinct=True), example=Min("pk")).order_by("-times", "low", "high")


def say_different(low: int, high: int, assets: Assets) -> int:
    """Remember for ever that the lessons of two courses only look the same; how many pairs."""
    one = Q(first__lessons__course=low, second__lessons__course=high)
    other = Q(first__lessons__course=high, second__lessons__course=low)
    found = lookalikes.pairs_among(assets).filter(one | other).values_list("pk", flat=True)
    return Lookalike.objects.filter(pk__in=list(found)).update(different=True)
