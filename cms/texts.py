"""Captions, chapters and transcripts in the desk: a file sent in, and a track worked on as text."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST
from django.views.generic import View

from cms.forms import CaptionsForm, TrackForm
from media_pipeline import captions
from media_pipeline.errors import Refused
from media_pipeline.models import MediaAsset, TextTrack
from media_pipeline.tracks import approve, set_track, vtt


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


class TrackView(View):
    """One track as text. ``action`` is save, approve (save and let it out) or delete."""

    def get(self, request: HttpRequest, pk: int, track_pk: int) -> HttpResponse:
        track = self._track(pk, track_pk)
        return self._page(request, track, TrackForm(initial={"text": vtt(track)}))

    def post(self, request: HttpRequest, pk: int, track_pk: int) -> HttpResponse:
        track = self._track(pk, track_pk)
        action = request.POST.get("action", "save")
        if action == "delete":
            track.delete()
            messages.success(request, f"{track.get_kind_display()}已删除。")
            return redirect("assets:inspect", pk)
        form = TrackForm(request.POST)
        if not form.is_valid() or not self._saved(form, track):
            return self._page(request, track, form)
        if action == "approve" and track.draft:
            approve(track)
            messages.success(request, f"{track.get_kind_display()}已通过，观众现在看得到。")
        else:
            messages.success(request, f"{track.get_kind_display()}已保存，共 {len(track.cues)} 条。")
        return redirect("assets:inspect", pk)

    def _track(self, pk: int, track_pk: int) -> TextTrack:
        return get_object_or_404(TextTrack.objects.select_related("asset"), pk=track_pk, asset_id=pk)

    def _saved(self, form: TrackForm, track: TextTrack) -> bool:
        try:
            track.cues = captions.parse(form.cleaned_data["text"])
        except Refused as refusal:
            form.add_error("text", refusal.reason)
            return False
        track.save(update_fields=["cues"])
        return True

    def _page(self, request: HttpRequest, track: TextTrack, form: TrackForm) -> HttpResponse:
        context: dict[str, Any] = {"asset": track.asset, "track": track, "form": form}
        return TemplateResponse(request, "cms/desk/track.html", context)
