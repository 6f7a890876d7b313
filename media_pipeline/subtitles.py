"""Timed text that comes inside a film: subtitles and chapters become tracks of their own."""

from pathlib import Path

import ffmpeg as graph

from media_pipeline import captions, ffmpeg
from media_pipeline.cage import Limits
from media_pipeline.captions import Cue
from media_pipeline.errors import Refused
from media_pipeline.plan import language_tag
from media_pipeline.work import Work

Track = tuple[str, str, list[Cue]]
LIMITS = Limits(wall_seconds=900, stall_seconds=120, file_bytes=captions.MAX_BYTES)


def tracks(work: Work) -> tuple[tuple[Track, ...], tuple[str, ...]]:
    """Captions of each language (the first of it) and chapters, and warnings about those that could not be read: text
    that fails never takes the film away."""
    found: dict[str, Track] = {}
    warnings = []
    for stream in work.facts.subtitles:
        language = language_tag(stream.language)
        if language in found:
            continue
        try:
            found[language] = ("captions", language, _extracted(work, stream.index))
        except Refused as reason:
            warnings.append(f"内嵌字幕（{language}）没有取出：{reason.sentence}")
    chapters = _chapters(work)
    return (*found.values(), *([("chapters", "und", chapters)] if chapters else [])), tuple(warnings)


def _extracted(work: Work, index: int) -> list[Cue]:
    file = work.out / f"subtitle-{index}.vtt"
    output = graph.output(ffmpeg.read(work.source)[str(index)], str(file), format="webvtt")
    try:
        ffmpeg.run([output], work.cage, name=work.facts.name, limits=LIMITS)
        return _shifted(captions.parse_bytes(_written(file)), work.facts.lead)
    finally:
        file.unlink(missing_ok=True)


def _written(file: Path) -> bytes:
    return file.read_bytes() if file.exists() else b""


def _shifted(cues: list[Cue], lead: float) -> list[Cue]:
    return [[max(0.0, round(start - lead, 3)), max(0.0, round(end - lead, 3)), text] for start, end, text in cues]


def _chapters(work: Work) -> list[Cue]:
    """Chapters with names; a single one from start to end says nothing."""
    named = [[start, end, title.strip()] for start, end, title in work.facts.chapters if title.strip() and end > start]
    return _shifted(named, work.facts.lead) if len(named) > 1 else []
