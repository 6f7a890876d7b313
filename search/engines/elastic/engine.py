"""The engine of many machines: Elasticsearch, asked through elasticsearch-dsl.

Tokens come ready from ``search.analysis``, so the only analyzer is the built-in ``whitespace`` and any server will do,
managed or not. Three indices make a library (courses, passages, names); aliases move all three at a stroke.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from elasticsearch_dsl import Q

from search.ask import Ask, Clause, Word, tokens
from search.documents import CourseDocument
from search.engines.contract import Completions, Engine, Entry, Found, Row
from search.engines.elastic.bodies import best_passages, counted, course_bodies, passages_body
from search.engines.elastic.completing import completions
from search.engines.elastic.library import Library
from search.engines.elastic.queries import INSIDE, phrase
from search.engines.elastic.writing import Writer


class Elastic(Engine):
    """A library of an Elasticsearch server."""

    name = "elastic"

    def __init__(self, library: Library) -> None:
        self._library = library
        self._writer = Writer(library)

    def exists(self) -> bool:
        return self._library.live() is not None

    def version(self) -> int | None:
        live = self._library.live()
        return live.version if live else None

    def count(self) -> int:
        return self._library.count()

    def entries(self, ids: Collection[int] | None = None) -> Iterator[Entry]:
        return self._library.entries(ids)

    # Asking -------------------------------------------------------------------------------------

    def search(self, ask: Ask) -> Found:
        bodies = course_bodies(ask)
        answers = dict(zip(bodies, self._library.answers([("courses", body) for body in bodies.values()]), strict=True))
        rows = tuple(_row(hit, ask) for hit in answers["page"]["hits"]["hits"])
        total = answers.get("all", answers["page"])["hits"]["total"]["value"]
        unfiltered = answers["others"]["hits"]["total"]["value"] if ask.filters else total
        counts = counted(answers.values())
        return Found(total, rows, {name: counts[name] for name in ask.counted}, unfiltered)

    def passages(self, ids: Sequence[int], words: Sequence[Word], each: int) -> dict[int, list[dict]]:
        written = [[clause for clause in word.written if clause.tokens] for word in words if "inside" in word.groups]
        written = [clauses for clauses in written if clauses]
        if not ids or not written:
            return {}
        together = [
            Q("bool", should=[phrase("text", clause.tokens, 1.0, clause.prefix) for clause in clauses])
            for clauses in written
        ]
        some = Q("match", text=" ".join(token for token, _prefix in tokens(words)))
        (answer,) = self._library.answers([("passages", passages_body(ids, together, some, each))])
        return best_passages(answer)

    def completions(self, clauses: Sequence[Clause], today: str, limit: int) -> Completions:
        return completions(self._library, clauses, today, limit)

    # Writing ------------------------------------------------------------------------------------

    def put(self, documents: Iterable[CourseDocument]) -> None:
        self._writer.put(documents)

    def remove(self, ids: Iterable[int], version: int) -> None:
        self._writer.remove(ids, version)

    # Libraries ----------------------------------------------------------------------------------

    def fresh(self) -> Elastic:
        return Elastic(self._library.fresh())

    def adopt(self, other: Engine) -> None:
        if not isinstance(other, Elastic):
            raise TypeError("only a library of the same engine can be adopted")
        self._library.adopt(other._library)

    def sweep(self) -> None:
        self._library.sweep()

    def drop(self) -> None:
        self._library.drop()


def _row(hit: dict, ask: Ask) -> Row:
    """A course found; only where a word is inside as a phrase it is worth asking where."""
    source = hit["_source"]["source"]
    if ask.words and not ask.loose:
        source["inside"] = any(name.startswith(INSIDE) for name in hit.get("matched_queries", ()))
    return Row(int(hit["_id"]), hit["_score"] or 0.0, source)
