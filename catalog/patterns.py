"""Patterns of the crafts, drawn as SVG: water waves, cracked ice, brocade, bamboo.

Pure functions: the same name, colour and seed always give the same drawing, so its address may be cached for ever.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

WIDTH, HEIGHT = 480, 270
SEEDS = 24
"""Drawings a pattern has in each colour: enough that neighbours differ, few enough that caches hold them all."""

Point = tuple[float, float]
Polygon = tuple[Point, ...]

_LINE = 'fill="none" stroke="#fff" stroke-opacity=".46" stroke-width="1.5" stroke-linecap="round"'


@dataclass(frozen=True, slots=True)
class Motif:
    """``label`` names the motif for people, ``draw`` fills the sheet."""

    label: str
    draw: Callable[[random.Random, str], str]


def svg(name: str, colour: str, seed: int) -> str:
    """A whole SVG file of 480 × 270. ``name`` is a key of ``MOTIFS``, ``colour`` is ``#rrggbb``."""
    rng = random.Random(f"{name}{seed}")  # noqa: S311 - a drawing, not a secret
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'preserveAspectRatio="xMidYMid slice"><rect width="{WIDTH}" height="{HEIGHT}" fill="{colour}"/>'
        f"{MOTIFS[name].draw(rng, colour)}</svg>"
    )


def _moon(rng: random.Random, top: float) -> str:
    radius = rng.choice((26, 34, 44))
    x = rng.uniform(0.58, 0.88) * WIDTH
    return f'<circle cx="{x:.0f}" cy="{top:.0f}" r="{radius}" fill="#fff" fill-opacity=".16"/>'


def _wave(rng: random.Random, colour: str) -> str:
    """Rows of round waves that grow toward the reader; each row hides the feet of the one behind."""
    horizon = rng.uniform(0.16, 0.42) * HEIGHT
    radius, y = rng.uniform(15, 22), horizon
    out = [_moon(rng, horizon - 6)]
    while y < HEIGHT + radius:
        shift = rng.uniform(0, radius)
        x = -shift
        while x < WIDTH + radius:
            out.append(
                f'<circle cx="{x:.0f}" cy="{y + radius:.0f}" r="{radius:.1f}" fill="{colour}"/>'
                + "".join(f'<circle cx="{x:.0f}" cy="{y + radius:.0f}" r="{radius * part:.1f}"/>' for part in _RINGS)
            )
            x += 2 * radius
        y += radius * 0.62
        radius *= 1.2
    return f"<g {_LINE}>{''.join(out)}</g>"


_RINGS = (0.97, 0.7, 0.43)


def _area(polygon: Polygon) -> float:
    pairs = zip(polygon, polygon[1:] + polygon[:1], strict=True)
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in pairs)) / 2


def _edges_by_length(polygon: Polygon) -> list[int]:
    count = len(polygon)
    return sorted(range(count), key=lambda i: -math.dist(polygon[i], polygon[(i + 1) % count]))


def _along(polygon: Polygon, edge: int, part: float) -> Point:
    a, b = polygon[edge], polygon[(edge + 1) % len(polygon)]
    return (a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part)


def _ice(rng: random.Random, colour: str) -> str:
    """A glaze cracks again and again across its longest sides, as real crackle does."""
    sheets: list[Polygon] = [((0, 0), (WIDTH, 0), (WIDTH, HEIGHT), (0, HEIGHT))]
    limit = rng.uniform(1500, 3400)
    cuts, facets = [], []
    while sheets:
        sheet = sheets.pop()
        if _area(sheet) < limit * rng.uniform(0.7, 1.7):
            facets.append(sheet)
            continue
        first, second = sorted(_edges_by_length(sheet)[:2])
        p, q = _along(sheet, first, rng.uniform(0.3, 0.7)), _along(sheet, second, rng.uniform(0.3, 0.7))
        cuts.append(f"M{p[0]:.0f} {p[1]:.0f}L{q[0]:.0f} {q[1]:.0f}")
        sheets.append((*sheet[: first + 1], p, q, *sheet[second + 1 :]))
        sheets.append((p, *sheet[first + 1 : second + 1], q))
    lit = rng.sample(facets, k=min(7, len(facets)))
    glints = "".join("M" + "L".join(f"{x:.0f} {y:.0f}" for x, y in facet) + "Z" for facet in lit)
    return f'<path d="{glints}" fill="#fff" fill-opacity=".1"/><path d="{"".join(cuts)}" {_LINE}/>'


