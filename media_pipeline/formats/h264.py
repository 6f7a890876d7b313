"""H.264 by x264: what every screen plays."""

from pathlib import Path
from typing import Any

import ffmpeg

from media_pipeline.formats import cmaf
from media_pipeline.plan import VideoStep


def output(stream: Any, step: VideoStep, out: Path, *, segment_seconds: float) -> Any:
    """One rung as one file; key frames only where segments begin, at the same frames on every rung."""
    return ffmpeg.output(
        stream,
        str(out / f"{step.spec}.mp4"),
        format="mp4",
        vcodec="libx264",
        preset=step.preset,
        crf=step.crf,
        maxrate=step.max_rate,
        bufsize=2 * step.max_rate,
        force_key_frames=f"expr:gte(t,n_forced*{segment_seconds:g})",
        g=100_000,  # no key frame but the forced ones: scene cuts fall differently on each rung
        sc_threshold=0,
        movflags=f"{cmaf.MOVFLAGS}+frag_keyframe",
        **{"profile:v": "high", "flags:v": "+cgop", **cmaf.STRIP},
    )
