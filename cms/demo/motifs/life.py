"""Body and table: an ink figure that moves, tea, food, the pulse, growing plants."""

from __future__ import annotations

import math
import random

from cms.demo.sheet import Drawing, Pen, Point, Points, Stroke, curve, ease, fade, leaf, mix, polar, ring

INK = "#20262a"
Pose = dict[str, Point]

# head, neck, hip; hands, elbows, feet, knees left and right, around (0, 0) at the hip
STAND: Pose = {
    "head": (0, -208),
    "neck": (0, -160),
    "hip": (0, 0),
    "le": (-62, -96),
    "lh": (-52, -20),
    "re": (62, -96),
    "rh": (52, -20),
    "lk": (-34, 96),
    "lf": (-40, 200),
    "rk": (34, 96),
    "rf": (40, 200),
}
POSES: dict[str, list[Pose]] = {
    "taichi": [
        STAND,
        {**STAND, "le": (-80, -150), "lh": (-130, -190), "re": (80, -150), "rh": (130, -190)},
        {
            **STAND,
            "hip": (-26, 34),
            "neck": (-30, -128),
            "head": (-30, -178),
            "le": (-104, -92),
            "lh": (-58, -40),
            "re": (48, -120),
            "rh": (-20, -150),
            "lk": (-92, 100),
            "lf": (-104, 200),
            "rk": (76, 110),
            "rf": (152, 200),
        },
        {
            **STAND,
            "hip": (34, 40),
            "neck": (40, -122),
            "head": (44, -172),
            "le": (-40, -70),
            "lh": (-108, -18),
            "re": (118, -118),
            "rh": (196, -142),
            "lk": (-70, 116),
            "lf": (-162, 200),
            "rk": (112, 96),
            "rf": (108, 200),
        },
        {
            **STAND,
            "neck": (-8, -160),
            "head": (-8, -208),
            "le": (-96, -170),
            "lh": (-176, -150),
            "re": (84, -176),
            "rh": (120, -240),
            "lk": (-20, 96),
            "lf": (-18, 200),
            "rk": (86, 20),
            "rf": (104, 112),
        },
    ],
    "baduan": [
        STAND,
        {**STAND, "le": (-70, -230), "lh": (-30, -310), "re": (70, -230), "rh": (30, -310)},
        {
            **STAND,
            "hip": (0, 40),
            "neck": (0, -120),
            "head": (-6, -168),
            "le": (-104, -130),
            "lh": (-190, -128),
            "re": (88, -124),
            "rh": (30, -112),
            "lk": (-96, 90),
            "lf": (-96, 200),
            "rk": (96, 90),
            "rf": (96, 200),
        },
        {**STAND, "le": (-50, -240), "lh": (-18, -320), "re": (70, -80), "rh": (66, 4)},
        {
            **STAND,
            "neck": (40, -150),
            "head": (72, -190),
            "le": (-58, -90),
            "lh": (-30, -14),
            "re": (84, -84),
            "rh": (40, -10),
        },
        {
            **STAND,
            "neck": (80, -70),
            "head": (128, -62),
            "le": (60, 20),
            "lh": (14, 150),
            "re": (96, 20),
            "rh": (66, 160),
        },
    ],
    "chair": [
        {**STAND, "lk": (70, 10), "lf": (74, 150), "rk": (94, 16), "rf": (110, 150)},
        {**STAND, "lk": (70, 10), "lf": (74, 150), "rk": (110, 0), "rf": (212, -14), "le": (-50, -90), "lh": (10, -20)},
        {
            **STAND,
            "lk": (110, 0),
            "lf": (214, -10),
            "rk": (94, 16),
            "rf": (110, 150),
            "re": (60, -200),
            "rh": (40, -280),
        },
        {
            **STAND,
            "neck": (40, -150),
            "head": (66, -194),
            "lk": (70, 10),
            "lf": (74, 150),
            "rk": (94, 16),
            "rf": (110, 150),
            "le": (30, -90),
            "lh": (110, -110),
            "re": (80, -100),
            "rh": (150, -120),
        },
    ],
}


def _between(a: Pose, b: Pose, t: float) -> Pose:
    return {k: (a[k][0] + (b[k][0] - a[k][0]) * t, a[k][1] + (b[k][1] - a[k][1]) * t) for k in a}


