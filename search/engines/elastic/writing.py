"""Writing a library of Elasticsearch: documents in, documents out, the newer version wins.

A batch is sent in requests of a few megabytes. What the cluster has no room for goes again, later and in smaller
requests; what it does not take as it is is told to the caller, and keeps nothing else from being written.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import cast

import orjson
from elasticsearch import ApiError

from search.documents import CourseDocument, Name
from search.engines.contract import EngineAway, RefusedDocuments
from search.engines.elastic.library import Library
from search.engines.elastic.mapping import PARTS, course_body, name_body, passage_body

log = logging.getLogger(__name__)

BATCH = 500
"""Courses in memory at a time."""

MOST_BYTES, LEAST_BYTES = 2 * 1024**2, 64 * 1024
"""Of one request. A node gives a tenth of its heap to writes, so even a small one has room for several requests."""

UNDERWAY = 3
"""Requests on their way at a time: with one, the server waits for us and we for it by turns."""

TRIES, FIRST_WAIT, LONGEST_WAIT = 8, 0.25, 8.0
"""Seconds between tries double: about half a minute in all, in which a lost node's copies are promoted or a burst ends.
Afterwards the outbox tries again."""

BUSY = {413, 429, 500, 502, 503, 504}


@dataclass(frozen=True, slots=True)
class Line:
    """One document on its way: an action and, unless it is a removal, the document, as lines of JSON. ``course``: None
    for a name, which no single course stands for."""

    course: int | None
    text: bytes


class Writer:
    """Writes the library ``library`` names."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._room = MOST_BYTES
        self._stamp = library.stamp
        self._known: set[Name] = set()

    def put(self, documents: Iterable[CourseDocument]) -> None:
        written: dict[int, int] = {}
        names: set[Name] = set()
        refused = self._send_all(self._all_lines(documents, written, names))
        self._known_names().update(names)
        self._settle(written)
        if refused:
            raise RefusedDocuments(refused)

    def _all_lines(
        self, documents: Iterable[CourseDocument], written: dict[int, int], names: set[Name]
    ) -> Iterator[Line]:
        """Documents, and names that are not in the library yet. ``written`` (version by course) and ``names`` are
        filled on the way."""
        known = self._known_names()
        for document in documents:
            written[document.id] = document.version
            yield from self._lines(document)
            for name in document.known:
                if name not in known and name not in names:
                    names.add(name)
                    yield self._name_line(name, document.version)

    def remove(self, ids: Iterable[int], version: int) -> None:
        gone = dict.fromkeys(ids, version)
        self._send_all(self._line("courses", course, str(course), version) for course in gone)
        self._settle(gone)

    def _settle(self, written: Mapping[int, int]) -> None:
        """Shows what was written, and takes out passages beyond those a course says it has: of a longer text before,
        of a try that ended half-way, or of older text that another writer was still busy with. Whoever is last sees
        all of them; passages newer than the course are left to their writer. ``written``: version by course."""
        if not written:
            return
        self._refresh()
        ids = list(written)
        surplus = [
            line for first in range(0, len(ids), BATCH) for line in self._surplus(ids[first : first + BATCH], written)
        ]
        if surplus:
            self._send_all(surplus)
            self._refresh()

    def _surplus(self, courses: Sequence[int], written: Mapping[int, int]) -> Iterator[Line]:
        there = self._library.passage_counts(courses)
        stored = self._library.stored_courses(list(there))
        for course, count in there.items():
            version, kept = stored.get(course, (0, 0))
            if count > kept:
                for key in self._library.passages_beyond(course, kept):
                    yield self._line("passages", course, key, max(version, written[course]))

    def _known_names(self) -> set[Name]:
        """The names this writer has put into the indices that are live now; none right after a swap."""
        if not self._library.stamp:
            live = self._library.live()
            stamp = live.stamp if live else ""
            if stamp != self._stamp:
                self._stamp, self._known = stamp, set()
        return self._known

    # Documents as lines -------------------------------------------------------------------------

    def _lines(self, document: CourseDocument) -> Iterator[Line]:
        course, version = document.id, document.version
        yield self._line("courses", course, str(course), version, course_body(document))
        for number, passage in enumerate(document.passages):
            yield self._line("passages", course, f"{course}-{number}", version, passage_body(course, passage))

    def _name_line(self, name: Name, version: int) -> Line:
        return self._line("names", None, f"{name.facet}:{name.value}", version, name_body(name))

    def _line(self, part: str, course: int | None, key: str, version: int, body: dict | None = None) -> Line:
        """A document to write, or to remove when there is no body; a newer one in the index wins."""
        where = {"_index": self._library.part(part), "_id": key, "version": version, "version_type": "external_gte"}
        where |= {} if self._library.stamp else {"require_alias": True}
        parts = [{"delete": where}] if body is None else [{"index": where}, body]
        return Line(course, b"\n".join(map(orjson.dumps, parts)))

    # Sending ------------------------------------------------------------------------------------

    def _send_all(self, lines: Iterable[Line]) -> dict[int, str]:
        """Sends lines; the courses that were refused, and why. The next requests are made while some are on their
        way."""
        refused: dict[int, str] = {}
        underway: deque[Future[dict[int, str]]] = deque()
        with ThreadPoolExecutor(UNDERWAY) as senders:
            for request in self._requests(lines):
                if len(underway) == UNDERWAY:
                    refused |= underway.popleft().result()
                underway.append(senders.submit(self._send, request))
            for answer in underway:
                refused |= answer.result()
        return refused

    def _requests(self, lines: Iterable[Line]) -> Iterator[list[Line]]:
        """Lines in requests of at most ``_room`` bytes."""
        request: list[Line] = []
        size = 0
        for line in lines:
            if request and size + len(line.text) > self._room:
                yield request
                request, size = [], 0
            request.append(line)
            size += len(line.text)
        if request:
            yield request

    def _send(self, lines: Sequence[Line], tried: int = 0) -> dict[int, str]:
        """Sends lines; those the cluster has no room for now go again after a while, in two halves."""
        busy, refused = self._request(lines)
        if not busy:
            self._room = min(MOST_BYTES, self._room + self._room // 4)
            return refused
        if tried == TRIES:
            raise EngineAway("Elasticsearch had no room for documents, however few and however often")
        self._room = max(LEAST_BYTES, self._room // 2)
        time.sleep(min(LONGEST_WAIT, FIRST_WAIT * 2**tried))
        middle = len(busy) // 2
        for part in (busy[:middle], busy[middle:]):
            refused |= self._send(part, tried + 1) if part else {}
        return refused

    def _request(self, lines: Sequence[Line]) -> tuple[list[Line], dict[int, str]]:
        """One request: the lines to send again, and the courses refused with the reason. Raises EngineAway."""
        with self._library.cluster.writing() as client:
            patient = client.options(retry_on_status=())
            try:
                answered = patient.bulk(operations=cast(list, [line.text for line in lines]), timeout="20s")
            except ApiError as error:
                if error.status_code not in BUSY:
                    raise
                return list(lines), {}
        busy: list[Line] = []
        refused: dict[int, str] = {}
        for line, item in zip(lines, answered["items"], strict=True):
            ((_action, outcome),) = item.items()
            why = outcome.get("error")
            if why is None or outcome["status"] == 409:
                continue
            if outcome["status"] == 404:
                raise EngineAway(f"{why['reason']}; run rebuild_index")
            if outcome["status"] in BUSY:
                busy.append(line)
            else:
                _refuse(refused, line, why)
        return busy, refused

    def _refresh(self) -> None:
        with self._library.cluster.writing() as client:
            client.indices.refresh(index=",".join(map(self._library.part, PARTS)))


def _refuse(refused: dict[int, str], line: Line, error: Mapping) -> None:
    reason = f"{error['type']}: {error['reason']}"
    if line.course is None:
        log.error("Elasticsearch refused a name: %s", reason)
    else:
        refused[line.course] = reason
