"""What search does when the catalogue or what editors teach changes, and from time to time."""

import threading
from typing import Any

from django.db import connection, transaction
from django.db.models.signals import m2m_changed, post_delete, post_save
from django.dispatch import receiver

from catalog.signals import courses_changed, import_ended
from media_pipeline.periodic import every
from search import index, query_log
from search.facets import forget_labels
from search.models import Edition, Pin, Rule, Term
from search.popular import mark_popular


@receiver(courses_changed)
def remember_and_flush(sender: Any, ids: list[int], **kwargs: Any) -> None:
    """The row is part of the change; the index follows its commit, and never makes it fail."""
    index.mark_stale(ids)
    transaction.on_commit(index.flush_small, robust=True)


@receiver(courses_changed)
def rename(sender: Any, **kwargs: Any) -> None:
    """A theme, place or institution that is renamed changes its courses."""
    transaction.on_commit(forget_labels, robust=True)


@receiver(import_ended)
def catch_up(sender: Any, **kwargs: Any) -> None:
    index.tend()
    index.flush_stale()


@every(seconds=2, name="search index")
def flush() -> None:
    """Large changes, and what an engine that was away did not take."""
    index.flush_stale()


@receiver([post_save, post_delete], sender=Term)
def renew_vocabulary(sender: Any, **kwargs: Any) -> None:
    Edition.renew("vocabulary")


@receiver([post_save, post_delete], sender=Rule)
@receiver([post_save, post_delete], sender=Pin)
@receiver(m2m_changed, sender=Rule.hidden.through)
def renew_rules(sender: Any, **kwargs: Any) -> None:
    Edition.renew("rules")


@every(seconds=600, name="popular queries")
def choose_popular() -> None:
    mark_popular()


@every(seconds=3600, name="old queries")
def forget_old_queries() -> None:
    query_log.forget()


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
