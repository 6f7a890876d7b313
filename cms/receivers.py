"""What the desk does when something happens elsewhere."""

from typing import Any

from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db.models.signals import post_delete, post_save
from wagtail.models import TaskState
from wagtail.permissions import register_permission_policy
from wagtail.signals import task_submitted

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
    post_save.connect(follow_memberships, sender=Membership, dispatch_uid="cms_membership_saved")
    post_delete.connect(follow_memberships, sender=Membership, dispatch_uid="cms_membership_deleted")


def follow_memberships(instance: Membership, **kwargs: Any) -> None:
    """A person is in the group of each role held somewhere, and in no other group of a role."""
    held = {setup.GROUP_OF_ROLE[role] for role in instance.user.memberships.values_list("role", flat=True)}
    groups = Group.objects.filter(name__in=setup.GROUP_OF_ROLE.values())
    instance.user.groups.remove(*groups.exclude(name__in=held))
    instance.user.groups.add(*groups.filter(name__in=held))


def set_up(using: str = "default", **kwargs: Any) -> None:
    """After ``migrate``: what an empty library needs is there."""
    if using == "default":
        setup.ensure_everything()


@periodic.every(seconds=60, name="publish-scheduled")
def publish_scheduled() -> None:
    """Takes pages and courses live and out again at their set hours. Two workers at once come to the same end."""
    call_command("publish_scheduled")


periodic.every(seconds=3600, name="remind-reviewers")(reminders.remind)
