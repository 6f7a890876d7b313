"""Sea and stage: waves and boats, painted faces, water sleeves, lanterns, umbrellas."""

from __future__ import annotations

import math
import random

from cms.demo.sheet import Drawing, Pen, Point, Points, Stroke, arc, curve, ease, fade, leaf, mix, polar, ring


def _boat(pen: Pen, x: float, y: float, tilt: float, size: float = 1.0) -> None:
    c, s = math.cos(tilt), math.sin(tilt)

    def at(points: list[Point]) -> Points:
        return [(x + (px * c - py * s) * size, y + (px * s + py * c) * size) for px, py in points]

    pen.area(at([(-150, -22), (150, -30), (112, 34), (-108, 34)]), "#3c3028")
    pen.line(at([(0, -20), (0, -250)]), "#3c3028", 7 * size)
    sail = at([(10, -245), (120, -190), (112, -52), (10, -46)])
    pen.area(sail, "#b5532a")
    for k in range(4):
        pen.line(at([(10, -205 + k * 44), (118 - k, -165 + k * 34)]), "#8c3d1e", 3 * size)
    pen.area(at([(-96, -22), (-86, -74), (-30, -78), (-20, -22)]), "#c9a868")


def wave(figure: str, rng: random.Random) -> Drawing:
    """Rolling layers of water under a moon or sun; ``boat``, ``moon`` or ``net``."""
    night = figure == "moon"
    sky, deep, light = ("#1d2f3c", "#16242e", "#4f7f8c") if night else ("#eef0e6", "#2f6f72", "#a5ccc4")

    def live(pen: Pen, second: float, now: float) -> None:
        pen.dot((960, 190), 84, "#f2e8c6" if night else "#cf6a45")
        for layer in range(7):
            base = 360 + layer * 56
            tone = mix(light, deep, layer / 6)
            speed = (0.5 + layer * 0.1) * (1 if layer % 2 else -1)
            surface = [
                (x, base + 15 * math.sin(x / (90 + layer * 13) + second * speed * 2) + 7 * math.sin(x / 41 - second))
                for x in range(0, 1312, 16)
            ]
            if layer == 2:
                x = 330 + now * 420
                _boat(pen, x, base - 18 + 10 * math.sin(second * 1.4), 0.06 * math.sin(second * 1.1))
            pen.area([(0, 720), *surface, (1296, 720)], tone)
            for k in range(layer % 2, 15, 2):
                x = (k * 92 + second * speed * 34) % 1400 - 60
                for r in (40, 28, 16):
                    pen.line(arc((x, base + 58), r, math.pi * 1.1, math.pi * 1.9, 10), fade("#ffffff", 0.28), 2)
        if figure == "net":
            _net(pen, second)

    return Drawing(sky, [], live, "#f2efe6" if night else "#1d2420")


def _net(pen: Pen, second: float) -> None:
    spread = 0.5 + 0.5 * ease((second % 8) / 5)
    for k in range(-6, 7):
        pen.line(
            curve((640, 90), (640 + k * 30 * spread, 280), (640 + k * 66 * spread, 520), 12), fade("#efe7d0", 0.75), 2
        )
    for j in range(1, 8):
        half = j * 55 * spread
        pen.line(
            curve((640 - half, 110 + j * 57), (640, 130 + j * 66), (640 + half, 110 + j * 57), 12),
            fade("#efe7d0", 0.75),
            2,
        )


FACES = (
    ("#a8392c", "#1d2420", "#f2d7a0"),
    ("#22282a", "#f2efe6", "#a8392c"),
    ("#f2efe6", "#1d2420", "#a8392c"),
    ("#2d4f7e", "#f2efe6", "#d9a441"),
    ("#c99a35", "#1d2420", "#a8392c"),
    ("#2f6f62", "#f2efe6", "#c2572f"),
)


