"""What operators see: which parts answer, how much work waits, who works, what failed, what takes long and what it
costs. Numbers and names of institutions; no title of a course or file, and no person."""

import shutil
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, Min, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe
from django_tasks_db.models import DBTaskResult

from catalog import policy
from cms import auditing, parts
from cms.costs import SORTS, as_csv, costs
from cms.imports import download
from media_pipeline import pipeline, tallies
from media_pipeline.follow import follow, follow_all, step_name
from media_pipeline.models import ALIVE, Job, JobKind, JobState, MediaAsset, Tally, Upload, Worker

DAY, WEEK = timedelta(days=1), timedelta(days=7)
MOST = 20  # rows of what failed, and of slow steps
COSTS = 25  # institutions a page


@require_safe
def operations(request: HttpRequest) -> HttpResponse:
    """``sort`` and ``p`` are of the table of costs; ``export=csv`` is the whole of it."""
    if not policy.is_operator(request.user):
        raise PermissionDenied
    sort = request.GET.get("sort", "")
    sort = sort if sort in SORTS else "cpu"
    table = costs(sort)
    if request.GET.get("export") == "csv":
        return download(as_csv(table), f"成本-{timezone.localdate():%Y%m%d}.csv")
    context = {
        "header_title": "运维",
        "parts": parts.known() or parts.ask(),
        "checks": request.build_absolute_uri(reverse("health_ready")),
        "queues": queues(),
        "uploads": _uploads(),
        "workers": workers(),
        **failures(),
        "steps": slow_steps(),
        "sort": sort,
        "sorts": SORTS,
        "page_obj": Paginator(table, COSTS).get_page(request.GET.get("p")),
        "total": {key: sum(getattr(row, key) for row in table) for key in ("cpu", "bytes", "bytes_month")},
        "disks": disks(),
        "assets": assets(),
        "audit": auditing.last_night(),
    }
    return TemplateResponse(request, "cms/desk/operations.html", context)


@require_POST
def again(request: HttpRequest, job_id: int) -> HttpResponse:
    """Takes up again the work that a failed job was part of."""
    if not policy.is_operator(request.user):
        raise PermissionDenied
    asset = get_object_or_404(Job.objects.select_related("asset"), pk=job_id).asset
    if follow(asset).can_retry and pipeline.retry(asset):
        messages.success(request, f"任务 {job_id} 已重新排队。")
    else:
        messages.info(request, f"任务 {job_id} 的文件已经做好、正在做，或已退回，不需要重做。")
    return redirect("wenlan_operations")


# Queues and workers -------------------------------------------------------------------------------------------------
@dataclass(slots=True)
class Queue:
    """``since``: the oldest that waits; ``done`` and ``failed`` within a day."""

    name: str
    waiting: int = 0
    since: datetime | None = None
    running: int = 0
    done: int = 0
    failed: int = 0


def queues() -> list[Queue]:
    """Jobs of media, and light tasks where the database is their queue. Three queries."""
    found = {"media": Queue("media")}
    open_jobs = Job.objects.filter(state__in=(JobState.QUEUED, JobState.RUNNING)).order_by()
    for name, state, number, since in open_jobs.values_list("queue", "state").annotate(Count("pk"), Min("created_at")):
        queue = found.setdefault(name, Queue(name))
        if state == JobState.QUEUED:
            queue.waiting, queue.since = number, since
        else:
            queue.running = number
    lately = Job.objects.filter(state__in=(JobState.DONE, JobState.FAILED), finished_at__gte=timezone.now() - DAY)
    for name, state, number in lately.order_by().values_list("queue", "state").annotate(Count("pk")):
        queue = found.setdefault(name, Queue(name))
        queue.done, queue.failed = (number, queue.failed) if state == JobState.DONE else (queue.done, number)
    if not settings.TASKS_URL:
        _count_light_tasks(found)
    return list(found.values())


def _count_light_tasks(found: dict[str, Queue]) -> None:
    """Those for media are bells: their jobs are counted already."""
    past = Q(status__in=("SUCCESSFUL", "FAILED"), finished_at__lt=timezone.now() - DAY)
    tasks = DBTaskResult.objects.exclude(past | Q(queue_name="media"))
    rows = tasks.order_by().values_list("queue_name", "status").annotate(Count("pk"), Min("enqueued_at"))
    for name, status, number, since in rows:
        queue = found.setdefault(name, Queue(name))
        if status == "READY":
            queue.waiting, queue.since = number, since
        else:
            place = {"RUNNING": "running", "SUCCESSFUL": "done"}.get(status, "failed")
            setattr(queue, place, getattr(queue, place) + number)


