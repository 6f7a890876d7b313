"""Takes what is due live and out again; what lacks something by then stays where it is and keeps nobody waiting."""

from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.utils import timezone
from wagtail.log_actions import log
from wagtail.management.commands.publish_scheduled import Command as WagtailCommand
from wagtail.models import Revision

from catalog.models import Course


class Command(WagtailCommand):
    def handle(self, *args: Any, **options: Any) -> None:
        if not options["dryrun"]:
            _keep_back()
        super().handle(*args, **options)


def _keep_back() -> None:
    """Takes the hour from versions of courses that may not be published now."""
    courses = ContentType.objects.get_for_model(Course)
    due = Revision.objects.filter(base_content_type=courses, approved_go_live_at__lt=timezone.now())
    for revision in due:
        version = revision.as_object()
        if version.missing():
            revision.approved_go_live_at = None
            revision.save(update_fields=["approved_go_live_at"])
            log(version, "wagtail.schedule.cancel", revision=revision)
