"""What operators see: how much work waits, runs and failed; numbers only, no title and no person."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Count, Min
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from catalog import policy
from cms import auditing
from media_pipeline.models import Job, JobState, MediaAsset, Upload

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Row:
    """A number with its label; ``since``: the oldest of them."""

    label: str
    number: int
    since: datetime | None = None


def operations(request: HttpRequest) -> HttpResponse:
    if not policy.is_operator(request.user):
        raise PermissionDenied
    context = {
        "header_title": "运维",
        "jobs": jobs(),
        "assets": assets(),
        "audit": auditing.last_night(),
        "checks": request.build_absolute_uri(reverse("health_ready")),
    }
    return TemplateResponse(request, "cms/desk/operations.html", context)


def jobs() -> list[Row]:
    """Work of the pipeline: what is open whenever it came, the rest of the last day. Three queries."""
    counted: dict[str, Any] = {
        row["state"]: row
        for row in Job.objects.filter(state__in=[JobState.QUEUED, JobState.RUNNING])
        .order_by()
        .values("state")
        .annotate(number=Count("pk"), since=Min("created_at"))
    }
    recent = Job.objects.filter(finished_at__gte=timezone.now() - DAY).order_by()
    ended = dict(recent.values_list("state").annotate(number=Count("pk")))
    open_rows = [
        Row(str(JobState(state).label), counted.get(state, {}).get("number", 0), counted.get(state, {}).get("since"))
        for state in (JobState.QUEUED, JobState.RUNNING)
    ]
    ended_rows = [Row(f"{JobState(state).label}（一天内）", number) for state, number in sorted(ended.items())]
    uploads = Upload.objects.filter(state=Upload.State.OPEN).aggregate(number=Count("pk"), since=Min("created_at"))
    return [*open_rows, *ended_rows, Row("正在上传", uploads["number"], uploads["since"])]


def assets() -> list[Row]:
    """Media by state. One query."""
    counted = MediaAsset.objects.order_by().values_list("state").annotate(number=Count("pk"))
    labels = dict(MediaAsset._meta.get_field("state").flatchoices)
    return [Row(str(labels.get(state, state)), number) for state, number in sorted(counted)]
