"""Films, sounds and pictures of the demo library: frames drawn by us, piped to ffmpeg with a melody of our own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from cms.demo.motifs import draw
from cms.demo.music import melody
from cms.demo.sheet import Pen, ease, fade, frames, still
from media_pipeline import ffmpeg
from media_pipeline.errors import Failed

SIZE = (960, 540)
RATE = 10  # frames a second: lines that draw themselves need no more
PICTURE_SIZE = (1600, 900)
SPEECH = 7.5  # characters of the lesson's text a second: captions are still read with ease
SHORTEST, LONGEST = 10.0, 40.0
TITLE_SECONDS = 3.4
ECHO = "aecho=0.8:0.7:55|90:0.22|0.14,volume=0.9"


def seconds_for(text: str) -> float:
    """How long the film of a lesson runs, so that its text can be read as captions."""
    return round(min(LONGEST, max(SHORTEST, len(text) / SPEECH + 2)), 1)


def film(path: Path, *, motif: str, series: str, title: str, seconds: float) -> None:
    """Draws and writes an MP4 (H.264, AAC). Raises Failed when ffmpeg does not take it."""
    sound = path.with_suffix(".wav")
    melody(sound, seed=series + title, seconds=seconds)
    drawing = draw(motif, series + title)
    pictures = frames(drawing, seconds, RATE, SIZE, partial(_titles, series=series, title=title))
    source = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{SIZE[0]}x{SIZE[1]}", "-r", str(RATE), "-i", "pipe:0")
    video = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-g", "60", "-pix_fmt", "yuv420p", "-threads", "1")
    _encode(
        [*source, "-i", str(sound.absolute()), "-map", "0:v", "-map", "1:a", *video],
        path,
        (p.tobytes() for p in pictures),
    )
    sound.unlink()


def audio(path: Path, *, series: str, title: str, seconds: float) -> None:
    """Writes an M4A with a melody. Raises Failed when ffmpeg does not take it."""
    sound = path.with_suffix(".wav")
    melody(sound, seed=series + title, seconds=seconds)
    _encode(["-i", str(sound.absolute())], path, ())
    sound.unlink()


def picture(path: Path, *, motif: str, seed: str) -> None:
    """Writes the finished drawing as a JPEG."""
    still(draw(motif, seed), PICTURE_SIZE).save(path, "JPEG", quality=90)


def _encode(inputs: list[str], path: Path, pictures: Iterable[bytes]) -> None:
    sound = ["-af", ECHO, "-c:a", "aac", "-b:a", "96k", "-ar", "44100", "-movflags", "+faststart"]
    command = [ffmpeg.binary(), "-hide_banner", "-loglevel", "error", "-y", *inputs, *sound, str(path.absolute())]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin  # noqa: S101 - asked for in the line above
        assert process.stderr  # noqa: S101 - the same
        try:
            for frame in pictures:
                process.stdin.write(frame)
            process.stdin.close()
        except BrokenPipeError:
            pass  # ffmpeg has left and says why on its standard error
        said = process.stderr.read().decode(errors="replace")
    if process.returncode:
        raise Failed("demo-film", f"演示影片未能生成：{said[-200:]}", "请检查 ffmpeg。")


def _titles(pen: Pen, second: float, now: float, *, series: str, title: str) -> None:
    """The seal in the corner all along; series and title on a strip of paper at the beginning."""
    pen.box((1204, 36), (40, 66), "#a8392c", 5)
    for word, y in (("文", 52), ("澜", 80)):
        pen.text((1224, y), word, 25, "#faf8f3", "mm")
    if second > TITLE_SECONDS:
        return
    shown = ease(second / 0.6) * ease((TITLE_SECONDS - second) / 0.5)
    x = -760 + 760 * shown
    pen.box((x, 500), (760, 132), fade("#faf8f3", 0.96))
    pen.box((x, 500), (10, 132), "#2f6f62")
    pen.text((x + 56, 520), series, 30, "#56605a")
    pen.text((x + 56, 564), title, 44, "#1d2420")


def cues(text: str, seconds: float, sentences: list[str] | None = None) -> list[list]:
    """``[start, end, sentence]`` over the film, each sentence as long as it has characters.

    ``sentences`` are given for another language; else the text is cut at its own full stops.
    """
    parts = sentences or _sentences(text)
    whole = sum(map(len, parts)) or 1
    at, span, result = 1.0, seconds - 1.6, []
    for part in parts:
        length = span * len(part) / whole
        result.append([round(at, 2), round(at + length - 0.05, 2), part])
        at += length
    return result


def _sentences(text: str) -> list[str]:
    """Sentences without their full stop; long ones are cut at a comma so that a caption fits on two lines."""
    result: list[str] = []
    for sentence in text.replace("？", "？。").replace("！", "！。").replace("；", "。").replace("\n", "").split("。"):
        line = ""
        for clause in filter(None, sentence.split("，")):
            if line and len(line) + len(clause) > 26:
                result.append(line)
                line = clause
            else:
                line = f"{line}，{clause}" if line else clause
        if line:
            result.append(line)
    return result
