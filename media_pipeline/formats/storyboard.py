"""Small pictures for the seek bar: one sprite and the WebVTT that says which part of it belongs to which seconds."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ffmpeg

from media_pipeline.captions import timestamp
from media_pipeline.formats.poster import JPEG
from media_pipeline.plan import StoryboardStep

SPRITE, TRACK = "storyboard.jpg", "storyboard.vtt"
_CUE = re.compile(
    r"(?P<h>\d+):(?P<m>\d\d):(?P<s>\d\d\.\d{3}) --> [^\n]+\n"
    r"[\w.-]+#xywh=(?P<x>\d+),(?P<y>\d+),(?P<width>\d+),(?P<height>\d+)"
)


@dataclass(frozen=True, slots=True)
class Area:
    """The part of the sprite, in pixels, that shows the film at ``seconds``."""

    seconds: float
    x: int
    y: int
    width: int
    height: int


def output(stream: Any, step: StoryboardStep, out: Path) -> Any:
    stream = stream.filter("select", f"gte(t,selected_n*{step.interval:g})")
    stream = stream.filter("scale", step.width, step.height, flags="bicubic", out_range="full")
    stream = stream.filter("tile", f"{step.columns}x{step.rows}")
    return ffmpeg.output(stream, str(out / SPRITE), **{**JPEG, "q:v": 5})


def track(step: StoryboardStep, seconds: float) -> str:
    """WebVTT whose cues are ``storyboard.jpg#xywh=x,y,w,h``."""
    lines = ["WEBVTT", ""]
    for number in range(step.columns * step.rows):
        start = number * step.interval
        if start >= seconds and number:
            break
        end = max(start + 0.001, min(seconds, start + step.interval))
        row, column = divmod(number, step.columns)
        area = f"{column * step.width},{row * step.height},{step.width},{step.height}"
        lines += [f"{timestamp(start)} --> {timestamp(end)}", f"{SPRITE}#xywh={area}", ""]
    return "\n".join(lines)


def areas(text: str) -> list[Area]:
    """What ``track`` wrote, read again: in the order of time."""
    return [
        Area(
            round(int(cue["h"]) * 3600 + int(cue["m"]) * 60 + float(cue["s"]), 3),
            *(int(cue[side]) for side in ("x", "y", "width", "height")),
        )
        for cue in _CUE.finditer(text)
    ]
