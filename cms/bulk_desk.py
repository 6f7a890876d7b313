"""Changing many courses at once: what is asked, what it would do, how far it is, and taking it back."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from wagtail.admin.utils import get_valid_next_url_from_request
from wagtail.snippets.bulk_actions.snippet_bulk_action import SnippetBulkAction

from catalog import bulk, bulk_job, policy
from catalog.bulk import CHANGE, Asked, Preview
from catalog.models import BulkChange, BulkItem, Course
from cms.bulk_forms import BulkForm
from cms.scoping import chosen

PER_PAGE = 40
LEFT_SHOWN = 50
"""Courses that were left as they are and are named on the page of a change."""


class BulkChangeAction(SnippetBulkAction):
    """The button 批量修改 below the list of courses; the page it leads to is ours."""

    display_name = "批量修改"
    aria_label = "批量修改所选课程"
    action_type = "change"
    action_priority = 10

    models = [Course]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return redirect(f"{reverse('courses:bulk')}?{request.META['QUERY_STRING']}")


# Asking -----------------------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """The form for the courses selected in the query string. POST shows what it would do; with ``start`` (the numbers
    that were seen) it is done, unless the courses have changed meanwhile."""
    if not policy.may_somewhere(request.user, "change", Course):
        raise PermissionDenied
    courses = chosen(request, Course).order_by()
    total = courses.count()
    if not total:
        raise Http404
    form = BulkForm(request.POST or None, user=request.user)
    seen = None
    if request.method == "POST" and form.is_valid():
        seen = bulk.preview(courses, form.asked(), request.user)
        if request.POST.get("start") == _numbers(seen):
            return redirect("courses:change", _begin(request, courses, form.asked()).pk)
        if "start" in request.POST:
            messages.warning(request, "这些课程在您查看时又有变化：请再看一次会修改什么。")
    context = {
        "header_title": "批量修改",
        "form": form,
        "rows": form.rows(),
        "total": total,
        "examples": list(courses.order_by("pk").values_list("title", flat=True)[: bulk.EXAMPLES]),
        "preview": seen,
        "numbers": _numbers(seen) if seen else "",
        "described": bulk.describe(form.asked()) if seen else "",
        "back": get_valid_next_url_from_request(request) or reverse("courses:list"),
    }
    return TemplateResponse(request, "cms/desk/bulk.html", context)


def _numbers(seen: Preview) -> str:
    return f"{seen.changed.count}-{seen.left_count}"


def _begin(request: HttpRequest, courses: QuerySet[Course], asked: Asked) -> BulkChange:
    """Only what the database would change becomes work; the others are counted."""
    fates = bulk.sorted_out(courses, asked, request.user)
    keys = fates.filter(fate=CHANGE).order_by("pk").values_list("pk", flat=True)
    skipped = {fate: number for fate, number in bulk.counted(fates).items() if fate != CHANGE}
    return bulk_job.begin(request.user, asked, keys.iterator(), selection=request.META["QUERY_STRING"], skipped=skipped)


# Following --------------------------------------------------------------------------------------------


def _own(request: HttpRequest) -> QuerySet[BulkChange]:
    """The changes this person began; the centre sees all."""
    changes = BulkChange.objects.select_related("user")
    return changes if policy.is_central(request.user) else changes.filter(user_id=request.user.pk or 0)


@require_safe
def changes(request: HttpRequest) -> HttpResponse:
    """All changes, the newest first."""
    page = Paginator(_own(request), PER_PAGE).get_page(request.GET.get("p"))
    context = {"header_title": "批量修改的记录", "page_obj": page, "rows": [(one, described(one)) for one in page]}
    return TemplateResponse(request, "cms/desk/changes.html", context)


def described(change: BulkChange) -> str:
    return f"撤销第 {change.undoes_id} 次修改" if change.undoes_id else bulk.describe(Asked.from_json(change.asked))


@require_safe
def change(request: HttpRequest, change_id: int) -> HttpResponse:
    """How far a change is, what was left and why."""
    one = get_object_or_404(_own(request), pk=change_id)
    left = one.items.filter(state=BulkItem.State.LEFT).select_related("course").order_by("pk")
    partly = one.items.filter(state=BulkItem.State.DONE).exclude(note="").select_related("course").order_by("pk")
    context = {
        "header_title": f"第 {one.pk} 次批量修改",
        "change": one,
        "described": described(one),
        "progress": bulk_job.progress(one),
        "reasons": bulk_job.left_out(one),
        "left": [(item, bulk.Reason(item.reason).label) for item in left[:LEFT_SHOWN]],
        "partly": partly[:LEFT_SHOWN],
        "undone_by": one.undone_by.first(),
        "list": f"{reverse('courses:list')}?{_list_query(one)}",
    }
    return TemplateResponse(request, "cms/desk/change.html", context)


def _list_query(change: BulkChange) -> str:
    """The list as it was when the courses were selected, without the selection."""
    return "&".join(part for part in change.selection.split("&") if part.partition("=")[0] not in {"id", "next", "p"})


@require_safe
def way(request: HttpRequest, change_id: int) -> HttpResponse:
    """How far a change is, as the piece of HTML that its page asks for while it goes on."""
    one = get_object_or_404(_own(request), pk=change_id)
    context = {"change": one, "progress": bulk_job.progress(one)}
    return TemplateResponse(request, "cms/desk/change_way.html", context, headers={"Cache-Control": "no-store"})


@require_POST
def undo(request: HttpRequest, change_id: int) -> HttpResponse:
    """Takes a finished change back, by another one."""
    one = get_object_or_404(_own(request), pk=change_id)
    if one.state != BulkChange.State.DONE:
        messages.error(request, "这次修改还在进行：请等它完成再撤销。")
        return redirect("courses:change", one.pk)
    return redirect("courses:change", bulk_job.undo(one, request.user).pk)


urlpatterns = [
    path("bulk/", ask, name="bulk"),
    path("changes/", changes, name="changes"),
    path("changes/<int:change_id>/", change, name="change"),
    path("changes/<int:change_id>/way/", way, name="change_way"),
    path("changes/<int:change_id>/undo/", undo, name="change_undo"),
]
