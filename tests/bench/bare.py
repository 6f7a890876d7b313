"""The baselines of search: Elasticsearch asked by hand over one kept connection, and filled by ready lines."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from http.client import HTTPConnection
from urllib.parse import urlsplit

from search import analysis
from search.documents import CourseDocument
from search.engines.elastic.mapping import MAPPINGS, SETTINGS, course_body, passage_body
from tests.bench.courses import Asked

FACETS = ("theme", "place", "kind", "institution")
_TOKENS, _PLAIN, _VALUE = {"type": "text", "analyzer": "whitespace"}, {"type": "text"}, {"type": "keyword"}
MAPPING = {
    "_source": {"excludes": ["title_bg", "body_bg", "title_uni", "body_uni"]},
    "dynamic": False,
    "properties": {
        **dict.fromkeys(("title_bg", "body_bg", "title_uni", "body_uni"), _TOKENS),
        **dict.fromkeys(("title", "body"), _PLAIN),
        **dict.fromkeys(FACETS, _VALUE),
    },
}
"""The index of the bare question: what that question needs and nothing else."""


class Line:
    """One kept connection. ``ask`` returns milliseconds and the answer; raises for one that is not 200."""

    def __init__(self, url: str) -> None:
        self._http = HTTPConnection(urlsplit(url).netloc, timeout=600)

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[float, bytes]:
        kind = "application/x-ndjson" if "_bulk" in path else "application/json"
        begun = time.perf_counter()
        self._http.request(method, path, body, {"Content-Type": kind} if body else {})
        answer = self._http.getresponse()
        said = answer.read()
        spent = (time.perf_counter() - begun) * 1000
        if answer.status != 200:
            raise RuntimeError(f"{method} {path}: {answer.status} {said[:300]!r}")
        return spent, said

    def tell(self, method: str, path: str, body: object = None) -> dict:
        """The same for JSON both ways, untimed."""
        return json.loads(self.ask(method, path, None if body is None else _json(body))[1] or b"{}")


def _json(body: object) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


def characters(text: str) -> str:
    return " ".join(char for run in analysis.runs(analysis.fold(text)) for char in run)


def bigrams(text: str) -> str:
    return " ".join(analysis.text_tokens(text))


# Filling ----------------------------------------------------------------------------------------


def make(line: Line, index: str) -> None:
    line.tell("PUT", f"/{index}", {"mappings": MAPPING, "settings": SETTINGS})


def fill(line: Line, index: str, documents: Iterable[CourseDocument]) -> None:
    for batch in batches(documents, 1000):
        lines = [part for document in batch for part in ({"index": {"_id": document.id}}, _body(document))]
        _checked(line.ask("POST", f"/{index}/_bulk", _lines(lines))[1])
    line.tell("POST", f"/{index}/_refresh")


def _body(document: CourseDocument) -> dict:
    title, values = document.titles[0], {name: [] for name in FACETS}
    for name, value in document.facets:
        if name in values:
            values[name].append(value)
    return {
        **{"title": title, "title_bg": bigrams(title), "title_uni": characters(title)},
        **{"body": document.body, "body_bg": bigrams(document.body), "body_uni": characters(document.body)},
        **values,
    }


def batches(documents: Iterable[CourseDocument], size: int) -> Iterator[list[CourseDocument]]:
    batch: list[CourseDocument] = []
    for document in documents:
        batch.append(document)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


class Raw:
    """Our own bodies, ready before the clock starts, sent as they are into indices mapped like ours."""

    def __init__(self, line: Line, prefix: str) -> None:
        self._line, self._prefix = line, prefix
        for part in ("courses", "passages"):
            line.tell("PUT", f"/{prefix}-{part}", {"mappings": MAPPINGS[part], "settings": SETTINGS})

    def ready(self, documents: Sequence[CourseDocument], size: int) -> list[bytes]:
        """The bodies of ``_bulk`` requests of ``size`` courses each."""
        return [_lines(self._lines_of(batch)) for batch in batches(documents, size)]

    def _lines_of(self, batch: Iterable[CourseDocument]) -> Iterator[dict]:
        for document in batch:
            yield {"index": {"_index": f"{self._prefix}-courses", "_id": document.id}}
            yield course_body(document)
            for number, passage in enumerate(document.passages):
                yield {"index": {"_index": f"{self._prefix}-passages", "_id": f"{document.id}-{number}"}}
                yield passage_body(document.id, passage)

    def put(self, bodies: Iterable[bytes]) -> None:
        for body in bodies:
            _checked(self._line.ask("POST", "/_bulk", body)[1])
        self._line.tell("POST", f"/{self._prefix}-*/_refresh")

    def drop(self) -> None:
        self._line.tell("DELETE", f"/{self._prefix}-courses,{self._prefix}-passages")


def _lines(parts: Iterable[dict]) -> bytes:
    return b"".join(_json(part) + b"\n" for part in parts)


def _checked(said: bytes) -> None:
    if b'"errors":false' not in said[:200]:
        raise RuntimeError(f"Elasticsearch refused a document: {said[:500]!r}")


# Asking -----------------------------------------------------------------------------------------


def question(asked: Asked) -> bytes:
    """The best single request known: all of it in one, no sounds, no passages."""
    grams, chars = bigrams(asked.text), characters(asked.text)
    words = {"combined_fields": {"query": grams, "fields": ["title_bg^3", "body_bg"]}}
    phrases = [{"match_phrase": {"title_uni": {"query": chars}}}, {"match_phrase": {"body_uni": {"query": chars}}}]
    return _json(
        {
            "size": 20,
            "query": {
                "bool": {
                    "must": [words],
                    "should": phrases,
                    "filter": [{"term": {name: value}} for name, value in asked.filters],
                }
            },
            "aggs": {name: {"terms": {"field": name, "size": 50}} for name in FACETS},
            "highlight": {
                "fields": {"title": {"number_of_fragments": 0}, "body": {"fragment_size": 90}},
                "highlight_query": {"multi_match": {"query": asked.text, "fields": ["title", "body"]}},
            },
        }
    )
