"""Figures for Prometheus: requests of all processes, and what the database knows of work and catalogue."""

import time
from collections.abc import Callable, Iterator
from datetime import datetime

from django.conf import settings
from django.db.models import Count, Min
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
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from catalog.models import Course
from media_pipeline.models import Job, JobState, MediaAsset
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

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield _by("wenlan_jobs", "Jobs by state", "state", Job.objects.values_list("state").annotate(Count("pk")))
        yield _by(
            "wenlan_assets", "Media by state", "state", MediaAsset.objects.values_list("state").annotate(Count("pk"))
        )
        waiting = Job.objects.filter(state=JobState.QUEUED).aggregate(Min("created_at"))["created_at__min"]
        yield GaugeMetricFamily("wenlan_job_oldest_seconds", "Age of the oldest waiting job", _age(waiting))
        yield GaugeMetricFamily("wenlan_courses_public", "Courses anyone may see", Course.objects.public().count())
        yield GaugeMetricFamily("wenlan_search_stale", "Changes the index has not taken yet", outbox.pending())
        yield GaugeMetricFamily("wenlan_search_stale_seconds", "Age of the oldest of them", _age(outbox.oldest()))
        yield GaugeMetricFamily("wenlan_search_refused", "Courses that cannot be indexed", outbox.refused_count())


def _age(since: datetime | None) -> float:
    """Seconds; 0 when there is nothing that waits."""
    return (timezone.now() - since).total_seconds() if since else 0.0


def _by(name: str, text: str, label: str, rows) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=[label])
    for value, count in rows.order_by():
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
