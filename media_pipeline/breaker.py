"""A circuit breaker: a part that did not answer is left alone for a moment, so that nobody waits for it in vain."""

import threading
import time

PAUSE = 5.0
"""Seconds in which a part that did not answer is not asked again, so that pages stay fast without it."""


class Breaker:
    """Closed, everyone asks. Open, nobody does until PAUSE is over; then one asks, the others go on waiting, and what
    that one hears decides for all. Each process has its own: it learns within one question, and needs nobody to tell
    it that the part is back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next_try: float | None = None

    def admits(self) -> bool:
        with self._lock:
            now = time.monotonic()
            if self._next_try is None:
                return True
            if now < self._next_try:
                return False
            self._next_try = now + PAUSE
            return True

    def answered(self) -> None:
        self._next_try = None

    def failed(self) -> None:
        self._next_try = time.monotonic() + PAUSE
