"""Figures for Prometheus: requests of all processes, and what the database knows of work and catalogue."""

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import accumulate, groupby
from operator import itemgetter

from django.conf import settings
from django.db.models import Count, Min, Sum
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    multiprocess,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from catalog.models import Course
from media_pipeline import tallies
from media_pipeline.models import Job, JobState, MediaAsset, Rendition, Tally, Worker
from media_pipeline.tallies import What
from search import outbox

REQUESTS = Counter("wenlan_requests", "Answered requests", ["method", "view", "status"])
SECONDS = Histogram(
    "wenlan_request_seconds",
    "Seconds to answer",
    ["view"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)


class MetricsMiddleware:
    """Counts and times each request under its view's name; unknown addresses share one name."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        response = self.get_response(request)
        view = getattr(request.resolver_match, "view_name", "") or "none"
        REQUESTS.labels(request.method, view, response.status_code).inc()
        SECONDS.labels(view).observe(time.perf_counter() - began)
        return response


class SiteCollector(Collector):
    """What is in the database at the moment of asking."""

    def collect(self) -> Iterator[Metric]:
        yield from _work()
        yield from _events()
        yield from _costs()
        assets = MediaAsset.objects.order_by().values_list("state").annotate(Count("pk"))
        yield _by("wenlan_assets", "Media by state", "state", assets)
        yield GaugeMetricFamily("wenlan_courses_public", "Courses anyone may see", Course.objects.public().count())
        yield GaugeMetricFamily("wenlan_search_stale", "Changes the index has not taken yet", outbox.pending())
        yield GaugeMetricFamily("wenlan_search_stale_seconds", "Age of the oldest of them", _age(outbox.oldest()))
        yield GaugeMetricFamily("wenlan_search_refused", "Courses that cannot be indexed", outbox.refused_count())


def _work() -> Iterator[Metric]:
    """The queues of media, in one query. A queue is always shown, so that nothing waiting is 0 and not nothing."""
    found = {
        (queue, state): (number, since, film)
        for queue, state, number, since, film in Job.objects.order_by()
        .values_list("queue", "state")
        .annotate(Count("pk"), Min("created_at"), Sum("seconds"))
    }
    jobs = GaugeMetricFamily("wenlan_jobs", "Jobs by queue and state", labels=["queue", "state"])
    oldest = GaugeMetricFamily("wenlan_job_oldest_seconds", "Age of the oldest waiting job", labels=["queue"])
    waiting = GaugeMetricFamily("wenlan_job_waiting_film_seconds", "Film that waits", labels=["queue"])
    scale = GaugeMetricFamily(
        "wenlan_job_waiting_per_running", "Film that waits, in seconds, for each job that runs", labels=["queue"]
    )
    for queue in sorted({QUEUE, *(queue for queue, _ in found)}):
        for state in JobState.values:
            jobs.add_metric([queue, state], found.get((queue, state), NONE)[0])
        _number, since, film = found.get((queue, JobState.QUEUED), NONE)
        oldest.add_metric([queue], _age(since))
        waiting.add_metric([queue], film)
        scale.add_metric([queue], film / max(1, found.get((queue, JobState.RUNNING), NONE)[0]))
    yield from (jobs, oldest, waiting, scale)
    yield GaugeMetricFamily("wenlan_workers", "Workers that live", Worker.objects.alive().count())


QUEUE = "media"
NONE: tuple[int, datetime | None, float] = (0, None, 0.0)
EVENTS = {
    What.CLAIMED: ("wenlan_job_attempts", "Claims of jobs by workers"),
    What.FAILED: ("wenlan_job_failures", "Attempts that ended in an error"),
    What.LOST: ("wenlan_job_leases_lost", "Jobs taken from workers that fell silent"),
    What.HANDED_BACK: ("wenlan_job_hand_backs", "Jobs handed back by workers that were told to stop"),
}


def _events() -> Iterator[Metric]:
    """What happened to jobs since ever, and what their steps took, in one query of kept sums."""
    sums = Tally.objects.filter(period=tallies.EVER, what__in=[*EVENTS, What.STEP]).order_by("name", "bound")
    rows = list(sums.values_list("what", "name", "bound", "number", "seconds"))
    for what, (name, text) in EVENTS.items():
        counted = {QUEUE: 0} | {queue: number for event, queue, _, number, _ in rows if event == what}
        family = CounterMetricFamily(name, text, labels=["queue"])
        for queue, number in counted.items():
            family.add_metric([queue], number)
        yield family
    yield _steps([row[1:] for row in rows if row[0] == What.STEP])


def _steps(rows: list[tuple[str, float, int, float]]) -> Metric:
    """A histogram by kind of job and step; a bucket holds all that took less, as Prometheus has it."""
    family = HistogramMetricFamily("wenlan_step_seconds", "Seconds of one step of a job", labels=["kind", "step"])
    for name, bounded in groupby(rows, key=itemgetter(0)):
        counted = {bound: (number, seconds) for _, bound, number, seconds in bounded}
        numbers = list(accumulate(counted.get(bound, (0, 0.0))[0] for bound in tallies.BOUNDS))
        buckets = [(str(bound), number) for bound, number in zip(tallies.BOUNDS, numbers, strict=True)]
        seconds = sum(seconds for _, seconds in counted.values())
        family.add_metric(name.split("/", 1), [*buckets, ("+Inf", numbers[-1])], seconds)
    return family


def _costs() -> Iterator[Metric]:
    """What institutions cost; only the largest, so that the number of series is bounded."""
    cpu = Tally.objects.filter(what=What.CPU, period=tallies.EVER).values_list("name").annotate(cost=Sum("seconds"))
    kept = MediaAsset.objects.order_by().values_list("owner").annotate(cost=Sum("bytes")).filter(cost__gt=0)
    made = Rendition.objects.order_by().values_list("asset__owner").annotate(cost=Sum("bytes")).filter(cost__gt=0)
    for name, text, rows in (
        ("wenlan_institution_cpu_seconds", "CPU of the work on an institution's media", cpu),
        ("wenlan_institution_original_bytes", "Originals of an institution", kept),
        ("wenlan_institution_made_bytes", "Renditions of an institution", made),
    ):
        yield _by(name, text, "institution", rows.order_by("-cost")[:MOST_INSTITUTIONS])


MOST_INSTITUTIONS = 50


def _age(since: datetime | None) -> float:
    """Seconds; 0 when there is nothing that waits."""
    return (timezone.now() - since).total_seconds() if since else 0.0


def _by(name: str, text: str, label: str, rows) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=[label])
    for value, count in rows:
        family.add_metric([value], count)
    return family


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The text format of Prometheus. With ``METRICS_TOKEN`` set only its bearer may read."""
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if settings.METRICS_TOKEN and not constant_time_compare(given, settings.METRICS_TOKEN):
        return HttpResponse("METRICS_TOKEN\n", status=401, headers={"WWW-Authenticate": "Bearer"})
    site = CollectorRegistry()
    site.register(SiteCollector())
    return HttpResponse(generate_latest(_requests()) + generate_latest(site), content_type=CONTENT_TYPE_LATEST)


def _requests() -> CollectorRegistry:
    """The sum over all processes where they share a directory (``deploy/gunicorn.conf.py``), else this process."""
    if not settings.METRICS_DIR:
        return REGISTRY
    together = CollectorRegistry()
    multiprocess.MultiProcessCollector(together, path=settings.METRICS_DIR)
    return together
