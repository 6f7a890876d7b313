"""Calls to addresses that people outside have typed, kept from our own network (server-side request forgery, CWE-918).

Only http and https; the name is resolved once, every address of the answer must be public, and the connection goes to
exactly that address, so that no second answer can lead elsewhere. Nothing is followed; time and size have limits.
``OUTGOING_PRIVATE`` lets private hosts be called, for intranets.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

TIMEOUT = 10.0  # seconds for connecting, and for each piece of the answer
LONGEST = 20.0  # seconds for a whole call, however slowly the answer drips
MOST = 1024 * 1024  # bytes of an answer


@dataclass(frozen=True, slots=True)
class Limits:
    """``most``: bytes that are read of an answer; ``longest``: seconds for all of it."""

    most: int = MOST
    longest: float = LONGEST


class Unreachable(Exception):
    """Why nothing was found, in a sentence for an editor."""


@dataclass(frozen=True, slots=True)
class Answer:
    """``body`` is cut to what was asked for; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def call(
    url: str,
    *,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    limits: Limits | None = None,
) -> Answer:
    """One call; a redirect is an answer like others. Raises Unreachable."""
    limits = limits or Limits()
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise Unreachable("网址写法不对。") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Unreachable("不是网址：应以 http:// 或 https:// 开头。")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    sent = {"User-Agent": "Wenlan", "Host": parts.netloc.rpartition("@")[2], **(headers or {})}
    try:
        with (
            closing(connect(parts.scheme, parts.hostname, port)) as connection,
            _bounded(connection.sock, limits.longest),
        ):
            connection.request(method, path, body=body, headers=sent)
            answer = connection.getresponse()
            named = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, named, _read(answer, limits.most))
    except TimeoutError as error:
        raise Unreachable("对方太久没有回答。") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unreachable("连接不上。" if isinstance(error, OSError) else "对方的回答读不懂。") from error


def _read(answer: http.client.HTTPResponse, most: int) -> bytes:
    found = b""
    while len(found) < most and (piece := answer.read1(min(65536, most - len(found)))):
        found += piece
    return found


@contextmanager
def _bounded(line: socket.socket, longest: float) -> Iterator[None]:
    """Cuts ``line`` after so many seconds, whatever is being waited for. Raises TimeoutError then."""
    over = threading.Event()

    def cut() -> None:
        over.set()
        with suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(longest, cut)
    timer.start()
    try:
        yield
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise (TimeoutError() if over.is_set() else error) from error
    finally:
        timer.cancel()
    if over.is_set():
        raise TimeoutError


def connect(scheme: str, host: str, port: int, timeout: float = TIMEOUT) -> http.client.HTTPConnection:
    """A connection to a public address of ``host``. Raises Unreachable and OSError."""
    line = socket.create_connection((public_address(host, port), port), timeout=timeout)
    if scheme == "https":
        line = ssl.create_default_context().wrap_socket(line, server_hostname=host)
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    connection.sock = line
    return connection


def public_address(host: str, port: int) -> str:
    """An address of ``host``, all of whose addresses are public. Raises Unreachable."""
    try:
        found = {str(row[4][0]) for row in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError) as error:
        raise Unreachable("没有这个网站。") from error
    if not settings.OUTGOING_PRIVATE and not all(_is_public(address) for address in found):
        raise Unreachable("是内部网络的地址，公众打不开。")
    return sorted(found, key=lambda address: ":" in address)[0]


_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def _is_public(address: str) -> bool:
    """Whether an address is for everybody; one of version 4 inside version 6 (RFC 4291, 3056, 6052) counts as what it
    holds."""
    there = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(there, ipaddress.IPv6Address):
        held = there.ipv4_mapped or there.sixtofour
        if held is None and there in _NAT64:
            held = ipaddress.IPv4Address(int(there) & 0xFFFFFFFF)
        there = held or there
    return there.is_global and not there.is_multicast
