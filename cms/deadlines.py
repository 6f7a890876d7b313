"""How long a review may take: working days from Monday to Friday; public holidays are not known."""

from datetime import date, datetime, timedelta

from django.utils import timezone

from catalog.review_rules import ReviewRules

SATURDAY = 5


def working_days(day: date, number: int) -> date:
    """The day ``number`` working days after ``day``; before it, when ``number`` is negative."""
    step = timedelta(days=1 if number > 0 else -1)
    for _ in range(abs(number)):
        day += step
        while day.weekday() >= SATURDAY:
            day += step
    return day


def late_before() -> datetime:
    """What waits since before this is late now. A weekend takes no time: it counts as the first minute of Monday."""
    now, days = timezone.localtime(), ReviewRules.load().days
    day, time = now.date(), now.timetz()
    if day.weekday() >= SATURDAY:
        day, time = working_days(day, 1), time.replace(hour=0, minute=0, second=0, microsecond=0)
    return datetime.combine(working_days(day, -days), time)
