"""Looking after the links of lessons: does anything still answer there?

An address is typed by people outside, so a look goes to public hosts only (``catalog.outgoing``). Redirects are
followed by the same rules.
"""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urljoin

from django.db.models import F, Q
from django.utils import timezone
from django_tasks import task

from catalog import outgoing
from catalog.kinds import Kind
from catalog.models import Lesson, LinkCheck
from catalog.outgoing import Unreachable
from media_pipeline import periodic

DEAD_AFTER = 2
"""Failures one after another before a link is called dead: a host may be away for an hour."""

AGAIN = timedelta(days=7)
AGAIN_AFTER_FAILURE = timedelta(hours=12)
AT_ONCE = 10  # links a task
REDIRECTS = 4
GONE = 400  # status codes from here on are failures …
SHUT = {401, 403, 405, 429}  # … but for these: somebody is at home and does not open to programs


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
    answer = outgoing.call(
        url, headers={"User-Agent": "Wenlan link check", "Accept": "*/*"}, limits=outgoing.Limits(most=0)
    )
    return answer.status, answer.headers.get("location", "") if 300 <= answer.status < 400 else ""


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
