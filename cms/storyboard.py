"""The pictures of a film that an editor may choose its poster from: the parts of the storyboard's sprite."""

import re
from dataclasses import dataclass

from media_pipeline import storage
from media_pipeline.access import media_url
from media_pipeline.errors import Failed
from media_pipeline.models import MediaAsset

_CUE = re.compile(
    r"(?P<h>\d+):(?P<m>\d\d):(?P<s>\d\d\.\d{3}) --> [^\n]+\n"
    r"(?P<name>[\w.-]+)#xywh=(?P<x>\d+),(?P<y>\d+),(?P<width>\d+),(?P<height>\d+)"
)


@dataclass(frozen=True, slots=True)
class Frame:
    """What is seen at ``seconds``: a part of the sprite at ``url``, in pixels."""

    seconds: float
    url: str
    x: int
    y: int
    width: int
    height: int


def frames(asset: MediaAsset) -> list[Frame]:
    """The frames in time order; none for what has no storyboard, nor while the store is away."""
    package = asset.package
    if package is None or not package.storyboard_key:
        return []
    try:
        with storage.store().open(package.storyboard_key) as file:
            text = file.read().decode()
    except (FileNotFoundError, Failed):
        return []
    return [
        Frame(
            round(int(cue["h"]) * 3600 + int(cue["m"]) * 60 + float(cue["s"]), 3),
            media_url(asset, f"{package.prefix}{cue['name']}", signed=True),
            *(int(cue[side]) for side in ("x", "y", "width", "height")),
        )
        for cue in _CUE.finditer(text)
    ]
