"""The drawing sheet of the demo library: strokes that are put down in time, drawn large and reduced to soft edges.

Points and widths are in a space of 1280 × 720. Moments are fractions of the drawing time, 0..1. Nothing here reads a
picture: every film, page and gallery of the demo is drawn from numbers.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 1280, 720
FONT_PACKAGE = "frontend/node_modules/@expo-google-fonts/zcool-xiaowei/400Regular/ZCOOLXiaoWei_400Regular.ttf"
SYSTEM_FONTS = (
    "/usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc",
    "/usr/share/fonts/noto-cjk/NotoSerifCJK-Regular.ttc",
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/System/Library/Fonts/Supplemental/Songti.ttc",
    "C:/Windows/Fonts/simsun.ttc",
)

Point = tuple[float, float]
Points = list[Point]


@functools.cache
def font_path() -> Path | None:
    """The first Chinese font found: the package's, then the system's; None when pictures must go without words."""
    root = Path(__file__).resolve().parents[2]
    return next((path for name in (FONT_PACKAGE, *SYSTEM_FONTS) if (path := root / name).is_file()), None)


@functools.lru_cache(maxsize=64)
def font(size: int) -> ImageFont.FreeTypeFont | None:
    path = font_path()
    return ImageFont.truetype(str(path), size) if path else None


def drawable(words: str) -> str:
    """The words with the two signs replaced that the font of the package lacks."""
    return words.replace("·", " ").replace("〇", "零")


def ease(x: float) -> float:
    """0..1 to 0..1, slow at both ends."""
    x = min(1.0, max(0.0, x))
    return x * x * (3 - 2 * x)


def mix(a: str, b: str, x: float) -> str:
    """The colour at ``x`` between two ``#rrggbb`` colours."""
    pairs = zip(bytes.fromhex(a[1:7]), bytes.fromhex(b[1:7]), strict=True)
    return "#" + "".join(f"{round(p + (q - p) * x):02x}" for p, q in pairs)


def fade(colour: str, opacity: float) -> str:
    """``#rrggbb`` with an opacity of 0..1."""
    return f"{colour[:7]}{round(255 * min(1.0, max(0.0, opacity))):02x}"


def polar(centre: Point, radius: float, angle: float) -> Point:
    return centre[0] + radius * math.cos(angle), centre[1] + radius * math.sin(angle)


def ring(centre: Point, rx: float, ry: float | None = None, steps: int = 48) -> Points:
    """A closed ellipse."""
    ry = rx if ry is None else ry
    turn = math.tau / steps
    return [(centre[0] + rx * math.cos(i * turn), centre[1] + ry * math.sin(i * turn)) for i in range(steps + 1)]


def arc(centre: Point, radius: float, begin: float, end: float, steps: int = 24) -> Points:
    return [polar(centre, radius, begin + (end - begin) * i / steps) for i in range(steps + 1)]


def curve(a: Point, bend: Point, b: Point, steps: int = 16) -> Points:
    """A quadratic curve from ``a`` to ``b``."""
    result = []
    for i in range(steps + 1):
        t = i / steps
        u = 1 - t
        result.append(
            (u * u * a[0] + 2 * u * t * bend[0] + t * t * b[0], u * u * a[1] + 2 * u * t * bend[1] + t * t * b[1])
        )
    return result


def leaf(root: Point, length: float, width: float, angle: float, steps: int = 14) -> Points:
    """The outline of a petal or leaf growing from ``root``; ``width`` is its widest half."""
    along = [i / steps for i in range(steps + 1)]
    sides = [(t * length, width * math.sin(math.pi * t**0.85)) for t in along]
    outline = sides + [(x, -y) for x, y in reversed(sides)]
    c, s = math.cos(angle), math.sin(angle)
    return [(root[0] + x * c - y * s, root[1] + x * s + y * c) for x, y in outline]


@dataclass(frozen=True, slots=True)
class Stroke:
    """A line (``width`` > 0) drawn from its first point to its last, or an area (``width`` 0) that opens from its
    centre, between the moments ``start`` and ``end``."""

    points: Points
    colour: str
    width: float = 3.0
    start: float = 0.0
    end: float = 0.0


