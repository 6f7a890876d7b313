"""One decode, all outputs: the graph of a film, every rung, sound, poster and storyboard in one run of ffmpeg."""

from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg as graph

from media_pipeline import ffmpeg
from media_pipeline import plan as planning
from media_pipeline.cage import Limits
from media_pipeline.errors import Refused
from media_pipeline.ffmpeg import Told
from media_pipeline.formats import AUDIO, VIDEO, aac, poster, storyboard
from media_pipeline.formats.grid import Grid
from media_pipeline.plan import FilmPlan, PosterStep, StoryboardStep
from media_pipeline.probe import Facts, VideoFacts
from media_pipeline.work import Work

# 8-bit 1080p film on one slow core runs at a tenth of real time at worst; no film gets less than ten minutes.
SLOWEST = 30
LEAST_SECONDS = 600
SMALL = Limits(wall_seconds=300, stall_seconds=60)
LEAST_LEAD = 0.1  # seconds; what is below is how containers round
# Containers whose index leads to the key frame before any moment, with times that do not jump.
DIVISIBLE = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm")
PREROLL = 0.5  # seconds before a span, so that its first frames have what they refer to
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}
FINE = 144_000_000  # ticks a second: whole for the clocks of containers and for the usual frame rates


@dataclass(frozen=True, slots=True)
class Whole:
    """Every file of the plan."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """The rungs alone, of the segments ``first`` to ``last`` (from 0, both included), on a clock that begins at 0.

    The span that holds the film's last segment goes on to the end of the picture, wherever that is."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Sides:
    """Everything but the rungs; pictures are taken from the source's key frames."""


Part = Whole | Pictures | Sides


@dataclass(frozen=True, slots=True)
class Made:
    """What the run told beside its files: ``loudness`` as in ``Product.manifest``; ``waveform`` the loudest sound of
    equal stretches, 0..255; ``scenes`` in seconds."""

    told: Told
    loudness: dict[str, float] | None = None
    waveform: tuple[int, ...] = ()
    scenes: tuple[float, ...] = ()


def to_json(made: Made) -> dict[str, Any]:
    return asdict(made)


def from_json(data: dict[str, Any]) -> Made:
    told = Told(data["told"]["frames_in"], tuple(data["told"]["errors"]))
    return Made(told, data["loudness"], tuple(data["waveform"]), tuple(data["scenes"]))


def divisible(facts: Facts) -> bool:
    """Whether spans of the picture can be encoded apart and put behind one another without a lost frame."""
    return bool(facts.video) and facts.container in DIVISIBLE


def encode(work: Work, plan: FilmPlan, part: Part = Whole()) -> Made:
    """Write the files of that part of the plan into ``work.out``, each ``<spec>.mp4``. Raises Refused or Failed."""
    facts = work.facts
    seconds = facts.duration or 0.0
    if isinstance(part, Pictures):
        seconds *= (part.last + 1 - part.first) / planning.segments(plan, facts)

    def on_progress(done: float) -> None:
        work.report("encode", min(1.0, done / seconds) if seconds else 0.0)

    outputs = _outputs(work, plan, part)
    told = ffmpeg.run(outputs, work.cage, name=facts.name, limits=limits(seconds), on_progress=on_progress)
    return Made(told)


def limits(seconds: float) -> Limits:
    """For a run over so many seconds of film."""
    return Limits(wall_seconds=LEAST_SECONDS + SLOWEST * seconds, stall_seconds=180)


def _outputs(work: Work, plan: FilmPlan, part: Part) -> list[Any]:
    facts, out = work.facts, work.out
    if isinstance(part, Pictures):
        return _pictures(_reader(work, plan, part), facts, plan, out, part)
    reader = ffmpeg.read(work.source)
    pictures = ffmpeg.read(work.source, skip_frame="nokey") if isinstance(part, Sides) else reader
    return [*_pictures(pictures, facts, plan, out, part), *_sounds(reader, facts, plan, out)]


def _reader(work: Work, plan: FilmPlan, span: Pictures) -> Any:
    """The source from the key frame before the span, on the same clock as the whole."""
    if not span.first:
        return ffmpeg.read(work.source)
    start = float(_start(plan, span)) + _lead(work.facts) - PREROLL
    return ffmpeg.read(work.source, copyts=None, start_at_zero=None, noaccurate_seek=None, ss=f"{max(0.0, start):.6f}")


def _start(plan: FilmPlan, span: Pictures) -> Fraction:
    return planning.segment_frames(plan, span.first) / Fraction(*plan.fps)


def _pictures(reader: Any, facts: Facts, plan: FilmPlan, out: Path, part: Part) -> list[Any]:
    """The rungs as a cascade: each is scaled from the next larger one, the extras from the smallest large enough."""
    if not facts.video:
        return []
    videos = () if isinstance(part, Sides) else plan.videos
    stills = () if isinstance(part, Pictures) else (plan.poster, plan.storyboard)
    sizes = sorted({(step.width, step.height) for step in plan.videos}, reverse=True)
    if isinstance(part, Sides):
        sizes = [sizes[max((_home(still, sizes) for still in stills if still), default=0)]]
    stream = _prepared(_on_grid(reader[str(facts.video.index)], facts, plan, part), facts.video, sizes[0])
    grid = _grid(plan, part)
    outputs: list[Any] = []
    for position, size in enumerate(sizes):
        steps = [step for step in videos if (step.width, step.height) == size]
        extras = [still for still in stills if still and _home(still, sizes) == position]
        smaller = sizes[position + 1 : position + 2]
        branches = _split(stream, len(steps) + len(extras) + len(smaller))
        outputs += [VIDEO[step.codec](branches.pop(), step, out, grid) for step in steps]
        outputs += [_extra(branches.pop(), extra, out) for extra in extras]
        if smaller:
            stream = branches.pop().filter("scale", *smaller[0], flags="bicubic").filter("setsar", 1)
    return outputs


