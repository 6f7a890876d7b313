"""Timed text that comes inside a film: subtitles and chapters become tracks of their own."""

from collections.abc import Sequence
from pathlib import Path

import ffmpeg as graph

from media_pipeline import captions, ffmpeg
from media_pipeline.cage import Limits, longer
from media_pipeline.captions import Cue
from media_pipeline.errors import Refused
from media_pipeline.plan import language_tag
from media_pipeline.probe import SubtitleFacts
from media_pipeline.work import Work

Track = tuple[str, str, list[Cue]]
MAX_STREAMS = 40
LIMITS = Limits(wall_seconds=900, stall_seconds=120, file_bytes=captions.MAX_BYTES)


def tracks(work: Work) -> tuple[tuple[Track, ...], tuple[str, ...]]:
    """Captions of each language (the first of it) and chapters, and warnings about those that could not be read: text
    that fails never takes the film away."""
    found: dict[str, Track] = {}
    warnings = []
    streams = work.facts.subtitles[:MAX_STREAMS]
    for stream, file in zip(streams, _extracted(work, streams), strict=True):
        language = language_tag(stream.language)
        try:
            cues = _shifted(captions.parse_bytes(_written(file)), work.facts.lead)
        except Refused as reason:
            warnings.append(f"内嵌字幕（{language}）没有取出：{reason.sentence}")
            continue
        finally:
            file.unlink(missing_ok=True)
        # Containers say only “Chinese”; which script it is, the words show.
        language = captions.chinese_tag(cues) if language == "zh" else language
        found.setdefault(language, ("captions", language, cues))
    chapters = _chapters(work)
    return (*found.values(), *([("chapters", "und", chapters)] if chapters else [])), tuple(warnings)


def _extracted(work: Work, streams: Sequence[SubtitleFacts]) -> list[Path]:
    """The files of these streams; what could not be read is missing or empty. They are read together, and one by one
    when one of them spoils it for the others."""
    files = [work.out / f"subtitle-{stream.index}.vtt" for stream in streams]
    source = ffmpeg.read(work.source)
    outputs = [
        graph.output(source[str(stream.index)], str(file), format="webvtt")
        for stream, file in zip(streams, files, strict=True)
    ]
    if outputs and not _run(work, outputs) and len(outputs) > 1:
        for output in outputs:
            _run(work, [output])
    return files


def _run(work: Work, outputs: list) -> bool:
    limits = longer(LIMITS, LIMITS.wall_seconds + (work.facts.duration or 0.0))
    try:
        ffmpeg.run(outputs, work.cage, name=work.facts.name, limits=limits)
    except Refused:
        return False
    return True


def _written(file: Path) -> bytes:
    return file.read_bytes() if file.exists() else b""


def _shifted(cues: list[Cue], lead: float) -> list[Cue]:
    return [[max(0.0, round(start - lead, 3)), max(0.0, round(end - lead, 3)), text] for start, end, text in cues]


def _chapters(work: Work) -> list[Cue]:
    """Chapters with names; a single one from start to end says nothing."""
    named = [[start, end, title.strip()] for start, end, title in work.facts.chapters if title.strip() and end > start]
    return _shifted(named, work.facts.lead) if len(named) > 1 else []