def _limb(pen: Pen, points: list[Point], wide: float, colour: str) -> None:
    smooth = curve(
        points[0],
        (2 * points[1][0] - (points[0][0] + points[2][0]) / 2, 2 * points[1][1] - (points[0][1] + points[2][1]) / 2),
        points[2],
        14,
    )
    for k in range(14):
        pen.line(smooth[k : k + 2], colour, wide * (1 - 0.6 * k / 14))


def _person(pen: Pen, pose: Pose, at: Point, size: float, colour: str) -> None:
    p = {k: (at[0] + x * size, at[1] + y * size) for k, (x, y) in pose.items()}
    neck, hip = p["neck"], p["hip"]
    left, right = (neck[0] - 34 * size, neck[1] + 14 * size), (neck[0] + 34 * size, neck[1] + 14 * size)
    pen.area([left, right, (hip[0] + 42 * size, hip[1] + 12 * size), (hip[0] - 42 * size, hip[1] + 12 * size)], colour)
    _limb(pen, [(hip[0] - 18 * size, hip[1]), p["lk"], p["lf"]], 46 * size, colour)
    _limb(pen, [(hip[0] + 18 * size, hip[1]), p["rk"], p["rf"]], 46 * size, colour)
    _limb(pen, [left, p["le"], p["lh"]], 34 * size, colour)
    _limb(pen, [right, p["re"], p["rh"]], 34 * size, colour)
    pen.line([neck, p["head"]], colour, 20 * size)
    pen.dot(p["head"], 36 * size, colour)


def figure(figure: str, rng: random.Random) -> Drawing:
    """An ink figure that goes through the poses of ``taichi``, ``baduan`` or ``chair``."""
    poses = POSES.get(figure, POSES["taichi"])
    strokes = [Stroke([(0, 642), (1280, 642)], "#c9c2ae", 3)]

    def taiji(pen: Pen, second: float) -> None:
        c, r, turn = (640.0, 372.0), 292.0, second * 0.25
        pen.line(ring(c, r + 10 + 8 * math.sin(second * 1.2)), fade("#2f6f62", 0.35), 4)
        half = [polar(c, r, turn + k * math.pi / 40) for k in range(41)]
        small = [polar(polar(c, r / 2, turn), r / 2, turn + k * math.pi / 20) for k in range(21)]
        back = [polar(polar(c, r / 2, turn + math.pi), r / 2, turn - k * math.pi / 20) for k in range(21)]
        pen.dot(c, r, "#eee8d8")
        pen.area(half + back[::-1] + small[::-1], "#dfeae4")
        pen.dot(polar(c, r / 2, turn), 30, "#dfeae4")
        pen.dot(polar(c, r / 2, turn + math.pi), 30, "#eee8d8")

    def live(pen: Pen, second: float, now: float) -> None:
        taiji(pen, second)
        number, part = divmod(second / 2.6, 1)
        a, b = poses[int(number) % len(poses)], poses[(int(number) + 1) % len(poses)]
        if figure == "chair":
            pen.line([(560, 470), (720, 470)], "#8c6a42", 16)
            pen.line([(566, 300), (566, 640)], "#8c6a42", 12)
            pen.line([(712, 470), (712, 640)], "#8c6a42", 12)
            _person(pen, _between(a, b, ease(part * 1.4)), (628, 448), 1.22, INK)
        else:
            _person(pen, _between(a, b, ease(part * 1.3)), (640, 398), 1.2, INK)
        for k in range(len(poses)):
            pen.dot(
                (640 + (k - len(poses) / 2 + 0.5) * 34, 684),
                8,
                "#a8392c" if k == int(number) % len(poses) else "#c9c2ae",
            )

    return Drawing("#f6f2e8", strokes, live)


def _steam(pen: Pen, x: float, y: float, second: float, colour: str = "#9aa8a0") -> None:
    for k in range(3):
        path = []
        for n in range(26):
            t = n / 25
            path.append((x + (k - 1) * 46 + 26 * math.sin(t * 6 - second * 1.6 + k * 2) * t, y - 230 * t))
        for n in range(25):
            pen.line(path[n : n + 2], fade(colour, 0.5 * (1 - n / 25)), 12 - 5 * n / 25)


