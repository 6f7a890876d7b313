"""Whether the site lives, and whether its parts answer.

Only the database is indispensable: without search, store or broker people still browse and watch what is there, so a
load balancer must not take the site away. ``?strict=1`` asks for all of them, as a deployment does before it goes on.
"""

import logging
import urllib.request
from collections.abc import Callable
from contextlib import suppress

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from media_pipeline.errors import MediaError
from media_pipeline.storage import store
from search.engines.choose import addresses

PATIENCE = 2.0  # seconds a part has to answer
logger = logging.getLogger(__name__)


class Down(Exception):
    """A part does not answer."""


@never_cache
@require_safe
def live(_request: HttpRequest) -> HttpResponse:
    """The process answers. Asks nothing of any part."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """``{"status": "ok"|"degraded"|"down", "parts": {name: "ok"|"down"}}``; 503 without the database."""
    parts = {name: _answers(name, probe) for name, probe in PARTS.items()}
    down = [name for name, answer in parts.items() if answer == "down"]
    status = "down" if "database" in down else "degraded" if down else "ok"
    refused = bool(down) if request.GET.get("strict") == "1" else status == "down"
    return JsonResponse({"status": status, "parts": parts}, status=503 if refused else 200)


def _answers(name: str, probe: Callable[[], None]) -> str:
    """Addresses and reasons go to the log; strangers read only the word."""
    try:
        probe()
    except (Down, DatabaseError, MediaError, OSError) as error:
        logger.warning("health: %s is down: %s", name, error)
        return "down"
    return "ok"


def probe_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def probe_search() -> None:
    """The embedded index is files beside the database; a cluster must be at least yellow in the eyes of one node."""
    trouble: list[str] = []
    for node in addresses():
        try:
            _probe_node(f"{node}/_cluster/health?wait_for_status=yellow&timeout=1s")
        except (Down, OSError) as error:
            trouble.append(f"{node}: {error}")
        else:
            return
    if trouble:
        raise Down("; ".join(trouble))


def _probe_node(address: str) -> None:
    with urllib.request.urlopen(address, timeout=PATIENCE) as answer:  # noqa: S310 (an operator's setting)
        if answer.status != 200:
            raise Down(f"status {answer.status}")


def probe_storage() -> None:
    """Asks for a key that need not be there; a store that is away raises."""
    store().exists("health")


def probe_tasks() -> None:
    """The broker takes connections. The default queue is the database, which was asked already."""
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


PARTS: dict[str, Callable[[], None]] = {
    "database": probe_database,
    "search": probe_search,
    "storage": probe_storage,
    "tasks": probe_tasks,
}
