"""Writing a library of Elasticsearch: documents in, documents out, the newer version wins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from elasticsearch.helpers import streaming_bulk

from search import analysis
from search.documents import CourseDocument
from search.engines.contract import EngineAway
from search.engines.elastic.library import SLOW, Library
from search.engines.elastic.mapping import PARTS, course_body, passage_body

BATCH = 500


class Writer:
    """Writes the library ``library`` names."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._known: set[tuple[str, str, str]] = set()

    def put(self, documents: Iterable[CourseDocument]) -> None:
        waiting = iter(documents)
        while batch := list(islice(waiting, BATCH)):
            left_over = {} if self._library.stamp else self._passage_counts([document.id for document in batch])
            self._bulk(action for document in batch for action in self._actions(document, left_over))
        self._refresh()

    def _passage_counts(self, ids: list[int]) -> dict[int, int]:
        with self._library.asking() as client:
            found = client.mget(
                index=self._library.part("courses"), ids=[str(i) for i in ids], source_includes=["passages"]
            )
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
        action = {"_index": self._library.part(part), "_id": key, "version": version, "version_type": "external_gte"}
        return {**action, "_op_type": "delete"} if body is None else {**action, "_op_type": "index", "_source": body}

    def _bulk(self, actions: Iterable[dict]) -> None:
        with self._library.asking() as client:
            slow = client.options(request_timeout=SLOW)
            for fine, answered in streaming_bulk(slow, actions, raise_on_error=False, max_retries=3):
                outcome = next(iter(answered.values()))
                if not fine and outcome["status"] not in {404, 409}:
                    raise EngineAway(f"Elasticsearch did not take {outcome['_id']}: {outcome.get('error')}")

    def _refresh(self) -> None:
        with self._library.asking() as client:
            client.options(request_timeout=SLOW).indices.refresh(index=",".join(map(self._library.part, PARTS)))

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
