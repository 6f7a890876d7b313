"""Suggestions as Elasticsearch gives them: one round for titles and names, one for how many courses a name has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from elasticsearch_dsl import Q

from search import grams
from search.ask import Clause
from search.documents import Name
from search.engines.contract import NAMES_WEIGHED, Completions, Named, Row
from search.engines.elastic.library import Library


def completions(library: Library, clauses: Sequence[Clause], today: str, limit: int) -> Completions:
    """As ``Engine.completions``."""
    query = typed_query(clauses)
    titles = {
        "query": Q("bool", filter=[query], must_not=[ended(today)]).to_dict(),
        "sort": [{"views": "desc"}, {"id": "asc"}],
        "size": limit,
        "track_total_hits": False,
        "_source": ["source.slug", "source.titles"],
    }
    names = {"query": query.to_dict(), "sort": [{"rank": "asc"}], "size": NAMES_WEIGHED, "track_total_hits": False}
    titled, named = library.answers([("courses", titles), ("names", names)])
    known = [Name(**hit["_source"]) for hit in named["hits"]["hits"]]
    counted = _counted(library, known, today) if known else []
    return Completions(
        tuple(Row(int(hit["_id"]), 0.0, hit["_source"]["source"]) for hit in titled["hits"]["hits"]),
        tuple(sorted(counted, key=lambda one: -one.count)[:limit]),
    )


def typed_query(clauses: Iterable[Clause]) -> Any:
    """Only terms, without scores: in the order of an index field the first matches are the answer, and reading ends
    there."""
    ways = [Q("bool", filter=[Q("term", typed=gram) for gram in grams.wanted(clause)]) for clause in clauses]
    return Q("bool", should=ways, minimum_should_match=1)


def ended(today: str) -> Any:
    """Courses whose licence ended: few, where those that may be shown are nearly all."""
    return Q("range", until={"lt": today})


def _counted(library: Library, names: Sequence[Name], today: str) -> list[Named]:
    """Names with the courses that can be shown under them; those that have none are left out. All courses of a name
    are a figure of the index; only the ended ones are looked at one by one."""
    by_name = {"filters": {"filters": [{"term": {f"facet_{name.facet}": name.value}} for name in names]}}
    gone = {"filter": ended(today).to_dict(), "aggs": {"names": by_name}}
    body = {"size": 0, "track_total_hits": False, "aggs": {"names": by_name, "gone": gone}}
    (answer,) = library.answers([("courses", body)])
    every = answer["aggregations"]["names"]["buckets"]
    less = answer["aggregations"]["gone"]["names"]["buckets"]
    counts = (a["doc_count"] - b["doc_count"] for a, b in zip(every, less, strict=True))
    return [Named(name, count) for name, count in zip(names, counts, strict=True) if count > 0]
