"""The search page: results, filters with counts, and what to do when nothing was found. All of it is in the address."""

from __future__ import annotations

from dataclasses import dataclass, replace

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from accounts.look import FEW, Look
from catalog.covers import prepare
from catalog.models import Course
from search import choices, find, query_log
from search.facets import FACETS
from search.query import PAGE_LIMIT, PARAMS, SORTS, Query
from search.results import Hit

SORT_LABELS = {
    "relevance": gettext_lazy("最相关"),
    "newest": gettext_lazy("最新"),
    "popular": gettext_lazy("最多人看"),
    "title": gettext_lazy("拼音 A–Z"),
}
WITHOUT_WORDS = "newest"
"""The order of a page that was asked for no words."""

WITHIN_LIMIT = 40
FOREIGN = ("utm_", "from", "source", "spm", "share", "lang")
"""Beginnings of parameters that other sites put behind an address; they are nobody's mistake."""


@dataclass(frozen=True, slots=True)
class Found:
    """A hit together with its course, which the card shows."""

    hit: Hit
    course: Course

    @property
    def names(self) -> str:
        """Names that were found, as safe HTML, where the title does not say why the course is here."""
        return "" if "<mark>" in self.hit.highlights.get("title", "") else self.hit.highlights.get("names", "")


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Answers 200; 400 when something in the address could not be used, 404 for a page behind the last. The page then
    says so and shows what could be found."""
    asked = Query.from_params(request.GET)
    query = asked if asked.text or "sort" in request.GET else replace(asked, sort=WITHOUT_WORDS)
    problems = [*query.problems, *_unknown(request)]
    per_page = FEW if Look.of(request).senior else query.per_page
    results = find.search(replace(query, per_page=per_page))
    query_log.record(query, results)
    status = 400 if problems else 200
    paginator = Paginator(range(min(results.total, PAGE_LIMIT * per_page)), per_page)
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
        "filters": choices.filters(query, results.facets, _within(request)),
        "chosen": choices.chips(query),
        "only_signs": choices.only_signs(query.text),
        "sorts": _sorts(query),
        "problems": problems,
        "page_obj": page,
        "page_range": list(paginator.get_elided_page_range(page.number, on_each_side=2, on_ends=1)),
        "unreachable": results.total > paginator.count,
        "canonical": asked.params(),
        "cleared": query.params(filters={}, page=1),
        "spelled": query.params(text=results.suggestion, page=1),
    }
    return render(request, "search/search.html", context, status=status)


def _unknown(request: HttpRequest) -> list[str]:
    known = {*PARAMS, *(choices.WITHIN + name for name in FACETS)}
    names = [name for name in request.GET if name not in known and not name.startswith(FOREIGN)]
    return [_("没有“%(name)s”这种筛选，已经略过。") % {"name": name[:40]} for name in names[:5]]


def _within(request: HttpRequest) -> dict[str, str]:
    """By filter what its values are looked through for."""
    return {name: request.GET.get(choices.WITHIN + name, "")[:WITHIN_LIMIT].strip() for name in FACETS}


def _sorts(query: Query) -> list[tuple[Promise, str, bool]]:
    """Label and address of each order, and whether it is this one; without words nothing is more relevant."""
    names = SORTS if query.text else SORTS[1:]
    return [(SORT_LABELS[name], query.params(sort=name, page=1), name == query.sort) for name in names]


def _with_courses(hits: tuple[Hit, ...]) -> list[Found]:
    """Hits whose course may be seen now, with everything the cards show; five queries, however many."""
    public = Course.objects.public().select_related("institution", "cover").prefetch_related("themes")
    courses = public.in_bulk([hit.id for hit in hits])
    prepare(courses.values())
    return [Found(hit, courses[hit.id]) for hit in hits if hit.id in courses]
