"""What the catalogue does when something it depends on changed. Each receiver is one call."""

from typing import Any

from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from wagtail.signals import unpublished

from accounts import deeds
from catalog import places, publishing
from catalog.models import ApiToken, Course, Institution, Lesson, Membership, Place, Teacher, Theme, Webhook
from catalog.oai import register
from catalog.signals import course_saved, courses_changed, courses_hidden, courses_shown
from media_pipeline import periodic
from media_pipeline.models import MediaAsset, TextTrack
from media_pipeline.signals import asset_ready, asset_refused


@receiver(course_saved)
def settle_saved_course(course: Course, **_: Any) -> None:
    publishing.settle([course.pk])


@receiver(unpublished, sender=Course)
def close_withdrawn_course(instance: Course, **_: Any) -> None:
    publishing.settle([instance.pk])


@receiver(courses_changed)
def tell_harvesters(ids: list[int], **_: Any) -> None:
    turned = register.keep(ids)
    if turned.shown:
        courses_shown.send(sender=Course, ids=turned.shown)
    if turned.hidden:
        courses_hidden.send(sender=Course, ids=turned.hidden)


@receiver(asset_ready)
@receiver(asset_refused)
def show_finished_asset(asset: MediaAsset, **_: Any) -> None:
    publishing.settle(publishing.courses_with(asset))


@receiver([post_save, post_delete], sender=TextTrack)
def follow_captions(instance: TextTrack, **_: Any) -> None:
    publishing.settle(publishing.courses_with(instance.asset))


@receiver(post_save, sender=Lesson)
def settle_lesson(instance: Lesson, **_: Any) -> None:
    # a lesson saved by its course is settled with it, once, by course_saved
    if not instance.course.saving:
        publishing.settle([instance.course_id])


@receiver(post_delete, sender=Lesson)
def close_removed_lesson(instance: Lesson, origin: Any = None, **_: Any) -> None:
    if instance.asset_id:
        publishing.open_media([instance.asset_id])
    # lessons that go with their course are no news of a course that stays
    if getattr(origin, "model", type(origin)) is not Course:
        courses_changed.send(sender=Course, ids=[instance.course_id])


@receiver(post_delete, sender=Course)
def close_deleted_course(instance: Course, **_: Any) -> None:
    if instance.cover_id:
        publishing.open_media([instance.cover_id])
    courses_changed.send(sender=Course, ids=[instance.pk])


@receiver(post_save, sender=Theme)
@receiver(post_save, sender=Institution)
@receiver(post_save, sender=Teacher)
def spread_new_name(instance: Any, created: bool, **_: Any) -> None:
    if not created:
        courses_changed.send(sender=Course, ids=list(instance.courses.values_list("pk", flat=True)))


@receiver(post_save, sender=Place)
def relearn_places(**_: Any) -> None:
    places.forget()


periodic.every(seconds=300, name="expire_licences")(publishing.expire_licences)
periodic.every(seconds=300, name="records for harvesters")(register.keep_missing)

deeds.keep(
    Membership,
    "membership",
    lambda one: {"whose": one.institution.code, "person": one.user.get_username(), "role": one.role},
)
deeds.keep(
    ApiToken,
    "token",
    lambda one: {"whose": one.institution.code, "person": one.user.get_username(), "scopes": one.scopes},
)
deeds.keep(Webhook, "webhook", lambda one: {"whose": one.institution.code, "events": one.events})
