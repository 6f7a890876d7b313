"""How lessons are watched, counted without anybody's name.

A page that plays a lesson says from time to time what has been watched so far, under a random number that lives as long
as the page. The same news twice, or late, changes nothing: the most is kept. Once a minute what is new is added to the
lesson's month; two days later the number is forgotten and only the sums remain.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from functools import cache

from crawlerdetect import CrawlerDetect
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from catalog.models import Course, Lesson
from learning.models import PARTS, LessonMonth, Play
from media_pipeline import periodic

BARELY = 5
"""Seconds that do not count as a play."""

FINISHED = 0.9
"""Share of the parts that a play has heard when the lesson counts as finished."""

FASTEST = 2.0
"""Seconds of a film that the player shows in a second, at most."""

AHEAD = 90.0
"""Seconds that the first news of a play may claim: a page speaks every 30 seconds, watched at twice the speed, and the
timers of a tab in the background are late."""

KEPT = timedelta(days=2)
AT_ONCE = 500


@cache
def _detector() -> CrawlerDetect:
    return CrawlerDetect()


def is_robot(user_agent: str) -> bool:
    """Whether a robot says it is one; a browser without a name counts as one."""
    return not user_agent or bool(_detector().isCrawler(user_agent[:500]))


def hear(number: str, lesson: Lesson, seconds: int, parts: int, *, late: bool = False) -> None:
    """Keeps what a play has watched so far: at most the lesson's length and what can have been watched since the play
    was first heard of, never less than was heard before. ``late``: all of it was watched without a network."""
    length = (lesson.asset.duration if lesson.asset else None) or 0.0
    now = timezone.now()
    seconds = min(seconds, round(length))
    with transaction.atomic():
        play, _ = Play.objects.select_for_update().get_or_create(
            number=number,
            defaults={
                "lesson": lesson,
                "month": timezone.localdate().replace(day=1),
                "seen_at": now,
                "begun_at": now,
            },
        )
        if not late:
            seconds = min(seconds, int(AHEAD + FASTEST * (now - play.begun_at).total_seconds()))
        parts = _first_parts(parts, seconds, length)
        if play.lesson_id != lesson.pk or (play.seconds >= seconds and play.parts | parts == play.parts):
            return
        Play.objects.filter(pk=number).update(
            seconds=max(play.seconds, seconds), parts=play.parts | parts, seen_at=now, open=True
        )


def _first_parts(parts: int, seconds: int, length: float) -> int:
    """Of ``parts``, the first ones, as many as ``seconds`` can have touched in one go."""
    most = int(seconds * PARTS / length) + 1 if length else 0
    for part in range(PARTS):
        if parts >> part & 1:
            most -= 1
            if most < 0:
                parts &= ~(1 << part)
    return parts


def is_finished(parts: int) -> bool:
    return parts.bit_count() >= FINISHED * PARTS


@periodic.every(seconds=60, name="plays")
def count() -> int:
    """Adds what is new to the months and to the courses' numbers of plays, and forgets old numbers; how many plays had
    news. A play is counted with the month it began in. Exactly once: sums and what they contain change together."""
    counted = 0
    while plays := _news():
        with transaction.atomic():
            _add(Play.objects.select_for_update().filter(pk__in=plays, open=True).order_by("pk"))
        counted += len(plays)
    Play.objects.filter(open=False, seen_at__lt=timezone.now() - KEPT).delete()
    return counted


def _news() -> list[str]:
    return list(Play.objects.filter(open=True).order_by("seen_at").values_list("pk", flat=True)[:AT_ONCE])


def _add(plays: Iterable[Play]) -> None:
    chosen = list(plays)
    months: dict[tuple[int, date], list[Play]] = defaultdict(list)
    for play in chosen:
        months[play.lesson_id, play.month].append(play)
    lessons = {lesson for lesson, _month in months}
    rows = LessonMonth.objects.select_for_update().filter(lesson__in=lessons, month__in={m for _l, m in months})
    known = {(row.lesson_id, row.month): row for row in rows}
    new = [LessonMonth(lesson_id=lesson, month=month) for lesson, month in months if (lesson, month) not in known]
    known |= {(row.lesson_id, row.month): row for row in LessonMonth.objects.bulk_create(new)}
    views: dict[int, int] = defaultdict(int)
    course_of = dict(Lesson.objects.filter(pk__in=lessons).values_list("pk", "course"))
    for key, some in months.items():
        views[course_of[key[0]]] += sum(_put(known[key], play) for play in some)
    changed = [known[key] for key in months]
    LessonMonth.objects.bulk_update(changed, ["plays", "finished", "seconds", "parts"], AT_ONCE)
    Play.objects.bulk_update(chosen, ["counted_seconds", "counted_parts", "open"], AT_ONCE)
    for course, more in views.items():
        if more:
            Course.objects.filter(pk=course).update(views=F("views") + more)


def _put(row: LessonMonth, play: Play) -> int:
    """Adds a play's news to a month; 1 when the play is counted for the first time, else 0."""
    play.open = False
    if play.seconds < BARELY:
        return 0
    first = play.counted_seconds < BARELY
    fresh = play.parts & ~play.counted_parts
    heard = row.parts or [0] * PARTS
    row.parts = [number + (fresh >> part & 1) for part, number in enumerate(heard)]
    row.plays += first
    row.seconds += play.seconds - play.counted_seconds
    row.finished += is_finished(play.parts) and not is_finished(play.counted_parts)
    play.counted_seconds, play.counted_parts = play.seconds, play.parts
    return int(first)
