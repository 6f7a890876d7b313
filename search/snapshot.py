"""What editors taught, kept in each process and read again when it changed.

One read of one row by its key tells whether it changed, so the next query in any process knows what was saved before
it; nothing is told by time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from search.models import Edition

T = TypeVar("T")


class Snapshot(Generic[T]):
    """A value made from tables by ``read``. ``name`` is that of the ``Edition`` which every change of the tables
    renews; before the first one the value is ``empty``."""

    def __init__(self, name: str, read: Callable[[], T], empty: T) -> None:
        self.name = name
        self._read = read
        self._empty = empty
        self._kept = ("", empty)

    def current(self) -> T:
        """The value in force. Rows are read after the mark, so they are at least as new as it."""
        mark = Edition.objects.filter(name=self.name).values_list("mark", flat=True).first()
        if mark is None:
            return self._empty
        known, value = self._kept
        if mark != known:
            value = self._read()
            self._kept = (mark, value)
        return value
