"""What search does when the catalogue or what editors teach changes, and from time to time."""

from typing import Any

from django.db import transaction
from django.db.models.signals import m2m_changed, post_delete, post_save
from django.dispatch import receiver

from catalog.signals import courses_changed
from media_pipeline.periodic import every
from search import index, query_log
from search.models import Edition, Pin, Rule, Term
from search.popular import mark_popular


@receiver(courses_changed)
def remember_and_flush(sender: Any, ids: list[int], **kwargs: Any) -> None:
    """The row is part of the change; the index follows its commit, and never makes it fail."""
    index.mark_stale(ids)
    transaction.on_commit(index.flush_small, robust=True)


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