def _stepped_diamond(centre: float, steps: int, size: int) -> str:
    """A diamond whose sides are stairs, as threads must make it."""
    start = f"M{centre} {centre - steps * size}"
    right = f"h{size}v{size}" * steps
    down = f"v{size}h-{size}" * steps
    left = f"h-{size}v-{size}" * steps
    up = f"v-{size}h{size}" * steps
    return start + right + down + left + up


def _loom(rng: random.Random, colour: str) -> str:
    """Brocade: nested stepped diamonds in a repeat, with one selvedge band."""
    step = rng.choice((3, 4, 5))
    rings = rng.sample((1, 2, 3, 4, 5, 6), k=rng.choice((3, 4)))
    side = step * 16
    path = "".join(_stepped_diamond(side / 2, ring, step) for ring in rings)
    ticks = "".join(f"M{x} 0v{step}M{x} {side}v-{step}" for x in range(0, side + 1, step * 2))
    band = rng.choice((0, 1))
    x = WIDTH - 58 if band else 34
    return (
        f'<pattern id="w" width="{side}" height="{side}" patternUnits="userSpaceOnUse">'
        f'<path d="{path}{ticks}" {_LINE}/></pattern><rect width="{WIDTH}" height="{HEIGHT}" fill="url(#w)"/>'
        f'<rect x="{x}" width="24" height="{HEIGHT}" fill="{colour}"/>'
        f'<path d="M{x} 0v{HEIGHT}M{x + 24} 0v{HEIGHT}M{x + 12} 0v{HEIGHT}" {_LINE} stroke-dasharray="1 {step + 2}"/>'
    )


def _leaf(x: float, y: float, angle: float, length: float) -> str:
    tip = (x + math.cos(angle) * length, y + math.sin(angle) * length)
    bend = length * 0.16
    sides = []
    for turn in (bend, -bend):
        mid = ((x + tip[0]) / 2 - math.sin(angle) * turn, (y + tip[1]) / 2 + math.cos(angle) * turn)
        sides.append(mid)
    return (
        f"M{x:.0f} {y:.0f}Q{sides[0][0]:.0f} {sides[0][1]:.0f} {tip[0]:.0f} {tip[1]:.0f}"
        f"Q{sides[1][0]:.0f} {sides[1][1]:.0f} {x:.0f} {y:.0f}"
    )


def _bamboo(rng: random.Random, colour: str) -> str:
    """Culms at uneven distances, some near and some far, with leaves from a few of the nodes."""
    culms, leaves = [], []
    x = rng.uniform(10, 50)
    while x < WIDTH:
        width = rng.choice((6, 9, 14, 20))
        y = rng.uniform(-70, 0)
        while y < HEIGHT:
            length = rng.uniform(58, 96)
            culms.append(f"M{x:.0f} {y + 3:.0f}v{length - 6:.0f}M{x + width:.0f} {y + 3:.0f}v{length - 6:.0f}")
            culms.append(f"M{x - 2:.0f} {y + length:.0f}h{width + 4:.0f}")
            if rng.random() < 0.4:
                side = rng.choice((0, math.pi))
                for spread in (0.15, 0.55, 0.95):
                    angle = spread if side == 0 else math.pi - spread
                    root = x + width if side == 0 else x
                    leaves.append(_leaf(root, y + length, angle, rng.uniform(36, 64)))
            y += length
        x += width + rng.uniform(34, 96)
    stems, foliage = "".join(culms), "".join(leaves)
    return f'{_moon(rng, 62)}<path d="{stems}" {_LINE}/><path d="{foliage}" fill="#fff" fill-opacity=".4"/>'


MOTIFS: dict[str, Motif] = {
    "wave": Motif("水波", _wave),
    "ice": Motif("冰裂", _ice),
    "loom": Motif("织锦", _loom),
    "bamboo": Motif("竹", _bamboo),
}
