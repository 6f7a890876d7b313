"""Saved views: the list of courses as somebody narrowed, searched and ordered it, under a name, as a link above it."""

from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from catalog import policy
from catalog.models import Institution
from cms.models import SavedView

MOST = 30
"""Views one person may keep."""

NOT_KEPT = {"p", "id", "next", "export", "_w_filter_fragment"}


def _institutions(user: Any) -> QuerySet[Institution]:
    """With whom a person may share: the institutions of the memberships themselves."""
    return Institution.objects.filter(memberships__user=user).order_by("path").distinct()


def visible_to(user: Any) -> QuerySet[SavedView]:
    """The person's own, and what colleagues share with an institution of the person or within the centre."""
    shared = Q(shared=True, institution__in=_institutions(user).order_by().values("pk"))
    if policy.is_central(user):
        shared |= Q(shared=True, institution=None)
    return SavedView.objects.filter(Q(user=user) | shared).select_related("user").order_by("name", "pk")


def normal(query: str) -> str:
    """A query string that says the same for the same list."""
    pairs = parse_qsl(query.lstrip("?"))
    return urlencode(sorted((name, value) for name, value in pairs if value and name not in NOT_KEPT))


def shown(request: HttpRequest) -> dict[str, Any]:
    """What the list needs to show its views."""
    here = normal(request.META["QUERY_STRING"])
    views = list(visible_to(request.user)[: MOST * 2])
    return {
        "saved_views": [(view, view.query == here, view.user_id == request.user.pk) for view in views],
        "share_with": list(_institutions(request.user)),
        "central": policy.is_central(request.user),
        "here": here,
    }


@require_POST
def save(request: HttpRequest) -> HttpResponse:
    """Keeps ``query`` under ``name``; the same name again replaces it. ``share``: nothing, ``centre``, or an
    institution's code."""
    name, query = request.POST.get("name", "").strip()[:40], normal(request.POST.get("query", ""))
    listing = f"{reverse('courses:list')}?{query}"
    if not name:
        messages.error(request, "这个视图还没有名称：请写一个，如“待归类的苗绣”。")
        return redirect(listing)
    own = SavedView.objects.filter(user_id=request.user.pk or 0)
    if own.count() >= MOST and not own.filter(name=name).exists():
        messages.error(request, f"已经存了 {MOST} 个视图：请先删去不用的，再存“{name}”。")
        return redirect(listing)
    share = request.POST.get("share", "")
    institution = _institutions(request.user).filter(code=share).first()
    shared = institution is not None or (share == "centre" and policy.is_central(request.user))
    kept = {"query": query[:2000], "institution": institution, "shared": shared}
    SavedView.objects.update_or_create(user_id=request.user.pk or 0, name=name, defaults=kept)
    messages.success(request, f"视图“{name}”已存，在列表上方。")
    return redirect(listing)


@require_POST
def remove(request: HttpRequest, view_id: int) -> HttpResponse:
    """Removes one of the person's own views."""
    view = get_object_or_404(SavedView, pk=view_id, user_id=request.user.pk or 0)
    view.delete()
    messages.success(request, f"视图“{view.name}”已删去。")
    return redirect("courses:list")


urlpatterns = [
    path("views/", save, name="save_view"),
    path("views/<int:view_id>/remove/", remove, name="remove_view"),
]
