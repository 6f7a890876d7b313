"""AV1 by SVT-AV1: half the bits of H.264, for the screens that play it."""

from pathlib import Path
from typing import Any

import ffmpeg

from media_pipeline.formats.grid import Grid
from media_pipeline.plan import VideoStep


def output(stream: Any, step: VideoStep, out: Path, grid: Grid) -> Any:
    """One rung as one file, cut at the same frames as the others; ``step.tune`` is the number of SVT-AV1's own."""
    # keyint=-1: no key frame but the forced ones; mbr caps constant quality, in kbit/s. lp=1 and groups of 8 pictures
    # keep memory small: the rungs run side by side anyway, and larger groups save no bits at these presets.
    params = {
        "keyint": "-1",
        "scd": "0",
        "lp": "1",
        "hierarchical-levels": "3",
        "mbr": str(step.max_rate // 1000),
        **({"tune": step.tune} if step.tune else {}),
    }
    params |= dict(step.params)
    return ffmpeg.output(
        stream,
        str(out / f"{step.spec}.mp4"),
        format="mp4",
        vcodec="libsvtav1",
        preset=step.preset,
        crf=step.crf,
        **{"svtav1-params": ":".join(f"{name}={value}" for name, value in params.items()), **grid.options()},
    )
