"""One decode, all outputs: the graph of a film, every rung, sound, poster and storyboard in one run of ffmpeg."""

from pathlib import Path
from typing import Any

import ffmpeg as graph

from media_pipeline import ffmpeg
from media_pipeline.cage import Limits
from media_pipeline.formats import AUDIO, VIDEO, aac, poster, storyboard
from media_pipeline.plan import FilmPlan, PosterStep, StoryboardStep, VideoStep
from media_pipeline.probe import Facts, VideoFacts
from media_pipeline.work import Work

# 8-bit 1080p film on one slow core runs at a tenth of real time at worst; no film gets less than ten minutes.
SLOWEST = 30
LEAST_SECONDS = 600
SMALL = Limits(wall_seconds=300, stall_seconds=60)
LEAST_LEAD = 0.1  # seconds; what is below is how containers round


def encode(work: Work, plan: FilmPlan) -> ffmpeg.Told:
    """Write every file of the plan's steps. Raises Refused or Failed."""
    facts, out = work.facts, work.out
    reader = ffmpeg.read(work.source)
    outputs = [*_pictures(reader, facts, plan, out), *_sounds(reader, facts, plan, out)]
    seconds = facts.duration or 0.0
    limits = Limits(wall_seconds=LEAST_SECONDS + SLOWEST * seconds, stall_seconds=180)

    def on_progress(done: float) -> None:
        work.report("encode", min(1.0, done / seconds) if seconds else 0.0)

    return ffmpeg.run(outputs, work.cage, name=facts.name, limits=limits, on_progress=on_progress)


def _pictures(reader: Any, facts: Facts, plan: FilmPlan, out: Path) -> list[Any]:
    """The rungs as a cascade: each is scaled from the next larger one, the extras from the smallest large enough."""
    if not facts.video:
        return []
    sizes = sorted({(step.width, step.height) for step in plan.videos}, reverse=True)
    stream = _prepared(_from_zero(reader[str(facts.video.index)], "setpts", facts), facts.video, plan, sizes[0])
    outputs: list[Any] = []
    for position, size in enumerate(sizes):
        steps = [step for step in plan.videos if (step.width, step.height) == size]
        extras = [extra for extra in (plan.poster, plan.storyboard) if extra and _home(extra, sizes) == position]
        smaller = sizes[position + 1 : position + 2]
        branches = _split(stream, len(steps) + len(extras) + len(smaller))
        outputs += [_video(branches.pop(), step, out, plan) for step in steps]
        outputs += [_extra(branches.pop(), extra, out) for extra in extras]
        if smaller:
            stream = branches.pop().filter("scale", *smaller[0], flags="bicubic").filter("setsar", 1)
    return outputs


def _split(stream: Any, count: int, splitter: str = "split") -> list[Any]:
    if count == 1:
        return [stream]
    parts = stream.filter_multi_output(splitter, count)
    return [parts[n] for n in range(count)]


def _home(extra: Any, sizes: list[tuple[int, int]]) -> int:
    """The smallest rung that need not be enlarged for this picture, else the largest."""
    fitting = [n for n, (width, height) in enumerate(sizes) if width >= extra.width and height >= extra.height]
    return max(fitting, default=0)


def _video(stream: Any, step: VideoStep, out: Path, plan: FilmPlan) -> Any:
    return VIDEO[step.codec](stream, step, out, segment_seconds=plan.segment_seconds)


def _extra(stream: Any, step: PosterStep | StoryboardStep, out: Path) -> Any:
    if isinstance(step, PosterStep):
        return poster.output(stream, step, out)
    return storyboard.output(stream, step, out)


def _prepared(stream: Any, video: VideoFacts, plan: FilmPlan, size: tuple[int, int]) -> Any:
    """Progressive, at a constant rate from time 0, in the top rung's size, square pixels, 8 bit, standard range."""
    if video.interlaced:
        stream = stream.filter("bwdif", mode="send_frame", deint="interlaced")
    # A film of one or two frames would be rounded to nothing at its end.
    end = "pass" if video.frames < 3 else "round"
    stream = stream.filter("fps", fps=f"{plan.fps[0]}/{plan.fps[1]}", start_time=0, eof_action=end)
    stream = stream.filter("scale", *size, flags="bicubic", out_range="tv")
    if video.hdr:
        stream = _tone_mapped(stream, video)
    return stream.filter("format", "yuv420p").filter("setsar", 1)


def _from_zero(stream: Any, setter: str, facts: Facts) -> Any:
    """Some recordings start late on their own clock; ours start with the first picture or sound."""
    return stream.filter(setter, f"PTS-{facts.lead:.6f}/TB") if facts.lead > LEAST_LEAD else stream


def _tone_mapped(stream: Any, video: VideoFacts) -> Any:
    """BT.2020 PQ or HLG to BT.709 (ITU-R BT.2390 names the task). After scaling, since it works on floats."""
    source = {"tin": video.transfer, "min": 9, "pin": 9, "rin": "limited"}
    stream = stream.filter("zscale", t="linear", npl=203, p="bt709", **source).filter("format", "gbrpf32le")
    stream = stream.filter("tonemap", tonemap="hable", desat=0)
    return stream.filter("zscale", t="bt709", m="bt709", p="bt709", r="limited")


def _sounds(reader: Any, facts: Facts, plan: FilmPlan, out: Path) -> list[Any]:
    outputs: list[Any] = []
    for index in dict.fromkeys(step.stream for step in plan.audios):
        steps = [step for step in plan.audios if step.stream == index]
        # first_pts and async: silence where the sound starts late or has a gap, so it stays with the picture.
        stream = _from_zero(reader[str(index)], "asetpts", facts)
        stream = stream.filter("aresample", aac.SAMPLE_RATE, **{"async": 1, "first_pts": 0})
        parts = _split(stream.filter("aformat", channel_layouts="stereo"), len(steps), "asplit")
        outputs += [
            AUDIO[step.codec](part, step, out, segment_seconds=plan.segment_seconds)
            for step, part in zip(steps, parts, strict=True)
        ]
    return outputs


def cover(work: Work) -> str:
    """The picture that comes inside a recording, as its poster; the file's name."""
    stream = ffmpeg.read(work.source)[str(work.facts.cover)].filter("scale", "min(1280,iw)", -2, out_range="full")
    output = graph.output(stream, str(work.out / poster.NAME), **poster.JPEG)
    ffmpeg.run([output], work.cage, name=work.facts.name, limits=SMALL)
    return poster.NAME
