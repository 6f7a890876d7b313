"""Redis as a cache that may be away: nothing lies in it that is missed, so a page that cannot ask it goes without."""

import logging
import time
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import ConnectionError as Refused
from redis.exceptions import TimeoutError as Silent

REST = 5.0  # seconds in which it is not asked again, so that no thread waits for a server that is silent
logger = logging.getLogger(__name__)


class ForgivingRedisCache(RedisCache):
    """While the server is away nothing is found and nothing is kept; limits (``accounts.limits``) then let pass."""

    _away_until = 0.0

    def _ask(self, name: str, otherwise: Any, *given: Any) -> Any:
        if time.monotonic() < ForgivingRedisCache._away_until:
            return otherwise
        try:
            return getattr(RedisCache, name)(self, *given)
        except (Refused, Silent) as error:
            ForgivingRedisCache._away_until = time.monotonic() + REST
            logger.warning("the cache is away: %s", type(error).__name__)
            return otherwise

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        return self._ask("get", default, key, default, version)

    def set(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        self._ask("set", None, key, value, timeout, version)

    def add(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return self._ask("add", True, key, value, timeout, version)

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        return self._ask("incr", delta, key, delta, version)

    def touch(self, key: str, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return self._ask("touch", False, key, timeout, version)

    def delete(self, key: str, version: int | None = None) -> bool:
        return self._ask("delete", False, key, version)

    def has_key(self, key: str, version: int | None = None) -> bool:
        return self._ask("has_key", False, key, version)

    def get_many(self, keys: Any, version: int | None = None) -> dict[str, Any]:
        return self._ask("get_many", {}, keys, version)

    def set_many(self, data: dict[str, Any], timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> list[str]:
        return self._ask("set_many", [], data, timeout, version)

    def delete_many(self, keys: Any, version: int | None = None) -> None:
        self._ask("delete_many", None, keys, version)

    def clear(self) -> None:
        self._ask("clear", None)
