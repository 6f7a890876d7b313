"""The engine of many machines: Elasticsearch, asked through elasticsearch-dsl.

Tokens come ready from ``search.analysis``, so the only analyzer is the built-in ``whitespace`` and any server will do,
managed or not. Three indices make a library (courses, passages, names); aliases move all three at a stroke.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from elasticsearch_dsl import A, Q

from search.ask import Ask, Clause, Word, tokens
from search.documents import CourseDocument
from search.engines.contract import Engine, Entry, Found, Row
from search.engines.elastic.library import Library
from search.engines.elastic.queries import ORDERS, course_query, filter_queries, phrase, sound_query
from search.engines.elastic.writing import Writer

VALUES = 1000
"""Values of one facet that are counted at the most."""


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
        with self._library.asking() as client:
            asked = self._library.search(client, "courses").query(course_query(ask))
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
        written = [[clause for clause in word.written if clause.tokens] for word in words if "inside" in word.groups]
        written = [clauses for clauses in written if clauses]
        if not ids or not written:
            return {}
        together = [
            Q("bool", should=[phrase("text", clause.tokens, 1.0, clause.prefix) for clause in clauses])
            for clauses in written
        ]
        some = Q("match", text=" ".join(token for token, _prefix in tokens(words)))
        found = self._passages(ids, Q("bool", must=together), each)
        left = [course for course in ids if course not in found]
        return {**found, **(self._passages(left, some, each) if left else {})}

    def _passages(self, ids: Sequence[int], query: Any, each: int) -> dict[int, list[dict]]:
        inner = {"name": "best", "size": each, "_source": ["source"]}
        with self._library.asking() as client:
            asked = self._library.search(client, "passages")
            asked = asked.query(Q("bool", must=[query], filter=[Q("terms", course=list(ids))])).source(False)
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
        with self._library.asking() as client:
            asked = self._library.search(client, "courses")
            asked = asked.query(Q("bool", filter=[shown, sound_query(clauses, fields)])).source(["source"])
            asked = asked.sort({"views": "desc"}, {"title_length": "asc"}, {"id": "asc"}).extra(size=limit)
            hits = asked.execute().to_dict()["hits"]["hits"]
        return [Row(int(hit["_id"]), float(hit["sort"][0]), hit["_source"]["source"]) for hit in hits]

    def names(self, clauses: Sequence[Clause], today: str, limit: int) -> list[tuple[str, str, str, int]]:
        forms = {form: form for form in ("text", "py", "near", "init")}
        with self._library.asking() as client:
            asked = self._library.search(client, "names").query(sound_query(clauses, forms))
            hits = asked.extra(size=100).execute().to_dict()["hits"]["hits"]
            names = [(hit["_source"]["facet"], hit["_source"]["value"], hit["_source"]["label"]) for hit in hits]
            if not names:
                return []
            counted = self._library.search(client, "courses").query(Q("range", until={"gte": today}))
            behind = {str(n): Q("term", **{f"facet_{name[0]}": name[1]}).to_dict() for n, name in enumerate(names)}
            counted.aggs.bucket("names", A("filters", filters=behind))
            buckets = counted.extra(size=0).execute().to_dict()["aggregations"]["names"]["buckets"]
        found = [(*name, buckets[str(n)]["doc_count"]) for n, name in enumerate(names)]
        return sorted((name for name in found if name[3]), key=lambda name: -name[3])[:limit]

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
