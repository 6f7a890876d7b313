"""The indices of a library, and documents as they are stored in them."""

from __future__ import annotations

from search import analysis, grams
from search.documents import CourseDocument, Name, PassageDocument
from search.facets import FACETS

PARTS = ("courses", "passages", "names")
NEVER = "9999-12-31"

_TEXT = {"type": "text", "analyzer": "whitespace"}
_STREAMS = (
    *("title_text", "names_text", "body_text", "inside_text"),
    *("title_py", "title_near", "title_init", "names_py", "names_init"),
)
_KEPT = {"type": "object", "enabled": False}
_TYPED = {"type": "text", "analyzer": "whitespace", "index_options": "docs", "norms": False}
"""For ``search.grams``: which documents have a term, not where nor how often."""

MAPPINGS: dict[str, dict] = {
    "courses": {
        "_source": {"excludes": [*_STREAMS, "typed"]},
        "dynamic": False,
        "properties": {
            **dict.fromkeys(_STREAMS, _TEXT),
            **{f"facet_{name}": {"type": "keyword"} for name in FACETS},
            **{"id": {"type": "long"}, "until": {"type": "keyword"}, "sort_key": {"type": "keyword"}},
            **{"views": {"type": "long"}, "published": {"type": "double"}},
            **{"typed": _TYPED, "source": _KEPT},
        },
    },
    "passages": {
        "_source": {"excludes": ["text"]},
        "dynamic": False,
        "properties": {"text": _TEXT, "course": {"type": "long"}, "source": _KEPT},
    },
    "names": {
        "_source": {"excludes": ["typed", "rank"]},
        "dynamic": False,
        "properties": {"typed": _TYPED, "rank": {"type": "integer"}},
    },
}
SETTINGS = {"max_result_window": 1_000_000}


def course_body(document: CourseDocument) -> dict:
    """A course as it is stored."""
    titles, names = analysis.streams(document.titles), analysis.streams(document.names)
    values: dict[str, list[str]] = {}
    for name, value in document.facets:
        values.setdefault(f"facet_{name}", []).append(value)
    return {
        **{"id": document.id, "source": document.source, "passages": len(document.passages), "digest": document.digest},
        **{"title_text": titles.text, "title_py": titles.py, "title_near": titles.near, "title_init": titles.init},
        **{"names_text": names.text, "names_py": names.py, "names_init": names.init},
        "body_text": analysis.text_stream([document.body]),
        "inside_text": analysis.text_stream([passage.text for passage in document.passages]),
        "typed": grams.stored(document.titles),
        **{"views": document.views, "published": document.published, "sort_key": document.sort_key},
        "until": document.until or NEVER,
        **values,
    }


def passage_body(course: int, passage: PassageDocument) -> dict:
    source = {name: getattr(passage, name) for name in PassageDocument.__slots__}
    return {"course": course, "text": analysis.text_stream([passage.text]), "source": source}


def name_body(name: Name) -> dict:
    return {
        **{"facet": name.facet, "value": name.value, "text": name.text},
        **{"typed": grams.stored([name.text]), "rank": name.rank},
    }
