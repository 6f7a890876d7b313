"""Bells. A task tells some worker that a queue has work; what the work is stands in the Job table."""

from functools import partial

from django.db import transaction
from django.utils import timezone
from django_tasks import task

from media_pipeline import jobs, leases
from media_pipeline.models import Job, MediaAsset


@task(queue_name="media")
def work(queue: str) -> int:
    """Run the jobs of ``queue`` until none is due; how many were run."""
    return jobs.work_until_empty(queue)


def ring(queue: str) -> None:
    """Tell a worker that ``queue`` has work. A broker that is away may lose this: the sweeper rings again."""
    work.using(queue_name=queue).enqueue(queue)


def enqueue(asset: MediaAsset, *, priority: int = 0) -> Job:
    """Queue the work on ``asset`` and ring once the transaction is committed."""
    job = leases.enqueue(asset, priority=priority)
    Job.objects.filter(pk=job.pk).update(rung_at=timezone.now())
    transaction.on_commit(partial(ring, job.queue), robust=True)
    return job
