"""Text tracks: captions, chapters and transcripts come in as SRT, VTT or ASS and go out as WebVTT."""

from media_pipeline import captions
from media_pipeline.models import MediaAsset, TextTrack


def set_track(
    asset: MediaAsset, text: str, *, kind: str = "captions", language: str = "zh-Hans", label: str = ""
) -> TextTrack:
    """Put or replace the track of this kind and language. Raises errors.Refused naming the line that cannot be read."""
    cues = captions.parse(text)
    track, _created = TextTrack.objects.update_or_create(
        asset=asset, kind=kind, language=language, defaults={"cues": cues, "label": label}
    )
    return track


def vtt(track: TextTrack) -> str:
    """The track as WebVTT."""
    return captions.to_vtt(track.cues)
