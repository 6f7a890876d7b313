"""House and desk: windows at dusk, a telephone that is tapped, figures that grow."""

from __future__ import annotations

import math
import random

from cms.demo.sheet import Drawing, Pen, Points, Stroke, ease, fade, leaf, mix, ring


def home(figure: str, rng: random.Random) -> Drawing:
    """White walls and grey roofs whose windows light up; ``shelf`` draws shelves being filled instead."""
    if figure == "shelf":
        return _shelf(rng)
    houses = [(120, 330, 250), (400, 270, 300), (730, 340, 240), (990, 300, 230)]
    windows = [
        (x + 40 + c * 78, y + 70 + r * 84)
        for x, y, w in houses
        for c in range(max(1, (w - 60) // 78))
        for r in range(2)
    ]
    rng.shuffle(windows)

    def live(pen: Pen, second: float, now: float) -> None:
        dusk = ease(now)
        pen.box((0, 0), (1280, 720), mix("#e9e6da", "#33424f", dusk))
        pen.dot((1040, 130), 46, mix("#e9e6da", "#f4e7b8", dusk))
        for x, y, w in houses:
            pen.box((x, y), (w, 300), mix("#faf8f3", "#8d98a0", dusk))
            pen.area(
                [(x - 26, y + 6), (x + w + 26, y + 6), (x + w - 14, y - 56), (x + 14, y - 56)],
                mix("#56605a", "#232b31", dusk),
            )
            pen.line([(x - 32, y), (x - 10, y - 62), (x + 20, y - 58)], mix("#3a423d", "#171c20", dusk), 8)
            pen.line([(x + w + 32, y), (x + w + 10, y - 62), (x + w - 20, y - 58)], mix("#3a423d", "#171c20", dusk), 8)
        for number, (x, y) in enumerate(windows):
            lit = ease((now - number / len(windows) * 0.85) * 14)
            pen.box((x - 5, y - 5), (48, 58), fade("#f2b84b", 0.3 * lit))
            pen.box((x, y), (38, 48), mix("#7c8a86", "#f6cf7a", lit))
            pen.line([(x + 19, y), (x + 19, y + 48)], "#4a4238", 3)
            pen.line([(x, y + 24), (x + 38, y + 24)], "#4a4238", 3)
        pen.box((0, 620), (1280, 100), mix("#a9c7bd", "#2a3b45", dusk))
        for k in range(9):
            pen.line(
                [(x, 640 + k * 9 + 3 * math.sin(x / 60 + second + k)) for x in range(k * 20, 1280, 40)],
                fade("#ffffff", 0.16),
                2,
            )

    return Drawing("#e9e6da", [], live)


def _shelf(rng: random.Random) -> Drawing:
    strokes = [Stroke([(170, y), (1110, y)], "#a9824f", 14) for y in (110, 290, 470, 650)]
    strokes += [Stroke([(x, 100), (x, 656)], "#a9824f", 14) for x in (170, 1110)]
    tones = ("#2f6f62", "#a8392c", "#d9a441", "#3d5a7d", "#8fae9f", "#c98f75", "#efe7d6")
    things: list[tuple[Points, str]] = []
    for y in (283, 463, 643):
        x = 190.0
        while x < 1060:
            wide, high = rng.uniform(24, 120), rng.uniform(60, 140)
            if x + wide > 1096:
                break
            things.append(([(x, y), (x + wide, y), (x + wide, y - high), (x, y - high)], rng.choice(tones)))
            x += wide + rng.uniform(4, 16)
    step = 1 / len(things)
    strokes += [Stroke(p, c, 0, i * step, (i + 2) * step) for i, (p, c) in enumerate(things)]
    return Drawing("#f1ece0", strokes)


def _keys(pen: Pen, tones: list[str]) -> None:
    for k in range(9):
        x, y = 500 + k % 3 * 98, 190 + k // 3 * 116
        pen.box((x, y), (82, 82), tones[k], 18)
        shape = k % 3
        if shape == 0:
            pen.dot((x + 41, y + 41), 20, "#faf8f3")
        elif shape == 1:
            pen.area([(x + 28, y + 22), (x + 60, y + 41), (x + 28, y + 60)], "#faf8f3")
        else:
            for bar in range(3):
                pen.line([(x + 22, y + 26 + bar * 15), (x + 60, y + 26 + bar * 15)], "#faf8f3", 6)


def _opened(pen: Pen, figure: str, tone: str) -> None:
    pen.box((492, 150), (296, 460), mix(tone, "#ffffff", 0.86), 10)
    if figure == "video":
        for side, shirt in ((0, tone), (1, "#c98f75")):
            y = 290 + side * 220
            pen.dot((640, y - 20), 46, "#f1d6bf")
            pen.area(leaf((640, y + 110), 96, 88, -math.pi / 2), shirt)
    elif figure == "pay":
        for k in range(64):
            if (k * 37 + k // 5) % 3:
                pen.box((544 + k % 8 * 24, 250 + k // 8 * 24), (22, 22), "#1d2420")
    elif figure == "safe":
        pen.area([(640, 220), (740, 262), (724, 420), (640, 480), (556, 420), (540, 262)], "#2f6f62")
        pen.line([(592, 350), (628, 390), (694, 306)], "#faf8f3", 18)
    else:
        for k in range(6):
            pen.box((514, 180 + k * 66), (252 - (k % 3) * 60, 34), mix(tone, "#ffffff", 0.4), 8)


def phone(figure: str, rng: random.Random) -> Drawing:
    """A telephone with large keys that a finger finds one by one; ``video``, ``pay`` and ``safe`` open other pages."""
    tones = ["#2f6f62", "#3d5a7d", "#a8392c", "#d9a441", "#5d6b3a", "#6a4d77", "#33484f", "#c2572f", "#7d4a3d"]
    rng.shuffle(tones)
    order = list(range(9))
    rng.shuffle(order)

    def live(pen: Pen, second: float, now: float) -> None:
        for k in range(5):
            pen.line(ring((640, 372), 340 + k * 60 + 10 * math.sin(second + k)), fade("#2f6f62", 0.09), 3)
        pen.box((470, 76), (340, 610), "#1d2420", 46)
        pen.box((484, 112), (312, 532), "#faf8f3", 22)
        number, part = divmod(second, 3.2)
        key = order[int(number) % 9]
        x, y = 541 + key % 3 * 98, 231 + key // 3 * 116
        if part < 1.9:
            _keys(pen, tones)
        else:
            _opened(pen, figure, tones[key])
        came = ease(part / 1.0)
        hand = (x + (1 - came) * 300, y + (1 - came) * 260)
        if 0.9 < part < 1.9:
            age = part - 0.9
            pen.line(ring((x, y), 20 + age * 70), fade("#a8392c", 1 - age), 6)
        if part < 1.9:
            pen.line([(hand[0] + 6, hand[1] + 8), (hand[0] + 90, hand[1] + 150)], "#e6bf9f", 46)
            pen.dot(hand, 12, "#f3d9c3")

    return Drawing("#e9efe9", [], live)


def chart(figure: str, rng: random.Random) -> Drawing:
    """A sheet whose columns and line are drawn; ``pie`` for shares, ``grid`` for cells being filled."""
    strokes = [Stroke([(150, y), (1130, y)], "#ddd8ca", 2) for y in range(140, 600, 76)]
    parts: list[tuple[Points, str, float]] = [([(150, 110), (150, 600), (1140, 600)], "#1d2420", 5)]
    tones = ("#2f6f62", "#8fae9f", "#a8392c", "#d9a441", "#3d5a7d")
    if figure == "pie":
        parts, angle = [], -math.pi / 2
        for share, tone in zip((0.34, 0.24, 0.18, 0.14, 0.1), tones, strict=True):
            for k in range(12):
                a, b = angle + share * math.tau * k / 12, angle + share * math.tau * (k + 1) / 12 + 0.01
                wedge = [
                    (640.0, 372.0),
                    *((640 + 270 * math.cos(c), 372 + 270 * math.sin(c)) for c in (a, (a + b) / 2, b)),
                ]
                parts.append((wedge, tone, 0))
            angle += share * math.tau
        parts.append((ring((640, 372), 120), "#faf8f3", 0))
        strokes = []
    elif figure == "grid":
        strokes = [Stroke([(120, y), (1160, y)], "#c9c2ae", 2) for y in range(110, 660, 54)]
        strokes += [Stroke([(x, 110), (x, 650)], "#c9c2ae", 2) for x in range(120, 1170, 130)]
        parts = [([(120, 110), (1160, 110), (1160, 164), (120, 164)], "#dfeae4", 0)]
        for row in range(10):
            for column in range(8):
                x, y = 134 + column * 130, 124 + row * 54
                long = rng.uniform(30, 100)
                tone = "#a8392c" if rng.random() < 0.1 else mix("#2f6f62", "#c9c2ae", 0.3 if row else 0)
                parts.append(([(x, y + 13), (x + long, y + 13)], tone, 12))
    else:
        heights = [rng.uniform(80, 200) + k * 24 for k in range(9)]
        for k, high in enumerate(heights):
            x = 190 + k * 104
            bar: Points = [(x, 597 - high * t / 16) for t in range(17)]
            parts.append((bar, tones[0] if k % 2 else tones[1], 54))
        parts.append(([(190 + k * 104, 540 - h * 1.05) for k, h in enumerate(heights)], tones[2], 7))
        parts += [(ring((190 + k * 104, 540 - h * 1.05), 12, None, 20), tones[2], 0) for k, h in enumerate(heights)]
    step = 1 / len(parts)
    strokes += [Stroke(p, c, w, i * step, (i + 1.5) * step) for i, (p, c, w) in enumerate(parts)]
    return Drawing("#faf8f3", strokes)
