"""What is amiss in the library, counted for what a person may see, each with the list where it is put right."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from catalog import policy
from catalog.kinds import Kind
from catalog.links import DEAD_AFTER
from catalog.models import Course, LinkCheck
from catalog.quality import ASSET_PROBLEMS, PROBLEMS, with_problem
from cms import auditing, same_pictures
from cms.assets import with_ways
from media_pipeline.models import MediaAsset
from search import gaps

SHOWN = 8
"""Files whose reason stands on the page itself."""

DAYS = 30  # of searches

ACTIONS = {
    "no-theme": "归类",
    "no-place": "归类",
    "no-cover": "加封面",
    "no-captions": "加字幕",
    "licence-soon": "延长许可",
    "licence-over": "延长许可",
    "same-title": "查看与合并",
    "same-file": "查看与合并",
    "same-picture": "查看与合并",
    "dead-link": "更换链接",
    "in-review": "审核",
}


@dataclass(frozen=True, slots=True)
class Row:
    label: str
    count: int
    url: str
    action: str


@require_safe
def quality(request: HttpRequest) -> HttpResponse:
    """``/cms/quality/``: a fixed number of queries, whatever the library."""
    user: Any = request.user
    courses = policy.scope(Course.objects.order_by(), user)
    assets = policy.scope(MediaAsset.objects.order_by(), user)
    broken = ASSET_PROBLEMS["failed"][1](assets) | ASSET_PROBLEMS["slow"][1](assets)
    context = {
        "header_title": "质量",
        "files": [_file_row(name, assets) for name in ASSET_PROBLEMS],
        "broken": with_ways(broken.order_by("-created_at", "-pk")[:SHOWN]),
        "dead_links": _dead_links(courses),
        "alike": same_pictures.shown(user, courses, assets),
        "courses": [_course_row(name, courses, assets) for name in PROBLEMS],
        "audit": auditing.last_night() if policy.is_central(user) else None,
        "searches": _searches() if policy.is_central(user) else None,
        "total": courses.count(),
    }
    return TemplateResponse(request, "cms/desk/quality.html", context)


def _file_row(name: str, assets: Any) -> Row:
    label, narrow = ASSET_PROBLEMS[name]
    return Row(label, narrow(assets).count(), f"{reverse('assets:index')}?problem={name}", "查看")


def _course_row(name: str, courses: Any, assets: Any) -> Row:
    count = with_problem(courses, name, courses, assets).count()
    return Row(PROBLEMS[name][0], count, f"{reverse('courses:list')}?problem={name}", ACTIONS.get(name, "查看"))


def _dead_links(courses: Any) -> Any:
    """Links that do not open, the latest found first, with the reason."""
    found = LinkCheck.objects.filter(
        failures__gte=DEAD_AFTER, lesson__course__in=courses, lesson__course__kind=Kind.LINK
    )
    return found.select_related("lesson__course").order_by("-checked_at")[:SHOWN]


def _searches() -> Row:
    count = gaps.unanswered(DAYS, "nothing").count()
    url = f"{reverse('wenlan_queries')}?days={DAYS}&shown=nothing"
    return Row(f"最近 {DAYS} 天没有结果的搜索", count, url, "查看")
