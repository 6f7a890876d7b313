"""Which sizes a film deserves. Never larger than the source; a rung is named by the short side of its 16:9 frame."""

from dataclasses import dataclass
from fractions import Fraction

from media_pipeline.profiles import Rung

STEP = Fraction(4, 5)  # a rung within a fifth of the one above costs work and shows nobody a difference
FRAME = Fraction(16, 9)  # what screens and decoders are built for: one of 1920 × 1080 need not take 2592 × 1080
MIN_SIDE = 2
USUAL_RATE = 30


@dataclass(frozen=True, slots=True)
class Size:
    """A rung fitted to one film: even ``width`` and ``height``, its quality and its cap in bit/s."""

    name: int
    width: int
    height: int
    crf: int
    max_rate: int


def fit(width: int, height: int, fps: Fraction, rungs: tuple[Rung, ...]) -> tuple[Size, ...]:
    """Sizes from large to small for a picture of ``width`` × ``height`` square pixels.

    The top is the source itself or the largest rung, whichever is smaller; below it stands every rung at most four
    fifths of it."""
    top = min(frame(width, height), rungs[-1].short)
    names = [top, *(rung.short for rung in reversed(rungs) if rung.short <= top * STEP)]
    return tuple(_size(name, width, height, fps, rungs) for name in names)


def worth(width: int, height: int, rungs: tuple[Rung, ...]) -> bool:
    """Whether a second codec pays: the film is at least about as large as its smallest rung."""
    return frame(width, height) >= rungs[0].short * STEP


def frame(width: int, height: int) -> int:
    """Short side of the 16:9 frame, upright for portraits, that a picture fills in one direction at least."""
    return max(min(width, height), round(max(width, height) / FRAME))


def _size(name: int, width: int, height: int, fps: Fraction, rungs: tuple[Rung, ...]) -> Size:
    rung = next((rung for rung in rungs if rung.short >= name), rungs[-1])
    factor = Fraction(name, frame(width, height))
    rate = rung.max_rate if fps <= USUAL_RATE else rung.max_rate * 3 // 2
    return Size(name, even(width, factor), even(height, factor), rung.crf, rate)


def even(pixels: int, factor: Fraction) -> int:
    """A scaled side as the nearest even number not above the source: 4:2:0 colour is stored for two by two."""
    return max(MIN_SIDE, min(2 * round(pixels * factor / 2), pixels // 2 * 2))
