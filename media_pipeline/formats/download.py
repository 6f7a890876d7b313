"""One progressive MP4 to take away: the packets of a rung and of the first sound, put together anew."""

from pathlib import Path
from typing import Any

import ffmpeg

from media_pipeline.formats import cmaf

NAME = "download.mp4"
SOUND = "download.m4a"  # of a recording


def output(tracks: list[Any], file: Path, language: str) -> Any:
    """``tracks`` are streams of files written here."""
    told = {"metadata:s:a:0": f"language={language}"} if language else {}
    return ffmpeg.output(*tracks, str(file), format="mp4", c="copy", movflags="+faststart", **{**cmaf.STRIP, **told})
