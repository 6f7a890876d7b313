"""The still picture shown before a film plays: the most telling of some frames spread over it."""

from pathlib import Path
from typing import Any

import ffmpeg
from PIL import Image, ImageFilter, ImageStat

from media_pipeline.plan import PosterStep

NAME = "poster.webp"
QUALITY = 75
"""Of WebP: for the same look a third of the bytes of ffmpeg's JPEG, which counts on a page of cards (docs/site.md)."""

STILL = {"vcodec": "mjpeg", "pix_fmt": "yuvj420p", "format": "image2", "q:v": 3}
JPEG = {**STILL, "update": 1, "vframes": 1}
CANDIDATES = "poster-%02d.jpg"
LOOKED_AT = (320, 180)  # pixels; sharpness is what is left of it in a small picture too
FLAT = 6.0  # standard deviation of grey values: nothing but one colour
MIDDLE, USUAL_CONTRAST = 120.0, 50.0  # grey values


def output(stream: Any, step: PosterStep, out: Path) -> Any:
    """Candidates: the first frame, since a film always has one, then one in the middle of each interval."""
    stream = stream.filter("select", f"gte(t,(selected_n-0.5)*{step.interval:g})")
    stream = stream.filter("scale", step.width, step.height, flags="bicubic", out_range="full")
    return ffmpeg.output(stream, str(out / CANDIDATES), vframes=step.candidates, fps_mode="passthrough", **STILL)


def choose(out: Path) -> None:
    """Keep the best candidate as the poster; of equals the first."""
    candidates = sorted(out.glob(CANDIDATES.replace("%02d", "*")))
    if not candidates:
        return
    keep(max(candidates, key=_telling), out)
    for candidate in candidates:
        candidate.unlink(missing_ok=True)


def keep(still: Path, out: Path) -> None:
    """Makes ``still``, a JPEG of our own making, the poster in ``out``; it is gone afterwards."""
    with Image.open(still) as image:
        image.save(out / NAME, quality=QUALITY, method=4)
    still.unlink()


def _telling(file: Path) -> float:
    """Sharp and rich in contrast counts for, dark, burnt out or blank against; a fade is dim and flat."""
    with Image.open(file) as image:
        image.draft("L", LOOKED_AT)
        grey = image.convert("L")
        grey.thumbnail(LOOKED_AT)
    seen = ImageStat.Stat(grey)
    mean, contrast = seen.mean[0], seen.stddev[0]
    if contrast < FLAT:
        return 0.0
    edges = ImageStat.Stat(grey.filter(ImageFilter.FIND_EDGES)).mean[0]
    bright = max(0.1, 1.0 - abs(mean - MIDDLE) / 160.0)
    return bright * min(1.0, contrast / USUAL_CONTRAST) * (edges + 5.0)
