"""What webhooks are told, and when. Each receiver is one call.

That a course became public or ceased to be is told by ``courses_shown`` and ``courses_hidden``, through which every
way goes: the desk, tables, changes of many, merging, the end of a licence.
"""

from typing import Any

from django.db.models.signals import pre_delete
from django.dispatch import receiver
from wagtail.models import TaskState
from wagtail.signals import task_rejected

from catalog import webhooks
from catalog.machines import Event
from catalog.models import Course
from catalog.signals import courses_hidden, courses_shown
from media_pipeline.models import MediaAsset
from media_pipeline.signals import asset_ready, asset_refused


@receiver(asset_ready)
def tell_ready(asset: MediaAsset, **_: Any) -> None:
    webhooks.tell_of_asset(asset, Event.ASSET_READY)


@receiver(asset_refused)
def tell_refused(asset: MediaAsset, **_: Any) -> None:
    webhooks.tell_of_asset(asset, Event.ASSET_REFUSED)


@receiver(courses_shown)
def tell_published(ids: list[int], **_: Any) -> None:
    webhooks.tell_of_courses(ids, Event.COURSE_PUBLISHED)


@receiver(courses_hidden)
def tell_unpublished(ids: list[int], **_: Any) -> None:
    webhooks.tell_of_courses(ids, Event.COURSE_UNPUBLISHED)


@receiver(pre_delete, sender=Course)
def tell_deleted(instance: Course, **_: Any) -> None:
    # when its record ends, nothing is left of the course that could be told
    public = Course.objects.public().filter(pk=instance.pk)
    webhooks.tell_of_courses(list(public.values_list("pk", flat=True)), Event.COURSE_UNPUBLISHED)


@receiver(task_rejected)
def tell_returned(instance: TaskState, **_: Any) -> None:
    course = instance.workflow_state.content_object
    if isinstance(course, Course):
        webhooks.tell_of_courses([course.pk], Event.COURSE_RETURNED, comment=instance.comment)
