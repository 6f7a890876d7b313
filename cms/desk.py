"""The desk's own views: uploading, the panels of its first page, and the search boxes of pickers."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db.models import Count, Exists, OuterRef, Q
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from wagtail.admin.ui.components import Component

from catalog import policy, quotas
from catalog.models import Course, Place, Teacher
from cms import finding, waiting
from cms.assets import UNFINISHED, with_ways
from media_pipeline import leases
from media_pipeline.models import AssetState, Job, MediaAsset, Upload
from search import gaps


def upload(request: HttpRequest) -> HttpResponse:
    """The page that takes files. ``?institution=<code>`` chooses whose they will be; ``?replaces=<uid>`` takes one
    file in the place of an asset's original."""
    own = policy.institutions_of(request.user, policy.roles_for(Upload, "add")).order_by("path")
    if not own.exists():
        raise PermissionDenied
    chosen = own.filter(code=request.GET.get("institution", "")).first() or (own.first() if len(own[:2]) == 1 else None)
    replaced = _replaced(request)
    if replaced is not None:
        chosen = own.filter(code=replaced.owner).first()
    context = {
        "replaced": replaced,
        "institutions": own,
        "institution": chosen,
        "quota": quotas.of(chosen) if chosen else None,
        "folders": policy.may_somewhere(request.user, "add", Course),
        "after_url": f"{reverse('courses:add')}?asset=",
        "assets_url": reverse("assets:index"),
        "header_title": "上传",
    }
    return TemplateResponse(request, "cms/desk/upload.html", context)


def _replaced(request: HttpRequest) -> MediaAsset | None:
    """The asset whose original is to be replaced. Raises Http404 for one that is not this person's to change."""
    asked = request.GET.get("replaces", "")
    if not asked:
        return None
    try:
        uid = UUID(asked)
    except ValueError as error:
        raise Http404 from error
    return get_object_or_404(policy.scope(MediaAsset.objects.all(), request.user, "change"), uid=uid)


def pick(request: HttpRequest, source: str) -> JsonResponse:
    """What a picker offers for ``?q=``: ``{"items": [{"id", "label", "hint"}]}``, at most 20."""
    text = request.GET.get("q", "")
    if source == "place":
        found = finding.search(Place.objects.current(), text, request.user)[:20] if text.strip() else []
        items = [{"id": place.pk, "label": place.name, "hint": _within(place)} for place in found]
    elif source == "course":
        own = policy.scope(Course.objects.select_related("institution"), request.user)
        items = [
            {"id": course.pk, "label": course.title, "hint": str(course.institution)}
            for course in (finding.search(own, text, request.user)[:20] if text.strip() else [])
        ]
    elif source == "teacher":
        own = policy.scope(Teacher.objects.select_related("institution"), request.user)
        items = [
            {"id": teacher.pk, "label": teacher.name, "hint": str(teacher.institution or "")}
            for teacher in finding.search(own, text, request.user)[:20]
        ]
    else:
        raise Http404
    return JsonResponse({"items": items})


def _within(place: Place) -> str:
    """The code and the division above, which tell places of the same name apart."""
    above = place.parent.name if place.parent_id and place.parent else ""
    return f"{above} {place.code}".strip()


class DeskPanel(Component):
    """What is going on: uploads on their way, files that need something, courses by state."""

    name = "desk"
    order = 10
    template_name = "cms/desk/home_panel.html"

    def get_context_data(self, parent_context: Mapping[str, Any] | None = None) -> dict[str, Any]:
        request = (parent_context or {})["request"]
        user = request.user
        assets = policy.scope(MediaAsset.objects.all(), user)
        busy = Exists(Job.objects.filter(asset=OuterRef("pk"), state__in=leases.OPEN))
        moving = with_ways(assets.filter(Q(state__in=UNFINISHED) | busy)[:8])
        wrong = Q(state__in=[AssetState.FAILED, AssetState.REJECTED]) | ~Q(reason_code="")
        broken = with_ways(assets.filter(wrong, ~busy)[:5])
        courses = policy.scope(Course.objects.order_by(), user)
        reviews, submitted = waiting.for_review(user), waiting.submitted(user)
        return {
            "reviews": waiting.of_tasks(reviews[: waiting.FEW]),
            "reviews_count": reviews.count(),
            "submitted": waiting.of_submissions(submitted[: waiting.FEW]),
            "submitted_count": submitted.count(),
            "person": user,
            "institutions": list(_memberships(user)),
            "central": policy.is_central(user),
            "may_upload": policy.may_somewhere(user, "add", Upload),
            "may_write": policy.may_somewhere(user, "add", Course),
            "unanswered": _unanswered() if policy.is_central(user) else None,
            "moving": moving,
            "broken": broken,
            "recent": list(courses.filter(live=False).order_by("-updated_at").only("title", "updated_at")[:5]),
            "figures": courses.aggregate(
                total=Count("pk"), shown=Count("pk", filter=Q(live=True)), draft=Count("pk", filter=Q(live=False))
            ),
        }


def _unanswered() -> list[gaps.Group]:
    """What was looked for most this month and not found."""
    return gaps.groups(gaps.unanswered(30, "nothing")[:5], 30)


def _memberships(user: Any) -> list[Any]:
    return user.memberships.select_related("institution").order_by("institution__path")
