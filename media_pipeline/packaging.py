"""One package: every track in one file, and the manifests that find them in it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from media_pipeline import manifests
from media_pipeline.formats import cmaf
from media_pipeline.manifests import Track
from media_pipeline.plan import StoryboardStep

MEDIA = "media.mp4"


def pack(tracks: Sequence[Track], out: Path) -> list[Track]:
    """Put the tracks' files behind one another into ``media.mp4``, whatever their number; where they are now."""
    starts = cmaf.join([out / track.name for track in tracks], out / MEDIA)
    return [
        replace(track, name=MEDIA, index=track.index.moved(start)) for track, start in zip(tracks, starts, strict=True)
    ]


def describe(tracks: Sequence[Track], out: Path, *, board: StoryboardStep | None = None) -> dict[str, str]:
    """Write the playlists and the presentation of packed tracks. Codec to its multivariant playlist, the one everybody
    can play first; a recording's codec is ""."""
    videos = [track for track in tracks if track.fps]
    audios = [track for track in tracks if not track.fps and track.group]
    for track in tracks:
        (out / track.playlist).write_text(manifests.hls_media(track), "utf-8")
    winding = manifests.trick(videos)
    if winding:
        (out / manifests.PICTURES).write_text(manifests.hls_pictures(winding), "utf-8")
    seconds = max(track.index.seconds for track in tracks)
    (out / manifests.MPD).write_text(manifests.dash(videos, audios, seconds, board), "utf-8")
    masters = manifests.hls_masters(videos, audios)
    for name, text in masters.values():
        (out / name).write_text(text, "utf-8")
    return {codec: name for codec, (name, _) in masters.items()}
