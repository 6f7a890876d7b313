"""The still picture shown before a film plays."""

from pathlib import Path
from typing import Any

import ffmpeg

from media_pipeline.plan import PosterStep

NAME = "poster.jpg"
JPEG = {"vcodec": "mjpeg", "pix_fmt": "yuvj420p", "format": "image2", "update": 1, "vframes": 1, "q:v": 3}
CANDIDATES = 24


def output(stream: Any, step: PosterStep, out: Path) -> Any:
    stream = stream.filter("select", f"gte(t,selected_n*{step.interval:g})")
    stream = stream.filter("scale", step.width, step.height, flags="bicubic", out_range="full")
    return ffmpeg.output(stream.filter("thumbnail", n=CANDIDATES), str(out / NAME), **JPEG)