def _uploads() -> dict[str, Any]:
    return Upload.objects.filter(state=Upload.State.OPEN).aggregate(number=Count("pk"), since=Min("created_at"))


@dataclass(slots=True)
class Busy:
    """One process: where and since when; ``silent``: it has not told of itself lately; ``jobs`` it holds."""

    host: str
    process: str
    queues: str = ""
    since: datetime | None = None
    seen: datetime | None = None
    silent: bool = False
    jobs: list[Job] = field(default_factory=list)


def workers() -> list[Busy]:
    """Who lives, and whoever holds a job: a command beside the workers too. Two queries."""
    found: dict[str, Busy] = {}
    for worker in Worker.objects.all():
        host, _, process = worker.name.rpartition(":")
        found[worker.name] = Busy(host, process, worker.queues, worker.started_at, worker.seen_at)
    for job in Job.objects.filter(state=JobState.RUNNING).order_by("pk").defer("log"):
        name = job.worker.rpartition(":")[0]
        host, _, process = name.rpartition(":")
        busy = found.setdefault(name, Busy(host, process))
        busy.jobs.append(job)
        job.__dict__["words"] = step_name(job.step)
        busy.seen = max(filter(None, (busy.seen, job.heartbeat_at)), default=None)
    limit = timezone.now() - ALIVE
    for busy in found.values():
        busy.silent = busy.seen is None or busy.seen < limit
    return sorted(found.values(), key=lambda busy: (busy.silent, busy.host, busy.process))


# What failed, and what takes long -----------------------------------------------------------------------------------
def failures() -> dict[str, Any]:
    """The latest jobs that failed, those of a week; ``again`` where trying again may help. Four queries."""
    rows = Job.objects.filter(state=JobState.FAILED, finished_at__gte=timezone.now() - WEEK).order_by("-finished_at")
    jobs = list(rows.select_related("asset").defer("log", "asset__facts")[:MOST])
    followed = follow_all({job.asset_id: job.asset for job in jobs}.values())
    for job in jobs:
        job.__dict__["again"] = followed[job.asset_id].can_retry
    return {"failed": jobs, "failed_number": rows.count()}


@dataclass(frozen=True, slots=True)
class Slow:
    """Seconds of one step over a week: half of them took less than ``p50``, all but one in twenty less than ``p95``."""

    kind: str
    step: str
    number: int
    p50: float
    p95: float
    seconds: float


def slow_steps() -> list[Slow]:
    """By kind of job and step, the slowest first. One query, whatever the number of jobs."""
    since = f"{timezone.localdate() - WEEK:%Y-%m-%d}"
    rows = Tally.objects.filter(what=Tally.What.STEP, period__gt=since).order_by("name", "bound")
    counted: dict[str, list[tuple[float, int, float]]] = {}
    for name, bound, number, seconds in rows.values_list("name", "bound").annotate(Sum("number"), Sum("seconds")):
        counted.setdefault(name, []).append((bound, number, seconds))
    slow = [_slow(name, bounded) for name, bounded in counted.items()]
    return sorted(slow, key=lambda one: -one.p95)[:MOST]


def _slow(name: str, bounded: list[tuple[float, int, float]]) -> Slow:
    kind, _, step = name.partition("/")
    numbers = [(bound, number) for bound, number, _ in bounded]
    return Slow(
        str(JobKind(kind).label) if kind in JobKind.values else kind,
        step_name(step),
        sum(number for _, number in numbers),
        tallies.quantile(0.5, numbers),
        tallies.quantile(0.95, numbers),
        sum(seconds for _, _, seconds in bounded),
    )


# Space --------------------------------------------------------------------------------------------------------------
def disks() -> list[tuple[str, int, int]]:
    """What this machine has: name of the place, bytes free, bytes in all. A bucket tells nothing of its size."""
    places = {"工作目录": settings.MEDIA_WORK_DIR}
    if not settings.STORAGE_URL:
        places = {"媒体存储": settings.MEDIA_STORE_DIR} | places
    found = []
    for label, place in places.items():
        if place.exists():
            usage = shutil.disk_usage(place)
            found.append((label, usage.free, usage.total))
    return found


def assets() -> list[tuple[str, int]]:
    """Media by state. One query."""
    counted = MediaAsset.objects.order_by().values_list("state").annotate(number=Count("pk"))
    labels = dict(MediaAsset._meta.get_field("state").flatchoices)
    return [(str(labels.get(state, state)), number) for state, number in sorted(counted)]


urlpatterns = [
    path("operations/", operations, name="wenlan_operations"),
    path("operations/<int:job_id>/again/", again, name="wenlan_operations_again"),
]
