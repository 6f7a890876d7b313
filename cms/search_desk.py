"""The desk's pages about search: what people do not find, and what is to be made for them. Central editors only."""

import functools
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from catalog import policy
from search import gaps
from search.models import Gap
from search.query import TEXT_LIMIT
from search.why import explain

DAYS = (7, 30, 90)
PER_PAGE = 40
SHOWN = {"all": "全部", "nothing": "没有结果", "unopened": "没有人点开"}

View = Callable[..., HttpResponse]


def central(view: View) -> View:
    """A view for central editors; for others it is forbidden."""

    @functools.wraps(view)
    def check(request: HttpRequest, *args: Any, **keys: Any) -> HttpResponse:
        if not policy.is_central(request.user):
            raise PermissionDenied
        return view(request, *args, **keys)

    return check


# What is not found --------------------------------------------------------------------------------


@central
@require_http_methods(["GET", "POST"])
def queries(request: HttpRequest) -> HttpResponse:
    """Groups of queries without result or click; ``?days=`` ``?shown=`` ``?p=``. POST ``action`` does something to
    the group of ``sound`` and returns to the same list."""
    if request.method == "POST":
        _act(request)
        return redirect(request.get_full_path())
    days = _chosen(request.GET.get("days"), DAYS, 30)
    shown = _chosen(request.GET.get("shown"), SHOWN, "all")
    page = Paginator(gaps.unanswered(days, shown), PER_PAGE).get_page(request.GET.get("p"))
    context = {
        "header_title": "没有结果的搜索",
        "page_obj": page,
        "groups": [_with_links(group) for group in gaps.groups(page.object_list, days)],
        "filters": [(SHOWN[name], urlencode({"days": days, "shown": name}), name == shown) for name in SHOWN],
        "periods": [(number, urlencode({"days": number, "shown": shown}), number == days) for number in DAYS],
        "days": days,
        "counted": settings.SEARCH_LOG_DAYS,
    }
    return TemplateResponse(request, "cms/desk/queries.html", context)


def _chosen(value: Any, known: Any, default: Any) -> Any:
    """The one of ``known`` that an address names, else ``default``."""
    return next((one for one in known if str(one) == value), default)


def _with_links(group: gaps.Group) -> dict[str, Any]:
    texts = [spelling.text for spelling in group.spellings]
    return {
        "group": group,
        "pin": f"{reverse('rules:add')}?{urlencode({'query': texts}, doseq=True)}",
        "synonym": f"{reverse('terms:add')}?{urlencode({'word': group.text})}",
        "search": f"{reverse('search')}?{urlencode({'q': group.text})}",
        "why": f"{reverse('wenlan_why')}?{urlencode({'q': group.text})}",
    }


def _act(request: HttpRequest) -> None:
    """Tries the queries of a sound again, or marks them as wanted content."""
    sound, text = request.POST.get("sound", "")[:255], request.POST.get("text", "")[:60]
    if not sound or not text:
        messages.error(request, "没有说明是哪个查询：请刷新页面再试。")
    elif request.POST.get("action") == "commission":
        gaps.commission(sound, text, request.POST.get("note", "").strip()[:500])
        messages.success(request, f"“{text}”已列入待制作。")
    else:
        _tell(request, gaps.try_again(sound, text))


def _tell(request: HttpRequest, tried: list[gaps.Spelling] | None) -> None:
    if tried is None:
        messages.error(request, "搜索引擎正在恢复，这次没有试成：请稍后再试。")
        return
    answers = "，".join(f"“{one.text}”{f'找到 {one.found} 门课' if one.found else '仍然没有结果'}" for one in tried)
    tell = messages.success if all(one.found for one in tried) else messages.warning
    tell(request, f"刚刚又搜了一次：{answers}。")


# What is to be made -------------------------------------------------------------------------------


@central
@require_http_methods(["GET", "POST"])
def wanted(request: HttpRequest) -> HttpResponse:
    """Commissioned content. POST ``action``: ``note`` writes the note anew, ``done`` takes the entry off the list,
    ``test`` tries its queries."""
    if request.method == "POST":
        gap = get_object_or_404(Gap, wanted=True, sound=request.POST.get("sound", ""))
        if request.POST.get("action") == "done":
            gap.delete()
            messages.success(request, f"“{gap.text}”已从清单去掉。")
        else:
            _act(request)
        return redirect(request.get_full_path())
    page = Paginator(gaps.wanted(), PER_PAGE).get_page(request.GET.get("p"))
    context = {"header_title": "待制作的内容", "page_obj": page}
    return TemplateResponse(request, "cms/desk/wanted.html", context)


# Why it stands there ------------------------------------------------------------------------------


@central
@require_safe
def why(request: HttpRequest) -> HttpResponse:
    """Why courses stand where they do for ``?q=``; ``?course=`` (an id) is explained wherever it stands."""
    text = " ".join(request.GET.get("q", "").split())[:TEXT_LIMIT]
    chosen = request.GET.get("course", "")
    course = int(chosen) if chosen.isascii() and chosen.isdigit() and len(chosen) < 19 else None
    context = {
        "header_title": "为什么这样排",
        "text": text,
        "course": chosen if course is not None else "",
        "explanation": explain(text, course) if text else None,
        "rule": f"{reverse('rules:add')}?{urlencode({'query': text})}",
    }
    return TemplateResponse(request, "cms/desk/why.html", context)
