"""Where a library lives in Elasticsearch: three indices, made beside the live ones and swapped by their aliases."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from elasticsearch import ApiError, Elasticsearch, NotFoundError, TransportError

from search.engines.contract import EngineAway
from search.engines.elastic.mapping import MAPPINGS, PARTS, SETTINGS

log = logging.getLogger(__name__)

SLOW = 60
"""Seconds a server may take to make, move or delete indices and to take a batch of documents."""

PAUSE = 5.0
"""Seconds in which a server that did not answer is not asked again, so that pages stay fast without it."""


class Library:
    """The library ``index`` on a server. ``stamp`` names one that is being built; without it, the live one by its
    aliases."""

    def __init__(self, url: str, index: str, stamp: str = "") -> None:
        self.url = url
        self.index = index
        self.stamp = stamp
        self.client = Elasticsearch(url, request_timeout=5, max_retries=1, retry_on_timeout=False)
        self._away_until = 0.0

    def part(self, part: str) -> str:
        """The alias of a live library; the index itself of one being built."""
        return f"{self.index}-{part}-{self.stamp}" if self.stamp else f"{self.index}-{part}"

    def indices(self, part: str) -> set[str]:
        """All indices of a part of this library, live or not."""
        found = self.client.indices.get(index=f"{self.index}-{part}-*", expand_wildcards="open")
        return {name for name in found if name.removeprefix(f"{self.index}-{part}-").isdigit()}

    @contextmanager
    def asking(self) -> Iterator[Elasticsearch]:
        """The client, for one question. Raises EngineAway for whatever keeps the server from answering it."""
        if time.monotonic() < self._away_until:
            raise EngineAway("Elasticsearch did not answer a moment ago")
        try:
            yield self.client
        except NotFoundError as error:
            raise EngineAway(f"the index “{self.index}” was never built; run rebuild_index") from error
        except TransportError as error:
            self._away_until = time.monotonic() + PAUSE
            log.warning("Elasticsearch at %s does not answer: %s", self.url, error)
            raise EngineAway(str(error)) from error
        except ApiError as error:
            log.exception("Elasticsearch refused a question")
            raise EngineAway(str(error)) from error

    def exists(self) -> bool:
        with self.asking() as client:
            return bool(client.indices.exists(index=self.part("courses")))

    def fresh(self) -> Library:
        """Empty indices beside the live ones."""
        made = Library(self.url, self.index, str(time.time_ns()))
        with made.asking() as client:
            for part in PARTS:
                client.options(request_timeout=SLOW).indices.create(
                    index=made.part(part), mappings=MAPPINGS[part], settings=SETTINGS
                )
        return made

    def adopt(self, other: Library) -> None:
        """Moves the aliases to another library's indices at a stroke and deletes those it overtook."""
        with self.asking() as client:
            old = {part: self.indices(part) - {other.part(part)} for part in PARTS}
            actions: list[dict] = []
            for part in PARTS:
                alias = self.part(part)
                live = [index for index in old[part] if client.indices.exists_alias(index=index, name=alias)]
                actions += [{"remove": {"index": index, "alias": alias}} for index in live]
                actions += [{"add": {"index": other.part(part), "alias": alias}}]
            slow = client.options(request_timeout=SLOW)
            slow.indices.update_aliases(actions=actions)
            overtaken = [index for part in PARTS for index in old[part] if index < other.part(part)]
            if overtaken:
                slow.indices.delete(index=",".join(overtaken), ignore_unavailable=True)

    def drop(self) -> None:
        """Deletes this library's indices; of a live one, all that bear its name."""
        with self.asking() as client:
            mine = ({self.part(part)} if self.stamp else self.indices(part) for part in PARTS)
            if names := set[str]().union(*mine):
                client.options(request_timeout=SLOW).indices.delete(index=",".join(names), ignore_unavailable=True)