def tea(figure: str, rng: random.Random) -> Drawing:
    """A cup under moving steam with leaves that sink; ``green``, ``red`` or ``soup``."""
    liquor = {"red": "#b5612f", "soup": "#c98f45"}.get(figure, "#a9b65a")
    leaves = [(rng.uniform(470, 810), rng.uniform(0, 6), rng.uniform(-1, 1)) for _ in range(12)]

    def live(pen: Pen, second: float, now: float) -> None:
        pen.box((0, 600), (1280, 120), "#d9cdb4")
        pen.line([(0, 600), (1280, 600)], "#b9a988", 4)
        pen.area(ring((640, 606), 330, 26), "#c6b794")
        bowl = [
            (400, 340),
            *curve((400, 340), (430, 590), (560, 596), 16),
            *curve((720, 596), (850, 590), (880, 340), 16),
        ]
        pen.area(bowl, "#f7f4ea")
        pen.area([(398, 340), *curve((400, 340), (420, 500), (470, 545), 12), (440, 400)], "#e2e6da")
        pen.area(ring((640, 340), 240, 52), "#dfe5da")
        pen.area(ring((640, 346), 222 * (0.5 + 0.5 * ease(now * 4)), 44 * (0.5 + 0.5 * ease(now * 4))), liquor)
        for k in range(3):
            pen.line(
                ring((640, 346), 60 + ((second * 26 + k * 54) % 160), (60 + (second * 26 + k * 54) % 160) * 0.2, 40),
                fade("#ffffff", 0.3),
                2,
            )
        for x, late, tilt in leaves:
            if figure != "soup":
                sway = x * 0.75 + 160 + 12 * math.sin(second + late)
                pen.area(
                    leaf((sway, 336 + 18 * math.sin(late * 3)), 40, 7, tilt + 0.2 * math.sin(second + late)), "#4f6b35"
                )
            else:
                pen.dot(
                    (x * 0.8 + 128 + 8 * math.sin(second + late), 340 + 20 * math.sin(late * 3)),
                    13,
                    ("#b8443a", "#e8d9b0", "#4f7a3f")[int(late) % 3],
                )
        pen.line(ring((640, 340), 240, 52), "#8fae9f", 5)
        pen.line(curve((470, 470), (640, 520), (810, 470), 20), fade("#2f6f62", 0.5), 5)
        _steam(pen, 640, 320, second)

    return Drawing("#efeadd", [], live)


def plate(figure: str, rng: random.Random) -> Drawing:
    """A balanced plate filled food by food; ``figure`` is only another arrangement."""
    centre = (640.0, 372.0)
    strokes = [Stroke([(0, y), (1280, y)], fade("#b9a07a", 0.25), 2) for y in range(30, 720, 46)]
    strokes += [Stroke(ring(centre, 300), "#ffffff", 0, 0, 0.04), Stroke(ring(centre, 258), "#eef1ea", 5, 0.03, 0.08)]
    foods: list[tuple[Points, str]] = []
    sectors = (
        (0.0, 0.5, ("#5f8f4a", "#86b05a", "#c2452f")),
        (0.5, 0.75, ("#e6cf9a", "#d9b878", "#f1e3bd")),
        (0.75, 1.0, ("#d98f6a", "#b5694a", "#f3e6d0")),
    )
    for begin, end, tones in sectors:
        for _ in range(int((end - begin) * 120)):
            angle = (begin + (end - begin) * rng.uniform(0.06, 0.94)) * math.tau - math.pi / 2
            spot = polar(centre, 236 * math.sqrt(rng.uniform(0.03, 0.95)), angle)
            tone = rng.choice(tones)
            if begin == 0:
                foods.append((leaf(spot, rng.uniform(36, 62), rng.uniform(10, 17), rng.uniform(0, 6)), tone))
            elif begin == 0.5:
                foods.append((ring(spot, rng.uniform(9, 15), None, 14), tone))
            else:
                foods.append((ring(spot, rng.uniform(18, 30), rng.uniform(13, 20), 18), tone))
    step = 0.84 / len(foods)
    strokes += [Stroke(p, c, 0, 0.1 + i * step, 0.1 + (i + 4) * step) for i, (p, c) in enumerate(foods)]
    strokes += [
        Stroke([(258, 200), (258, 560)], "#9aa39c", 12, 0, 0.05),
        Stroke([(290, 200), (290, 560)], "#9aa39c", 12, 0, 0.05),
    ]
    strokes += [
        Stroke(ring((1050, 230), 78), "#dfeae4", 0, 0.02, 0.06),
        Stroke(ring((1050, 230), 60), "#8fb7c9", 0, 0.05, 0.1),
    ]
    return Drawing("#d8c6a3", strokes)


