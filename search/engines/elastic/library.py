"""Where a library lives in Elasticsearch: three indices, made beside the live ones and swapped by their aliases."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from elasticsearch import Elasticsearch

from search.documents import PASSAGES_LIMIT, VERSION
from search.engines.contract import EngineAway, Entry
from search.engines.elastic.cluster import RETRIED, Cluster
from search.engines.elastic.mapping import MAPPINGS, PARTS, SETTINGS

log = logging.getLogger(__name__)

PAGE = 1000
"""Courses that are audited at a time."""

NEVER_BUILT = "the index “%s” was never built; run rebuild_index"

ASK_AGAIN = (0.05, 0.2, 1.0)
"""Seconds before a question is put once more whose answer was lost with a node. Elasticsearch itself asks another copy
only in the first of the two or three steps of an answer."""

GRACE_SECONDS = 60
"""How long old indices stay after the swap: longer than any question that began in them."""

COPIES_SECONDS = 10
"""How long new indices may take to have their second copy, without which they would end with one node."""

UNDELETED = "1h"
"""How long Elasticsearch remembers the version of what was deleted: longer than a slow writer may hold an older one."""


@dataclass(frozen=True, slots=True)
class Live:
    """The indices an alias leads to. ``since``: seconds since 1970 at the swap."""

    stamp: str
    version: int
    since: float


class Library:
    """The library ``index`` on a cluster. ``stamp`` names one that is being built; without it, the live one by its
    aliases."""

    def __init__(self, cluster: Cluster, index: str, stamp: str = "") -> None:
        self.cluster = cluster
        self.index = index
        self.stamp = stamp

    def part(self, part: str) -> str:
        """The alias of a live library; the index itself of one being built."""
        return f"{self.index}-{part}-{self.stamp}" if self.stamp else f"{self.index}-{part}"

    def asking(self) -> AbstractContextManager[Elasticsearch]:
        """The client, for one question. Raises EngineAway."""
        return self.cluster.asking()

    def answers(self, asked: Sequence[tuple[str, dict]]) -> list[dict]:
        """What the server says to several questions, each a part of the library and a body, in one round. A question
        fails, and all are asked again, rather than leave out the courses of a node that is lost while it answers;
        where there are several shards, each scores by the words of all. Raises EngineAway when it refuses one."""
        how: dict[str, object] = {"allow_partial_search_results": False}
        if self.cluster.shards > 1:
            how["search_type"] = "dfs_query_then_fetch"
        searches = [line for part, body in asked for line in ({"index": self.part(part), **how}, body)]
        answers = self._answers(searches)
        for pause in ASK_AGAIN:
            if not any(answer["status"] in RETRIED for answer in answers):
                break
            time.sleep(pause)
            answers = self._answers(searches)
        for answer in answers:
            if answer["status"] == 404:
                raise EngineAway(NEVER_BUILT % self.index)
            if "error" in answer:
                log.error("Elasticsearch refused a question: %s", answer["error"])
                raise EngineAway(str(answer["error"]["reason"]))
        return answers

    def _answers(self, searches: Sequence[dict]) -> list[dict]:
        with self.cluster.asking() as client:
            return client.msearch(searches=searches)["responses"]

    def live(self) -> Live | None:
        """What answers now; None when nothing was built."""
        with self.cluster.asking() as client:
            found = client.options(ignore_status=404).indices.get_mapping(index=self.part("courses"))
        if found.meta.status == 404:
            return None
        ((name, told),) = found.items()
        meta = told["mappings"].get("_meta", {})
        stamp = name.removeprefix(f"{self.index}-courses-")
        return Live(stamp, meta.get("version", 0), meta.get("since", 0.0))

    def indices(self) -> set[str]:
        """All indices of this library, live or not."""
        with self.cluster.writing() as client:
            found = client.indices.get(index=f"{self.index}-*", expand_wildcards="open", features="aliases")
        names = (f"{self.index}-{part}-" for part in PARTS)
        return {index for name in names for index in found if index.removeprefix(name).isdigit()}

    # Building -----------------------------------------------------------------------------------

    def fresh(self) -> Library:
        """Empty indices beside the live ones."""
        made = Library(self.cluster, self.index, str(time.time_ns()))
        chosen = {
            "number_of_shards": self.cluster.shards,
            "auto_expand_replicas": f"0-{self.cluster.replicas}",
            "gc_deletes": UNDELETED,
        }
        with self.cluster.writing() as client:
            for part in PARTS:
                # 400: made by a try of this very request whose answer was lost with its node
                client.options(ignore_status=400).indices.create(
                    index=made.part(part),
                    mappings={**MAPPINGS[part], "_meta": {"version": VERSION}},
                    settings={**SETTINGS, **chosen},
                )
        made.wait_for_copies()
        return made

    def wait_for_copies(self) -> None:
        """Until each shard has all its copies; goes on without, after a while, when the cluster cannot make them."""
        with self.cluster.writing() as client:
            health = client.options(ignore_status=408).cluster.health(
                index=",".join(map(self.part, PARTS)), wait_for_status="green", timeout=f"{COPIES_SECONDS}s"
            )
        if health["status"] != "green":
            log.warning("the indices %s-*-%s are %s, not green", self.index, self.stamp, health["status"])

    def adopt(self, other: Library) -> None:
        """Moves the aliases to another library's indices at a stroke."""
        other.wait_for_copies()
        moves: list[dict] = []
        for part in PARTS:
            moves += [{"remove": {"index": f"{self.index}-{part}-*", "alias": self.part(part), "must_exist": False}}]
            moves += [{"add": {"index": other.part(part), "alias": self.part(part)}}]
        with self.cluster.writing() as client:
            client.indices.put_mapping(index=other.part("courses"), meta={"version": VERSION, "since": time.time()})
            client.indices.update_aliases(actions=moves)

    def sweep(self) -> None:
        """Deletes what is not live, unless it was a moment ago and a search may still read it."""
        live = self.live()
        if live and time.time() - live.since < GRACE_SECONDS:
            return
        kept = {f"{self.index}-{part}-{live.stamp}" for part in PARTS} if live else set()
        self._delete(self.indices() - kept)

    def drop(self) -> None:
        """Deletes this library's indices; of a live one, all that bear its name."""
        self._delete(set(map(self.part, PARTS)) if self.stamp else self.indices())

    def _delete(self, names: set[str]) -> None:
        if names:
            with self.cluster.writing() as client:
                client.indices.delete(index=",".join(sorted(names)), ignore_unavailable=True)

    # Auditing -----------------------------------------------------------------------------------

    def count(self) -> int:
        with self.cluster.asking() as client:
            return int(client.count(index=self.part("courses"))["count"])

    def entries(self, ids: Collection[int] | None = None) -> Iterator[Entry]:
        """What is stored of these courses, else of all, in the order of their ids, as it was at the first of them."""
        with self.cluster.asking() as client:
            moment = {"id": client.open_point_in_time(index=self.part("courses"), keep_alive="5m")["id"]}
            wanted = {"match_all": {}} if ids is None else {"terms": {"id": list(ids)}}
            after: list = []
            while True:
                found = client.search(
                    pit={**moment, "keep_alive": "5m"},
                    query=wanted,
                    sort=[{"id": "asc"}],
                    search_after=after or None,
                    size=PAGE,
                    version=True,
                    source_includes=["digest"],
                    track_total_hits=False,
                    allow_partial_search_results=False,
                )["hits"]["hits"]
                passages = self.passage_counts([int(hit["_id"]) for hit in found])
                for hit in found:
                    course = int(hit["_id"])
                    yield Entry(course, hit["_version"], hit["_source"].get("digest", ""), passages.get(course, 0))
                if len(found) < PAGE:
                    break
                after = found[-1]["sort"]
            client.close_point_in_time(**moment)

    # Passages -----------------------------------------------------------------------------------

    def passage_counts(self, courses: Sequence[int]) -> dict[int, int]:
        """How many passages there are, by course; at most PAGE courses."""
        counted = {"courses": {"terms": {"field": "course", "size": PAGE}}}
        answer = self._look_up({"terms": {"course": courses}}, 0, counted)
        return {bucket["key"]: bucket["doc_count"] for bucket in answer["aggregations"]["courses"]["buckets"]}

    def passages_beyond(self, course: int, kept: int) -> list[str]:
        """Keys of a course's passages but for the first so many."""
        first = {"ids": {"values": [f"{course}-{number}" for number in range(kept)]}}
        answer = self._look_up({"bool": {"filter": {"term": {"course": course}}, "must_not": first}}, PASSAGES_LIMIT)
        return [hit["_id"] for hit in answer["hits"]["hits"]]

    def _look_up(self, query: dict, size: int, aggregations: dict | None = None) -> Any:
        with self.cluster.writing() as client:
            return client.search(
                index=self.part("passages"),
                query=query,
                aggregations=aggregations,
                size=size,
                source=False,
                allow_partial_search_results=False,
            )

    def stored_courses(self, courses: Sequence[int]) -> dict[int, tuple[int, int]]:
        """Version and number of passages of these courses, as last written. Raises EngineAway."""
        if not courses:
            return {}
        with self.cluster.writing() as client:
            found = client.mget(index=self.part("courses"), ids=list(map(str, courses)), source_includes=["passages"])
        if failed := next((doc["error"] for doc in found["docs"] if "error" in doc), None):
            raise EngineAway(str(failed["reason"]))
        return {int(doc["_id"]): (doc["_version"], doc["_source"]["passages"]) for doc in found["docs"] if doc["found"]}
