"""Text tracks: captions, chapters and transcripts come in as SRT, VTT or ASS and go out as WebVTT."""

from media_pipeline import captions
from media_pipeline.captions import Cue
from media_pipeline.models import MediaAsset, TextTrack


def set_track(
    asset: MediaAsset, text: str | bytes, *, kind: str = "captions", language: str = "zh-Hans", label: str = ""
) -> TextTrack:
    """Put or replace the track of this kind and language; bytes are of a file as it was stored. Raises errors.Refused
    naming the line that cannot be read."""
    cues = captions.parse_bytes(text) if isinstance(text, bytes) else captions.parse(text)
    track, _created = TextTrack.objects.update_or_create(
        asset=asset, kind=kind, language=language, defaults={"cues": cues, "label": label, "draft": False}
    )
    return track


def set_draft(asset: MediaAsset, cues: list[Cue], *, language: str) -> TextTrack | None:
    """Put captions a program wrote, which nobody sees until ``approve``. None where a person's stand already."""
    made = {"cues": cues, "draft": True}
    track, created = TextTrack.objects.get_or_create(asset=asset, kind="captions", language=language, defaults=made)
    if not created and track.draft:
        track.cues = cues
        track.save(update_fields=["cues"])
    return track if track.draft else None


def approve(track: TextTrack) -> None:
    """An editor stands for a draft: from now on it is served, searched and exported."""
    track.draft = False
    track.save(update_fields=["draft"])


def vtt(track: TextTrack) -> str:
    """The track as WebVTT."""
    return captions.to_vtt(track.cues)
