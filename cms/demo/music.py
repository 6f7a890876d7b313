"""Small melodies on five notes for the films, plucked or blown, made sample by sample."""

from __future__ import annotations

import math
import random
import wave
from array import array
from functools import lru_cache
from operator import add
from pathlib import Path

RATE = 16000
PENTATONIC = (0, 2, 4, 7, 9)


@lru_cache(maxsize=64)
def _pluck(step: int, seconds: float) -> list[float]:
    """A plucked string ``step`` semitones above middle C (Karplus and Strong, 1983)."""
    period = max(2, round(RATE / (261.63 * 2 ** (step / 12))))
    chance = random.Random(step)  # noqa: S311 - noise for a string
    ring = [chance.uniform(-1, 1) for _ in range(period)]
    out = []
    for i in range(round(RATE * seconds)):
        k = i % period
        out.append(ring[k])
        ring[k] = 0.498 * (ring[k] + ring[(k + 1) % period])
    return out


@lru_cache(maxsize=64)
def _blow(step: int, seconds: float) -> list[float]:
    """A soft flute with a little tremor, rising and falling within the note."""
    turn = math.tau * 261.63 * 2 ** (step / 12) / RATE
    count = round(RATE * seconds)
    out = []
    for i in range(count):
        swell = min(1.0, i / 2200, (count - i) / 4000)
        phase = turn * i + 0.12 * math.sin(i * 0.0015)
        out.append(swell * (0.5 * math.sin(phase) + 0.16 * math.sin(2 * phase) + 0.05 * math.sin(3 * phase)))
    return out


def melody(path: Path, *, seed: str, seconds: float) -> None:
    """Writes a mono WAV of ``seconds``; another seed is another mode, pace, instrument and tune."""
    chance = random.Random(seed)  # noqa: S311 - a tune, not a secret
    root = chance.choice((-5, -3, 0, 2))
    beat = chance.choice((0.42, 0.5, 0.6))
    voice = chance.choice((_pluck, _pluck, _blow))
    mix = [0.0] * round(RATE * (seconds + 3))
    at, place = 0.3, chance.randrange(3, 8)
    while at < seconds - 1.8:
        length = beat * chance.choice((1, 1, 1, 2, 2, 3))
        place = min(11, max(0, place + chance.choice((-2, -1, -1, 1, 1, 2))))
        _add(mix, at, voice(root + _semitones(place), round(max(1.4, length), 2)), 0.34)
        if chance.random() < 0.3:
            _add(mix, at, _pluck(root + _semitones(place % 5) - 12, 2.2), 0.24)
        at += length
    _add(mix, at, _pluck(root, 2.2), 0.34)
    fade = round(RATE * 1.2)
    total = round(RATE * seconds)
    tail = (max(0.0, min(1.0, (total - i) / fade)) for i in range(total))
    samples = array("h", (round(24000 * max(-1.0, min(1.0, s * t))) for s, t in zip(mix, tail, strict=False)))
    with wave.open(str(path), "wb") as out:
        out.setparams((1, 2, RATE, 0, "NONE", ""))
        out.writeframes(samples.tobytes())


def _semitones(place: int) -> int:
    return 12 * (place // 5) + PENTATONIC[place % 5]


def _add(mix: list[float], at: float, note: list[float], loud: float) -> None:
    begin = round(at * RATE)
    end = min(len(mix), begin + len(note))
    mix[begin:end] = map(add, mix[begin:end], (sample * loud for sample in note))
