"""What the desk does when something happens elsewhere."""

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db.models import Model, QuerySet
from django.db.models.signals import post_delete, post_save
from wagtail.models import BaseLogEntry, ModelLogEntry, PageLogEntry, TaskState
from wagtail.permissions import register_permission_policy
from wagtail.signals import task_submitted

from accounts import deeds
from catalog.exchange import HarvestSource
from catalog.models import ApiToken, Course, Membership, Teacher, Webhook
from cms import reminders, setup
from cms.review import ReviewNotifier
from cms.scoping import OwnedPolicy
from media_pipeline import periodic
from media_pipeline.models import MediaAsset

OWNED = (Course, Teacher, MediaAsset, Membership, HarvestSource, ApiToken, Webhook)

_notifier = ReviewNotifier()


def connect() -> None:
    """Registers who answers for rights and mails; called once, before Wagtail looks for its hooks."""
    for model in OWNED:
        register_permission_policy(model, OwnedPolicy(model))
    # Wagtail connects its notifier under this name later; the first holder of a name stays.
    task_submitted.connect(_notifier, sender=TaskState, dispatch_uid="group_approval_task_submitted_email_notification")
    for entry in (ModelLogEntry, PageLogEntry):
        post_save.connect(note_entry, sender=entry, dispatch_uid=f"cms_deed_{entry.__name__}")
    post_save.connect(follow_memberships, sender=Membership, dispatch_uid="cms_membership_saved")
    post_delete.connect(follow_memberships, sender=Membership, dispatch_uid="cms_membership_deleted")


def follow_memberships(instance: Membership, **kwargs: Any) -> None:
    """A person is in the group of each role held somewhere, and in no other group of a role."""
    held = {setup.GROUP_OF_ROLE[role] for role in instance.user.memberships.values_list("role", flat=True)}
    groups = Group.objects.filter(name__in=setup.GROUP_OF_ROLE.values())
    # only what the person has: whoever listens hears of rights taken
    instance.user.groups.remove(*groups.filter(user=instance.user).exclude(name__in=held))
    instance.user.groups.add(*groups.filter(name__in=held))


def note_entry(instance: BaseLogEntry, created: bool, **kwargs: Any) -> None:
    """Wagtail's log of pages and of everything else in the desk goes to the log of deeds too, but for what notes itself
    there (``catalog.receivers``)."""
    model = instance.content_type and instance.content_type.model_class()
    if not created or model in (Membership, ApiToken, Webhook, get_user_model()):
        return
    key = instance.page_id if isinstance(instance, PageLogEntry) else instance.object_id
    what = f"{model._meta.label_lower} {key}" if model else str(key)
    deeds.note(instance.action, what, who=instance.user, whose=_whose(model, key), title=instance.label)


def _whose(model: type[Model] | None, key: Any) -> str:
    """The code of the institution whose thing it is; "" for what belongs to none or is gone."""
    if model is MediaAsset:
        return MediaAsset.objects.filter(pk=key).values_list("owner", flat=True).first() or ""
    if model in OWNED:
        rows: QuerySet[Any] = model._default_manager.filter(pk=key)
        return rows.values_list("institution__code", flat=True).first() or ""
    return ""


def set_up(using: str = "default", **kwargs: Any) -> None:
    """After ``migrate``: what an empty library needs is there."""
    if using == "default":
        setup.ensure_everything()


@periodic.every(seconds=60, name="publish-scheduled")
def publish_scheduled() -> None:
    """Takes pages and courses live and out again at their set hours. Two workers at once come to the same end."""
    call_command("publish_scheduled")


periodic.every(seconds=3600, name="remind-reviewers")(reminders.remind)
