"""The only door to the ffmpeg binary: reads with whitelists, runs in the cage, tells progress, explains failures."""

import logging
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import ffmpeg
import imageio_ffmpeg

from media_pipeline.cage import Cage, Limits, Outcome, refuse_exceeded
from media_pipeline.errors import Failed, MediaError, Refused
from media_pipeline.probe import DECODERS, FORMATS, MAX_PIXELS

# One thread for the graph beside those of the encoders: more of them only wait for each other.
GRAPH = ("-filter_complex_threads", "1")
GLOBAL = ("-hide_banner", "-nostdin", "-nostats", "-loglevel", "repeat+level+verbose", "-y", *GRAPH)
# ffmpeg's own ``-progress`` is silent until every output has begun, and a poster or storyboard begins near the end of
# the film. So the first output tells the time of each packet it writes.
TOLD = ("-stats_mux_pre", "pipe:1", "-stats_mux_pre_fmt", "{t}")
SETTING = "FFMPEG_BINARY"
COMPLAINTS = 5  # of one run that go to the log; a damaged film has thousands
logger = logging.getLogger(__name__)
OWN_FORMATS = ("mov,mp4,m4a,3gp,3g2,mj2",)  # what the pipeline itself writes


@dataclass(frozen=True, slots=True)
class Told:
    """What ffmpeg said about its work: ``frames_in`` pictures were decoded (None without pictures), ``errors`` are the
    last complaints, ``decoded`` the frames of each input's stream and how many times its decoder failed."""

    frames_in: int | None = None
    errors: tuple[str, ...] = ()
    decoded: tuple[tuple[int, int], ...] = ()


@cache
def binary() -> str:
    """Absolute path: the one that comes with the package, or what the environment names. Raises Failed naming both."""
    path = os.environ.get(SETTING) or imageio_ffmpeg.get_ffmpeg_exe()
    if not Path(path).is_absolute() or not os.access(path, os.X_OK):
        raise Failed("no-ffmpeg", f"找不到可执行的 ffmpeg：{path}。", f"请检查环境变量 {SETTING}，要写绝对路径。")
    return path


def read(source: Path, *, formats: Sequence[str] = FORMATS, **options: Any) -> Any:
    """An input whose demuxer, protocol and picture size are limited. No absolute path is taken for an option."""
    return ffmpeg.input(
        str(source.absolute()),
        format_whitelist=",".join(formats),
        protocol_whitelist="file",
        codec_whitelist=DECODERS,
        max_pixels=MAX_PIXELS,
        **options,
    )


def run(  # noqa: PLR0913  two listeners, and what every run needs
    outputs: Sequence[Any],
    cage: Cage,
    *,
    name: str,
    limits: Limits,
    on_progress: Callable[[float], None] | None = None,
    on_value: Callable[[str, float], None] | None = None,
) -> Told:
    """Run one ffmpeg for all outputs. ``on_progress`` gets the seconds of film done and may raise to cancel;
    ``on_value`` gets what the filters measured: metadata printed to ``pipe:1`` as it comes, ``I``, ``LRA`` and ``Peak``
    of EBU R128 at the end.

    Raises Refused or Failed as ``explain`` sees it."""
    command = ffmpeg.merge_outputs(*outputs).global_args(*GLOBAL).compile(cmd=binary())
    first_output = command.index("-map")
    command[first_output:first_output] = TOLD
    outcome = cage.run(command, limits=limits, on_line=_Progress(on_progress, on_value).line)
    for complaint in _errors(outcome.stderr)[-COMPLAINTS:]:
        logger.warning("ffmpeg: %s", complaint)
    refuse_exceeded(outcome)
    if outcome.returncode != 0:
        raise explain(outcome, name)
    if on_value:
        for measure, value in _SUMMARY.findall(outcome.stderr):
            on_value(measure, float(value))
    counted = _FRAMES_IN.findall(outcome.stderr)
    return Told(
        frames_in=sum(map(int, counted)) if counted else None,
        errors=_errors(outcome.stderr),
        decoded=tuple((int(frames), int(errors or 0)) for frames, errors in _DECODED.findall(outcome.stderr)),
    )


# The fps filter's own count at its end; there are several when the source changed its size on the way.
_FRAMES_IN = re.compile(r"(\d+) frames in, \d+ frames out")
_SUMMARY = re.compile(r"^ +(I|LRA|Peak): +(-?(?:[\d.]+|inf|nan)) (?:LUFS|LU|dBFS)$", re.MULTILINE)
# What is told of each input at the end, in their order.
_DECODED = re.compile(r"packets read \(\d+ bytes\); (\d+) frames decoded(?:; (\d+) decode errors)?")


def _errors(stderr: str) -> tuple[str, ...]:
    lines = (line for line in stderr.splitlines() if "[error]" in line or "[fatal]" in line)
    return tuple(re.sub(r"^\[[^\]]*@[^\]]*\]\s*|\[(error|fatal)\]\s*", "", line)[:200] for line in lines)


class _Progress:
    """Follows the packets' times on standard output, and what filters print between them. Only a later time than all
    before is a sign of life."""

    def __init__(
        self, on_progress: Callable[[float], None] | None, on_value: Callable[[str, float], None] | None
    ) -> None:
        self.on_progress, self.on_value = on_progress, on_value
        self.reached = -1.0

    def line(self, line: str) -> bool:
        name, equals, value = line.partition("=")
        if equals and self.on_value:
            self.on_value(name, float(value))
        try:
            seconds = float(line)
        except ValueError:
            return False
        if seconds <= self.reached:
            return False
        self.reached = seconds
        if self.on_progress:
            self.on_progress(seconds)
        return True


TO_MP4 = "请重新导出为 MP4（H.264 + AAC）后上传。"
# Pattern in the binary's words, kind of error, code, sentence, remedy; the first that fits.
_EXPLAIN: tuple[tuple[str, type[MediaError], str, str, str], ...] = (
    ("No space left on device", Failed, "disk-full", "处理“{name}”时磁盘已满。", "请联系管理员清理空间。"),
    ("Cannot allocate memory", Refused, "too-large", "“{name}”需要的内存超过了上限。", "请降低分辨率后上传。"),
    (
        "not (in|on) whitelist",
        Refused,
        "forbidden-format",
        "“{name}”引用了别的文件或网址。",
        "请导出为单个 MP4 文件后上传。",
    ),
    ("Decoder .* not found|no decoder found", Refused, "unknown-codec", "“{name}”用了不支持的编码。", TO_MP4),
    (
        "moov atom not found",
        Refused,
        "truncated",
        "“{name}”缺少文件索引，没有录完或没有传完。",
        "请从原处重新复制后上传。",
    ),
    (
        "Invalid data found|Error while decoding|corrupt|Nothing was written|Conversion failed|Error submitting packet",
        Refused,
        "damaged",
        "“{name}”的内容已损坏，无法完整解码。",
        TO_MP4,
    ),
)


def explain(outcome: Outcome, name: str) -> MediaError:
    """The reason, for the uploader, from the binary's own words and the way it ended."""
    for pattern, kind, code, sentence, remedy in _EXPLAIN:
        if re.search(pattern, outcome.stderr):
            return kind(code, sentence.format(name=name), remedy)
    if outcome.returncode < 0:
        return Refused("damaged", f"“{name}”使解码程序崩溃，文件多半已损坏。", "请重新导出为 MP4 后上传。")
    last = (_errors(outcome.stderr) or (f"exit {outcome.returncode}",))[-1]
    return Failed("ffmpeg", f"处理“{name}”时出错（{last}）。", "请稍后重试；若再次出现，请联系管理员。")