class Pen:
    """Draws on an image ``factor`` times as large as the sheet. Colours may carry an opacity (``#rrggbbaa``)."""

    def __init__(self, image: Image.Image, factor: float) -> None:
        self._opaque = ImageDraw.Draw(image)
        self._blending = ImageDraw.Draw(image, "RGBA")  # several times slower, so only for colours with an opacity
        self.factor = factor

    def _on(self, colour: str) -> ImageDraw.ImageDraw:
        return self._opaque if len(colour) == 7 else self._blending

    def line(self, points: Points, colour: str, width: float = 3.0) -> None:
        f = self.factor
        flat = [(x * f, y * f) for x, y in points]
        self._on(colour).line(flat, fill=colour, width=max(1, round(width * f)), joint="curve" if width > 3 else None)
        if width > 4 and len(colour) == 7:
            r = width * f / 2
            for x, y in (flat[0], flat[-1]):
                self._opaque.ellipse((x - r, y - r, x + r, y + r), fill=colour)

    def area(self, points: Points, colour: str) -> None:
        self._on(colour).polygon([(x * self.factor, y * self.factor) for x, y in points], fill=colour)

    def dot(self, centre: Point, radius: float, colour: str) -> None:
        x, y, r = centre[0] * self.factor, centre[1] * self.factor, radius * self.factor
        self._on(colour).ellipse((x - r, y - r, x + r, y + r), fill=colour)

    def box(self, corner: Point, size: Point, colour: str, radius: float = 0.0) -> None:
        f = self.factor
        (x, y), (w, h) = corner, size
        self._on(colour).rounded_rectangle((x * f, y * f, (x + w) * f, (y + h) * f), radius * f, fill=colour)

    def text(self, at: Point, words: str, size: float, colour: str, anchor: str = "la") -> None:
        """Words with their anchor (Pillow's two letters) at a point; nothing where the machine has no Chinese font."""
        face = font(round(size * self.factor))
        if face:
            place = (at[0] * self.factor, at[1] * self.factor)
            self._on(colour).text(place, drawable(words), font=face, fill=colour, anchor=anchor)

    def stroke(self, stroke: Stroke, part: float = 1.0) -> None:
        """The first ``part`` (0..1) of a stroke."""
        if stroke.width <= 0:
            self.area(stroke.points if part >= 1 else _grown(stroke.points, part), stroke.colour)
        elif part >= 1:
            self.line(stroke.points, stroke.colour, stroke.width)
        else:
            self.line(_beginning(stroke.points, part), stroke.colour, stroke.width)


def _grown(points: Points, part: float) -> Points:
    cx = sum(x for x, _ in points) / len(points)
    cy = sum(y for _, y in points) / len(points)
    part = ease(part)
    return [(cx + (x - cx) * part, cy + (y - cy) * part) for x, y in points]


def _beginning(points: Points, part: float) -> Points:
    whole = part * (len(points) - 1)
    count = int(whole)
    if count >= len(points) - 1:
        return points
    (ax, ay), (bx, by) = points[count], points[count + 1]
    rest = whole - count
    return [*points[: count + 1], (ax + (bx - ax) * rest, ay + (by - ay) * rest)]


Live = Callable[[Pen, float, float], None]
"""Draws what moves: the pen, the second of the film, and the moment 0..1 of the drawing."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """What a motif gives: paper, strokes in any order, and what moves on top of them."""

    paper: str
    strokes: list[Stroke] = field(default_factory=list)
    live: Live | None = None
    label: str = "#1d2420"


LEAD, REST = 1.6, 2.4
"""Seconds before the first stroke and after the last."""


def moment(second: float, seconds: float) -> float:
    """Where in the drawing a second of the film lies, 0..1."""
    return min(1.0, max(0.0, (second - LEAD) / max(0.1, seconds - LEAD - REST)))


def frames(
    drawing: Drawing, seconds: float, rate: int, size: tuple[int, int], over: Live | None
) -> Iterator[Image.Image]:
    """The film's pictures in order. Finished strokes stay on the sheet; only what changes is drawn again."""
    factor = 2 * size[0] / WIDTH
    sheet = Image.new("RGB", (size[0] * 2, size[1] * 2), drawing.paper)
    waiting = sorted(drawing.strokes, key=lambda stroke: stroke.end, reverse=True)
    pen = Pen(sheet, factor)
    for number in range(round(seconds * rate)):
        second = number / rate
        now = moment(second, seconds)
        while waiting and waiting[-1].end <= now:
            pen.stroke(waiting.pop())
        begun = [stroke for stroke in waiting if stroke.start < now]
        if not begun and drawing.live is None and over is None:
            yield sheet.reduce(2)
            continue
        picture = sheet.copy()
        top = Pen(picture, factor)
        for stroke in begun:
            top.stroke(stroke, (now - stroke.start) / (stroke.end - stroke.start))
        if drawing.live:
            drawing.live(top, second, now)
        if over:
            over(top, second, now)
        yield picture.reduce(2)


def still(drawing: Drawing, size: tuple[int, int], second: float = 9.0) -> Image.Image:
    """The finished drawing as one picture."""
    sheet = Image.new("RGB", (size[0] * 2, size[1] * 2), drawing.paper)
    pen = Pen(sheet, 2 * size[0] / WIDTH)
    for stroke in sorted(drawing.strokes, key=lambda stroke: stroke.end):
        pen.stroke(stroke)
    if drawing.live:
        drawing.live(pen, second, 1.0)
    return sheet.reduce(2)
