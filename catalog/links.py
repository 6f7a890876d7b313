"""Looking after the links of lessons: does anything still answer there?

An address is typed by people outside, so a look goes to public hosts only: the name is resolved once, every address
of the answer must be global, and the connection goes to exactly that address (no second question that could be
answered otherwise). Redirects are followed by the same rules.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
from contextlib import closing
from datetime import timedelta
from urllib.parse import urljoin, urlsplit

from django.db.models import F, Q
from django.utils import timezone
from django_tasks import task

from catalog.kinds import Kind
from catalog.models import Lesson, LinkCheck
from media_pipeline import periodic

DEAD_AFTER = 2
"""Failures one after another before a link is called dead: a host may be away for an hour."""

AGAIN = timedelta(days=7)
AGAIN_AFTER_FAILURE = timedelta(hours=12)
AT_ONCE = 10  # links a task
TIMEOUT = 5.0  # seconds, for connecting and for the first line
REDIRECTS = 4
GONE = 400  # status codes from here on are failures …
SHUT = {401, 403, 405, 429}  # … but for these: somebody is at home and does not open to programs


class Unreachable(Exception):
    """Why nothing was found, in a sentence for an editor."""


def look(url: str) -> None:
    """Raises Unreachable when nobody answers at ``url``, or not with success."""
    for _turn in range(REDIRECTS + 1):
        status, further = _ask(url)
        if not further:
            break
        url = urljoin(url, further)
    else:
        raise Unreachable("一再转到别的地址。")
    if status >= GONE and status not in SHUT:
        raise Unreachable(f"对方回答 {status}。")


def _ask(url: str) -> tuple[int, str]:
    """Status, and where it sends on to, if anywhere."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise Unreachable("网址写法不对。") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Unreachable("不是网址：应以 http:// 或 https:// 开头。")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {"User-Agent": "Wenlan link check", "Accept": "*/*", "Host": parts.netloc.rpartition("@")[2]}
    try:
        with closing(connect(parts.scheme, parts.hostname, port)) as connection:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.getheader("Location", "") if 300 <= answer.status < 400 else ""
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unreachable("连接不上。" if isinstance(error, OSError) else "对方的回答读不懂。") from error


def connect(scheme: str, host: str, port: int, *, private: bool = False) -> http.client.HTTPConnection:
    """A connection to a public address of ``host``, looked up once; with ``private`` to any. Raises Unreachable,
    OSError."""
    address = host if private else public_address(host, port)
    line = socket.create_connection((address, port), timeout=TIMEOUT)
    if scheme == "https":
        line = ssl.create_default_context().wrap_socket(line, server_hostname=host)
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT)
    connection.sock = line
    return connection


def public_address(host: str, port: int) -> str:
    """An address of ``host``, all of whose addresses are public. Raises Unreachable."""
    try:
        found = {str(row[4][0]) for row in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError) as error:
        raise Unreachable("没有这个网站。") from error
    if not all(ipaddress.ip_address(address.partition("%")[0]).is_global for address in found):
        raise Unreachable("是内部网络的地址，公众打不开。")
    return sorted(found, key=lambda address: ":" in address)[0]


# From time to time ------------------------------------------------------------------------------------


def due() -> list[Lesson]:
    """The next lessons whose link is to be looked at: new or changed ones first."""
    now = timezone.now()
    old = Q(link_check__failures=0, link_check__checked_at__lt=now - AGAIN)
    failing = Q(link_check__failures__gt=0, link_check__checked_at__lt=now - AGAIN_AFTER_FAILURE)
    fresh = Q(link_check=None) | ~Q(link_check__url=F("url"))
    links = Lesson.objects.filter(course__kind=Kind.LINK).exclude(url="").filter(fresh | old | failing)
    return list(links.order_by(F("link_check__checked_at").asc(nulls_first=True), "pk")[:AT_ONCE])


@task(queue_name="default")
def look_at_due_links() -> int:
    """Looks at up to ``AT_ONCE`` links; their number. Two at once only look twice."""
    lessons = due()
    for lesson in lessons:
        check(lesson)
    return len(lessons)


def check(lesson: Lesson) -> None:
    before = LinkCheck.objects.filter(lesson=lesson, url=lesson.url).first()
    reason = ""
    try:
        look(lesson.url)
    except Unreachable as error:
        reason = str(error)
    failures = min((before.failures if before else 0) + 1, 100) if reason else 0
    found = {"url": lesson.url, "checked_at": timezone.now(), "failures": failures, "reason": reason}
    LinkCheck.objects.update_or_create(lesson=lesson, defaults=found)


@periodic.every(seconds=120, name="links of lessons")
def ring() -> None:
    if due():
        look_at_due_links.enqueue()
