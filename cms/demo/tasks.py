"""The demo's media are made in the background, one task a piece, so that the site answers meanwhile."""

from django.conf import settings
from django_tasks import task
from django_tasks_db.models import DBTaskResult

from cms.demo import making
from cms.demo.loading import Media


# Before the thousand small tasks that Wagtail queues about references: those nobody waits for.
@task(queue_name="default", priority=10)
def make_media(course_id: str, number: int) -> str:
    """Make one lesson's media; the asset's uid, or an empty word when there was nothing to do."""
    asset = making.make(course_id, number)
    return str(asset.uid) if asset else ""


def waiting() -> set[Media]:
    """Media whose task waits or runs. A broker cannot be asked: there the task itself finds nothing left to do."""
    if settings.TASKS_URL:
        return set()
    rows = DBTaskResult.objects.filter(task_path=make_media.module_path, status__in=["READY", "RUNNING"])
    return {(arguments["args"][0], arguments["args"][1]) for arguments in rows.values_list("args_kwargs", flat=True)}
