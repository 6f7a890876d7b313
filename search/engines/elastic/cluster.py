"""The servers behind a library: which of them is asked, how long it may take, and when none is asked at all."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from elasticsearch import ApiError, Elasticsearch, NotFoundError, TransportError
from elasticsearch.serializer import NdjsonSerializer, OrjsonSerializer

from media_pipeline.breaker import Breaker
from search.engines.contract import EngineAway

log = logging.getLogger(__name__)

ASK_SECONDS, ASK_NEXT_SECONDS = 5, 3
"""Seconds one node may take to answer a question: the only one, or one of several, after whom another is asked."""

WRITE_SECONDS = 30
"""Seconds for a batch of documents, and for making, moving and deleting indices."""

RETRIED = (429, 500, 502, 503, 504)
"""A node that was lost in the middle of a question shows as one of these; the next try finds another copy."""


class _Lines(NdjsonSerializer, OrjsonSerializer):
    """Lines of JSON by orjson; each parent has one half of it."""


SERIALIZERS = {
    "application/json": OrjsonSerializer(),
    "application/vnd.elasticsearch+json": OrjsonSerializer(),
    "application/vnd.elasticsearch+x-ndjson": _Lines(),
}
"""Half a millisecond less a question than with the json of Python."""


class Cluster:
    """One server or several, given by their addresses. ``shards`` and ``replicas`` are those of new indices."""

    def __init__(self, urls: Sequence[str], shards: int = 1, replicas: int = 1) -> None:
        self.urls = tuple(urls)
        self.shards = shards
        self.replicas = replicas
        several = len(self.urls) > 1
        self.client = Elasticsearch(
            list(self.urls),
            request_timeout=ASK_NEXT_SECONDS if several else ASK_SECONDS,
            max_retries=2,
            retry_on_timeout=several,
            retry_on_status=RETRIED,
            serializers=SERIALIZERS,
        )
        self._breaker = Breaker()

    @contextmanager
    def asking(self) -> Iterator[Elasticsearch]:
        """The client, for one question: another node is asked when one does not answer. Raises EngineAway for
        whatever keeps all of them from answering it."""
        if not self._breaker.admits():
            raise EngineAway("Elasticsearch did not answer a moment ago")
        try:
            with _explained():
                yield self.client
        except EngineAway as away:
            if isinstance(away.__cause__, TransportError):
                self._breaker.failed()
                log.warning("Elasticsearch at %s does not answer: %s", ", ".join(self.urls), away)
            raise
        self._breaker.answered()

    @contextmanager
    def writing(self) -> Iterator[Elasticsearch]:
        """The client, for work that may take its time. Readers are not told when it fails: a batch too many for the
        cluster says nothing about questions. Raises EngineAway."""
        with _explained():
            yield self.client.options(request_timeout=WRITE_SECONDS, retry_on_timeout=True)


@contextmanager
def _explained() -> Iterator[None]:
    """Errors of the client as EngineAway."""
    try:
        yield
    except NotFoundError as error:
        raise EngineAway("the index was never built; run rebuild_index") from error
    except ApiError as error:
        log.exception("Elasticsearch refused a question")
        raise EngineAway(str(error)) from error
    except TransportError as error:
        raise EngineAway(str(error)) from error
