"""Thread and bamboo: embroidery drawn stitch by stitch, weaving drawn strip by strip."""

from __future__ import annotations

import math
import random
from itertools import pairwise

from cms.demo.sheet import HEIGHT, WIDTH, Drawing, Point, Points, Stroke, arc, fade, leaf, mix, polar

CENTRE = (640.0, 370.0)
CLOTHS = {"miao": "#1f2a3c", "silk": "#efe7d6", "red": "#6e2323"}


def _timed(parts: list[tuple[Points, str, float]], begin: float = 0.0, end: float = 1.0) -> list[Stroke]:
    """Parts drawn one after the other, evenly, between two moments."""
    step = (end - begin) / max(1, len(parts))
    return [
        Stroke(points, colour, width, begin + i * step, begin + (i + 1) * step)
        for i, (points, colour, width) in enumerate(parts)
    ]


def _satin(root: Point, length: float, width: float, angle: float, pair: tuple[str, str]) -> list:
    """A petal filled with slanting flat stitches from its middle line to its edges (平绣)."""
    outline = leaf(root, length, width, angle, 40)
    stitches = []
    for i in range(1, 40):
        colour = mix(pair[0], pair[1], i / 40)
        middle = polar(root, length * max(0.0, i / 40 - 0.1), angle)
        stitches.append(([middle, outline[i]], colour, 3.2))
        stitches.append(([middle, outline[81 - i]], mix(colour, "#000000", 0.08), 3.2))
    return stitches


def _flower(centre: Point, size: float, petals: int, pair: tuple[str, str], turn: float = 0.0) -> list:
    parts = []
    for i in range(petals):
        angle = turn + math.tau * i / petals
        parts += _satin(polar(centre, size * 0.16, angle), size, size * 0.3, angle, pair)
    for i in range(19):
        dot = polar(centre, size * 0.16 * math.sqrt(i / 19) + 2, i * 2.4)
        parts.append(([dot, (dot[0] + 0.1, dot[1])], "#e8c25a", 9))
    return parts


def _stem(a: Point, b: Point, lift: float) -> list:
    parts = []
    for i in range(24):
        t, u = i / 24, (i + 1.3) / 24
        wave = [(a[0] + (b[0] - a[0]) * x, a[1] + (b[1] - a[1]) * x - lift * math.sin(math.pi * x)) for x in (t, u)]
        parts.append((wave, "#6f9a6a", 5))
    return parts


def _peony(rng: random.Random) -> list:
    pair = rng.choice([("#a8392c", "#e9a39a"), ("#8d3f6b", "#e4b3cf"), ("#b5532a", "#f0c48c")])
    parts = _stem((360, 640), (620, 420), 40) + _stem((930, 640), (660, 420), 40)
    for root, angle in (((430, 590), -2.4), ((520, 520), -0.2), ((850, 590), -0.7), ((760, 520), -2.9)):
        parts += _satin(root, 150, 34, angle, ("#2f6f62", "#9cc3a0"))
    parts += _flower((640, 330), 190, 9, pair)
    parts += _flower((640, 330), 105, 7, (mix(pair[1], "#ffffff", 0.2), pair[0]), 0.3)
    parts += _flower((330, 600), 80, 6, pair, 0.2) + _flower((960, 600), 80, 6, pair, 0.1)
    return parts


def _butterfly(rng: random.Random) -> list:
    pair = ("#c2572f", "#f1c36b")
    parts = []
    for side in (-1, 1):
        x = 640 + side * 18
        flip = (lambda a: a) if side > 0 else (lambda a: math.pi - a)
        parts += _satin((x, 340), 330, 105, flip(-0.72), pair)
        parts += _satin((x, 360), 300, 92, flip(-0.08), ("#2f6f62", "#a9d2b9"))
        parts += _satin((x, 385), 230, 80, flip(0.72), ("#8d3f6b", "#e4b3cf"))
        parts.append((arc((x + side * 70, 210), 70, math.pi / 2 - side * 1.57, math.pi / 2 - side * 3.6), "#f1c36b", 4))
        for i in range(5):
            eye = polar((x, 340), 210 + i * 16, flip(-0.72))
            parts.append(([eye, (eye[0] + 0.1, eye[1])], "#1f2a3c" if i % 2 else "#fff4d8", 24 - i * 3))
    parts += _satin((640, 220), 280, 24, math.pi / 2, ("#f1c36b", "#6e2323"))
    return parts


