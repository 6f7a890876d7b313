"""The pictures of the demo library, each a function from options and a seeded chance to a drawing.

A new motif is one function and one entry of ``MOTIFS``; content names it as ``film = "motif"`` or
``film = "motif:figure"``.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable

from cms.demo.motifs import clay, cloth, ink, life, stage, work
from cms.demo.sheet import Drawing

Motif = Callable[[str, random.Random], Drawing]

MOTIFS: dict[str, Motif] = {
    "stitch": cloth.stitch,
    "weave": cloth.weave,
    "vessel": clay.vessel,
    "carve": clay.carve,
    "ink": ink.ink,
    "mountain": ink.mountain,
    "papercut": ink.papercut,
    "wave": stage.wave,
    "mask": stage.mask,
    "sleeve": stage.sleeve,
    "lantern": stage.lantern,
    "figure": life.figure,
    "tea": life.tea,
    "plate": life.plate,
    "pulse": life.pulse,
    "sprout": life.sprout,
    "home": work.home,
    "phone": work.phone,
    "chart": work.chart,
    "umbrella": stage.umbrella,
}


def draw(name: str, seed: str) -> Drawing:
    """The drawing of ``motif`` or ``motif:figure``; the same seed gives the same picture on every machine.

    Raises KeyError for a motif that is not in ``MOTIFS``.
    """
    motif, _, figure = name.partition(":")
    number = int(hashlib.sha256(f"{name}/{seed}".encode()).hexdigest()[:12], 16)
    return MOTIFS[motif](figure, random.Random(number))  # noqa: S311 - chance for pictures, not for secrets
