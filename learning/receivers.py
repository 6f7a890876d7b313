"""What becomes of a learner's things when courses are merged."""

from typing import Any

from django.dispatch import receiver

from catalog.models import Course
from catalog.signals import lessons_merged
from learning.models import Favourite, LessonMonth, Play, Progress


@receiver(lessons_merged)
def follow_merged_courses(kept: Course, gone: Course, lessons: dict[int, int], **_: Any) -> None:
    """Learners stand in the lessons that stay, at the further of two places; the shelf holds the course once."""
    for there in Progress.objects.filter(lesson__in=lessons):
        stays = lessons[there.lesson_id]
        other = Progress.objects.filter(user=there.user_id, lesson=stays).first()
        if other is None:
            Progress.objects.filter(pk=there.pk).update(lesson=stays)
        elif (there.finished, there.position) > (other.finished, other.position):
            Progress.objects.filter(pk=other.pk).update(position=there.position, finished=there.finished)
    for gone_lesson, stays in lessons.items():
        Play.objects.filter(lesson=gone_lesson).update(lesson=stays)
    for month in LessonMonth.objects.filter(lesson__in=lessons):
        _add_month(month, lessons[month.lesson_id])
    have = Favourite.objects.filter(course=kept).values("user")
    Favourite.objects.filter(course=gone).exclude(user__in=have).update(course=kept)


def _add_month(month: LessonMonth, stays: int) -> None:
    other = LessonMonth.objects.filter(lesson=stays, month=month.month).first()
    if other is None:
        LessonMonth.objects.filter(pk=month.pk).update(lesson=stays)
        return
    for name in ("plays", "finished", "seconds"):
        setattr(other, name, getattr(other, name) + getattr(month, name))
    other.parts = [sum(pair) for pair in zip(other.parts, month.parts, strict=False)] or month.parts
    other.save()
    month.delete()
