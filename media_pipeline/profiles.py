"""Profiles: what is made of a file, as plain data in ``profiles.toml``."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from media_pipeline.errors import Failed

PLACE = Path(__file__).with_name("profiles.toml")


@dataclass(frozen=True, slots=True)
class Rung:
    """``short``: pixels of the short side of its 16:9 frame; ``max_rate``: bit/s at up to 30 frames a second."""

    short: int
    crf: int
    max_rate: int
    codec: str = "h264"


@dataclass(frozen=True, slots=True)
class Profile:
    """``preset`` names one for each codec; what the other fields mean stands at the head of ``profiles.toml``."""

    name: str
    about: str
    preset: dict[str, str]
    per_title: bool
    segment_seconds: float
    rungs: tuple[Rung, ...]
    audio: tuple[int, ...]
    audio_only: tuple[int, ...]
    radio: int
    surround: int
    audio_tracks: int
    download: int

    def ladders(self) -> dict[str, tuple[Rung, ...]]:
        """The rungs of each codec from small to large; H.264 first, since every screen plays it."""
        codecs = sorted({rung.codec for rung in self.rungs}, key=lambda codec: (codec != "h264", codec))
        return {codec: tuple(rung for rung in self.rungs if rung.codec == codec) for codec in codecs}


@cache
def all_profiles(place: Path = PLACE) -> dict[str, Profile]:
    return {name: _profile(name, entry) for name, entry in tomllib.loads(place.read_text("utf-8")).items()}


def load(name: str) -> Profile:
    """The profile of that name. Raises Failed naming those there are."""
    profiles = all_profiles()
    if name not in profiles:
        raise Failed("unknown-profile", f"没有名为“{name}”的转码方案。", f"可选：{'、'.join(profiles)}。")
    return profiles[name]


def _profile(name: str, entry: dict[str, Any]) -> Profile:
    rungs = sorted((Rung(**rung) for rung in entry["rungs"]), key=lambda rung: rung.short)
    lists = {key: tuple(entry[key]) for key in ("audio", "audio_only")}
    return Profile(name=name, **{**entry, **lists, "rungs": tuple(rungs)})
