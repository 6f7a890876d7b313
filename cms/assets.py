"""Media in the desk: the list with each file's way, and the page of one file."""

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST
from django.views.generic import View
from wagtail.admin.panels import FieldPanel, ObjectList
from wagtail.admin.ui.tables import Column, DateColumn
from wagtail.admin.views.generic import IndexView, InspectView
from wagtail.admin.widgets.button import HeaderButton

from catalog import policy
from catalog.models import Course, Institution
from cms.forms import AssetForm, CaptionsForm
from cms.viewsets import ScopedModelViewSet
from media_pipeline import tasks
from media_pipeline.errors import Refused
from media_pipeline.models import AssetState, Job, MediaAsset
from media_pipeline.playback import playback
from media_pipeline.tracks import set_track

UNFINISHED = (AssetState.RECEIVED, AssetState.CHECKED, AssetState.PROCESSING)


def with_progress(assets: QuerySet[MediaAsset]) -> QuerySet[MediaAsset]:
    """``assets`` with ``progress`` (0..1) and ``step`` of the newest job, in the same query."""
    newest = Job.objects.filter(asset=OuterRef("pk")).order_by("-pk")
    return assets.annotate(progress=Subquery(newest.values("progress")[:1]), step=Subquery(newest.values("step")[:1]))


def way(asset: MediaAsset) -> str:
    """State, progress and reason of one asset from ``with_progress``, as HTML."""
    return render_to_string("cms/desk/way.html", {"asset": asset, "unfinished": asset.state in UNFINISHED})


class AssetIndexView(IndexView):
    def get_base_queryset(self) -> QuerySet[MediaAsset]:
        owners = Institution.objects.filter(code=OuterRef("owner")).values("name")
        return with_progress(super().get_base_queryset()).annotate(owner_name=Subquery(owners[:1]))

    def get_edit_url(self, instance: MediaAsset) -> str:
        return reverse("assets:inspect", args=[instance.pk])

    def get_add_url(self) -> str:
        return reverse("wenlan_upload") if policy.may_somewhere(self.request.user, "add", MediaAsset) else ""


class AssetView(InspectView):
    """One file: what it is, what was made of it, where it is used, its captions."""

    template_name = "cms/desk/asset.html"
    page_title = "媒体"

    def get_object(self, queryset: QuerySet | None = None) -> MediaAsset:
        return get_object_or_404(with_progress(MediaAsset.objects.all()), pk=self.pk)

    def get_fields_context(self) -> list[dict[str, Any]]:
        return []

    def get_edit_url(self) -> str | None:
        return super().get_edit_url() if policy.may(self.request.user, "change", self.object) else None

    def get_delete_url(self) -> str | None:
        return super().get_delete_url() if policy.may(self.request.user, "delete", self.object) else None

    @property
    def header_buttons(self) -> list[HeaderButton]:
        url = f"{reverse('courses:add')}?asset={self.object.uid}"
        return [HeaderButton(label="用它建课程", url=url, icon_name="plus")]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        asset = self.object
        lessons = asset.lessons.filter(course__in=policy.scope(Course.objects.all(), self.request.user))
        return {
            **super().get_context_data(**kwargs),
            "asset": asset,
            "way": way(asset),
            "play": playback(asset, signed=True),
            "owner": Institution.objects.filter(code=asset.owner).first(),
            "renditions": asset.renditions.order_by("-bytes"),
            "tracks": asset.tracks.all(),
            "lessons": lessons.select_related("course"),
            "may_change": policy.may(self.request.user, "change", asset),
            "may_retry": asset.state == AssetState.FAILED,
            "captions_form": kwargs.get("captions_form") or CaptionsForm(),
        }


@method_decorator(require_POST, name="dispatch")
class CaptionsView(View):
    """Puts a caption file to an asset, or says which line cannot be read."""

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        asset = get_object_or_404(MediaAsset, pk=pk)
        form = CaptionsForm(request.POST, request.FILES)
        if form.is_valid():
            try:
                track = set_track(
                    asset,
                    form.cleaned_data["file"],
                    kind=form.cleaned_data["kind"],
                    language=form.cleaned_data["language"],
                )
            except Refused as refusal:
                form.add_error("file", refusal.reason)
            else:
                messages.success(request, f"{track.get_kind_display()}已保存，共 {len(track.cues)} 条。")
        for problems in form.errors.values():
            for problem in problems:
                messages.error(request, str(problem))
        return redirect("assets:inspect", pk)


@method_decorator(require_POST, name="dispatch")
class RetryView(View):
    """Puts a failed asset into the queue again."""

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        asset = get_object_or_404(MediaAsset, pk=pk)
        if asset.state == AssetState.FAILED:
            with transaction.atomic():
                asset.state, asset.reason_code, asset.reason = AssetState.RECEIVED, "", ""
                asset.save(update_fields=["state", "reason_code", "reason"])
                tasks.enqueue(asset)
            messages.success(request, f"“{asset}”已重新排队。")
        else:
            messages.info(request, f"“{asset}”的状态是“{asset.get_state_display()}”，不需要重试。")
        return redirect("assets:inspect", pk)


class AssetViewSet(ScopedModelViewSet):
    model = MediaAsset
    icon = "media"
    name = "assets"
    menu_label = "媒体"
    menu_name = "assets"
    menu_order = 130
    add_to_admin_menu = True
    inspect_view_enabled = True
    index_view_class = AssetIndexView
    inspect_view_class = AssetView
    list_display = [
        "title",
        Column("media_type", label="类型", accessor="get_media_type_display", sort_key="media_type"),
        Column("way", label="状态", accessor=way),
        Column("owner", label="机构", accessor="owner_name", sort_key="owner"),
        DateColumn("created_at", label="上传时间", sort_key="created_at"),
    ]
    list_filter = ["state", "media_type"]
    edit_handler = ObjectList([FieldPanel("title")], base_form_class=AssetForm)

    def extra_urlpatterns(self) -> list[URLPattern]:
        return [
            path("captions/<int:pk>/", CaptionsView.as_view(), name="captions"),
            path("retry/<int:pk>/", RetryView.as_view(), name="retry"),
        ]
