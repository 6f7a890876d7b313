"""How loud a film is (EBU R128) and the outline of its sound, from one reading of the sound alone.

The gain must be known before the sound is encoded, so the sound is read twice: that costs half a hundredth of the
encode of a film."""

import math
from dataclasses import dataclass
from typing import Any

TARGET = -16.0  # LUFS, what phones and browsers are set up for (AES TD1008)
CEILING = -1.0  # dBTP
# The limiter sees samples, not what lies between them, and the encoder adds a little: it stays below the ceiling.
LIMIT = -2.5  # dB
MOST_GAIN = 20.0  # dB: noise behind a very quiet voice must not become a roar
MOST_LIMITED = 9.0  # dB that peaks may be pressed down; music beyond that stays softer than the target
SILENCE = -69.0  # LUFS; the measure's own gate is at -70
POINTS = 1200
SHORTEST = 0.05  # seconds a point
KEY = "lavfi.astats.Overall.Peak_level"


@dataclass(frozen=True, slots=True)
class Sound:
    """``integrated`` in LUFS, ``spread`` in LU, ``peak`` in dBTP; ``outline``: loudest sample of equal stretches,
    0..255."""

    integrated: float
    spread: float
    peak: float
    outline: tuple[int, ...] = ()

    @property
    def gain(self) -> float:
        """dB that bring the sound to the target, as far as its peaks and its noise allow; 0 for silence."""
        if self.integrated <= SILENCE:
            return 0.0
        room = LIMIT - self.peak + MOST_LIMITED
        return round(min(TARGET - self.integrated, MOST_GAIN, room), 2)

    @property
    def limited(self) -> bool:
        return self.integrated > SILENCE and self.peak + self.gain > CEILING - 0.5

    def as_json(self) -> dict[str, float]:
        values = {"integrated": self.integrated, "range": self.spread, "peak": self.peak, "gain": self.gain}
        return {name: round(value, 2) for name, value in values.items()}


class Meter:
    """Builds the graph that measures and takes what it tells, by name."""

    def __init__(self, seconds: float, rate: int) -> None:
        self.samples = max(round(rate * max(SHORTEST, seconds / POINTS)), 1)
        self.peaks: list[float] = []
        self.summary: dict[str, float] = {}

    def graph(self, stream: Any) -> Any:
        stream = stream.filter("ebur128", framelog="quiet", peak="true")
        stream = stream.filter("asetnsamples", n=self.samples, p=0)
        stream = stream.filter("astats", metadata=1, reset=1, measure_perchannel="none", measure_overall="Peak_level")
        return stream.filter("ametadata", "print", key=KEY, file="pipe:1", direct=1)

    def take(self, name: str, value: float) -> None:
        if name == KEY:
            self.peaks.append(value)
        else:
            self.summary[name] = value

    def sound(self) -> Sound:
        """Silence where nothing was heard."""
        summary = {name: value for name, value in self.summary.items() if math.isfinite(value)}
        return Sound(
            integrated=summary.get("I", -70.0),
            spread=summary.get("LRA", 0.0),
            peak=summary.get("Peak", -70.0),
            outline=tuple(_height(peak) for peak in self.peaks[:POINTS]),
        )


def _height(peak: float) -> int:
    """Decibels below full scale as 0..255 of amplitude."""
    return min(255, round(255 * 10 ** (peak / 20))) if math.isfinite(peak) else 0


def apply(stream: Any, sound: Sound | None) -> Any:
    """The sound at its target loudness, its peaks below the ceiling."""
    if sound is None:
        return stream
    if sound.gain:
        stream = stream.filter("volume", f"{sound.gain:.2f}dB")
    if not sound.limited:
        return stream
    # latency: the limiter looks ahead; without it the sound would come later by as much.
    limit = f"{10 ** (LIMIT / 20):.4f}"
    return stream.filter("alimiter", limit=limit, level="false", attack=5, release=60, latency="true")
