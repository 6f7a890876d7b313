"""What webhooks are told, and when. Each receiver is one call."""

from typing import Any

from django.dispatch import receiver
from wagtail.models import TaskState
from wagtail.signals import published, task_rejected, unpublished

from catalog import webhooks
from catalog.machines import Event
from catalog.models import Course
from media_pipeline.models import MediaAsset
from media_pipeline.signals import asset_ready, asset_refused


@receiver(asset_ready)
def tell_ready(asset: MediaAsset, **_: Any) -> None:
    webhooks.tell_of_asset(asset, Event.ASSET_READY)


@receiver(asset_refused)
def tell_refused(asset: MediaAsset, **_: Any) -> None:
    webhooks.tell_of_asset(asset, Event.ASSET_REFUSED)


@receiver(published, sender=Course)
def tell_published(instance: Course, **_: Any) -> None:
    webhooks.tell_of_course(instance, Event.COURSE_PUBLISHED)


@receiver(unpublished, sender=Course)
def tell_unpublished(instance: Course, **_: Any) -> None:
    webhooks.tell_of_course(instance, Event.COURSE_UNPUBLISHED)


@receiver(task_rejected)
def tell_returned(instance: TaskState, **_: Any) -> None:
    course = instance.workflow_state.content_object
    if isinstance(course, Course):
        webhooks.tell_of_course(course, Event.COURSE_RETURNED, comment=instance.comment)
