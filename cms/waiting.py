"""What waits for whom: reviews that wait for this person, and this person's submissions.

Wagtail's panels of the same read every one that waits, with several queries each; two thousand are more than a page or
SQLite takes. These show the oldest few with their number, and a page has them all.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from wagtail.models import TaskState, WorkflowState

from catalog.models import Course
from cms import deadlines

FEW, PAGE = 6, 40


@dataclass(frozen=True, slots=True)
class Waiting:
    """A row. ``house``: the institution's name, "" for pages. ``returned``: the comment with which it came back.
    ``late``: the time for its review is over."""

    title: str
    url: str
    house: str
    person: str
    since: datetime
    returned: str | None = None
    late: bool = False


def for_review(user: Any) -> QuerySet[TaskState]:
    """Reviews this person may decide, the oldest first."""
    return (
        TaskState.objects.reviewable_by(user)
        .select_related("revision", "workflow_state__requested_by")
        .order_by("started_at", "pk")
    )


def submitted(user: Any) -> QuerySet[WorkflowState]:
    """This person's submissions that are not decided or came back, the newest first."""
    open_states = (WorkflowState.STATUS_IN_PROGRESS, WorkflowState.STATUS_NEEDS_CHANGES)
    return (
        WorkflowState.objects.filter(requested_by=user, status__in=open_states)
        .select_related("requested_by", "current_task_state__revision")
        .order_by("-created_at", "-pk")
    )


def reviews(request: HttpRequest) -> HttpResponse:
    """The page of all that waits for this person."""
    page = Paginator(for_review(request.user), PAGE).get_page(request.GET.get("p"))
    context = {"header_title": "等待审核", "page_obj": page, "rows": of_tasks(page.object_list)}
    return TemplateResponse(request, "cms/desk/reviews.html", context)


def of_tasks(states: Iterable[TaskState]) -> list[Waiting]:
    """Rows of reviews; four queries, however many."""
    chosen = [state for state in states if state.revision is not None]
    houses = _houses(state.revision for state in chosen)
    rows = [_row(state.revision, state.workflow_state, state.started_at, houses) for state in chosen]
    before = deadlines.late_before() if rows else None
    return [replace(row, late=before is not None and row.since < before) for row in rows]


def of_submissions(states: Iterable[WorkflowState]) -> list[Waiting]:
    """Rows of submissions; three queries, however many."""
    chosen = [state for state in states if state.current_task_state is not None]
    houses = _houses(state.current_task_state.revision for state in chosen)
    return [_row(state.current_task_state.revision, state, state.created_at, houses) for state in chosen]


def _row(revision: Any, state: WorkflowState, since: datetime, houses: dict[str, str]) -> Waiting:
    returned = state.current_task_state.comment if state.status == WorkflowState.STATUS_NEEDS_CHANGES else None
    course = revision.base_content_type_id == _course_type()
    return Waiting(
        title=revision.object_str,
        url=reverse("courses:edit" if course else "wagtailadmin_pages:edit", args=[revision.object_id]),
        house=houses.get(revision.object_id, "") if course else "",
        person=state.requested_by.get_full_name() if state.requested_by else "",
        since=since,
        returned=returned,
    )


def _course_type() -> int:
    return ContentType.objects.get_for_model(Course).pk


def _houses(revisions: Iterable[Any]) -> dict[str, str]:
    keys = [int(one.object_id) for one in revisions if one.base_content_type_id == _course_type()]
    pairs = Course.objects.filter(pk__in=keys).values_list("pk", "institution__name")
    return {str(key): name for key, name in pairs}
