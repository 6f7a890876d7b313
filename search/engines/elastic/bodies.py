"""Whole requests around the questions of ``queries``: pages, counts, passages. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from elasticsearch_dsl import Q

from search.ask import Ask
from search.engines.elastic.queries import ORDERS, course_query, filter_queries

VALUES = 1000
"""Values of one facet that are counted at the most."""

VALUES_OF = "values"
"""Under which the values stand of a filter that is counted under the others."""


def course_bodies(ask: Ask) -> dict[str, dict]:
    """``page``; ``others``, when filters are in use: the counts of each of these under the others, and the total
    without any; ``all``, when nothing was typed: the other counts and the total. Apart, the page scores only what its
    filters leave, and counts need no scores. Of a list without words the first in its order are the page, and the
    server has the counts from the page before."""
    filters = filter_queries(ask)
    within, counts = list(filters.values()), {name: _values(ask, name) for name in ask.counted if name not in filters}
    query = course_query(ask).to_dict()
    page = {
        "query": {"bool": {"must": [query], "filter": within}},
        "sort": ORDERS[ask.sort if ask.words or ask.sort != "relevance" else "popular"],
        "from": ask.offset,
        "size": ask.limit,
        "_source": ["source"],
    }
    if ask.words:
        bodies = {"page": {**page, "track_total_hits": True, "aggs": counts}}
    else:
        bodies = {"page": {**page, "track_total_hits": False}, "all": _count([query, *within], counts)}
    if filters:
        used = {name: _under_the_others(ask, name, filters) for name in ask.counted if name in filters}
        bodies["others"] = _count([course_query(ask, scored=False).to_dict()], used)
    return bodies


def _count(among: list[dict], aggregations: dict) -> dict:
    return {"query": {"bool": {"filter": among}}, "size": 0, "track_total_hits": True, "aggs": aggregations}


def _under_the_others(ask: Ask, name: str, filters: dict[str, dict]) -> dict:
    others = [query for other, query in filters.items() if other != name]
    return {"filter": {"bool": {"filter": others}}, "aggs": {VALUES_OF: _values(ask, name)}}


def counted(answers: Iterable[dict]) -> dict[str, dict[str, int]]:
    """By facet name the number of courses by value, from the answers to ``course_bodies``."""
    found = [pair for answer in answers for pair in answer.get("aggregations", {}).items()]
    values = {name: one.get(VALUES_OF, one)["buckets"] for name, one in found}
    return {name: {bucket["key"]: bucket["doc_count"] for bucket in buckets} for name, buckets in values.items()}


def _values(ask: Ask, name: str) -> dict:
    values = {"field": f"facet_{name}", "size": VALUES}
    return {"terms": values | ({"include": ask.places} if name == "place" and ask.places else {})}


def passages_body(ids: Sequence[int], together: Sequence[Any], some: Any, each: int) -> dict:
    """The best passages of each course: ``ALL`` names those with all of the words, who come before the others."""
    every = Q("constant_score", filter=Q("bool", must=list(together)), boost=FAR, _name=ALL)
    within = [Q("terms", course=list(ids))]
    return {
        "query": Q("bool", should=[every, some], minimum_should_match=1, filter=within).to_dict(),
        "size": 0,
        "track_total_hits": False,
        "aggs": {
            "course": {
                "terms": {"field": "course", "size": len(ids)},
                "aggs": {"best": {"top_hits": {"size": each, "_source": ["source"]}}},
            }
        },
    }


ALL, FAR = "all", 1000.0
"""Their name and their distance: more than any score of words."""


def best_passages(answer: dict) -> dict[int, list[dict]]:
    """Sources by course: of those with all of the words, if there are any, else of the others."""
    found: dict[int, list[dict]] = {}
    for bucket in answer["aggregations"]["course"]["buckets"]:
        hits = bucket["best"]["hits"]["hits"]
        whole = [hit for hit in hits if ALL in hit.get("matched_queries", ())]
        found[int(bucket["key"])] = [hit["_source"]["source"] for hit in whole or hits]
    return found
