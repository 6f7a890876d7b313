"""The head of the course form: what a course still lacks, and what others said about its fields.

Wagtail has comments for pages only. Here a comment belongs to a course, names a field, and stays until somebody
resolves it; ``comments.js`` sets each beside its field.
"""

from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_POST
from wagtail.admin.panels import Panel

from catalog import policy
from catalog.models import Course
from cms.models import FieldComment

FIELDS = (
    "title", "institution", "kind", "summary", "description", "lessons", "themes", "places", "teachers", "level",
    "language", "subjects", "source", "licence", "licence_until", "credit", "cover", "alternative_titles", "title_en",
)  # fmt: skip


def fields() -> dict[str, str]:
    """Name → label of everything that can be commented on, in the order of the form."""
    return {name: "课时" if name == "lessons" else str(Course._meta.get_field(name).verbose_name) for name in FIELDS}


def of(course: Course) -> list[FieldComment]:
    """Open comments of a course, each with its ``label``. One query."""
    labels = fields()
    found = list(course.field_comments.filter(resolved_at=None).select_related("user"))
    for comment in found:
        comment.label = labels.get(comment.field, comment.field)
    return found


class CommentForm(forms.Form):
    field = forms.ChoiceField(choices=lambda: list(fields().items()))
    text = forms.CharField(max_length=1000, error_messages={"required": "请写下批注。"})


@require_POST
def add(request: HttpRequest, pk: str) -> HttpResponse:
    """Says something about one ``field``; answers with the course's open comments, or 422 with what is wrong."""
    course = get_object_or_404(Course, pk=pk)
    form = CommentForm(request.POST)
    if not form.is_valid():
        return HttpResponse("".join(str(error) for errors in form.errors.values() for error in errors), status=422)
    FieldComment.objects.create(course=course, user_id=request.user.pk, **form.cleaned_data)
    return _answer(request, course)


@require_POST
def resolve(request: HttpRequest, pk: str, comment_id: int) -> HttpResponse:
    course = get_object_or_404(Course, pk=pk)
    open_ones = FieldComment.objects.filter(course=course, pk=comment_id)
    if not open_ones.exists():
        raise Http404
    open_ones.filter(resolved_at=None).update(resolved_at=timezone.now(), resolved_by=request.user)
    return _answer(request, course)


def _answer(request: HttpRequest, course: Course) -> HttpResponse:
    return render(request, "cms/desk/comments.html", {"course": course, "comments": of(course), "may_comment": True})


class ReviewPanel(Panel):
    """What lacks before the course can be public, as it was saved last, and the open comments."""

    class BoundPanel(Panel.BoundPanel):
        template_name = "cms/desk/review_panel.html"

        def get_context_data(self, parent_context: Any = None) -> dict[str, Any]:
            course = self.instance
            return {
                **super().get_context_data(parent_context),
                "course": course,
                "lacks": course.missing(),
                "comments": of(course) if course.pk else [],
                "fields": fields(),
                "may_comment": bool(course.pk) and policy.may(self.request.user, "change", course),
            }


urlpatterns = [
    path("comments/<str:pk>/", add, name="comment"),
    path("comments/<str:pk>/<int:comment_id>/resolve/", resolve, name="comment_resolve"),
]
