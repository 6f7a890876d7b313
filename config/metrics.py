"""Figures for Prometheus: requests of all processes, and what the database knows of work and catalogue."""

import time
from collections.abc import Callable, Iterator
from datetime import datetime

from django.conf import settings
from django.db.models import Count, Min, Q, Sum
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
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from catalog.models import Course
from media_pipeline.models import Job, JobState, MediaAsset, Rendition
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
        yield from _costs()
        assets = MediaAsset.objects.order_by().values_list("state").annotate(Count("pk"))
        yield _by("wenlan_assets", "Media by state", "state", assets)
        yield GaugeMetricFamily("wenlan_courses_public", "Courses anyone may see", Course.objects.public().count())
        yield GaugeMetricFamily("wenlan_search_stale", "Changes the index has not taken yet", outbox.pending())
        yield GaugeMetricFamily("wenlan_search_stale_seconds", "Age of the oldest of them", _age(outbox.oldest()))
        yield GaugeMetricFamily("wenlan_search_refused", "Courses that cannot be indexed", outbox.refused_count())


def _work() -> Iterator[Metric]:
    """The queues of media, in two queries. A queue is always shown, so that nothing waiting is 0 and not nothing."""
    states = Job.objects.order_by().values_list("queue", "state")
    counted = {(queue, state): number for queue, state, number in states.annotate(Count("pk"))}
    queues = sorted({"media", *(queue for queue, _ in counted)})
    jobs = GaugeMetricFamily("wenlan_jobs", "Jobs by queue and state", labels=["queue", "state"])
    for queue in queues:
        for state in JobState.values:
            jobs.add_metric([queue, state], counted.get((queue, state), 0))
    yield jobs
    sums = Job.objects.order_by().values_list("queue").annotate(**_SUMS)
    found = {queue: values for queue, *values in sums}
    oldest = GaugeMetricFamily("wenlan_job_oldest_seconds", "Age of the oldest waiting job", labels=["queue"])
    waiting = GaugeMetricFamily("wenlan_job_waiting_film_seconds", "Film that waits", labels=["queue"])
    scale = GaugeMetricFamily(
        "wenlan_job_waiting_per_running", "Film that waits, in seconds, for each job that runs", labels=["queue"]
    )
    attempts = CounterMetricFamily("wenlan_job_attempts", "Claims of jobs by workers", labels=["queue"])
    failures = CounterMetricFamily("wenlan_job_failures", "Attempts that ended in an error", labels=["queue"])
    for queue in queues:
        since, film, tried, failed = found.get(queue, (None, 0, 0, 0))
        oldest.add_metric([queue], _age(since))
        waiting.add_metric([queue], film or 0)
        scale.add_metric([queue], (film or 0) / max(1, counted.get((queue, JobState.RUNNING), 0)))
        attempts.add_metric([queue], tried or 0)
        failures.add_metric([queue], failed or 0)
    yield from (oldest, waiting, scale, attempts, failures)


_WAITS = Q(state=JobState.QUEUED)
_SUMS = {
    "since": Min("created_at", filter=_WAITS),
    "film": Sum("seconds", filter=_WAITS),
    "tried": Sum("attempt"),
    "failed": Sum("failures"),
}


def _costs() -> Iterator[Metric]:
    """What institutions cost; only the largest, so that the number of series is bounded."""
    cpu = Job.objects.order_by().values_list("owner").annotate(cost=Sum("cpu_seconds")).filter(cost__gt=0)
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
