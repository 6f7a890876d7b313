"""The parts this site stands on: whether each answers, since when, and what still works without it.

What one process finds out the others read from the cache. A page of the desk only reads; when what it reads is old, a
thread asks the parts anew and the page does not wait for it. Without a cache each process asks for itself.
"""

import json
import logging
import smtplib
import threading
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.client import HTTPException
from zlib import crc32

import redis
from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.utils import timezone

from media_pipeline.errors import MediaError
from media_pipeline.storage import store
from search.engines.choose import addresses

PATIENCE = 2.0  # seconds a part has to answer
FRESH = timedelta(seconds=15)
KEPT = 24 * 3600
logger = logging.getLogger(__name__)


class Down(Exception):
    """A part does not answer."""


@dataclass(frozen=True, slots=True)
class Part:
    """``since``: when it was first seen to answer, or not to."""

    name: str
    up: bool
    since: datetime

    @property
    def label(self) -> str:
        return PARTS[self.name].label

    @property
    def meanwhile(self) -> str:
        return PARTS[self.name].meanwhile


@dataclass(frozen=True, slots=True)
class Probe:
    """``ask`` raises when the part does not answer; ``used``: whether this site has the part at all."""

    label: str
    meanwhile: str
    ask: Callable[[], None]
    used: Callable[[], bool] = lambda: True


def ask_search() -> None:
    """The embedded index is files beside the database; a cluster must be at least yellow in the eyes of one node."""
    nodes = list(addresses())
    if nodes:
        with ThreadPoolExecutor(len(nodes)) as together:  # silent ones must not add up
            trouble = list(together.map(_trouble_of, nodes))
        if all(trouble):
            raise Down("; ".join(trouble))


def _trouble_of(node: str) -> str:
    """What keeps a node from answering; "" when nothing does."""
    try:
        _ask_node(f"{node}/_cluster/health?wait_for_status=yellow&timeout=1s")
    except (Down, OSError) as error:
        return f"{node}: {error}"
    return ""


def _ask_node(address: str) -> None:
    with urllib.request.urlopen(address, timeout=PATIENCE) as answer:  # noqa: S310 (an operator's setting)
        if answer.status != 200:
            raise Down(f"status {answer.status}")


def ask_storage() -> None:
    store().answers()


def ask_tasks() -> None:
    """The broker takes connections. The default queue is the database."""
    if not settings.TASKS_URL:
        return
    from kombu import Connection
    from kombu.exceptions import OperationalError

    link = Connection(settings.TASKS_URL, connect_timeout=PATIENCE)
    try:
        link.ensure_connection(max_retries=1, interval_start=0, timeout=PATIENCE)
    except OperationalError as error:
        raise Down(str(error)) from error
    finally:
        with suppress(OSError):
            link.release()


def ask_cache() -> None:
    link = redis.from_url(settings.CACHE_URL, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE)
    try:
        link.ping()
    except redis.RedisError as error:
        raise Down(type(error).__name__) from error
    finally:
        link.close()


def ask_mail() -> None:
    """The server greets. Nobody signs in and nothing is sent."""
    kind = smtplib.SMTP_SSL if settings.EMAIL_USE_SSL else smtplib.SMTP
    kind(settings.EMAIL_HOST, settings.EMAIL_PORT, timeout=PATIENCE).close()


def ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


PARTS: dict[str, Probe] = {
    "database": Probe("数据库", "", ask_database),
    "search": Probe("检索", "读者按标题检索，课程照样能看；编辑照常，改动等它恢复后写入索引。", ask_search),
    "storage": Probe("存储", "课程照样编辑和浏览；播放器和上传会等待，恢复后自动接着来。", ask_storage),
    "tasks": Probe("消息队列", "什么也不缺：文件照收，转码最多晚一分钟开始。", ask_tasks),
    "cache": Probe("缓存", "什么也不缺，页面可能稍慢；次数限制暂不计数。", ask_cache, lambda: bool(settings.CACHE_URL)),
    "mail": Probe(
        "邮件",
        "其余照常；邀请和通知信现在发不出去，请恢复后再发。",
        ask_mail,
        lambda: bool(settings.EMAIL_HOST),
    ),
}


# What is known ------------------------------------------------------------------------------------------------------
_here: dict[str, str] = {}  # what this process found out last, by key: all there is while the cache is away
_asking = threading.Lock()


def _key() -> str:
    """Processes that are set to other parts do not tell each other."""
    used = (settings.SEARCH_URL, settings.STORAGE_URL, settings.TASKS_URL, settings.EMAIL_HOST, settings.CACHE_URL)
    return f"parts-{crc32('|'.join(used).encode()):x}"


def known() -> list[Part]:
    """What was found out last, by whichever process; nothing at first. Costs one look into the cache."""
    return _read(_key())[1]


def _read(key: str) -> tuple[datetime | None, list[Part]]:
    told = cache.get(key) or _here.get(key)
    if not told:
        return None, []
    at, parts = json.loads(told)
    return datetime.fromisoformat(at), [
        Part(name, up, datetime.fromisoformat(since)) for name, up, since in parts if name in PARTS
    ]


def look() -> list[Part]:
    """The same; when that is old, the parts are asked anew meanwhile, by one process at a time."""
    key = _key()
    at, parts = _read(key)
    if (at is None or at < timezone.now() - FRESH) and _asking.acquire(blocking=False):
        if cache.add(f"{key}-asking", 1, FRESH.total_seconds()):
            threading.Thread(target=_ask_and_release, name="parts", daemon=True).start()
        else:
            _asking.release()
    return parts


def _ask_and_release() -> None:
    try:
        ask()
    finally:
        _asking.release()


def ask(*, database: bool = False) -> list[Part]:
    """Ask every part now, side by side, and let the others know. ``database`` is asked, in this thread, only when
    wished: who makes a page has just used it."""
    key, now = _key(), timezone.now()
    before = {part.name: part for part in _read(key)[1]}
    used = [name for name, probe in PARTS.items() if name != "database" and probe.used()]
    up = {"database": _answers("database") if database else True}
    with ThreadPoolExecutor(len(used)) as threads:
        up |= zip(used, threads.map(_answers, used), strict=True)
    parts = [
        before[name] if name in before and before[name].up == answers else Part(name, answers, now)
        for name, answers in up.items()
    ]
    told = json.dumps([now.isoformat(), [[part.name, part.up, part.since.isoformat()] for part in parts]])
    _here[key] = told
    cache.set(key, told, KEPT)
    return parts


def _answers(name: str) -> bool:
    """Addresses and reasons go to the log; strangers read only the word."""
    try:
        PARTS[name].ask()
    except (Down, MediaError, DatabaseError, HTTPException, OSError) as error:
        logger.warning("health: %s is down: %s", name, error)
        return False
    return True