def _face(pen: Pen, scheme: tuple[str, str, str], breath: float) -> None:
    base, line, accent = scheme
    cx, cy = 640, 370
    egg = [
        (cx + 212 * math.sin(a) * (1 - 0.13 * math.cos(a)), cy - 285 * math.cos(a))
        for a in (k / 60 * math.tau for k in range(61))
    ]
    pen.area(egg, base)
    for side in (-1, 1):
        pen.area(leaf((cx + side * 26, cy - 20), 190, 52, -0.42 if side > 0 else math.pi + 0.42), line)
        pen.area(leaf((cx + side * 48, cy - 26), 118, 20, -0.3 if side > 0 else math.pi + 0.3), base)
        pen.dot((cx + side * 104, cy - 44 + breath), 15, "#ffffff")
        pen.dot((cx + side * 104, cy - 44 + breath), 8, "#101412")
        pen.area(leaf((cx + side * 34, cy - 92), 185, 30, -0.78 if side > 0 else math.pi + 0.78), accent)
        pen.area(leaf((cx + side * 60, cy + 90), 130, 30, 0.5 if side > 0 else math.pi - 0.5), line)
        pen.area(leaf((cx + side * 70, cy + 96), 92, 14, 0.5 if side > 0 else math.pi - 0.5), accent)
        pen.line(
            arc((cx + side * 40, cy + 62), 34, -0.4, 2.2, 12)
            if side > 0
            else arc((cx - 40, cy + 62), 34, 0.94, 3.54, 12),
            line,
            7,
        )
    pen.area(leaf((cx, cy + 80), 190, 26, -math.pi / 2), "#f6efe0")
    pen.area(leaf((cx, cy - 120), 130, 34, -math.pi / 2), accent)
    pen.area(leaf((cx, cy - 132), 92, 16, -math.pi / 2), base)
    pen.area([(cx - 74, cy + 158), (cx, cy + 142), (cx + 74, cy + 158), (cx, cy + 192 + breath)], "#8c2a22")


def mask(figure: str, rng: random.Random) -> Drawing:
    """Painted faces that change behind a passing fan (变脸)."""
    order = list(FACES)
    rng.shuffle(order)
    rays = [
        Stroke([(640, 370), polar((640, 370), 900, k * math.tau / 60)], fade("#d9a441", 0.22), 3) for k in range(60)
    ]

    def live(pen: Pen, second: float, now: float) -> None:
        number, inside = divmod(second, 3.6)
        swing = ease((inside - 2.9) / 0.7) if inside > 2.9 else 0.0
        current = order[(int(number) + (1 if swing > 0.5 else 0)) % len(order)]
        for k in range(9):
            pen.dot(polar((640, 250), 330, math.pi + k * math.pi / 8), 30, mix("#a8392c", "#d9a441", k % 2))
        pen.area([(330, 720), (460, 600), (640, 650), (820, 600), (950, 720)], mix(current[0], "#000000", 0.3))
        _face(pen, current, 2 * math.sin(second * 2))
        if 0 < swing < 1:
            x = 160 + swing * 960
            for k in range(13):
                pen.area(leaf((x, 660), 560, 46, -math.pi / 2 + (k - 6) * 0.15), ("#f2d7a0", "#c2572f")[k % 2])

    return Drawing("#4a1f1c", rays, live, "#f2efe6")


def sleeve(figure: str, rng: random.Random) -> Drawing:
    """Two long water sleeves drawn in the air (越剧); ``green`` or ``rose``."""
    ground, silk, robe = ("#eef0e6", "#a9cfc4", "#2f6f62") if figure == "green" else ("#f5ebe4", "#eabfc0", "#a84a5a")

    def ribbon(pen: Pen, side: int, second: float) -> None:
        upper, lower = [], []
        for k in range(41):
            t = k / 40
            x = 640 + side * (60 + 430 * t) + 30 * math.sin(second * 1.3 + t * 4)
            y = 300 - 110 * math.sin(second * 0.9 + side) * t + 95 * math.sin(t * 7 - second * 2.1) * t
            half = 16 + 30 * t
            upper.append((x, y - half))
            lower.append((x, y + half + 12 * math.sin(t * 9 - second * 3)))
        pen.area(upper + lower[::-1], fade(silk, 0.94))
        pen.line(upper, "#ffffff", 3)
        pen.line(lower, mix(silk, robe, 0.35), 3)
        for k in range(8, 40, 8):
            pen.line([upper[k], lower[k]], fade(robe, 0.18), 2)

    def live(pen: Pen, second: float, now: float) -> None:
        for k in range(5):
            pen.line(ring((640, 380), 250 + k * 42 + 8 * math.sin(second + k), None, 60), fade(robe, 0.1), 2)
        sway = 10 * math.sin(second * 0.9)
        hem = [(470 + sway, 690), (560, 640), (640, 694), (720, 640), (812 + sway, 690)]
        pen.area([(598, 292), (682, 292), (742, 480), *reversed(hem), (538, 480)], robe)
        pen.area([(616, 292), (664, 292), (652, 650), (628, 650)], mix(robe, "#ffffff", 0.72))
        pen.line([(560, 430), (720, 430)], "#d9a441", 11)
        ribbon(pen, -1, second)
        ribbon(pen, 1, second)
        pen.dot((640 + sway * 0.3, 236), 48, "#f7e3d2")
        pen.area(ring((640 + sway * 0.3, 206), 58, 38), "#20262a")
        for k in range(7):
            pen.dot(
                (588 + k * 17.3 + sway * 0.3, 186 - 16 * math.sin(k / 6 * math.pi)), 9, ("#d9a441", "#a8392c")[k % 2]
            )
        for side in (-1, 1):
            pen.line([(640 + side * 58, 206), (640 + side * 62 + sway, 300)], "#d9a441", 4)
            pen.dot((640 + side * 17, 240), 4, "#20262a")
        pen.dot((640 + sway * 0.3, 262), 6, "#a8392c")

    return Drawing(ground, [], live)


