"""The search page: results, filters with counts, and what to do when nothing was found. All of it is in the address."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from catalog.covers import prepare
from catalog.models import Course
from search import find, query_log
from search.query import PARAMS, SORTS, Query
from search.results import Facet, FacetValue, Hit, Results

SORT_LABELS = {
    "relevance": gettext_lazy("最相关"),
    "newest": gettext_lazy("最新"),
    "popular": gettext_lazy("最多人看"),
    "title": gettext_lazy("按拼音"),
}
FOREIGN = ("utm_", "from", "source", "spm", "share")
"""Beginnings of parameters that other sites put behind an address; they are nobody's mistake."""


@dataclass(frozen=True, slots=True)
class Found:
    """A hit together with its course, which the card shows."""

    hit: Hit
    course: Course


@dataclass(frozen=True, slots=True)
class Choice:
    """A value of a filter and the address that chooses it or gives it up."""

    value: FacetValue
    url: str


@dataclass(frozen=True, slots=True)
class Filter:
    facet: Facet
    choices: tuple[Choice, ...]
    open: bool


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Answers 200; 400 when something in the address could not be used, 404 for a page behind the last. The page then
    says so and shows what could be found."""
    query = Query.from_params(request.GET)
    problems = [*query.problems, *_unknown(request)]
    results = find.search(query)
    query_log.record(query, results)
    status = 400 if problems else 200
    paginator = Paginator(range(results.total), query.per_page)
    if query.page > max(1, paginator.num_pages):
        status = 404
        problems.append(
            _("结果没有第 %(page)s 页，共 %(pages)s 页。") % {"page": query.page, "pages": paginator.num_pages}
        )
    page = paginator.get_page(query.page)
    context = {
        "query": query,
        "results": results,
        "found": _with_courses(results.hits),
        "popular": [found.course for found in _with_courses(results.popular)],
        "filters": _filters(query, results),
        "chosen": _chosen(query, results),
        "sorts": [(SORT_LABELS[name], query.params(sort=name, page=1), name == query.sort) for name in SORTS],
        "problems": problems,
        "page_obj": page,
        "page_range": list(paginator.get_elided_page_range(page.number, on_each_side=2, on_ends=1)),
        "cleared": query.params(filters={}, page=1),
    }
    return render(request, "search/search.html", context, status=status)


def _unknown(request: HttpRequest) -> list[str]:
    names = [name for name in request.GET if name not in PARAMS and not name.startswith(FOREIGN)]
    return [_("没有“%(name)s”这种筛选，已经略过。") % {"name": name[:40]} for name in names[:5]]


def _with_courses(hits: tuple[Hit, ...]) -> list[Found]:
    """Hits whose course may be seen now, with everything the cards show; five queries, however many."""
    public = Course.objects.public().select_related("institution", "cover").prefetch_related("themes")
    courses = public.in_bulk([hit.id for hit in hits])
    prepare(courses.values())
    return [Found(hit, courses[hit.id]) for hit in hits if hit.id in courses]


def _filters(query: Query, results: Results) -> list[Filter]:
    shown = []
    for number, facet in enumerate(results.facets):
        choices = tuple(Choice(value, query.toggled(facet.name, value.value)) for value in facet.values)
        if choices:
            shown.append(Filter(facet, choices, number < 3 or bool(facet.selected)))
    return shown


def _chosen(query: Query, results: Results) -> list[tuple[str, str]]:
    """Label of each filter value in use and the address without it, also for values that nothing has."""
    labels = {(facet.name, value.value): str(value.label) for facet in results.facets for value in facet.values}
    return [
        (labels.get((name, value), value), query.toggled(name, value))
        for name, values in query.filters.items()
        for value in values
    ]