def pulse(figure: str, rng: random.Random) -> Drawing:
    """A heart that beats and the line it writes."""
    heart = [
        (16 * math.sin(a) ** 3, -(13 * math.cos(a) - 5 * math.cos(2 * a) - 2 * math.cos(3 * a) - math.cos(4 * a)))
        for a in (k / 60 * math.tau for k in range(61))
    ]
    grid = [Stroke([(x, 0), (x, 720)], fade("#2f6f62", 0.12), 1) for x in range(0, 1280, 32)]
    grid += [Stroke([(0, y), (1280, y)], fade("#2f6f62", 0.12), 1) for y in range(0, 720, 32)]

    def height(x: float) -> float:
        t = (x % 300) / 300
        spikes = ((0.18, 0.03, -16), (0.36, 0.012, 22), (0.4, 0.014, -170), (0.44, 0.014, 58), (0.62, 0.045, -30))
        return sum(h * math.exp(-(((t - m) / w) ** 2)) for m, w, h in spikes)

    def live(pen: Pen, second: float, now: float) -> None:
        beat = 1 + 0.08 * max(0.0, math.sin(second * math.tau * 1.05)) ** 3
        for glow in (1.34, 1.18):
            pen.area([(640 + x * 11 * beat * glow, 265 + y * 11 * beat * glow) for x, y in heart], fade("#c2452f", 0.1))
        pen.area([(640 + x * 11 * beat, 265 + y * 11 * beat) for x, y in heart], "#b8443a")
        pen.area([(640 + x * 3 - 84, 265 + y * 3 - 60) for x, y in heart], fade("#ffffff", 0.25))
        reach = second * 315
        line: Points = [(x, 560 + height(x + max(0.0, reach - 1280))) for x in range(0, int(min(1280.0, reach)) + 1, 3)]
        if len(line) > 1:
            pen.line(line, "#2f6f62", 5)
            pen.dot(line[-1], 9, "#a8392c")

    return Drawing("#f3f5ef", grid, live)


Part = tuple[Points, str, float]


def _twig(rng: random.Random, root: Point, angle: float, length: float, depth: int) -> list[Part]:
    """A twig and all that grows from it, ``depth`` times branching."""
    tip = polar(root, length, angle)
    bend = polar(root, length * 0.5, angle + rng.uniform(-0.3, 0.3))
    parts: list[Part] = [(curve(root, bend, tip, 8), mix("#5b4630", "#5f8f4a", 1 - depth / 5), 3.0 + depth * 2.4)]
    if depth == 0:
        for turn in (-0.7, 0.0, 0.7):
            tone = mix("#3f7a4a", "#a9c76a", rng.random())
            parts.append((leaf(tip, rng.uniform(34, 58), rng.uniform(10, 16), angle + turn), tone, 0))
        return parts
    for turn in (-0.62, 0.05, 0.6):
        if turn != 0.05 or rng.random() < 0.75:
            bent = angle + turn + rng.uniform(-0.15, 0.15)
            parts += _twig(rng, tip, bent, length * rng.uniform(0.62, 0.8), depth - 1)
    return parts


def sprout(figure: str, rng: random.Random) -> Drawing:
    """A plant that grows twig by twig; ``pot`` on a sill or ``tree`` with blossom."""
    root = (640.0, 560.0) if figure != "tree" else (640.0, 690.0)
    parts = _twig(rng, root, -math.pi / 2, 132 if figure != "tree" else 178, 4)
    if figure == "tree":
        parts = [
            (p, mix("#d98aa5", "#fbe6ec", rng.random()) if w == 0 else mix(c, "#4a3426", 0.6), w) for p, c, w in parts
        ]
    step = 1 / len(parts)
    strokes = [Stroke(p, c, w, i * step, (i + 2) * step) for i, (p, c, w) in enumerate(parts)]
    if figure != "tree":
        sill = [Stroke([(0, 690), (1280, 690)], "#cbbf9f", 26), Stroke([(160, 0), (160, 680)], "#ddd8ca", 10)]
        pot: Points = [(548, 560), (732, 560), (704, 680), (576, 680)]
        strokes = [*sill, Stroke(pot, "#a9653f", 0), Stroke([(536, 560), (744, 560)], "#8c4f2f", 22), *strokes]
    return Drawing("#eef2e6", strokes)
