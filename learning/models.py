"""Where a learner stands, and what a learner keeps."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from catalog.models import Course, Lesson


class Progress(models.Model):
    """A learner's place in one lesson, in seconds (or page number for a reading)."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="progress")
    lesson = models.ForeignKey(Lesson, on_delete=models.CASCADE, related_name="+")
    position = models.FloatField(default=0.0)
    finished = models.BooleanField(default=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "lesson"], name="progress_once")]
        indexes = [models.Index(fields=["lesson", "-updated_at"], name="progress_latest")]
        ordering = ["-updated_at"]

    def __str__(self) -> str:
        return f"{self.user_id} {self.lesson_id} {self.position}"


class Favourite(models.Model):
    """A course a learner put on the own shelf."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="favourites")
    course = models.ForeignKey(Course, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "course"], name="favourite_once")]
        indexes = [models.Index(fields=["user", "-created_at"], name="favourite_latest")]
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.user_id} {self.course_id}"


# Figures --------------------------------------------------------------------------------------------

PARTS = 20
"""Equal parts of a film or sound; which of them a play has heard is kept as one bit each."""


class Play(models.Model):
    """One time that a page played a lesson, under a number that lives as long as the page and names nobody.
    ``seconds`` that were watched at least once, ``parts`` as bits, the first the lowest. ``counted_…`` is what the
    month has already. Gone after two days: see ``learning.plays``."""

    number = models.CharField(max_length=32, primary_key=True)
    lesson = models.ForeignKey(Lesson, on_delete=models.CASCADE, related_name="+")
    month = models.DateField()
    begun_at = models.DateTimeField(default=timezone.now, db_default=Now())
    seconds = models.PositiveIntegerField(default=0)
    parts = models.PositiveIntegerField(default=0)
    counted_seconds = models.PositiveIntegerField(default=0)
    counted_parts = models.PositiveIntegerField(default=0)
    open = models.BooleanField(default=True)
    seen_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["open", "seen_at"], name="play_open")]

    def __str__(self) -> str:
        return f"{self.lesson_id} {self.seconds}"


class LessonMonth(models.Model):
    """How a lesson was watched in a month: ``plays``, ``finished`` ones, ``seconds`` in all, and how many plays heard
    each of the ``PARTS``."""

    lesson = models.ForeignKey(Lesson, on_delete=models.CASCADE, related_name="months")
    month = models.DateField(help_text="Its first day.")
    plays = models.PositiveIntegerField(default=0)
    finished = models.PositiveIntegerField(default=0)
    seconds = models.PositiveBigIntegerField(default=0)
    parts = models.JSONField(default=list)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["lesson", "month"], name="lesson_month_once")]
        # sums of months are read from the index alone: rows are ten times as long, for their parts
        indexes = [models.Index(fields=["month", "lesson", "plays", "seconds", "finished"], name="lesson_month_sums")]

    def __str__(self) -> str:
        return f"{self.lesson_id} {self.month:%Y-%m} {self.plays}"