def _knots(rng: random.Random) -> list:
    """打籽绣: a flower of small knots, ring by ring."""
    parts = []
    for r in range(1, 13):
        for i in range(r * 6):
            angle = math.tau * i / (r * 6)
            radius = r * 20 * (1 + 0.2 * math.cos(5 * angle))
            spot = polar(CENTRE, radius, angle)
            colour = mix("#f1c36b", "#a8392c", min(1, r / 9)) if r < 10 else "#6f9a6a"
            parts.append(([spot, (spot[0] + 0.1, spot[1])], mix(colour, "#ffffff", rng.random() * 0.2), 15))
    return parts


def _chain(rng: random.Random) -> list:
    """锁绣 and 辫绣: loops that hold one another along spirals."""
    parts = []
    for side, colour in ((-1, "#e8a94c"), (1, "#7fb7c9")):
        for i in range(110):
            angle = side * i * 0.16 + (math.pi if side < 0 else 0)
            spot = polar((640 + side * 190, 360), 18 + i * 1.55, angle)
            heading = angle + side * 1.45
            parts.append((leaf(spot, 24, 7, heading, 6), mix(colour, "#a8392c", i / 150), 3.4))
    return parts


def _cross(rng: random.Random) -> list:
    """数纱绣 and 挑花: counted crosses in nested diamonds."""
    parts = []
    for reach in range(20):
        for dx in range(-reach, reach + 1):
            for dy in {reach - abs(dx), abs(dx) - reach}:
                x, y = 640 + dx * 26, 360 + dy * 15.5
                if not (90 < x < WIDTH - 90 and 60 < y < HEIGHT - 40):
                    continue
                colour = ("#c2452f", "#f1c36b", "#efe7d6", "#5fa08f", "#d98aa5")[(reach // 2 + (abs(dx) // 5)) % 5]
                parts.append(([(x - 9, y - 5.5), (x + 9, y + 5.5)], colour, 4))
                parts.append(([(x - 9, y + 5.5), (x + 9, y - 5.5)], mix(colour, "#ffffff", 0.18), 4))
    return parts


def _stack(rng: random.Random) -> list:
    """堆绣: folded silk triangles laid like roof tiles, from the rim inwards."""
    parts = []
    for r in range(10, 0, -1):
        count = 8 + r * 4
        for i in range(count):
            angle = math.tau * (i + r % 2 / 2) / count
            a, b = polar(CENTRE, r * 29, angle - 0.5 * 6 / count), polar(CENTRE, r * 29, angle + 0.5 * 6 / count)
            tip = polar(CENTRE, r * 29 - 34, angle)
            colour = ("#b8443a", "#e8b04c", "#3f8a7a", "#d886a6", "#4f6fa8")[r % 5]
            parts.append(([a, b, tip], mix(colour, "#ffffff", (i % 2) * 0.16), 0))
    return parts


def _split(rng: random.Random) -> list:
    """劈丝: one thread parted into eight."""
    parts = []
    for layer in range(3):
        for i in range(8):
            spread = (i - 3.5) * (18 + layer * 36)
            line = [
                (120 + t * 1040, 360 + spread * (t**1.6) + 14 * math.sin(t * 7 + i))
                for t in (n / 40 for n in range(41))
            ]
            colour = mix("#e9c9a0", ("#c2452f", "#d98aa5", "#5fa08f")[layer], i / 8)
            parts.append((line, colour, 9 - layer * 2.6))
    return parts


def _fish(rng: random.Random) -> list:
    parts = []
    for y, side, pair in ((270, 1, ("#b8443a", "#f3c9a5")), (470, -1, ("#35586e", "#b9d3d9"))):
        nose = 640 + side * 330
        parts += _satin((nose, y), 480, 88, math.pi if side > 0 else 0, pair)
        for bend in (-0.45, 0.45):
            tail = (nose - side * 450, y)
            parts += _satin(tail, 190, 46, (math.pi if side > 0 else 0) + bend, (pair[1], pair[0]))
        parts.append(([(nose - side * 62, y - 14), (nose - side * 62.1, y - 14)], "#1d2420", 18))
    for i in range(7):
        x = 200 + i * 150
        parts.append((arc((x, 650), 60, math.pi, math.tau), "#7fa89a", 3))
    return parts


def _square(rng: random.Random) -> list:
    """锡绣: small bright metal squares in meander lines."""
    parts = []
    path = [(0, 0), (4, 0), (4, 4), (1, 4), (1, 2), (2, 2), (2, 3), (3, 3), (3, 1), (0, 1)]
    for row in range(4):
        for column in range(8):
            for (ax, ay), (bx, by) in pairwise(path):
                for k in range(max(abs(bx - ax), abs(by - ay)) * 2):
                    t = k / max(1, max(abs(bx - ax), abs(by - ay)) * 2)
                    x = 130 + column * 132 + (ax + (bx - ax) * t) * 24
                    y = 90 + row * 145 + (ay + (by - ay) * t) * 26
                    light = mix("#aab4b8", "#f5f7f7", rng.random())
                    parts.append(([(x, y), (x + 9, y), (x + 9, y + 9), (x, y + 9)], light, 0))
    return parts


FIGURES = {
    "peony": _peony,
    "butterfly": _butterfly,
    "knots": _knots,
    "chain": _chain,
    "cross": _cross,
    "stack": _stack,
    "split": _split,
    "fish": _fish,
    "square": _square,
}


def stitch(figure: str, rng: random.Random) -> Drawing:
    """Embroidery; ``figure`` is one of FIGURES, with ``-silk`` or ``-red`` for another ground."""
    name, _, ground = figure.partition("-")
    cloth = CLOTHS.get(ground, CLOTHS["miao"])
    light = ground == "silk"
    grain = fade("#000000" if light else "#ffffff", 0.05)
    weave = [Stroke([(0, y), (WIDTH, y)], grain, 1) for y in range(0, HEIGHT, 6)]
    weave += [Stroke([(x, 0), (x, HEIGHT)], grain, 1) for x in range(0, WIDTH, 6)]
    hoop = Stroke(arc(CENTRE, 345, 0, math.tau, 90), "#a9824f", 12) if name in {"peony", "fish", "knots"} else None
    parts = FIGURES.get(name, _peony)(rng)
    strokes = weave + ([hoop] if hoop else []) + _timed(parts)

    def needle(pen, second: float, now: float) -> None:
        if now >= 1 or not parts:
            return
        tip = parts[min(len(parts) - 1, int(now * len(parts)))][0][-1]
        pen.line([tip, (tip[0] + 62, tip[1] - 66)], "#d9dee0", 4)
        thread = [
            (tip[0] + 62 + 60 * t, tip[1] - 66 + 26 * math.sin(t * 5 + second) * t) for t in (n / 12 for n in range(13))
        ]
        pen.line(thread, "#e8c25a", 2)

    return Drawing(cloth, strokes, needle, "#1d2420" if light else "#f2efe6")


def _hexagons(rng: random.Random) -> list:
    parts = []
    tones = ("#c9b26a", "#a8954f", "#8fa05a")
    for direction, tone in zip((0.0, math.pi / 3, 2 * math.pi / 3), tones, strict=True):
        for k in range(-9, 10):
            c, s = math.cos(direction), math.sin(direction)
            mid = (640 - s * k * 66, 360 + c * k * 66)
            line = [(mid[0] + c * t, mid[1] + s * t) for t in range(-760, 761, 95)]
            parts.append((line, mix(tone, "#3d4020", 0.25), 19))
            parts.append((line, mix(tone, "#ffffff", rng.random() * 0.2), 14))
    return parts


def _strip(x: float, y: float, reach: float, half: float) -> Points:
    return [(x - reach, y - half), (x + reach, y - half), (x + reach, y + half), (x - reach, y + half)]


def weave(figure: str, rng: random.Random) -> Drawing:
    """Bamboo or silk strips: ``plain``, ``twill`` (人字纹) or ``hexagon`` (六角眼)."""
    if figure == "hexagon":
        return Drawing("#33402a", _timed(_hexagons(rng)), None, "#f2efe6")
    pitch, wide = 46, 38
    pair = ("#cdb872", "#8c9a4e") if figure != "brocade" else ("#7d3a3f", "#d8a24a")
    parts: list = []
    for column in range(WIDTH // pitch + 1):
        x = column * pitch + 20
        tone = mix(pair[0], "#ffffff", rng.random() * 0.18)
        parts += [([(x, -20), (x, 740)], mix(tone, "#3a3a1c", 0.4), wide), ([(x, -20), (x, 740)], tone, wide - 5)]
    shift = 4 if figure in {"twill", "brocade"} else 2
    for row in range(HEIGHT // pitch + 1):
        y = row * pitch + 22
        tone = mix(pair[1], "#ffffff", rng.random() * 0.18)
        for column in range(WIDTH // pitch + 1):
            under = (column + row) % shift < shift // 2
            if under:
                continue
            x = column * pitch + 20
            parts.append((_strip(x, y, 25, wide / 2), mix(tone, "#2c2f14", 0.45), 0))
            parts.append((_strip(x, y, 24, wide / 2 - 3), tone, 0))
            parts.append((_strip(x, y - 8, 24, 1.5), fade("#ffffff", 0.2), 0))
    return Drawing("#2c3320", _timed(parts), None, "#f2efe6")
