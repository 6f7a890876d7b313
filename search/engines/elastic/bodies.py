"""Whole requests around the questions of ``queries``: pages, counts, passages. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from elasticsearch_dsl import Q

from search.ask import Ask
from search.engines.elastic.queries import ORDERS, course_query, filter_queries

VALUES = 1000
"""Values of one facet that are counted at the most."""


def course_bodies(ask: Ask) -> list[dict]:
    """The page with the counts of the filters that are not in use, then the counts of each filter in use, under the
    others. Apart, each reads only what its filters leave, and the counts need no scores; together, all that the words
    find would be scored first."""
    query, used = course_query(ask), [name for name in ask.counted if name in ask.filters]
    page = {
        "query": Q("bool", must=[query], filter=filter_queries(ask)).to_dict(),
        "sort": ORDERS[ask.sort if ask.words or ask.sort != "relevance" else "popular"],
        "from": ask.offset,
        "size": ask.limit,
        "track_total_hits": True,
        "_source": ["source"],
        "aggs": {name: _values(ask, name) for name in ask.counted if name not in used},
    }
    return [page, *(_count(ask, query, name) for name in used)]


def _count(ask: Ask, query: Any, name: str) -> dict:
    among = Q("bool", filter=[query, *filter_queries(ask, but=name)])
    return {"query": among.to_dict(), "size": 0, "track_total_hits": False, "aggs": {name: _values(ask, name)}}


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
