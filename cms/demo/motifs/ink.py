"""Brush and scissors: bamboo, the character 永, mountains in mist, paper cuts."""

from __future__ import annotations

import math
import random
from itertools import pairwise

from cms.demo.sheet import Drawing, Pen, Points, Stroke, curve, fade, leaf, mix, polar, ring

PAPER = "#f4efe3"
INK = "#20262a"

# the eight strokes of 永: points with a width each
YONG: list[list[tuple[float, float, float]]] = [
    [(610, 130, 12), (650, 165, 34), (668, 190, 12)],
    [(520, 250, 16), (600, 246, 20), (648, 236, 34)],
    [(648, 236, 36), (644, 380, 34), (640, 560, 36), (636, 590, 30)],
    [(636, 590, 30), (600, 580, 20), (566, 556, 5)],
    [(420, 352, 18), (490, 342, 22), (548, 330, 30)],
    [(548, 330, 30), (500, 430, 22), (400, 528, 5)],
    [(838, 262, 30), (770, 320, 22), (668, 366, 5)],
    [(655, 360, 8), (740, 470, 30), (850, 566, 44), (930, 575, 4)],
]


def _brush(path: list[tuple[float, float, float]]) -> list[tuple[Points, float]]:
    """Short pieces of a stroke whose width changes along the way."""
    pieces = []
    for (ax, ay, aw), (bx, by, bw) in pairwise(path):
        for i in range(14):
            t, u = i / 14, (i + 1.5) / 14
            span = [(ax + (bx - ax) * k, ay + (by - ay) * k) for k in (t, u)]
            pieces.append((span, aw + (bw - aw) * t))
    return pieces


def _bamboo(rng: random.Random) -> list[tuple[Points, str, float]]:
    parts: list[tuple[Points, str, float]] = []
    for x, lean, tone, wide in ((360, 60, 0.62, 14), (640, -30, 0.1, 26), (905, 46, 0.4, 19)):
        y, top = 720.0, 40.0
        while y > top:
            rise = rng.uniform(96, 130)
            a = (x + lean * (720 - y) / 720, y)
            b = (x + lean * (720 - y + rise) / 720, max(top, y - rise))
            parts.append(([a, (b[0], b[1] + 8)], mix(INK, PAPER, tone), wide))
            parts.append(([(b[0] - wide * 0.7, b[1] + 3), (b[0] + wide * 0.7, b[1])], mix(INK, PAPER, tone * 0.6), 4))
            side = rng.choice((-1, 1))
            tip = (b[0] + side * rng.uniform(70, 130), b[1] - rng.uniform(10, 50))
            parts.append((curve(b, (b[0] + side * 40, b[1] - 10), tip, 8), mix(INK, PAPER, tone), 4))
            for _ in range(4):
                angle = math.pi / 2 + side * rng.uniform(-1.3, 0.3)
                blade = leaf(tip, rng.uniform(80, 150), rng.uniform(7, 13), angle)
                parts.append((blade, mix(INK, PAPER, min(0.8, tone + rng.random() * 0.2)), 0))
            y -= rise
    return parts


def _lotus(rng: random.Random) -> list[tuple[Points, str, float]]:
    parts: list[tuple[Points, str, float]] = []
    for x, y, rx in ((330, 430, 190), (940, 500, 210), (620, 610, 150)):
        parts.append((curve((x + 30, 720), (x + 50, y + 100), (x, y), 14), mix(INK, PAPER, 0.35), 7))
        for k in range(6):
            parts.append(
                (
                    ring((x, y), rx * (1 - k * 0.13), rx * 0.34 * (1 - k * 0.13)),
                    mix("#3d5a50", PAPER, 0.12 + k * 0.1),
                    0,
                )
            )
        for k in range(9):
            parts.append(([(x, y), (x + rx * math.cos(k * 0.7), y + rx * 0.34 * math.sin(k * 0.7))], fade(INK, 0.5), 2))
    parts.append((curve((690, 720), (640, 500), (660, 320), 20), "#5d7a62", 8))
    for k in range(11):
        angle = -math.pi / 2 + (k - 5) * 0.29
        parts.append(
            (leaf((660, 330), 170 - abs(k - 5) * 13, 30, angle), mix("#c9536a", "#fbe9ea", 0.25 + 0.5 * (k % 2)), 0)
        )
    parts.append((ring((660, 318), 30, 15), "#d9b44a", 0))
    return parts


