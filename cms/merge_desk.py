"""Two courses that are one: which of them stays, what it gets, and then it is done."""

from django.contrib import messages
from django.contrib.contenttypes.models import ContentType
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.views.decorators.http import require_http_methods
from wagtail.models import Page, ReferenceIndex
from wagtail.snippets.bulk_actions.snippet_bulk_action import SnippetBulkAction

from catalog import merging
from catalog.errors import CatalogueError
from catalog.models import Course
from cms.scoping import chosen
from search.models import Rule


class MergeAction(SnippetBulkAction):
    """The button 合并 below the list of courses; the page it leads to is ours."""

    display_name = "合并"
    aria_label = "合并所选的两门课程"
    action_type = "merge"
    action_priority = 20
    models = [Course]

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        return redirect(f"{reverse('courses:merge')}?{request.META['QUERY_STRING']}")


@require_http_methods(["GET", "POST"])
def merge(request: HttpRequest) -> HttpResponse:
    """The two courses selected in the query string, side by side. POST ``keep`` (a key) merges the other into it."""
    courses = chosen(request, Course).order_by()
    pair = list(
        courses.select_related("institution").prefetch_related("themes", "places", "lessons").order_by("pk")[:3]
    )
    if not pair:
        raise Http404
    if len(pair) != 2:
        messages.warning(request, "合并每次正好两门课程：请在列表里选择两门，再按“合并”。")
        return redirect("courses:list")
    if request.method == "POST":
        kept = next((course for course in pair if str(course.pk) == request.POST.get("keep")), None)
        if kept is None:
            messages.error(request, "请选择留下哪一门。")
        elif answer := _merge(request, kept, next(course for course in pair if course is not kept)):
            return answer
    context = {
        "header_title": "合并两门课程",
        "pair": [(course, _uses(course)) for course in pair],
        "most": max(pair, key=lambda course: (course.live, course.views, -course.pk)),
    }
    return TemplateResponse(request, "cms/desk/merge.html", context)


def _uses(course: Course) -> int:
    """How many times editors put it on pages and into rules of the search: what they will have to replace."""
    places = ContentType.objects.get_for_models(Page, Rule).values()
    return ReferenceIndex.get_references_to(course).filter(base_content_type__in=places).count()


def _merge(request: HttpRequest, kept: Course, gone: Course) -> HttpResponse | None:
    try:
        merging.merge(kept.pk, gone.pk, request.user)  # type: ignore[arg-type]  # the desk has no anonymous people
    except CatalogueError as refused:
        messages.error(request, f"{refused.sentence}{refused.remedy}")
        return None
    messages.success(request, f"《{gone.title}》已并入《{kept.title}》，它的地址转到这里。")
    return redirect("courses:edit", kept.pk)


urlpatterns = [path("merge/", merge, name="merge")]
