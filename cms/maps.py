"""A map without tiles: places as points of a plane, from their coordinates. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

WIDTH = 640
MARGIN = 60
_CHAR = 24
"""Width and height of a label's character in the drawing's units."""


@dataclass(frozen=True, slots=True)
class Point:
    """A place on the drawing. ``label`` says whether its name has room; ``end`` whether it is set left of the point."""

    place: Any
    x: float
    y: float
    radius: float
    count: int
    label: bool
    end: bool
    here: bool = False

    @property
    def offset(self) -> float:
        """Distance of the name from the point's centre."""
        return self.radius + 6


@dataclass(frozen=True, slots=True)
class Map:
    width: int
    height: int
    points: tuple[Point, ...]


def draw(places: Sequence[Any], counts: dict[str, int], here: str = "") -> Map | None:
    """Points for those of ``places`` that have coordinates; None when fewer than two have. ``counts`` by code."""
    known = [place for place in places if place.longitude is not None and place.latitude is not None]
    if len(known) < 2:
        return None
    middle = math.radians(sum(place.latitude for place in known) / len(known))
    xs = [place.longitude * math.cos(middle) for place in known]
    ys = [-place.latitude for place in known]
    span = max(max(xs) - min(xs), 0.01)
    scale = (WIDTH - 2 * MARGIN) / span
    height = min(max(round((max(ys) - min(ys)) * scale), 150), 760)
    scale = min(scale, height / max(max(ys) - min(ys), 0.01))
    shift = (WIDTH - span * scale) / 2
    spots = [((x - min(xs)) * scale + shift, (y - min(ys)) * scale + MARGIN) for x, y in zip(xs, ys, strict=True)]
    return Map(WIDTH, height + 2 * MARGIN, _with_labels(known, spots, counts, here))


def _with_labels(known: Sequence[Any], spots: list, counts: dict[str, int], here: str) -> tuple[Point, ...]:
    """The places with most courses get their names first; a name that would cover another is left out."""
    taken: list[tuple[float, float, float, float]] = []
    points = []
    order = sorted(
        range(len(known)), key=lambda i: (known[i].code != here, -counts.get(known[i].code, 0), known[i].code)
    )
    for index in order:
        place, (x, y) = known[index], spots[index]
        count = counts.get(place.code, 0)
        radius = 6 + min(12, 2.6 * math.log1p(count))
        wide = _CHAR * len(place.name)
        end = x + radius + wide > WIDTH - 6
        left = x - radius - 6 - wide if end else x + radius + 6
        box = (left, y - _CHAR / 2, left + wide, y + _CHAR / 2)
        room = left > 0 and not any(_overlap(box, other) for other in taken)
        if room:
            taken.append(box)
        taken.append((x - radius, y - radius, x + radius, y + radius))
        points.append(Point(place, round(x, 1), round(y, 1), round(radius, 1), count, room, end, place.code == here))
    return tuple(points)


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