def ink(figure: str, rng: random.Random) -> Drawing:
    """Brush work: ``bamboo``, ``yong`` (the character of eight strokes) or ``lotus``."""
    parts: list[tuple[Points, str, float]] = []
    strokes: list[Stroke] = []
    if figure == "yong":
        red = fade("#a8392c", 0.45)
        for line in (
            [(340, 70), (940, 70), (940, 670), (340, 670), (340, 70)],
            [(340, 370), (940, 370)],
            [(640, 70), (640, 670)],
            [(340, 70), (940, 670)],
            [(940, 70), (340, 670)],
        ):
            strokes.append(Stroke([(float(x), float(y)) for x, y in line], red, 2))
        parts = [(span, INK, width) for stroke in YONG for span, width in _brush(stroke)]
    else:
        parts = _lotus(rng) if figure == "lotus" else _bamboo(rng)
    step = 1 / len(parts)
    strokes += [Stroke(p, c, w, i * step, (i + 1.2) * step) for i, (p, c, w) in enumerate(parts)]
    strokes.append(Stroke([(1130, 590), (1174, 590), (1174, 652), (1130, 652)], "#a8392c", 0, 0.96, 1.0))
    return Drawing(PAPER, strokes)


def mountain(figure: str, rng: random.Random) -> Drawing:
    """Ridges in mist that drift at their own speeds; ``dawn``, ``dusk`` or ``jade``."""
    sky, far, near, sun = {
        "dusk": ("#f0ddc4", "#c9a58e", "#4d3b45", "#c2572f"),
        "jade": ("#edf1e8", "#b3cbbf", "#2f5f55", "#e8dcae"),
    }.get(figure, ("#f1ede2", "#c2cfcb", "#3a5561", "#d98f6a"))
    phases = [(rng.uniform(0, 9), rng.uniform(0, 9), rng.uniform(0, 9)) for _ in range(6)]

    def ridge(layer: int, x: float) -> float:
        p, q, r = phases[layer]
        wave = 46 * math.sin(x / 210 + p) + 30 * math.sin(x / 97 + q) + 9 * math.sin(x / 31 + r)
        return 300 + layer * 74 - wave * (1.25 - layer * 0.12)

    def live(pen: Pen, second: float, now: float) -> None:
        pen.dot((900 - now * 60, 210 - now * 70), 58, sun)
        for layer in range(6):
            drift = second * (2 + layer * layer * 1.3)
            tone = mix(far, near, layer / 5)
            pen.area([(0, 720), *((x, ridge(layer, x + drift)) for x in range(0, 1312, 16)), (1296, 720)], tone)
            for k in range(3):
                pen.area(
                    ring(((k * 560 + second * 9 + layer * 210) % 1700 - 200, 420 + layer * 62), 330, 15, 24),
                    fade(sky, 0.2),
                )
        for k in range(7):
            x, y = 240 + second * 16 + k * 44, 170 - abs(k - 3) * 17 + 6 * math.sin(second * 2 + k)
            flap = 8 * math.sin(second * 6 + k)
            pen.line([(x - 15, y - flap), (x, y), (x + 15, y - flap)], near, 3)

    return Drawing(sky, [], live)


def papercut(figure: str, rng: random.Random) -> Drawing:
    """A red window flower opened by symmetric cuts; ``figure`` gives the fold: 6, 8 or 12."""
    fold = int(figure) if figure.isdigit() else 8
    paper, red = "#f6f1e6", "#b0302a"
    centre = (640.0, 365.0)
    rim = [polar(centre, 318 + 16 * math.cos(k / 240 * math.tau * fold * 3), k / 240 * math.tau) for k in range(241)]
    shapes: list[tuple[float, list[Points]]] = []
    for radius, kind in ((292, 0), (238, 1), (190, 2), (150, 3), (104, 1), (66, 2)):
        group = []
        for k in range(fold * (2 if kind in {0, 3} else 1)):
            angle = math.tau * k / (fold * (2 if kind in {0, 3} else 1))
            spot = polar(centre, radius, angle)
            if kind == 0:
                group.append(leaf(spot, 44, 9, angle + 2.3))
            elif kind == 1:
                group.append(leaf(polar(spot, 20, angle + math.pi), 66 * radius / 180, 24 * radius / 220, angle))
            elif kind == 2:
                for side in (-1, 1):
                    group.append(leaf(spot, 58 * radius / 150, 12, angle + side * 1.15))
            else:
                group.append(ring(spot, 10, 10, 20))
        shapes.append((radius, group))
    cuts = [shape for _, group in shapes for shape in group] + [ring(centre, 22, 22, 20)]
    step = 0.88 / len(cuts)
    strokes = [Stroke(rim, red, 0, 0.0, 0.1)]
    strokes += [Stroke(cut, paper, 0, 0.1 + i * step, 0.1 + (i + 3) * step) for i, cut in enumerate(cuts)]
    return Drawing(paper, strokes)
