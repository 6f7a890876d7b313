"""H.264 by x264: what every screen plays."""

from pathlib import Path
from typing import Any

import ffmpeg

from media_pipeline.formats.grid import Grid
from media_pipeline.plan import VideoStep


def output(stream: Any, step: VideoStep, out: Path, grid: Grid) -> Any:
    """One rung as one file; key frames only where segments begin, at the same frames on every rung."""
    chosen = {"tune": step.tune} if step.tune else {}
    if step.params:
        chosen["x264-params"] = ":".join(f"{name}={value}" for name, value in step.params)
    return ffmpeg.output(
        stream,
        str(out / f"{step.spec}.mp4"),
        format="mp4",
        vcodec="libx264",
        preset=step.preset,
        crf=step.crf,
        maxrate=step.max_rate,
        bufsize=2 * step.max_rate,
        g=100_000,  # no key frame but the forced ones: scene cuts fall differently on each rung
        sc_threshold=0,
        **{"profile:v": "high", "flags:v": "+cgop", **chosen, **grid.options()},
    )
