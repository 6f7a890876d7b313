"""Plays are counted once, without a name, and become the figures of partners."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from catalog.models import Course, Institution, Lesson
from learning import figures, plays
from learning.figures import Period
from learning.models import PARTS, LessonMonth, Play
from media_pipeline.models import AssetState, MediaAsset

PERSON = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
ALL = (1 << PARTS) - 1
HALF = (1 << PARTS // 2) - 1
NUMBERS = [f"{n:032x}" for n in range(20)]


@pytest.fixture
def lesson(db: Any) -> Lesson:
    house = Institution.add_root(code="jia", name="甲")
    asset = MediaAsset.objects.create(
        owner="jia", title="片", filename="a.mp4", state=AssetState.PUBLISHED, duration=100.0
    )
    course = Course(institution=house, title="苗绣", kind="video", live=True)
    course.lessons = [Lesson(title="第一讲", asset=asset, number=1)]
    course.save()
    return course.lessons.get()


def tell(lesson: int, number: str = NUMBERS[0], agent: str = PERSON, **body: Any) -> int:
    given = {"number": number, "lesson": lesson, "seconds": 50, "parts": HALF, **body}
    client = Client(headers={"User-Agent": agent})
    return client.post("/api/v1/plays", given, content_type="application/json").status_code


def month(lesson: Lesson) -> tuple[int, int, int]:
    plays.count()
    row = LessonMonth.objects.filter(lesson=lesson).first()
    return (row.plays, row.seconds, row.finished) if row else (0, 0, 0)


def begun_earlier(seconds: float) -> None:
    Play.objects.update(begun_at=timezone.now() - timedelta(seconds=seconds))


def test_play_told_again_or_late_counts_once(lesson: Lesson) -> None:
    assert tell(lesson.pk) == 204
    begun_earlier(100)
    assert month(lesson) == (1, 50, 0)
    for seconds, parts in ((50, HALF), (20, 1), (100, ALL), (80, HALF)):
        tell(lesson.pk, seconds=seconds, parts=parts)
        plays.count()
    assert month(lesson) == (1, 100, 1)
    assert LessonMonth.objects.get().parts == [1] * PARTS
    assert Course.objects.get().views == 1


def test_two_plays_make_a_curve(lesson: Lesson) -> None:
    tell(lesson.pk, NUMBERS[0], seconds=100, parts=ALL, late=True)
    tell(lesson.pk, NUMBERS[1])
    assert month(lesson) == (2, 150, 1)
    (_lesson, found, heard), *_ = figures.of_lessons(lesson.course, Period.of())
    assert (found.plays, found.finish) == (2, 0.5)
    assert heard == [1.0] * (PARTS // 2) + [0.5] * (PARTS // 2)


def test_robots_and_glances_are_no_plays_and_nobody_watches_longer_than_the_film(lesson: Lesson) -> None:
    tell(lesson.pk, NUMBERS[0], agent="Mozilla/5.0 (compatible; Baiduspider/2.0)")
    tell(lesson.pk, NUMBERS[1], agent="")
    tell(lesson.pk, NUMBERS[2], seconds=4)
    assert month(lesson) == (0, 0, 0)
    tell(lesson.pk, NUMBERS[3], seconds=9000, late=True)
    assert month(lesson) == (1, 100, 0)


@pytest.fixture
def long(lesson: Lesson) -> Lesson:
    MediaAsset.objects.update(duration=2000.0)
    return lesson


def test_first_news_claims_no_whole_film_and_later_ones_what_the_time_allows(long: Lesson) -> None:
    tell(long.pk, seconds=2000, parts=ALL)
    assert month(long) == (1, 90, 0)
    assert LessonMonth.objects.get().parts == [1] + [0] * (PARTS - 1)
    begun_earlier(400)
    tell(long.pk, seconds=2000, parts=ALL)
    _plays, seconds, finished = month(long)
    assert 890 <= seconds < 2000
    assert finished == 0
    begun_earlier(2000)
    tell(long.pk, seconds=2000, parts=ALL)
    assert month(long) == (1, 2000, 1)


def test_honest_page_at_twice_the_speed_loses_nothing(long: Lesson) -> None:
    for passed in range(30, 1021, 30):
        begun_earlier(passed - 30)
        seconds = min(2 * passed, 2000)
        tell(long.pk, seconds=seconds, parts=(1 << seconds // 100) - 1)
        assert Play.objects.get().seconds == seconds
    assert month(long) == (1, 2000, 1)


def test_visitor_who_tells_too_much_is_refused_and_late_plays_are_few(long: Lesson, settings: Any) -> None:
    cache.clear()
    settings.ACCOUNT_RATE_LIMITS = {"play": "3/m/ip", "late_play": "1/d/ip"}
    for number in NUMBERS[:3]:
        assert tell(long.pk, number, seconds=2000, parts=ALL, late=True) == 204
    assert tell(long.pk, NUMBERS[3]) == 429
    assert month(long) == (3, 2180, 1)
    cache.clear()


@pytest.mark.parametrize(
    "wrong", [{"number": "x"}, {"seconds": -1}, {"parts": 1 << PARTS}, {"seconds": "many"}, {"lesson": None}]
)
def test_what_cannot_be_is_refused(lesson: Lesson, wrong: dict[str, Any]) -> None:
    body = {"lesson": lesson.pk} | wrong
    assert tell(**body) == 422
    assert not Play.objects.exists()


def test_lesson_that_is_not_public_is_not_there(lesson: Lesson) -> None:
    Course.objects.update(live=False)
    assert tell(lesson.pk) == 404


def test_number_is_forgotten_after_two_days_and_the_sum_stays(lesson: Lesson) -> None:
    tell(lesson.pk)
    assert month(lesson) == (1, 50, 0)
    Play.objects.update(seen_at=timezone.now() - timedelta(days=3))
    assert month(lesson) == (1, 50, 0)
    assert not Play.objects.exists()


def test_more_plays_than_one_turn_takes_are_all_counted(lesson: Lesson, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plays, "AT_ONCE", 3)
    for number in NUMBERS:
        tell(lesson.pk, number)
    assert month(lesson) == (20, 1000, 0)
    assert Course.objects.get().views == 20


def test_period_is_whole_months_and_what_is_none_means_the_last_twelve() -> None:
    assert Period.of("2026-03", "2026-05").months == [date(2026, 3, 1), date(2026, 4, 1), date(2026, 5, 1)]
    assert Period.of("2026-05", "2026-03").months[0] == date(2026, 3, 1)
    for ends in (("soon", "2026-13"), ("", "0001-01"), ("9999-12", "9999-12")):
        assert len(Period.of(*ends).months) == 12
