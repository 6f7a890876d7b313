"""Captions by a program: a plug point, and what is shipped for it.

``TRANSCRIBER`` names a callable by its dotted path; empty means none. What it writes is a draft until an editor
approves it (``tracks.approve``).
"""

import shlex
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import ffmpeg as graph
from django.conf import settings
from django.utils.module_loading import import_string

from media_pipeline import captions, ffmpeg
from media_pipeline.cage import GIB, Cage, Limits, refuse_exceeded
from media_pipeline.captions import Cue
from media_pipeline.errors import Failed, Refused
from media_pipeline.models import MediaAsset, TextTrack
from media_pipeline.product import Report

SUFFIXES = (".vtt", ".srt", ".ass")
RATE = 16_000  # Hz, one channel: what programs that listen to speech are trained on
HEARD = 0.1  # of the whole: taking the sound out of the film
LISTENING = Limits(stall_seconds=1800, memory_bytes=64 * GIB, resident_bytes=12 * GIB)


@dataclass(frozen=True, slots=True)
class Speech:
    """What is said in a file. ``wav()`` writes it as 16 kHz mono and answers its place in ``cage.directory``; it is
    asked for only when needed. ``seconds`` is None when unknown. ``report`` may raise to cancel."""

    name: str
    sha256: str
    seconds: float | None
    cage: Cage
    wav: Callable[[], Path]
    report: Report


Transcript = tuple[str, list[Cue]]
"""The language, as a tag, and the cues."""


class Transcriber(Protocol):
    def __call__(self, speech: Speech) -> Transcript | None:
        """Captions, or None when there are none. Raises Refused for a file without words, Failed for a program that
        does not work."""


def configured() -> Transcriber | None:
    return import_string(settings.TRANSCRIBER) if settings.TRANSCRIBER else None


def wanted(asset: MediaAsset) -> bool:
    """Whether a program is set and nobody has written captions yet."""
    written = TextTrack.objects.filter(asset=asset, kind=TextTrack.Kind.CAPTIONS, draft=False)
    return bool(settings.TRANSCRIBER) and asset.media_type in ("video", "audio") and not written.exists()


def transcribe(
    asset: MediaAsset, source: Path, directory: Path, report: Report = lambda step, fraction: None
) -> Transcript | None:
    """Captions of an asset whose original lies at ``source``; ``directory`` is written into. None when there is no
    transcriber or it found nothing. Raises Refused and Failed as it does; ``report`` may raise to cancel."""
    transcriber = configured()
    if transcriber is None:
        return None
    with tempfile.TemporaryDirectory(dir=directory) as place:
        cage = Cage(Path(place), readable=(source,))

        def wav() -> Path:
            return _wav(source, cage, asset, report)

        found = transcriber(Speech(asset.filename, asset.sha256, asset.duration, cage, wav, report))
    return found if found and found[1] else None


def _wav(source: Path, cage: Cage, asset: MediaAsset, report: Report) -> Path:
    file = cage.directory / "speech.wav"
    output = graph.output(ffmpeg.read(source)["a:0"], str(file), ar=RATE, ac=1, acodec="pcm_s16le")
    whole = asset.duration or 1.0
    ffmpeg.run(
        [output],
        cage,
        name=asset.filename,
        limits=Limits(wall_seconds=900 + whole),
        on_progress=lambda seconds: report("captions", HEARD * min(1.0, seconds / whole)),
    )
    return file


# What is shipped


def side_car(speech: Speech) -> Transcript | None:
    """Captions somebody put into ``TRANSCRIPTS_DIR`` beforehand: ``talk.vtt`` or ``talk.en.srt`` for ``talk.mp4``, or
    the SHA-256 of the film for its name."""
    folder = Path(settings.TRANSCRIPTS_DIR)
    for stem in (speech.sha256, Path(speech.name).stem):
        for path in sorted(folder.iterdir()) if stem and folder.is_dir() else ():
            language = _language_of(path, stem)
            if language is not None:
                cues = captions.parse_bytes(path.read_bytes())
                return language or _spoken(cues), cues
    return None


def _language_of(path: Path, stem: str) -> str | None:
    """The tag in a side-car's name, "" without one; None when it belongs to another film."""
    if path.suffix.lower() not in SUFFIXES or not path.is_file():
        return None
    if path.stem == stem:
        return ""
    language = path.stem[len(stem) + 1 :]
    return language if path.stem.startswith(f"{stem}.") and "." not in language else None


def command(speech: Speech) -> Transcript | None:
    """Run ``TRANSCRIBER_COMMAND`` in the cage; it finds the sound at ``{wav}`` and prints WebVTT or SubRip. It reads
    ``TRANSCRIBER_FILES`` (its program and models) beside the system's files, and has no network."""
    wav = speech.wav()
    words = [word.replace("{wav}", str(wav)) for word in shlex.split(settings.TRANSCRIBER_COMMAND)]
    program = shutil.which(words[0]) if words else None
    if program is None:
        raise Failed("transcriber", "找不到自动字幕程序。", "请联系管理员检查 TRANSCRIBER_COMMAND。")
    own = (Path(place) for place in settings.TRANSCRIBER_FILES.split(":") if place)
    cage = Cage(speech.cage.directory, readable=(wav, *own))
    lines: list[str] = []
    size = 0

    def take(line: str) -> bool:
        nonlocal size
        lines.append(line)
        size += len(line) + 1
        speech.report("captions", HEARD)
        if size > captions.MAX_BYTES:
            raise Failed(
                "transcriber", "自动字幕程序的输出没有尽头，已经停止。", "请联系管理员检查 TRANSCRIBER_COMMAND。"
            )
        return True

    outcome = cage.run([program, *words[1:]], limits=LISTENING, on_line=take, processes=True)
    refuse_exceeded(outcome)
    if outcome.returncode != 0:
        last = (outcome.stderr.strip().splitlines() or [f"exit {outcome.returncode}"])[-1][:200]
        raise Failed("transcriber", f"自动字幕程序出错（{last}）。", "请联系管理员检查 TRANSCRIBER_COMMAND。")
    try:
        cues = captions.parse("\n".join(lines))
    except Refused as silent:
        if silent.code == "captions-empty":
            return None
        raise
    return _spoken(cues), cues


def _spoken(cues: list[Cue]) -> str:
    """``TRANSCRIBER_LANGUAGE``, or for Chinese the script the cues are written in."""
    stated = settings.TRANSCRIBER_LANGUAGE
    if not stated.startswith("zh"):
        return stated
    written = captions.chinese_tag(cues)
    return stated if written == "zh" else written
