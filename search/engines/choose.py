"""Which engine answers: the embedded one, or Elasticsearch when ``SEARCH_URL`` is set. A command may name another."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from django.conf import settings

from search.engines.contract import Engine
from search.engines.elastic.cluster import Cluster
from search.engines.elastic.engine import Elastic
from search.engines.elastic.library import Library
from search.engines.embedded.engine import Embedded

COURSES = "courses"
"""The public library: what is live, with its passages."""

DESK = "desk"
"""Every course, drafts too, titles and names only; never asked for the public."""

NAMES = ("embedded", "elastic")


def engine(index: str = COURSES, name: str = "") -> Engine:
    """The library called ``index``; ``name`` chooses an engine against the settings. Raises ValueError for a name
    that is none, or for ``elastic`` without a ``SEARCH_URL``."""
    name = name or ("elastic" if settings.SEARCH_URL else "embedded")
    if name == "embedded":
        return _embedded(Path(settings.SEARCH_EMBEDDED_PATH), index)
    if name == "elastic":
        if not settings.SEARCH_URL:
            raise ValueError("SEARCH_URL is empty; set it to the address of Elasticsearch, http://127.0.0.1:9200 say")
        cluster = _cluster(addresses(), settings.SEARCH_SHARDS, settings.SEARCH_REPLICAS)
        return _elastic(cluster, f"{settings.SEARCH_INDEX_PREFIX}-{index}")
    raise ValueError(f"there is no search engine “{name}”; known: {', '.join(NAMES)}")


def addresses() -> tuple[str, ...]:
    """The nodes of the cluster; none with the embedded engine."""
    return tuple(url.strip().rstrip("/") for url in settings.SEARCH_URL.split(",") if url.strip())


@lru_cache(maxsize=64)
def _embedded(folder: Path, index: str) -> Embedded:
    return Embedded(folder, index)


@lru_cache(maxsize=16)
def _cluster(urls: tuple[str, ...], shards: int, replicas: int) -> Cluster:
    return Cluster(urls, shards, replicas)


@lru_cache(maxsize=64)
def _elastic(cluster: Cluster, index: str) -> Elastic:
    return Elastic(Library(cluster, index))
