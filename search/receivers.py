"""What search does when the catalogue changes, and from time to time."""

from typing import Any

from django.db import transaction
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
