"""Which engine answers: ``SEARCH_URL`` decides, a command may name another."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from django.conf import settings

from search.engines.contract import Engine
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
        return _elastic(settings.SEARCH_URL, settings.SEARCH_INDEX_PREFIX, index)
    raise ValueError(f"there is no search engine “{name}”; known: {', '.join(NAMES)}")


@lru_cache(maxsize=64)
def _embedded(folder: Path, index: str) -> Embedded:
    return Embedded(folder, index)


@lru_cache(maxsize=64)
def _elastic(url: str, prefix: str, index: str) -> Elastic:
    return Elastic(Library(url, f"{prefix}-{index}"))