def _grid(plan: FilmPlan, part: Part) -> Grid:
    if not isinstance(part, Pictures):
        return Grid(plan.segment_seconds)
    return Grid(plan.segment_seconds, first=part.first, start=float(_start(plan, part)))


def _split(stream: Any, count: int, splitter: str = "split") -> list[Any]:
    if count == 1:
        return [stream]
    parts = stream.filter_multi_output(splitter, count)
    return [parts[n] for n in range(count)]


def _home(extra: Any, sizes: list[tuple[int, int]]) -> int:
    """The smallest rung that need not be enlarged for this picture, else the largest."""
    fitting = [n for n, (width, height) in enumerate(sizes) if width >= extra.width and height >= extra.height]
    return max(fitting, default=0)


def _extra(stream: Any, step: PosterStep | StoryboardStep, out: Path) -> Any:
    if isinstance(step, PosterStep):
        return poster.output(stream, step, out)
    return storyboard.output(stream, step, out)


def _on_grid(stream: Any, facts: Facts, plan: FilmPlan, part: Part) -> Any:
    """Progressive, at a constant rate; the first frame of the part at time 0, and no frame after its last."""
    video = facts.video
    assert video  # noqa: S101  called for films only
    stream = _from_zero(stream, "setpts", facts)
    if video.interlaced:
        stream = stream.filter("bwdif", mode="send_frame", deint="interlaced")
    if isinstance(part, Pictures) and part.first:
        start = planning.segment_frames(plan, part.first) / Fraction(*plan.fps)
        stream = stream.filter("settb", f"1/{FINE}").filter("setpts", f"PTS-{round(start * FINE)}")
    # A film of one or two frames would be rounded to nothing at its end.
    end = "pass" if video.frames < 3 else "round"
    stream = stream.filter("fps", fps=f"{plan.fps[0]}/{plan.fps[1]}", start_time=0, eof_action=end)
    if isinstance(part, Pictures) and part.last + 1 < planning.segments(plan, facts):
        frames = planning.segment_frames(plan, part.last + 1) - planning.segment_frames(plan, part.first)
        stream = stream.filter("trim", end_frame=frames)
    return stream


def _prepared(stream: Any, video: VideoFacts, size: tuple[int, int]) -> Any:
    """In the top rung's size, square pixels, 8 bit, standard range."""
    stream = stream.filter("scale", *size, flags="bicubic", out_range="tv")
    if video.hdr:
        stream = _tone_mapped(stream, video)
    return stream.filter("format", "yuv420p").filter("setsar", 1)


def _from_zero(stream: Any, setter: str, facts: Facts) -> Any:
    """Some recordings start late on their own clock; ours start with the first picture or sound."""
    lead = _lead(facts)
    return stream.filter(setter, f"PTS-{lead:.6f}/TB") if lead else stream


def _lead(facts: Facts) -> float:
    return facts.lead if facts.lead > LEAST_LEAD else 0.0


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
        parts = _split(stream, len(steps), "asplit")
        outputs += [
            AUDIO[step.codec](
                part.filter("aformat", channel_layouts=LAYOUTS[step.channels]),
                step,
                out,
                segment_seconds=plan.segment_seconds,
            )
            for step, part in zip(steps, parts, strict=True)
        ]
    return outputs


def cover(work: Work) -> str:
    """The picture that comes inside a recording, as its poster; the file's name."""
    stream = ffmpeg.read(work.source)[str(work.facts.cover)].filter("scale", "min(1280,iw)", -2, out_range="full")
    output = graph.output(stream, str(work.out / poster.NAME), **poster.JPEG)
    ffmpeg.run([output], work.cage, name=work.facts.name, limits=SMALL)
    return poster.NAME


def still(work: Work, seconds: float, file: Path) -> None:
    """The frame shown at ``seconds`` of the film, as a JPEG of poster size. Raises Refused when there is none."""
    facts = work.facts
    step = planning.poster(facts)
    if not facts.video or not step:
        raise Refused("no-picture", f"“{facts.name}”没有画面。", "请另外上传一张封面。")
    latest = max(0.0, (facts.duration or 0.0) - 1 / Fraction(*facts.video.fps))
    reader = ffmpeg.read(work.source, ss=f"{min(max(0.0, seconds), latest) + _lead(facts):.3f}")
    stream = _prepared(reader[str(facts.video.index)], facts.video, (step.width, step.height))
    output = graph.output(stream.filter("scale", out_range="full"), str(file), **poster.JPEG)
    ffmpeg.run([output], work.cage, name=facts.name, limits=SMALL)
    if not file.exists():
        raise Refused("no-such-moment", f"“{facts.name}”的这一刻没有画面。", "请选别的时刻。")
