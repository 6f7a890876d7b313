"""What search does when the catalogue changes, and from time to time."""

import threading
from typing import Any

from django.db import connection, transaction
from django.dispatch import receiver

from catalog.signals import courses_changed
from media_pipeline.periodic import every
from search import index


@receiver(courses_changed)
def remember_and_flush(sender: Any, ids: list[int], **kwargs: Any) -> None:
    """The row is part of the change; the index follows its commit, and never makes it fail."""
    index.mark_stale(ids)
    transaction.on_commit(index.flush_small, robust=True)


@every(seconds=2, name="search index")
def flush() -> None:
    """Large changes, and what an engine that was away did not take."""
    index.flush_stale()


_tending = threading.Lock()


@every(seconds=30, name="search libraries")
def tend() -> None:
    """In a thread of its own: a large library takes minutes to build, and changes are flushed all the while."""
    if _tending.acquire(blocking=False):
        threading.Thread(target=_tend, name="search libraries", daemon=True).start()


def _tend() -> None:
    try:
        index.tend()
    finally:
        connection.close()
        _tending.release()
