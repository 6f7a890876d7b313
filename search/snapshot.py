"""What editors taught, kept in each process and read again when it changed.

One read of the editions tells whether something changed, so the next query in any process knows what was saved before
it; nothing is told by time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from search.models import Edition

T = TypeVar("T")

Marks = Mapping[str, str]
"""The marks of all editions by their names, as they were before anything that depends on them was read."""


def marks() -> Marks:
    return dict(Edition.objects.values_list("name", "mark"))


class Snapshot(Generic[T]):
    """A value made from tables by ``read``. ``name`` is that of the ``Edition`` which every change of the tables
    renews; before the first one the value is ``empty``."""

    def __init__(self, name: str, read: Callable[[], T], empty: T) -> None:
        self.name = name
        self._read = read
        self._empty = empty
        self._kept = ("", empty)

    def current(self, seen: Marks) -> T:
        """The value in force. Rows are read after the marks, so they are at least as new as those."""
        mark = seen.get(self.name)
        if mark is None:
            return self._empty
        known, value = self._kept
        if mark != known:
            value = self._read()
            self._kept = (mark, value)
        return value
