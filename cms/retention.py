"""What the desk forgets by itself (docs/privacy.md)."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone
from wagtail.admin.models import EditingSession, FormState
from wagtail.models import ModelLogEntry, PageLogEntry, UploadedFile

from cms.models import Invitation
from media_pipeline.periodic import every

INVITATION_KEPT = timedelta(days=30)  # its link is dead after seven; until then it can be sent again
UNFINISHED_KEPT = timedelta(days=1)


@every(seconds=3600, name="old invitations")
def forget_invitations() -> int:
    return Invitation.objects.filter(sent_at__lt=timezone.now() - INVITATION_KEPT).delete()[0]


@every(seconds=3600, name="unfinished work")
def forget_unfinished() -> None:
    """Forms that were not saved, and files that were sent for an image or a document which never came to be."""
    EditingSession.cleanup()
    FormState.objects.stale().delete()
    before = timezone.now() - UNFINISHED_KEPT
    for one in UploadedFile.objects.iterator():
        # what this machine cannot see may lie on the disk of another
        stored = one.file.storage.exists(one.file.name)
        if stored and one.file.storage.get_modified_time(one.file.name) < before:
            one.file.delete(save=False)
            one.delete()


@every(seconds=6 * 3600, name="old desk log")
def forget_log() -> None:
    """What was done in the desk longer than ``DESK_LOG_DAYS`` ago; 0: kept for ever."""
    if settings.DESK_LOG_DAYS:
        before = timezone.now() - timedelta(days=settings.DESK_LOG_DAYS)
        for model in (ModelLogEntry, PageLogEntry):
            model.objects.filter(timestamp__lt=before).delete()
