"""What will be made of a file: steps, each with a spec string that is its identity for ever, and one digest for all."""

import hashlib
import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from typing import Any

from media_pipeline import ladder
from media_pipeline.errors import Refused
from media_pipeline.probe import AudioFacts, Facts
from media_pipeline.profiles import Profile

RADIO = "radio"
"""Codec, and the beginning of the spec, of the sound on the least data."""

# Raise when the same steps give other bytes: packages made before keep their names, new ones get new names.
MAKING = 3
POSTER_LONG_SIDE = 1280
CANDIDATES = 20  # for the poster
TILE_SHORT_SIDE = 90
TILES = 200  # one sprite of at most 10 × 20 pictures: 1600 × 1800 pixels for wide films
TILE_COLUMNS = 10
STEREO, SURROUND = 2, 6  # channels


@dataclass(frozen=True, slots=True)
class VideoStep:
    """``codec`` is h264 or av1; ``max_rate`` in bit/s. All rungs share ``fps`` and cut at the same frames.

    ``tune`` and ``params`` are the encoder's own words (x264's, SVT-AV1's)."""

    spec: str
    codec: str
    width: int
    height: int
    crf: int
    max_rate: int
    preset: str
    tune: str = ""
    params: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class AudioStep:
    """``stream`` is the source's stream index; ``bit_rate`` in bit/s; ``channels`` 2 or 6, as its loudness is measured.
    ``codec``: ``aac``, or ``radio``, the same in mono."""

    spec: str
    codec: str
    stream: int
    bit_rate: int
    language: str
    label: str
    default: bool
    channels: int = 2


@dataclass(frozen=True, slots=True)
class PosterStep:
    """The most telling of ``candidates`` frames, one every ``interval`` seconds."""

    spec: str
    width: int
    height: int
    interval: float
    candidates: int


@dataclass(frozen=True, slots=True)
class StoryboardStep:
    """Pictures of ``width`` × ``height`` every ``interval`` seconds in one sprite."""

    spec: str
    width: int
    height: int
    interval: float
    columns: int
    rows: int


@dataclass(frozen=True, slots=True)
class FilmPlan:
    """``fps`` as numerator and denominator; ``digest`` names source and plan together.

    ``download`` is the spec of the rung offered as one file, "" for none."""

    digest: str
    fps: tuple[int, int]
    segment_seconds: float
    videos: tuple[VideoStep, ...]
    audios: tuple[AudioStep, ...]
    poster: PosterStep | None
    storyboard: StoryboardStep | None
    download: str = ""


def to_json(planned: FilmPlan) -> dict[str, Any]:
    """Numbers, strings, lists and dicts only; ``from_json`` gives the equal plan back."""
    return asdict(planned)


def from_json(data: dict[str, Any]) -> FilmPlan:
    fields = {
        "fps": tuple(data["fps"]),
        "videos": tuple(VideoStep(**{**step, "params": _pairs(step["params"])}) for step in data["videos"]),
        "audios": tuple(AudioStep(**step) for step in data["audios"]),
        "poster": PosterStep(**data["poster"]) if data["poster"] else None,
        "storyboard": StoryboardStep(**data["storyboard"]) if data["storyboard"] else None,
    }
    return FilmPlan(**{**data, **fields})


