"""Whether the index holds what the database says: course by course, by a digest of the whole document."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from django.db.models import QuerySet

from catalog.models import Course
from search import outbox
from search.documents import documents
from search.engines.choose import COURSES
from search.engines.contract import Engine, Entry
from search.index import courses_of

Told = tuple[int, str, int]
"""What both sides tell of a course: its id, the digest of its document, its number of passages."""

END: Told = (sys.maxsize, "", 0)
"""After the last course of a side."""


@dataclass(slots=True)
class Side:
    """One of the two: courses and a checksum over all of them, in the order of their ids."""

    courses: int = 0
    _sum: blake2b = field(default_factory=lambda: blake2b(digest_size=8))

    def of(self, told: Iterable[Told]) -> Iterator[Told]:
        for course, digest, passages in told:
            self.courses += 1
            self._sum.update(f"{course} {digest} {passages}\n".encode())
            yield course, digest, passages

    @property
    def checksum(self) -> str:
        return self._sum.hexdigest()


@dataclass(frozen=True, slots=True)
class Audit:
    """``missing``: ids that the index lacks; ``extra``: that it should not have; ``different``: older text, other
    passages. ``waiting``: changes the index has still to take, which explain some or all of them."""

    database: Side
    index: Side
    missing: Sequence[int]
    extra: Sequence[int]
    different: Sequence[int]
    waiting: int

    @property
    def agrees(self) -> bool:
        return not (self.missing or self.extra or self.different or self.waiting)

    @property
    def differing(self) -> list[int]:
        return sorted({*self.missing, *self.extra, *self.different})


def audit(library: Engine, index: str) -> Audit:
    """Compares a library with the database, both read in the order of ids, in constant memory but for what differs.
    What changes while it runs is looked at once more before it is told. Raises EngineAway."""
    database, stored = Side(), Side()
    everything = courses_of(index)
    kinds = dict(_compare(database.of(_told(everything, index)), stored.of(_stored(library.entries()))))
    sure: dict[int, str] = {}
    for batch in outbox.in_batches(list(kinds)):
        again = _compare(_told(everything.filter(pk__in=batch), index), _stored(library.entries(batch)))
        sure |= dict(again)
    missing, extra, different = (
        [pk for pk, kind in sure.items() if kind == name] for name in ("missing", "extra", "different")
    )
    return Audit(database, stored, missing, extra, different, outbox.pending())


def _told(courses: QuerySet[Course], index: str) -> Iterator[Told]:
    for document in documents(courses, inside=index == COURSES):
        yield document.id, document.digest, len(document.passages)


def _stored(entries: Iterable[Entry]) -> Iterator[Told]:
    return ((entry.id, entry.digest, entry.passages) for entry in entries)


def _compare(database: Iterator[Told], index: Iterator[Told]) -> Iterator[tuple[int, str]]:
    """Walks both in step; the ids that differ, and how."""
    right, stored = next(database, END), next(index, END)
    while right is not END or stored is not END:
        if right[0] < stored[0]:
            yield right[0], "missing"
            right = next(database, END)
        elif stored[0] < right[0]:
            yield stored[0], "extra"
            stored = next(index, END)
        else:
            if right != stored:
                yield right[0], "different"
            right, stored = next(database, END), next(index, END)
