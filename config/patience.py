"""A database that is restarted or fails over is away for seconds: who reads waits for it and meets no error."""

import time
from collections.abc import Callable

from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse

from config.errors import away
from media_pipeline.errors import Failed

PATIENCE = 6.0  # seconds; longer than PostgreSQL takes to recover from a crash, shorter than a reader's own patience
LOOK = 0.2  # seconds between two looks
RETRY_AFTER = 5


class PatientWithDatabase:
    """A page whose database connection broke is made again when the database is back. Requests that write are not
    repeated; they, and everybody once the database has been away for ``PATIENCE``, get 503 with ``Retry-After``, so
    that an outage does not hold all threads."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self._began = self._last = -PATIENCE  # of the newest outage: when it was met first and last

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, Failed):  # the store, or a disk: nothing of the page was wrong
            return away(request, RETRY_AFTER)
        if not (isinstance(error, OperationalError | InterfaceError) and _broken()):
            return None  # a fault of the query, or SQLite that was busy: repeating would not help
        if time.monotonic() - self._last > PATIENCE:
            self._began = time.monotonic()
        while request.method in {"GET", "HEAD"} and time.monotonic() < self._began + PATIENCE:
            if _answers():
                return self.get_response(request)
            self._last = time.monotonic()
            time.sleep(LOOK)
        self._last = time.monotonic()
        return away(request, RETRY_AFTER)


def _broken() -> bool:
    return connection.connection is None or not connection.is_usable()


def _answers() -> bool:
    """Whether the database takes a new connection."""
    try:
        connection.close()
        connection.ensure_connection()
    except DatabaseError:
        return False
    return True
