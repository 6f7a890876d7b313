"""Clay and wood: vessels that rise on the wheel and craze, blue brush on white, lattices cut line by line."""

from __future__ import annotations

import math
import random

from cms.demo.sheet import Drawing, Point, Points, Stroke, arc, fade, leaf, mix, polar, ring

# half widths from foot to lip, evenly spaced over the height
PROFILES = {
    "vase": [70, 78, 105, 142, 165, 168, 150, 112, 70, 48, 42, 44, 58, 72],
    "bowl": [60, 62, 110, 160, 205, 240, 262, 276, 284],
    "plum": [80, 84, 92, 104, 120, 142, 165, 182, 186, 172, 130, 70, 52, 58],
    "jar": [110, 130, 170, 200, 214, 218, 210, 190, 150, 112, 104, 110],
}
GLAZES = {
    "ice": ("#7fa99a", "#c5dccf"),
    "blue": ("#cfd9de", "#f7f8f6"),
    "zisha": ("#6b3b28", "#a9694a"),
    "white": ("#d9d4c6", "#faf7ee"),
}


def _at(profile: list[int], t: float) -> float:
    """The half width at ``t`` of the height, on a smooth curve through the profile (Catmull–Rom)."""
    x = min(0.9999, max(0.0, t)) * (len(profile) - 1)
    i = int(x)
    u = x - i
    a, b, c, d = (profile[min(len(profile) - 1, max(0, i + k))] for k in (-1, 0, 1, 2))
    return b + 0.5 * u * (c - a + u * (2 * a - 5 * b + 4 * c - d + u * (3 * (b - c) + d - a)))


def _body(profile: list[int], foot: float, height: float, glaze: tuple[str, str]) -> list[Stroke]:
    """The vessel as thin slices from foot to lip, light from the left."""
    strokes = []
    slices = 130
    for i in range(slices):
        y = foot - height * i / slices
        half = _at(profile, i / slices)
        for part in range(12):
            a, b = part / 12, (part + 1) / 12
            shade = 0.5 + 0.5 * math.cos((a + 0.04 - 0.34) * math.pi)
            tone = mix(glaze[0], glaze[1], max(0.0, min(1.0, shade)))
            box = [(640 - half + 2 * half * a, y - height / slices - 1.2), (640 - half + 2 * half * b + 1, y + 0.6)]
            corners = [box[0], (box[1][0], box[0][1]), box[1], (box[0][0], box[1][1])]
            strokes.append(Stroke(corners, tone, 0, i / slices * 0.34, (i + 1) / slices * 0.34))
    return strokes


