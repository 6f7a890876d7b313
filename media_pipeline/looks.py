"""What a film or picture looks like, in so few bytes that any two can be told apart or called the same at once, however
they were encoded.

A moment is 256 bits: of each of 16 × 16 cells, whether its right neighbour is brighter (the difference hash of Krawetz,
"Kind of Like That", 2013, on a grid fine enough to tell slides of one template from each other, which 8 × 8 is not). A
picture has one moment, a film has sixteen, spread evenly over the storyboard that was made with it. Measured in
docs/decisions/desk-same-pictures.md.
"""

from collections.abc import Sequence

from PIL import Image, ImageChops, ImageStat

from media_pipeline.formats.poster import FLAT
from media_pipeline.formats.storyboard import Area

SIDE = 16  # cells
MOMENT = SIDE * SIDE // 8  # bytes
MOMENTS = 16
BRIGHT = 40  # grey value above the black of bars and what an encoder makes of it
NEAR = 64  # bits of 256 in which two encodings of one frame may differ, with a mark in its corner
NEAR_PICTURE = 26  # a picture has no other moments to vouch for it
WHOLE = 0.3  # of all bits; films further apart are not looked at closely
BETTER = 5  # bits by which a frame is nearer to its own moment than to any other
AGREEING = 5  # moments of sixteen; other films of one series agree in two at most
APART = 2  # moments; the next one may show the same shot
TOLERANCE = (1.0, 0.005)  # seconds, and share of the length


def of_film(board: Image.Image, areas: Sequence[Area]) -> bytes:
    """Sixteen moments out of a storyboard; b"" of a film too short to have so many."""
    if len(areas) < MOMENTS:
        return b""
    grey = board.convert("L")
    chosen = [areas[len(areas) * (2 * number + 1) // (2 * MOMENTS)] for number in range(MOMENTS)]
    tiles = [grey.crop((at.x, at.y, at.x + at.width, at.y + at.height)) for at in chosen]
    return b"".join(_moment(tile) for tile in _without_bars(tiles))


def of_picture(picture: Image.Image) -> bytes:
    return _moment(_without_bars([picture.convert("L")])[0])


def _moment(grey: Image.Image) -> bytes:
    """Zero, which resembles nothing, for what shows one colour: black, white, a fade."""
    small = grey.resize((SIDE + 1, SIDE), Image.Resampling.BOX)
    if ImageStat.Stat(small).stddev[0] < FLAT:
        return bytes(MOMENT)
    cells, bits = small.tobytes(), 0
    for row in range(0, len(cells), SIDE + 1):
        for left in range(row, row + SIDE):
            bits = bits << 1 | (cells[left + 1] > cells[left])
    return bits.to_bytes(MOMENT, "big")


def _without_bars(tiles: list[Image.Image]) -> list[Image.Image]:
    """Cut to what is ever bright, unless that is less than half of the width or height."""
    light = tiles[0]
    for tile in tiles[1:]:
        light = ImageChops.lighter(light, tile)
    box = light.point([255 * (value > BRIGHT) for value in range(256)]).getbbox()
    if not box or box[2] - box[0] < light.width / 2 or box[3] - box[1] < light.height / 2:
        return tiles
    return [tile.crop(box) for tile in tiles]


def tolerance(seconds: float) -> float:
    """How much longer or shorter another encoding of a film of ``seconds`` may be."""
    return max(TOLERANCE[0], TOLERANCE[1] * seconds)


def far(one: int, other: int, size: int) -> bool:
    """Whether two looks of ``size`` bytes, as numbers, cannot resemble each other: what most pairs are asked."""
    most = NEAR_PICTURE if size == MOMENT else WHOLE * 8 * size
    return (one ^ other).bit_count() > most


def resemble(one: bytes, other: bytes) -> bool:
    """Whether two looks are of the same pictures. What shows one picture all the time resembles nothing: which of its
    moments is which cannot be told, and other recordings show the same."""
    if len(one) != len(other) or not any(one) or not any(other):
        return False
    if far(int.from_bytes(one), int.from_bytes(other), len(one)):
        return False
    return len(one) == MOMENT or agreeing(one, other) >= AGREEING


def agreeing(one: bytes, other: bytes) -> int:
    """How many moments of two films are near each other, and nearer than to any other moment of the other film: what
    slides of one template, one speaker in one room, or a title card have in common does not tell one moment from
    another."""
    rows, columns = _moments(one), _moments(other)
    apart = [[(row ^ column).bit_count() for column in columns] for row in rows]
    count = 0
    for number, (row, column) in enumerate(zip(rows, columns, strict=True)):
        others = [at for at in range(MOMENTS) if abs(at - number) >= APART]
        elsewhere = min(min(apart[number][at], apart[at][number]) for at in others)
        here = apart[number][number]
        count += bool(row and column and here <= NEAR and here + BETTER <= elsewhere)
    return count


def _moments(look: bytes) -> list[int]:
    return [int.from_bytes(look[at : at + MOMENT]) for at in range(0, len(look), MOMENT)]
