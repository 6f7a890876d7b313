"""What will be made of a file: steps, each with a spec string that is its identity for ever, and one digest for all."""

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from fractions import Fraction

from media_pipeline import ladder
from media_pipeline.probe import Facts
from media_pipeline.profiles import Profile

# Raise when the same steps give other bytes: packages made before keep their names, new ones get new names.
MAKING = 1
POSTER_LONG_SIDE = 1280
TILE_SHORT_SIDE = 90
TILES = 200  # one sprite of at most 10 × 20 pictures: 1600 × 1800 pixels for wide films
TILE_COLUMNS = 10


@dataclass(frozen=True, slots=True)
class VideoStep:
    """``max_rate`` in bit/s. All rungs share ``fps`` and cut their segments at the same frames."""

    spec: str
    codec: str
    width: int
    height: int
    crf: int
    max_rate: int
    preset: str


@dataclass(frozen=True, slots=True)
class AudioStep:
    """``stream`` is the source's stream index; ``bit_rate`` in bit/s."""

    spec: str
    codec: str
    stream: int
    bit_rate: int
    language: str
    label: str
    default: bool


@dataclass(frozen=True, slots=True)
class PosterStep:
    """The most usual of some frames taken every ``interval`` seconds, so hardly a black one."""

    spec: str
    width: int
    height: int
    interval: float


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
    """``fps`` as numerator and denominator; ``digest`` names source and plan together."""

    digest: str
    fps: tuple[int, int]
    segment_seconds: float
    videos: tuple[VideoStep, ...]
    audios: tuple[AudioStep, ...]
    poster: PosterStep | None
    storyboard: StoryboardStep | None


def film(facts: Facts, profile: Profile, source_sha256: str) -> FilmPlan:
    """The plan of a film or a recording."""
    fps = Fraction(*facts.video.fps) if facts.video else Fraction(0)
    videos = _videos(facts, profile, fps)
    rates = profile.audio if videos else profile.audio_only
    audios = tuple(step for rate in rates for step in _audios(facts, rate, profile.audio_tracks))
    poster, storyboard = _poster(facts), _storyboard(facts)
    steps = [asdict(step) for step in (*videos, *audios, poster, storyboard) if step]
    return FilmPlan(
        digest=digest(source_sha256, [*steps, [fps.numerator, fps.denominator], profile.segment_seconds]),
        fps=(fps.numerator, fps.denominator),
        segment_seconds=profile.segment_seconds,
        videos=videos,
        audios=audios,
        poster=poster,
        storyboard=storyboard,
    )


def digest(source_sha256: str, steps: list) -> str:
    """12 hex digits: equal work has an equal name."""
    words = json.dumps([MAKING, source_sha256, steps], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(words.encode()).hexdigest()[:12]


def _videos(facts: Facts, profile: Profile, fps: Fraction) -> tuple[VideoStep, ...]:
    if not facts.video:
        return ()
    sizes = ladder.fit(facts.video.width, facts.video.height, fps, profile.rungs)
    return tuple(
        VideoStep(f"video-{s.name}-{codec}", codec, s.width, s.height, s.crf, s.max_rate, profile.preset)
        for codec in profile.video
        for s in sizes
    )


def _audios(facts: Facts, bit_rate: int, most: int) -> list[AudioStep]:
    """One step a sound track; a language that comes twice is told apart by number."""
    tracks = sorted(facts.audio, key=lambda track: not track.default)[:most]
    steps: list[AudioStep] = []
    for track in tracks:
        language = language_tag(track.language)
        base = f"audio-{language}-{bit_rate // 1000}-aac"
        number = sum(step.spec == base or step.spec.startswith(f"{base}-") for step in steps) + 1
        spec = base if number == 1 else f"{base}-{number}"
        label = track.title or LANGUAGE_NAMES.get(language, language if language != "und" else "原声")
        label = label if number == 1 or track.title else f"{label} {number}"
        steps.append(AudioStep(spec, "aac", track.index, bit_rate, language, label, default=not steps))
    return steps


def _poster(facts: Facts) -> PosterStep | None:
    if not facts.video:
        return None
    width, height = facts.video.width, facts.video.height
    factor = min(Fraction(1), Fraction(POSTER_LONG_SIDE, max(width, height)))
    # 24 pictures of 720 lines are 33 MB; ten seconds of one-second steps are enough for a short film.
    interval = max(1.0, round((facts.duration or 0) / 24, 3))
    return PosterStep("poster", ladder.even(width, factor), ladder.even(height, factor), interval)


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
