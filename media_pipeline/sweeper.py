"""What every worker does from time to time so that nothing is forgotten and nothing piles up."""

from datetime import timedelta

from django.core.management import call_command
from django.utils import timezone

from media_pipeline import jobs, pipeline, storage, tasks, uploads
from media_pipeline.models import Package
from media_pipeline.periodic import every


@every(seconds=2, name="jobs")
def tend_jobs() -> None:
    """Take jobs from dead workers, and tell the living of jobs they have not heard of."""
    jobs.requeue_expired()
    for queue in jobs.unheard():
        tasks.ring(queue)


@every(seconds=600, name="uploads")
def tend_uploads() -> None:
    uploads.sweep()


@every(seconds=600, name="work directories")
def tend_work_dirs() -> None:
    pipeline.sweep_work_dirs()


@every(seconds=3600, name="old packages")
def remove_old_packages() -> int:
    """Remove packages that were replaced more than a day ago: whoever was watching has finished. How many."""
    old = Package.objects.filter(current=False, created_at__lt=timezone.now() - timedelta(days=1))
    for package in old:
        storage.store().delete_prefix(package.prefix)
        package.delete()
    return len(old)


@every(seconds=6 * 3600, name="task results")
def prune_task_results() -> None:
    call_command("prune_db_task_results", verbosity=0)
