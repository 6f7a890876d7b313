"""``/api/v1/search``, ``/api/v1/search/clicks`` and ``/api/v1/suggest``."""

from __future__ import annotations

from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import Router, Schema, Status
from pydantic import Field

from search import find, query_log
from search.query import PARAMS, TEXT_LIMIT, Query
from search.results import Hit, Results

SUGGEST_LIMIT = 20
router = Router(tags=["search"])


class PassageOut(Schema):
    lesson: int
    lesson_title: str
    seconds: int | None
    page: int | None
    url: str
    highlight: str


class HitOut(Schema):
    """``lesson``, ``seconds`` and ``page`` are those of the best place inside, null when there is none."""

    id: int
    title: str
    url: str
    highlights: dict[str, str]
    lesson: int | None
    seconds: int | None
    page: int | None
    passages: list[PassageOut]
    why: str


class FacetValueOut(Schema):
    value: str
    label: str
    count: int
    selected: bool
    depth: int


class SearchOut(Schema):
    """``degraded``: the engine is away and only titles were looked up."""

    total: int
    hits: list[HitOut]
    facets: dict[str, list[FacetValueOut]]
    suggestion: str
    why: str
    ms: float
    degraded: bool
    popular: list[HitOut]


class SuggestionOut(Schema):
    text: str
    kind: str
    url: str
    highlight: str
    count: int


class ClickIn(Schema):
    """``q`` as it was typed, ``course``: the slug of the result that was opened."""

    q: str = Field(max_length=TEXT_LIMIT)
    course: str = Field(max_length=255)


class Refusal(Schema):
    code: str
    message: str
    problems: list[str]


def hit_out(hit: Hit) -> dict[str, Any]:
    best = hit.passages[0] if hit.passages else None
    return {
        **{name: getattr(hit, name) for name in ("id", "title", "url", "highlights", "why")},
        "lesson": best.lesson if best else None,
        "seconds": best.seconds if best else None,
        "page": best.page if best else None,
        "passages": [{name: getattr(passage, name) for name in PassageOut.model_fields} for passage in hit.passages],
    }


def results_out(results: Results) -> dict[str, Any]:
    """The JSON of a search, the same for the API and the command."""
    return {
        "total": results.total,
        "hits": [hit_out(hit) for hit in results.hits],
        "facets": {
            facet.name: [{name: getattr(value, name) for name in FacetValueOut.model_fields} for value in facet.values]
            for facet in results.facets
        },
        "suggestion": results.suggestion,
        "why": results.why,
        "ms": round(results.ms, 2),
        "degraded": results.degraded,
        "popular": [hit_out(hit) for hit in results.popular],
    }


@router.get("/search", response={200: SearchOut, 400: Refusal}, summary="Find courses")
def search(request: HttpRequest) -> Any:
    """``q``, the filters ``theme place kind institution length language level captions teacher`` (each may be given
    again), ``sort`` (relevance, newest, popular, title), ``page`` from 1, ``per_page`` up to 100."""
    query = Query.from_params(request.GET)
    unknown = [name for name in request.GET if name not in PARAMS]
    known = "、".join(sorted(PARAMS))
    problems = [
        *query.problems,
        *(_("没有“%(name)s”这个参数，可用的有：%(known)s。") % {"name": name[:40], "known": known} for name in unknown),
    ]
    if problems:
        return Status(400, {"code": "bad_query", "message": problems[0], "problems": problems})
    results = find.search(query)
    query_log.record(query, results)
    return _ready(results_out(results))


@router.post("/search/clicks", response={204: None}, summary="Tell that a result was opened")
def click(request: HttpRequest, told: ClickIn) -> Any:
    """For the search page's beacon. Counted for queries that were put and courses that are public, without anybody's
    traces; the answer is always the same."""
    query_log.record_click(told.q, told.course)
    return Status(204, None)


@router.get("/suggest", response={200: list[SuggestionOut], 400: Refusal}, summary="Complete what is being typed")
def suggest(request: HttpRequest, q: str = "", limit: int = 8) -> Any:
    """At most ``limit`` (1–20) names and titles, best first."""
    if not 1 <= limit <= SUGGEST_LIMIT:
        message = _("limit 应在 1 到 %(limit)d 之间。") % {"limit": SUGGEST_LIMIT}
        return Status(400, {"code": "bad_query", "message": message, "problems": [message]})
    query = Query.from_params({"q": q})
    if query.problems:
        return Status(400, {"code": "bad_query", "message": query.problems[0], "problems": list(query.problems)})
    found = find.suggest(query.text, limit)
    return _ready([{name: getattr(one, name) for name in SuggestionOut.model_fields} for one in found])


def _ready(body: object) -> HttpResponse:
    """An answer whose form is that of its schema by the code above; checking each of its 300 values once more takes
    longer than making them."""
    return HttpResponse(orjson.dumps(body), content_type="application/json")
