"""Media in the desk: the list with each file's way, and the page of one file."""

from collections.abc import Iterable
from typing import Any

from django.contrib import messages
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
from wagtail.admin.widgets.button import HeaderButton

from catalog import policy
from catalog.models import Course, Institution
from cms.filters import AssetFilterSet
from cms.forms import AssetForm, CaptionsForm, PosterForm
from cms.storyboard import frames
from cms.texts import CaptionsView, TrackView
from cms.viewsets import ItemIndexView, ItemView, ScopedModelViewSet
from media_pipeline import leases, pipeline
from media_pipeline.follow import Follow, follow, follow_all
from media_pipeline.models import AssetState, JobKind, MediaAsset
from media_pipeline.playback import playback

UNFINISHED = (AssetState.RECEIVED, AssetState.CHECKED, AssetState.PROCESSING)
LATEST_STEPS = 40
"""Steps that the page of a long film shows; there are some for each of its parts."""


def way(asset: MediaAsset, followed: Follow) -> str:
    """State, progress, time left and reason of one asset, as HTML."""
    return render_to_string("cms/desk/way.html", {"asset": asset, "follow": followed})


def with_ways(assets: Iterable[MediaAsset]) -> list[MediaAsset]:
    """The same assets with ``way``, in as many queries for a hundred as for one."""
    chosen = list(assets)
    followed = follow_all(chosen)
    for asset in chosen:
        asset.__dict__["way"] = way(asset, followed[asset.pk])
    return chosen


class AssetIndexView(ItemIndexView):
    def get_base_queryset(self) -> QuerySet[MediaAsset]:
        owners = Institution.objects.filter(code=OuterRef("owner")).values("name")
        return super().get_base_queryset().annotate(owner_name=Subquery(owners[:1]))

    def get_table(self, object_list: Iterable[MediaAsset], **kwargs: Any) -> Any:
        return super().get_table(with_ways(object_list), **kwargs)

    def get_add_url(self) -> str:
        return reverse("wenlan_upload") if policy.may_somewhere(self.request.user, "add", MediaAsset) else ""


class AssetView(ItemView):
    """One file: what it is, what was made of it, where it is used, its captions."""

    template_name = "cms/desk/asset.html"
    page_title = "媒体"

    @property
    def header_buttons(self) -> list[HeaderButton]:
        url = f"{reverse('courses:add')}?asset={self.object.uid}"
        return [HeaderButton(label="用它建课程", url=url, icon_name="plus")]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        asset = self.object
        followed = follow(asset)
        may_change = policy.may(self.request.user, "change", asset)
        lessons = asset.lessons.filter(course__in=policy.scope(Course.objects.all(), self.request.user))
        return {
            **super().get_context_data(**kwargs),
            "asset": asset,
            "way": way(asset, followed),
            "follow": followed,
            "steps": followed.steps[-LATEST_STEPS:],
            "hidden_steps": max(0, len(followed.steps) - LATEST_STEPS),
            "warnings": asset.facts.get("warnings", ()),
            "frames": frames(asset) if may_change and not followed.busy else (),
            "play": playback(asset, signed=True),
            "owner": Institution.objects.filter(code=asset.owner).first(),
            "poster_coming": asset.jobs.filter(kind=JobKind.POSTER, state__in=leases.OPEN).exists(),
            "renditions": asset.renditions.order_by("-bytes"),
            "tracks": asset.tracks.all(),
            "lessons": lessons.select_related("course"),
            "may_change": may_change,
            "captions_form": kwargs.get("captions_form") or CaptionsForm(),
        }


@method_decorator(require_POST, name="dispatch")
class RetryView(View):
    """Takes up again what failed."""

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        asset = get_object_or_404(MediaAsset, pk=pk)
        if follow(asset).can_retry and pipeline.retry(asset):
            messages.success(request, f"“{asset}”已重新排队。")
        else:
            messages.info(request, f"“{asset}”的状态是“{asset.get_state_display()}”，不需要重试。")
        return redirect("assets:inspect", pk)


@method_decorator(require_POST, name="dispatch")
class PosterView(View):
    """Takes the frame at ``seconds`` as the poster; without seconds the choice is the pipeline's again."""

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        asset = get_object_or_404(MediaAsset, pk=pk)
        form = PosterForm(request.POST)
        if not form.is_valid() or (form.cleaned_data["seconds"] or 0) > (asset.duration or 0):
            messages.error(request, "没有这个时间的画面：请从下面的画面里选一幅。")
        else:
            pipeline.choose_poster(asset, form.cleaned_data["seconds"])
            messages.success(request, "封面已选定，几秒后换上。")
        return redirect("assets:inspect", pk)


class WayView(View):
    """How far one asset is, as the piece of HTML that the desk shows; a page asks for it while work goes on."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        asset = get_object_or_404(MediaAsset, pk=pk)
        return HttpResponse(way(asset, follow(asset)), headers={"Cache-Control": "no-store"})


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
        Column("way", label="状态", accessor="way"),
        Column("owner", label="机构", accessor="owner_name", sort_key="owner"),
        DateColumn("created_at", label="上传时间", sort_key="created_at"),
    ]
    filterset_class = AssetFilterSet
    edit_handler = ObjectList([FieldPanel("title")], base_form_class=AssetForm)

    def extra_urlpatterns(self) -> list[URLPattern]:
        return [
            path("captions/<int:pk>/", CaptionsView.as_view(), name="captions"),
            path("captions/<int:pk>/<int:track_pk>/", TrackView.as_view(), name="track"),
            path("poster/<int:pk>/", PosterView.as_view(), name="poster"),
            path("retry/<int:pk>/", RetryView.as_view(), name="retry"),
            path("way/<int:pk>/", WayView.as_view(), name="way"),
        ]
