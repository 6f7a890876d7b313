"""What a film or picture looks like, in so few bytes that any two can be told apart or called the same at once, however
they were encoded.

A moment is 256 bits: of each of 16 × 16 cells, whether its right neighbour is brighter (the difference hash of Krawetz,
"Kind of Like That", 2013, on a grid fine enough to tell slides of one template from each other, which 8 × 8 is not). A
film has sixteen, spread evenly over the storyboard that was made with it. A picture has one, and the mean colours of
its cells, for no other moments vouch for it. Measured in docs/decisions/desk-same-pictures.md.
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
NEAR_PICTURE = 26
COLOURS = 3 * SIDE * SIDE  # bytes: red, green, blue of each cell
OTHER_COLOUR = 16  # of 255, once both pictures are equally bright
MARK = 20  # cells of the smallest box around all that have another colour: a logo, not another leaf here and there
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
    """Its moment, then its colours; b"" of what shows one colour."""
    moment = _moment(picture.convert("L"))
    return moment + picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX).tobytes() if any(moment) else b""


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


def outline(look: bytes) -> int:
    """The moments as one number."""
    return int.from_bytes(look[:MOMENT] if len(look) == MOMENT + COLOURS else look)


def far(one: int, other: int, size: int) -> bool:
    """Whether two looks of ``size`` bytes, given their outlines, cannot resemble each other: what most pairs are
    asked."""
    most = NEAR_PICTURE if size == MOMENT + COLOURS else WHOLE * 8 * size
    return (one ^ other).bit_count() > most


def resemble(one: bytes, other: bytes) -> bool:
    """Whether two looks are of the same pictures. What shows one picture all the time resembles nothing: which of its
    moments is which cannot be told, and other recordings show the same."""
    if len(one) != len(other) or not any(one) or not any(other) or far(outline(one), outline(other), len(one)):
        return False
    if len(one) == MOMENT + COLOURS:
        return _same_but_for_a_mark(one[MOMENT:], other[MOMENT:])
    return agreeing(one, other) >= AGREEING


def _same_but_for_a_mark(one: bytes, other: bytes) -> bool:
    lighter = [(sum(one[channel::3]) - sum(other[channel::3])) / SIDE**2 for channel in range(3)]
    marked = {
        at // 3
        for at, (here, there) in enumerate(zip(one, other, strict=True))
        if abs(here - there - lighter[at % 3]) > OTHER_COLOUR
    }
    if not marked:
        return True
    rows, columns = {cell // SIDE for cell in marked}, {cell % SIDE for cell in marked}
    return (max(rows) - min(rows) + 1) * (max(columns) - min(columns) + 1) <= MARK


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
