"""Where a learner stands, and what a learner keeps."""

from django.conf import settings
from django.db import models

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