def _pairs(params: Iterable[Iterable[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in params)


def segment_frames(planned: FilmPlan, segment: int) -> int:
    """Number of the frame that ``segment`` (from 0) begins with."""
    return math.ceil(segment * Fraction(planned.segment_seconds) * Fraction(*planned.fps))


def segments(planned: FilmPlan, facts: Facts) -> int:
    """How many segments the picture has, at least one; the last may be short."""
    video = facts.video
    end = (video.end or 0.0) - min(video.start or 0.0, facts.lead) if video else 0.0
    return max(1, math.ceil(round(end / planned.segment_seconds, 3)))


def film(facts: Facts, profile: Profile, source_sha256: str) -> FilmPlan:
    """The plan of a film or a recording, before it is fitted to the film. A profile without rungs takes the sound of a
    film. Raises Refused when nothing of the file is wanted."""
    seen = facts if profile.rungs else replace(facts, video=None)
    if not seen.video and not seen.audio:
        raise Refused("no-sound", f"“{facts.name}”里没有声音。", "这个转码方案只要声音，请换一个方案。")
    fps = Fraction(*seen.video.fps) if seen.video else Fraction(0)
    videos = _videos(seen, profile, fps)
    audios = _audios(seen, profile)
    still, tiles = poster(seen), _storyboard(seen)
    steps = [asdict(step) for step in (*videos, *audios, still, tiles) if step]
    making = [[fps.numerator, fps.denominator], profile.segment_seconds, profile.per_title]
    making.append(profile.download if videos else _download(videos, audios, profile))
    return FilmPlan(
        digest=digest(source_sha256, [*steps, *making]),
        fps=(fps.numerator, fps.denominator),
        segment_seconds=profile.segment_seconds,
        videos=videos,
        audios=audios,
        poster=still,
        storyboard=tiles,
        download=_download(videos, audios, profile),
    )


def digest(source_sha256: str, steps: list) -> str:
    """12 hex digits: equal work has an equal name."""
    words = json.dumps([MAKING, source_sha256, steps], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(words.encode()).hexdigest()[:12]


def _videos(facts: Facts, profile: Profile, fps: Fraction) -> tuple[VideoStep, ...]:
    if not facts.video:
        return ()
    width, height = facts.video.width, facts.video.height
    return tuple(
        VideoStep(f"video-{s.name}-{codec}", codec, s.width, s.height, s.crf, s.max_rate, profile.preset[codec])
        for codec, rungs in profile.ladders().items()
        if codec == "h264" or ladder.worth(width, height, rungs)
        for s in ladder.fit(width, height, fps, rungs)
    )


def _audios(facts: Facts, profile: Profile) -> tuple[AudioStep, ...]:
    """One step a rate and sound track: stereo always, 5.1 beside it where the profile keeps and the source has it."""
    rates = profile.audio if facts.video else profile.audio_only
    tracks = sorted(facts.audio, key=lambda track: not track.default)[: profile.audio_tracks]
    steps = [step for rate in rates for step in _group(tracks, rate, STEREO)]
    if profile.surround:
        steps += _group([track for track in tracks if track.channels >= SURROUND], profile.surround, SURROUND)
    if profile.radio and steps:
        spec = f"{RADIO}-{profile.radio // 1000}"
        steps.append(replace(steps[0], spec=spec, codec=RADIO, bit_rate=profile.radio, default=False))
    return tuple(steps)


def _group(tracks: list[AudioFacts], bit_rate: int, channels: int) -> list[AudioStep]:
    """One step a sound track; a language that comes twice is told apart by number."""
    steps: list[AudioStep] = []
    for track in tracks:
        language = language_tag(track.language)
        base = f"audio-{language}-{bit_rate // 1000}-aac" + ("-51" if channels == SURROUND else "")
        number = sum(step.spec == base or step.spec.startswith(f"{base}-") for step in steps) + 1
        spec = base if number == 1 else f"{base}-{number}"
        label = track.title or LANGUAGE_NAMES.get(language, language if language != "und" else "原声")
        label = label if number == 1 or track.title else f"{label} {number}"
        steps.append(AudioStep(spec, "aac", track.index, bit_rate, language, label, not steps, channels))
    return steps


def _download(videos: tuple[VideoStep, ...], audios: tuple[AudioStep, ...], profile: Profile) -> str:
    """The largest H.264 rung the profile lets people take away; of a recording always its best sound, which podcast
    clients fetch."""
    if videos and not profile.download:
        return ""
    fitting = [
        step.spec for step in videos if step.codec == "h264" and min(step.width, step.height) <= profile.download
    ]
    return next(iter(fitting or [step.spec for step in audios]), "")


def poster(facts: Facts) -> PosterStep | None:
    """The still of a film; None of a recording."""
    if not facts.video:
        return None
    width, height = facts.video.width, facts.video.height
    factor = min(Fraction(1), Fraction(POSTER_LONG_SIDE, max(width, height)))
    interval = max(1.0, round((facts.duration or 0) / (CANDIDATES - 1), 3))
    return PosterStep("poster", ladder.even(width, factor), ladder.even(height, factor), interval, CANDIDATES)


def _storyboard(facts: Facts) -> StoryboardStep | None:
    if not facts.video or not facts.duration:
        return None
    width, height = facts.video.width, facts.video.height
    factor = min(Fraction(1), Fraction(TILE_SHORT_SIDE, min(width, height)))
    interval = float(max(1, math.ceil(facts.duration / TILES)))
    count = max(1, math.ceil(facts.duration / interval))
    columns = min(TILE_COLUMNS, count)
    rows = math.ceil(count / columns)
    size = ladder.even(width, factor), ladder.even(height, factor)
    return StoryboardStep("storyboard", *size, interval, columns, rows)


LANGUAGE_NAMES = {"zh": "中文", "en": "英语", "ja": "日语", "ko": "韩语", "yue": "粤语", "bo": "藏语", "ug": "维吾尔语"}
# ISO 639-2 as containers write it, to the tags of BCP 47.
_TWO_LETTERS = {"zho": "zh", "chi": "zh", "cmn": "zh", "eng": "en", "jpn": "ja", "kor": "ko", "fra": "fr", "fre": "fr"}
_TWO_LETTERS |= {"deu": "de", "ger": "de", "spa": "es", "rus": "ru", "bod": "bo", "tib": "bo", "uig": "ug", "mon": "mn"}
_TWO_LETTERS |= {"ita": "it", "por": "pt", "ara": "ar", "tha": "th", "vie": "vi", "zha": "za", "kaz": "kk"}


def language_tag(code: str) -> str:
    """BCP 47 of what a container says; ``und`` for nothing or nonsense."""
    code = code.strip().lower().split("-")[0].split("_")[0]
    tag = _TWO_LETTERS.get(code, code)
    return tag if tag.isascii() and tag.isalpha() and len(tag) in (2, 3) else "und"
