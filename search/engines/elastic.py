"""The engine of many machines: Elasticsearch, asked through elasticsearch-dsl.

Tokens come ready from ``search.analysis``, so the only analyzer is the built-in ``whitespace`` and any server will do,
managed or not. Three indices make a library (courses, passages, names); aliases move all three at a stroke.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

from elasticsearch import ApiError, Elasticsearch, NotFoundError, TransportError
from elasticsearch.helpers import streaming_bulk
from elasticsearch_dsl import A, Q, Search

from search import analysis
from search.ask import Ask, Clause, Word, tokens
from search.documents import CourseDocument, PassageDocument
from search.engines.contract import (
    INSIDE_WEIGHT,
    POPULARITY_WEIGHT,
    SOUND_WEIGHTS,
    Engine,
    EngineAway,
    Found,
    Row,
)
from search.facets import FACETS

log = logging.getLogger(__name__)

FIELDS = ["title_text^5", "names_text^2", "body_text"]
"""Weights of ``combined_fields`` multiply how often a token occurs, so they are lower than those of the embedded
engine for the same order."""

TITLE_PHRASE, NAMES_PHRASE, TITLE_START, TITLE_WHOLE = 0.6, 0.2, 0.3, 0.6
SOUND_FIELDS = {"py": ("title_py", "names_py"), "near": ("title_near",), "init": ("title_init", "names_init")}
LOOSE_LEAST = "3<15%"
"""Tokens a loose answer must have: all of up to three, else three in twenty."""

PARTS = ("courses", "passages", "names")
NEVER = "9999-12-31"
VALUES = 1000
PAUSE = 5.0
"""Seconds in which a server that did not answer is not asked again, so that pages stay fast without it."""

ORDERS: dict[str, list[Any]] = {
    "relevance": ["_score", {"id": "asc"}],
    "newest": [{"published": "desc"}, {"id": "desc"}],
    "popular": [{"views": "desc"}, {"published": "desc"}, {"id": "desc"}],
    "title": [{"sort_key": "asc"}, {"id": "asc"}],
}

_TEXT = {"type": "text", "analyzer": "whitespace"}
_STREAMS = (
    *("title_text", "names_text", "body_text", "inside_text"),
    *("title_py", "title_near", "title_init", "names_py", "names_init"),
)
_KEPT = {"type": "object", "enabled": False}
MAPPINGS: dict[str, dict] = {
    "courses": {
        "_source": {"excludes": list(_STREAMS)},
        "dynamic": False,
        "properties": {
            **dict.fromkeys(_STREAMS, _TEXT),
            **{f"facet_{name}": {"type": "keyword"} for name in FACETS},
            **{"id": {"type": "long"}, "until": {"type": "keyword"}, "sort_key": {"type": "keyword"}},
            **{"views": {"type": "long"}, "published": {"type": "double"}, "title_length": {"type": "integer"}},
            "source": _KEPT,
        },
    },
    "passages": {
        "_source": {"excludes": ["text"]},
        "dynamic": False,
        "properties": {"text": _TEXT, "course": {"type": "long"}, "source": _KEPT},
    },
    "names": {
        "dynamic": False,
        "properties": dict.fromkeys(("text", "py", "near", "init"), _TEXT),
    },
}
SETTINGS = {"number_of_shards": 1, "auto_expand_replicas": "0-1", "max_result_window": 1_000_000}


# Queries ----------------------------------------------------------------------------------------


def _phrase(field: str, words: Iterable[str], boost: float, prefix: bool = False) -> Any:
    kind = "match_phrase_prefix" if prefix else "match_phrase"
    return Q(kind, **{field: {"query": " ".join(words), "boost": boost}})


def _written(clause: Clause, text: str) -> list[Any]:
    """A word in one field group with all its tokens; the phrases only add to the score."""
    whole = (analysis.BREAK, *analysis.text_tokens(text), analysis.BREAK)
    ways = [
        _phrase("title_text", clause.tokens, TITLE_PHRASE, clause.prefix),
        _phrase("names_text", clause.tokens, NAMES_PHRASE, clause.prefix),
        _phrase("title_text", (analysis.BREAK, *clause.tokens), TITLE_START, clause.prefix),
        _phrase("title_text", whole, TITLE_WHOLE),
        _phrase("inside_text", clause.tokens, INSIDE_WEIGHT, clause.prefix),
    ]
    if clause.prefix:
        return [*ways, _phrase("body_text", clause.tokens, 1.0, True)]
    every = {"query": " ".join(clause.tokens), "fields": FIELDS, "operator": "and"}
    return [*ways, Q("combined_fields", **every)]


def _spoken(clause: Clause) -> list[Any]:
    weight = SOUND_WEIGHTS[clause.form]
    whole = (analysis.BREAK, *clause.tokens, analysis.BREAK)
    return [
        query
        for field, share in zip(SOUND_FIELDS[clause.form], (1.0, 0.3), strict=False)
        for query in (
            _phrase(field, clause.tokens, weight * share, clause.prefix),
            _phrase(field, whole, weight * share),
        )
    ]


def word_query(word: Word) -> Any:
    """A word as it is written or by its sound."""
    ways = [
        query
        for clause in word.clauses
        if clause.tokens
        for query in (_written(clause, word.text) if clause.form == "text" else _spoken(clause))
    ]
    return Q("bool", should=ways, minimum_should_match=1)


def loose_query(words: Sequence[Word]) -> Any:
    """Many of the tokens, wherever they stand."""
    text = " ".join(token for token, _prefix in tokens(words))
    core = {"query": text, "fields": FIELDS, "operator": "or", "minimum_should_match": LOOSE_LEAST}
    inside = {"query": text, "boost": INSIDE_WEIGHT, "minimum_should_match": "2<60%"}
    ways = [Q("combined_fields", **core), Q("match", inside_text=inside)]
    return Q("bool", should=ways, minimum_should_match=1)


def sound_query(clauses: Iterable[Clause], fields: Mapping[str, str]) -> Any:
    ways = [_phrase(fields[clause.form], clause.tokens, 1.0, clause.prefix) for clause in clauses]
    return Q("bool", should=ways, minimum_should_match=1)


def course_query(ask: Ask) -> Any:
    """Everything of a question but its filters, which come after counting."""
    shown = [Q("range", until={"gte": ask.today.isoformat()})]
    hidden = [Q("term", id=ask.without)] if ask.without is not None else []
    if not ask.words:
        return Q("bool", filter=shown, must_not=hidden)
    must = [loose_query(ask.words)] if ask.loose else [word_query(word) for word in ask.words]
    watched = {"field_value_factor": {"field": "views", "modifier": "log1p", "missing": 0}, "weight": POPULARITY_WEIGHT}
    return Q(
        "function_score",
        query=Q("bool", must=must, filter=shown, must_not=hidden),
        functions=[{"weight": 1}, watched],
        score_mode="sum",
        boost_mode="multiply",
    )


def filter_queries(ask: Ask, but: str = "") -> list[Any]:
    return [Q("terms", **{f"facet_{name}": list(values)}) for name, values in ask.filters.items() if name != but]


class Elastic(Engine):
    """A library under the alias ``name-courses`` (and ``-passages``, ``-names``) of a server."""

    name = "elastic"

    def __init__(self, url: str, index: str, stamp: str = "") -> None:
        self._client = Elasticsearch(url, request_timeout=5, max_retries=1, retry_on_timeout=False)
        self._url = url
        self._index = index
        self._stamp = stamp
        self._away_until = 0.0
        self._known: set[tuple[str, str, str]] = set()

    def _part(self, part: str) -> str:
        """The alias of a live library; the index itself of one being built."""
        return f"{self._index}-{part}-{self._stamp}" if self._stamp else f"{self._index}-{part}"

    @contextmanager
    def _asking(self) -> Iterator[Elasticsearch]:
        if time.monotonic() < self._away_until:
            raise EngineAway("Elasticsearch did not answer a moment ago")
        try:
            yield self._client
        except NotFoundError as error:
            raise EngineAway(f"the index “{self._index}” was never built; run rebuild_index") from error
        except TransportError as error:
            self._away_until = time.monotonic() + PAUSE
            log.warning("Elasticsearch at %s does not answer: %s", self._url, error)
            raise EngineAway(str(error)) from error
        except ApiError as error:
            log.exception("Elasticsearch refused a question")
            raise EngineAway(str(error)) from error

    def exists(self) -> bool:
        with self._asking() as client:
            return bool(client.indices.exists(index=self._part("courses")))

    def count(self) -> int:
        with self._asking() as client:
            return int(client.count(index=self._part("courses"))["count"])

    # Asking -------------------------------------------------------------------------------------

    def search(self, ask: Ask) -> Found:
        with self._asking() as client:
            asked = Search(using=client, index=self._part("courses")).query(course_query(ask))
            asked = asked.extra(track_total_hits=True, from_=ask.offset, size=ask.limit).source(["source"])
            asked = asked.sort(*ORDERS[ask.sort if ask.words or ask.sort != "relevance" else "popular"])
            if ask.filters:
                asked = asked.post_filter(Q("bool", filter=filter_queries(ask)))
            for name in ask.counted:
                self._count_by(asked, ask, name)
            answered = asked.execute().to_dict()
        hits = answered["hits"]
        rows = tuple(Row(int(hit["_id"]), hit["_score"] or 0.0, hit["_source"]["source"]) for hit in hits["hits"])
        counts = {
            name: {bucket["key"]: bucket["doc_count"] for bucket in answered["aggregations"][name]["values"]["buckets"]}
            for name in ask.counted
        }
        return Found(hits["total"]["value"], rows, counts)

    @staticmethod
    def _count_by(asked: Any, ask: Ask, name: str) -> None:
        """Adds the counts of one facet, under the filters of all others."""
        values = {"field": f"facet_{name}", "size": VALUES}
        if name == "place" and ask.places:
            values["include"] = ask.places
        among = Q("bool", filter=filter_queries(ask, but=name)) if ask.filters else Q("match_all")
        asked.aggs.bucket(name, A("filter", among)).bucket("values", A("terms", **values))

    def passages(self, ids: Sequence[int], words: Sequence[Word], each: int) -> dict[int, list[dict]]:
        written = [word.written for word in words if word.written and word.written.tokens]
        if not ids or not written:
            return {}
        together = [_phrase("text", clause.tokens, 1.0, clause.prefix) for clause in written]
        some = Q("match", text=" ".join(token for token, _prefix in tokens(words)))
        found = self._passages(ids, Q("bool", must=together), each)
        left = [course for course in ids if course not in found]
        return {**found, **(self._passages(left, some, each) if left else {})}

    def _passages(self, ids: Sequence[int], query: Any, each: int) -> dict[int, list[dict]]:
        asked = Search(using=self._client, index=self._part("passages"))
        asked = asked.query(Q("bool", must=[query], filter=[Q("terms", course=list(ids))])).source(False)
        inner = {"name": "best", "size": each, "_source": ["source"]}
        with self._asking():
            asked = asked.extra(size=len(ids), collapse={"field": "course", "inner_hits": inner})
            hits = asked.execute().to_dict()["hits"]["hits"]
        return {
            int(hit["fields"]["course"][0]): [
                best["_source"]["source"] for best in hit["inner_hits"]["best"]["hits"]["hits"]
            ]
            for hit in hits
        }

    def titles(self, clauses: Sequence[Clause], today: str, limit: int) -> list[Row]:
        fields = {"text": "title_text", "py": "title_py", "near": "title_near", "init": "title_init"}
        shown = Q("range", until={"gte": today})
        with self._asking() as client:
            asked = Search(using=client, index=self._part("courses"))
            asked = asked.query(Q("bool", filter=[shown, sound_query(clauses, fields)])).source(["source"])
            asked = asked.sort({"views": "desc"}, {"title_length": "asc"}, {"id": "asc"}).extra(size=limit)
            hits = asked.execute().to_dict()["hits"]["hits"]
        return [Row(int(hit["_id"]), float(hit["sort"][0]), hit["_source"]["source"]) for hit in hits]

    def names(self, clauses: Sequence[Clause], today: str, limit: int) -> list[tuple[str, str, str, int]]:
        forms = {form: form for form in ("text", "py", "near", "init")}
        with self._asking() as client:
            asked = Search(using=client, index=self._part("names")).query(sound_query(clauses, forms))
            hits = asked.extra(size=100).execute().to_dict()["hits"]["hits"]
            names = [(hit["_source"]["facet"], hit["_source"]["value"], hit["_source"]["label"]) for hit in hits]
            if not names:
                return []
            counted = Search(using=client, index=self._part("courses")).query(Q("range", until={"gte": today}))
            behind = {str(n): Q("term", **{f"facet_{name[0]}": name[1]}).to_dict() for n, name in enumerate(names)}
            counted.aggs.bucket("names", A("filters", filters=behind))
            buckets = counted.extra(size=0).execute().to_dict()["aggregations"]["names"]["buckets"]
        found = [(*name, buckets[str(n)]["doc_count"]) for n, name in enumerate(names)]
        return sorted((name for name in found if name[3]), key=lambda name: -name[3])[:limit]

    # Writing ------------------------------------------------------------------------------------

    def put(self, documents: Iterable[CourseDocument]) -> None:
        waiting = iter(documents)
        while batch := list(islice(waiting, 500)):
            left_over = {} if self._stamp else self._passage_counts([document.id for document in batch])
            self._bulk(action for document in batch for action in self._actions(document, left_over))
        self._refresh()

    def _passage_counts(self, ids: list[int]) -> dict[int, int]:
        with self._asking() as client:
            found = client.mget(index=self._part("courses"), ids=[str(i) for i in ids], source_includes=["passages"])
        return {int(doc["_id"]): doc["_source"].get("passages", 0) for doc in found["docs"] if doc.get("found")}

    def _actions(self, document: CourseDocument, left_over: Mapping[int, int]) -> Iterator[dict]:
        yield self._action("courses", str(document.id), document.version, course_body(document))
        for number, passage in enumerate(document.passages):
            key = f"{document.id}-{number}"
            yield self._action("passages", key, document.version, passage_body(document.id, passage))
        for number in range(len(document.passages), left_over.get(document.id, 0)):
            yield self._action("passages", f"{document.id}-{number}", document.version)
        for name in document.known:
            if (name.facet, name.value, name.text) not in self._known:
                self._known.add((name.facet, name.value, name.text))
                said = analysis.streams([name.text])
                body = {"facet": name.facet, "value": name.value, "label": name.text}
                body |= {form: getattr(said, form) for form in ("text", "py", "near", "init")}
                yield self._action("names", f"{name.facet}:{name.value}", document.version, body)

    def _action(self, part: str, key: str, version: int, body: dict | None = None) -> dict:
        """A document to write, or to remove when there is no body; a newer one in the index wins."""
        action = {"_index": self._part(part), "_id": key, "version": version, "version_type": "external_gte"}
        return {**action, "_op_type": "delete"} if body is None else {**action, "_op_type": "index", "_source": body}

    def _bulk(self, actions: Iterable[dict]) -> None:
        with self._asking() as client:
            slow = client.options(request_timeout=60)
            for fine, answered in streaming_bulk(slow, actions, raise_on_error=False, max_retries=3):
                outcome = next(iter(answered.values()))
                if not fine and outcome["status"] not in {404, 409}:
                    raise EngineAway(f"Elasticsearch did not take {outcome['_id']}: {outcome.get('error')}")

    def _refresh(self) -> None:
        with self._asking() as client:
            client.options(request_timeout=60).indices.refresh(index=",".join(map(self._part, PARTS)))

    def remove(self, ids: Iterable[int], version: int) -> None:
        gone = list(ids)
        if not gone:
            return
        counts = self._passage_counts(gone)
        self._bulk(self._action("courses", str(course), version) for course in gone)
        self._bulk(
            self._action("passages", f"{course}-{number}", version)
            for course, count in counts.items()
            for number in range(count)
        )
        self._refresh()

    # Libraries ----------------------------------------------------------------------------------

    def fresh(self) -> Elastic:
        made = Elastic(self._url, self._index, str(time.time_ns()))
        with made._asking() as client:
            for part in PARTS:
                client.options(request_timeout=60).indices.create(
                    index=made._part(part), mappings=MAPPINGS[part], settings=SETTINGS
                )
        return made

    def adopt(self, other: Engine) -> None:
        if not isinstance(other, Elastic) or not other._stamp:
            raise TypeError("only a fresh library of the same engine can be adopted")
        with self._asking() as client:
            old = {part: self._indices(part) - {other._part(part)} for part in PARTS}
            actions: list[dict] = []
            for part in PARTS:
                live = [index for index in old[part] if client.indices.exists_alias(index=index, name=self._part(part))]
                actions += [{"remove": {"index": index, "alias": self._part(part)}} for index in live]
                actions += [{"add": {"index": other._part(part), "alias": self._part(part)}}]
            slow = client.options(request_timeout=60)
            slow.indices.update_aliases(actions=actions)
            overtaken = [index for part in PARTS for index in old[part] if index < other._part(part)]
            if overtaken:
                slow.indices.delete(index=",".join(overtaken), ignore_unavailable=True)
        self._known = set()

    def _indices(self, part: str) -> set[str]:
        """All indices of a part of this library, live or not."""
        found = self._client.indices.get(index=f"{self._index}-{part}-*", expand_wildcards="open")
        return {name for name in found if name.removeprefix(f"{self._index}-{part}-").isdigit()}

    def drop(self) -> None:
        with self._asking() as client:
            names = (
                {self._part(part) for part in PARTS} if self._stamp else set[str]().union(*map(self._indices, PARTS))
            )
            if names:
                client.options(request_timeout=60).indices.delete(index=",".join(names), ignore_unavailable=True)


def course_body(document: CourseDocument) -> dict:
    """A course as it is stored."""
    titles, names = analysis.streams(document.titles), analysis.streams(document.names)
    values: dict[str, list[str]] = {}
    for name, value in document.facets:
        values.setdefault(f"facet_{name}", []).append(value)
    return {
        **{"id": document.id, "source": document.source, "passages": len(document.passages)},
        **{"title_text": titles.text, "title_py": titles.py, "title_near": titles.near, "title_init": titles.init},
        **{"names_text": names.text, "names_py": names.py, "names_init": names.init},
        "body_text": analysis.text_stream([document.body]),
        "inside_text": analysis.text_stream([passage.text for passage in document.passages]),
        "title_length": len(document.titles[0]) if document.titles else 0,
        **{"views": document.views, "published": document.published, "sort_key": document.sort_key},
        "until": document.until or NEVER,
        **values,
    }


def passage_body(course: int, passage: PassageDocument) -> dict:
    source = {name: getattr(passage, name) for name in PassageDocument.__slots__}
    return {"course": course, "text": analysis.text_stream([passage.text]), "source": source}