def lantern(figure: str, rng: random.Random) -> Drawing:
    """Lanterns that light up one by one over water."""
    spots = [(rng.uniform(90, 1190), rng.uniform(90, 430), rng.uniform(0.55, 1.2), rng.random()) for _ in range(15)]
    spots.sort(key=lambda spot: spot[2])

    def live(pen: Pen, second: float, now: float) -> None:
        for k in range(22):
            y = 540.0 + k * 9
            pen.line(
                [(60 + 50 * math.sin(k + second), y), (1220 + 50 * math.cos(k * 2 - second), y)],
                fade("#e9b765", 0.05 + 0.004 * k),
                3,
            )
        for x, y, size, when in spots:
            lit = ease((now - when * 0.7) * 8)
            sway = x + 6 * math.sin(second + y)
            for glow in range(4):
                pen.dot((sway, y), (52 + glow * 20) * size, fade("#f0b24c", 0.09 * lit))
            pen.line([(x, 0), (sway, y - 52 * size)], fade("#d8c9a0", 0.4), 2)
            pen.area(ring((sway, y), 52 * size, 46 * size), mix("#5a2a22", "#d8452c", lit))
            for k in (-2, -1, 0, 1, 2):
                pen.line(ring((sway, y), abs(k) * 17 * size + 0.1, 46 * size, 24), fade("#f6cf7a", 0.25 + 0.4 * lit), 2)
            pen.box((sway - 20 * size, y - 54 * size), (40 * size, 11 * size), "#d9a441")
            pen.box((sway - 20 * size, y + 43 * size), (40 * size, 11 * size), "#d9a441")
            pen.line(
                [(sway, y + 54 * size), (sway + 3 * math.sin(second * 2 + x), y + 100 * size)], "#c2452f", 5 * size
            )

    return Drawing("#1c2530", [], live, "#f2efe6")


def umbrella(figure: str, rng: random.Random) -> Drawing:
    """An oil-paper umbrella seen from above, rib by rib, turning while rain rings spread."""
    centre = (640.0, 372.0)
    pair = ("#b8443a", "#e3a08c") if figure == "red" else ("#2f6f62", "#b9d6c4")
    drops = [(rng.uniform(0, 1280), rng.uniform(0, 720), rng.uniform(0, 4)) for _ in range(36)]

    def live(pen: Pen, second: float, now: float) -> None:
        for x, y, late in drops:
            age = (second + late) % 4
            pen.line(ring((x, y), 8 + age * 16, (8 + age * 16) * 0.5, 24), fade("#7f9a9c", 0.4 - age * 0.1), 2)
        ribs = 32
        shown = int(ribs * ease(now * 1.3))
        turn = second * 0.12
        for k in range(shown):
            a, b = turn + k * math.tau / ribs, turn + (k + 1) * math.tau / ribs
            pen.area(
                [centre, polar(centre, 300, a), polar(centre, 308, (a + b) / 2), polar(centre, 300, b)],
                mix(*pair, (k % 2) * 0.35),
            )
            pen.line([centre, polar(centre, 300, a)], mix(pair[0], "#2a1810", 0.5), 3)
        for k in range(shown // 4):
            a = turn + (k * 4 + 2) * math.tau / ribs
            for petal in range(5):
                pen.area(leaf(polar(centre, 205, a), 40, 12, petal * math.tau / 5 + a), "#f7ead8")
            pen.dot(polar(centre, 205, a), 8, "#d9a441")
        pen.line(ring(centre, 130, None, 60), fade("#f7ead8", 0.7), 3)
        pen.dot(centre, 20, "#3c3028")

    return Drawing("#dfe4dd", [], live)
