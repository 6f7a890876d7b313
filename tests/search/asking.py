"""Short ways to ask in tests."""

from __future__ import annotations

from typing import Any

from search import find
from search.query import Query


def slugs(text: str, **filters: Any) -> list[str]:
    results = find.search(Query(text=text, filters={name: tuple(values) for name, values in filters.items()}))
    assert not results.degraded
    return [hit.url.strip("/").split("/")[-1] for hit in results.hits]


def counts(results: find.Results, name: str) -> dict[str, int]:
    facet = next((facet for facet in results.facets if facet.name == name), None)
    return {value.value: value.count for value in facet.values} if facet else {}
