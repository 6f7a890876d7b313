"""The number under which a request is found again: in each log line, in the answer, and in the work that it asked for.

Knows no Django: the children of the pipeline write their lines under it too."""

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry import trace

HEADER = "X-Request-ID"
SHAPE = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{7,63}", re.ASCII)
"""8 to 64 characters that need no quoting in a log, a header or a page."""

_number: ContextVar[str] = ContextVar("request number", default="")


def current() -> str:
    """The number of what is going on in this thread; empty when nobody asked for it."""
    return _number.get()


def accepted(given: str | None) -> str:
    """``given`` where it has the shape of a number, else a new one."""
    return given if given and SHAPE.fullmatch(given) else uuid.uuid4().hex


@contextmanager
def followed(number: str) -> Iterator[None]:
    """What is done meanwhile belongs to ``number``."""
    token = _number.set(number)
    try:
        yield
    finally:
        _number.reset(token)


@contextmanager
def span(name: str, **about: str | int) -> Iterator[None]:
    """What is done meanwhile is one part of a trace where these are told (``config.traces``), else this is nothing."""
    with trace.get_tracer("wenlan").start_as_current_span(name, attributes=about):
        yield


def step(name: str) -> None:
    """The part of the trace that goes on comes to a new step."""
    trace.get_current_span().add_event(name)
