"""Small work that comes round again and again: sweeping, flushing, expiring. Rooms above add theirs at start-up."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from django.db import close_old_connections

logger = logging.getLogger(__name__)

Work = Callable[[], object]


@dataclass(slots=True)
class Turn:
    """A piece of work and when it is due next, on the monotonic clock."""

    seconds: float
    work: Work
    due: float = 0.0


_turns: dict[str, Turn] = {}


def every(*, seconds: float, name: str) -> Callable[[Work], Work]:
    """Register work to be done about every ``seconds`` by every worker: it must be short, and harmless when two workers
    do it at once. Registering a name again replaces it."""

    def register(work: Work) -> Work:
        _turns[name] = Turn(seconds, work)
        return work

    return register


def do_what_is_due() -> list[str]:
    """Run everything whose turn has come; names of what ran. A failing piece is logged and gets its next turn."""
    ran = []
    for name, turn in _turns.items():
        if turn.due > time.monotonic():
            continue
        try:
            turn.work()
        except Exception:  # one room's trouble must not keep the others from their turn
            logger.exception("periodic work %s", name)
        turn.due = time.monotonic() + turn.seconds
        ran.append(name)
    if ran:
        close_old_connections()
    return ran
