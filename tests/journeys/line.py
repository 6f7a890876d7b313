"""A line to the site that can be cut: what a browser is told of by nobody, as in a tunnel or behind a dead router; and
on which what comes to the browser is counted."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit


class Line:
    """Carries bytes between ``url`` and the site, and counts what ``came`` from there. Cut, it refuses connections and
    closes those that are open."""

    def __init__(self, site_url: str) -> None:
        self._there = (urlsplit(site_url).hostname, urlsplit(site_url).port)
        self._open: set[socket.socket] = set()
        self.came = 0
        self._counting = threading.Lock()
        self._ear = socket.create_server(("127.0.0.1", 0))
        self._port = self._ear.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        threading.Thread(target=self._listen, args=(self._ear,), daemon=True).start()

    def cut(self) -> None:
        with suppress(OSError):
            self._ear.shutdown(socket.SHUT_RDWR)
        for one in [self._ear, *self._open]:
            with suppress(OSError):
                one.close()
        self._open.clear()

    def mend(self) -> None:
        self._ear = socket.create_server(("127.0.0.1", self._port))
        threading.Thread(target=self._listen, args=(self._ear,), daemon=True).start()

    def _listen(self, ear: socket.socket) -> None:
        with suppress(OSError):
            while True:
                here, _address = ear.accept()
                there = socket.create_connection(self._there)
                self._open |= {here, there}
                for one, other, count in ((here, there, False), (there, here, True)):
                    threading.Thread(target=self._carry, args=(one, other, count), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket, count: bool) -> None:
        with suppress(OSError):
            while data := one.recv(65_536):
                other.sendall(data)
                with self._counting:
                    self.came += len(data) if count else 0
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
            self._open.discard(end)


@contextmanager
def line(site_url: str) -> Iterator[Line]:
    carried = Line(site_url)
    try:
        yield carried
    finally:
        carried.cut()