def _cracks(rng: random.Random, inside, box: tuple[int, int, int, int]) -> list[Points]:
    """Crazing: every crack runs until it meets another or the edge, as in a cooling glaze."""
    taken: dict[tuple[int, int], int] = {}
    result: list[Points] = []
    for number in range(150):
        origin: Point = (rng.uniform(box[0], box[2]), rng.uniform(box[1], box[3]))
        if not inside(origin):
            continue
        heading = rng.uniform(0, math.tau)
        for way in (0.0, math.pi):
            point, angle, path = origin, heading + way, [origin]
            for _ in range(70):
                angle += rng.uniform(-0.24, 0.24)
                point = polar(point, 7, angle)
                cell = (int(point[0] // 9), int(point[1] // 9))
                path.append(point)
                if not inside(point) or taken.get(cell, number) != number:
                    break
                taken[cell] = number
            if len(path) > 4:
                result.append(path)
    return result


def _scroll(rng: random.Random, inside) -> list[tuple[Points, float]]:
    """Blue scrolls and lotus: spirals with leaves."""
    parts: list[tuple[Points, float]] = []
    for cx, cy, turn in ((560, 330, 1), (720, 330, -1), (640, 450, 1), (580, 520, -1), (700, 520, 1), (640, 240, -1)):
        spiral = [polar((cx, cy), 8 + i * 1.5, turn * i * 0.3 + cx) for i in range(34)]
        parts.append(([p for p in spiral if inside(p)], 4.0))
        for i in range(6):
            petal = leaf(polar((cx, cy), 12, i), 34, 9, i * math.tau / 6, 6)
            if all(inside(p) for p in petal):
                parts.append((petal, 0))
    return [(points, width) for points, width in parts if len(points) > 2]


def _teapot() -> list[Stroke]:
    dark, light = GLAZES["zisha"]
    parts: list[tuple[Points, str, float]] = []
    for i in range(46):
        parts.append((ring((640 - i * 0.9, 420 - i * 1.2), 215 - i * 4.4, 150 - i * 3.1), mix(dark, light, i / 52), 0))
    parts.append(
        (
            [(820, 430), (905, 400), (960, 300), (985, 296), (960, 360), (890, 480), (800, 500)],
            mix(dark, light, 0.35),
            0,
        )
    )
    parts.append((arc((400, 400), 112, 0.9, 5.4, 30), mix(dark, light, 0.25), 28))
    parts.append((ring((640, 286), 112, 24), mix(dark, light, 0.55), 0))
    parts.append((ring((640, 276), 96, 17), mix(dark, light, 0.75), 0))
    parts.append((ring((640, 248), 24, 21), mix(dark, light, 0.85), 0))
    for i in range(7):
        parts.append((leaf((560, 480), 74, 9, -2.2 + i * 0.36), fade("#3a1d12", 0.55), 0))
    parts.append(([(560, 480), (562, 540)], fade("#3a1d12", 0.55), 4))
    step = 1 / len(parts)
    return [Stroke(p, c, w, i * step, (i + 1) * step) for i, (p, c, w) in enumerate(parts)]


def vessel(figure: str, rng: random.Random) -> Drawing:
    """``shape-glaze``: vase, bowl, plum or jar in ice, blue, zisha or white; ``teapot`` alone is a teapot."""
    shape, _, name = figure.partition("-")
    table = [Stroke([(0, 640), (1280, 640)], "#cfc7b4", 3), Stroke(ring((640, 642), 260, 20), "#e2dac7", 0)]
    if shape == "teapot":
        return Drawing("#efe9dc", [*table, *_teapot()])
    profile = PROFILES.get(shape, PROFILES["vase"])
    glaze = GLAZES.get(name, GLAZES["ice"])
    height = 300.0 if shape == "bowl" else 500.0
    foot = 640.0

    def inside(point: Point) -> bool:
        t = (foot - point[1]) / height
        return 0.02 < t < 0.985 and abs(point[0] - 640) < _at(profile, t) - 3

    strokes = table + _body(profile, foot, height, glaze)
    lip = _at(profile, 1)
    strokes.append(Stroke(ring((640, foot - height), lip, lip * 0.16), mix(glaze[0], "#20302a", 0.45), 0, 0.34, 0.37))
    lines: list[tuple[Points, str, float]] = []
    if name == "blue":
        lines = [(points, "#2d4f8e", width) for points, width in _scroll(rng, inside)]
        for t in (0.05, 0.09, 0.8, 0.9, 0.95):
            half = _at(profile, t) - 3
            lines.append(([(640 - half, foot - height * t), (640 + half, foot - height * t)], "#2d4f8e", 3.5))
    elif name == "ice":
        box = (380, int(foot - height), 900, int(foot))
        lines = [(path, fade("#3f5a4c", 0.8), 1.7) for path in _cracks(rng, inside, box)]
    step = 0.62 / max(1, len(lines))
    strokes += [Stroke(p, c, w, 0.37 + i * step, 0.37 + (i + 1.6) * step) for i, (p, c, w) in enumerate(lines)]
    return Drawing("#efe9dc", strokes)


def _meander(x: float, y: float, unit: float) -> Points:
    path = [(0, 4), (0, 0), (4, 0), (4, 3), (1.5, 3), (1.5, 1.5), (2.7, 1.5)]
    return [(x + px * unit, y + py * unit) for px, py in path]


def carve(figure: str, rng: random.Random) -> Drawing:
    """Carved wood: a window with meander border around a ``flower`` or ``crane``."""
    dark, light = "#4a2f1c", "#b98a54"
    strokes = [Stroke([(0, y), (1280, y + rng.uniform(-14, 14))], fade("#2a180c", 0.16), 2) for y in range(0, 720, 7)]
    parts: list[tuple[Points, float]] = [([(150, 60), (1130, 60), (1130, 670), (150, 670), (150, 60)], 14)]
    parts.append(([(270, 168), (1010, 168), (1010, 562), (270, 562), (270, 168)], 8))
    for x in range(172, 1080, 79):
        parts += [(_meander(x, 82, 16), 6), (_meander(x, 588, 16), 6)]
    for y in range(172, 540, 79):
        parts += [(_meander(172, y, 16), 6), (_meander(1034, y, 16), 6)]
    for k in range(14):
        angle = math.tau * k / 14
        parts.append((leaf(polar((640, 365), 52, angle), 110, 26, angle, 12), 5))
        parts.append((leaf(polar((640, 365), 30, angle + 0.22), 62, 15, angle + 0.22, 12), 4))
    parts.append((ring((640, 365), 27), 6))
    for side in (-1, 1):
        for i in range(5):
            centre = (640 + side * (215 + i % 2 * 66), 230 + i * 62)
            parts.append((arc(centre, 34, 0, side * 5.2, 22), 5))
            parts.append((arc(centre, 17, 0, side * 5.2, 16), 4))
    step = 1 / len(parts)
    for i, (points, width) in enumerate(parts):
        begin, end = i * step, (i + 1.4) * step
        strokes.append(Stroke([(x + 3, y + 4) for x, y in points], dark, width + 2, begin, end))
        strokes.append(Stroke(points, light, width, begin, end))
    return Drawing("#7d5532", strokes, None, "#f2efe6")
