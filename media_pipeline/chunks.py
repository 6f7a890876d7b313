"""Long films: where they are cut, and the sheet that tells every worker the same."""

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from media_pipeline import film, plan, probe
from media_pipeline.film import Made, Pictures
from media_pipeline.plan import FilmPlan
from media_pipeline.probe import Facts


@dataclass(frozen=True, slots=True)
class Sheet:
    """What whoever makes a part must know, settled once when the film was looked at."""

    facts: Facts
    planned: FilmPlan
    sha256: str
    profile: str
    spans: tuple[Pictures, ...]


def is_long(facts: Facts, longer_than: float) -> bool:
    """Whether a file is worth cutting, and can be; ``longer_than`` in seconds."""
    return bool(facts.duration and facts.duration > longer_than and film.divisible(facts))


def cut(planned: FilmPlan, facts: Facts, span_seconds: float) -> tuple[Pictures, ...]:
    """Spans of about so many seconds, all nearly equal, together the whole segment grid."""
    segments = plan.segments(planned, facts)
    count = max(1, min(segments, round((facts.duration or 0.0) / span_seconds)))
    starts = [number * segments // count for number in range(count + 1)]
    return tuple(Pictures(first, end - 1) for first, end in pairwise(starts))


def merge(sides: Made, spans: list[Made], facts: Facts) -> Made:
    """What the parts told, as if one run had told it. Frames before a span, decoded to begin it, count once."""
    counted = [made.told.frames_in for made in spans]
    frames = None if None in counted or not facts.video else min(facts.video.frames, sum(filter(None, counted)))
    errors = tuple(error for made in spans for error in made.told.errors)
    told = film.Told(frames, errors)
    return Made(told, sides.loudness, sides.waveform, sides.scenes)


def to_json(sheet: Sheet) -> dict[str, Any]:
    return {**asdict(sheet), "planned": plan.to_json(sheet.planned)}


def from_json(data: dict[str, Any]) -> Sheet:
    """The equal sheet of what ``to_json`` gave, through JSON."""
    facts = data["facts"]
    return Sheet(
        facts=probe.film_facts(facts, facts["name"], facts["bytes"]),
        planned=plan.from_json(data["planned"]),
        sha256=data["sha256"],
        profile=data["profile"],
        spans=tuple(Pictures(**span) for span in data["spans"]),
    )
