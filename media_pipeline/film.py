"""One decode, all outputs: the graph of a film, every rung, sound, poster and storyboard in one run of ffmpeg."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import ffmpeg as graph

from media_pipeline import ffmpeg
from media_pipeline import plan as planning
from media_pipeline.cage import Limits
from media_pipeline.errors import Refused
from media_pipeline.ffmpeg import Told
from media_pipeline.formats import AUDIO, VIDEO, aac, download, loudness, poster, scenes, storyboard
from media_pipeline.formats.grid import Grid
from media_pipeline.formats.loudness import Meter, Sound
from media_pipeline.formats.scenes import Scenes
from media_pipeline.plan import FilmPlan
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
ONE_THREAD_PIXELS = 1920 * 1088
SIDE_RATE = 2  # pictures a second beside the rungs; enough for scenes and the seek bar
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
Sounds = dict[tuple[int, int], Sound]


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
    told = data["told"]
    told = Told(told["frames_in"], tuple(told["errors"]), tuple((frames, failed) for frames, failed in told["decoded"]))
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

    sounds = {} if isinstance(part, Pictures) else measure(work, plan)
    found = Scenes()
    told = ffmpeg.run(
        _outputs(work, plan, part, sounds),
        work.cage,
        name=facts.name,
        limits=limits(seconds),
        on_progress=on_progress,
        on_value=found.take,
    )
    poster.choose(work.out)
    first = next((sounds[step.stream, step.channels] for step in plan.audios if sounds), None)
    if not first:
        return Made(told, scenes=tuple(found.times))
    return Made(told, first.as_json(), first.outline, tuple(found.times))


def measure(work: Work, plan: FilmPlan) -> Sounds:
    """Loudness and outline of every sound the plan wants, by source stream and channels."""
    facts, sounds = work.facts, {}
    for stream, channels in dict.fromkeys((step.stream, step.channels) for step in plan.audios):
        meter = Meter(facts.duration or 0.0, aac.SAMPLE_RATE)
        sound = meter.graph(_layout(_sound(ffmpeg.read(work.source), stream, facts), channels))
        output = graph.output(sound, "-", format="null")
        ffmpeg.run(
            [output],
            work.cage,
            name=facts.name,
            limits=limits(facts.duration or 0.0),
            on_progress=lambda done: work.report("encode", 0.0),
            on_value=meter.take,
        )
        sounds[stream, channels] = meter.sound()
    return sounds


def limits(seconds: float) -> Limits:
    """For a run over so many seconds of film."""
    return Limits(wall_seconds=LEAST_SECONDS + SLOWEST * seconds, stall_seconds=180)


def _outputs(work: Work, plan: FilmPlan, part: Part, sounds: Sounds) -> list[Any]:
    facts, out = work.facts, work.out
    if isinstance(part, Pictures):
        return _pictures(_reader(work, plan, part), facts, plan, out, part)
    reader = ffmpeg.read(work.source, **_threads(facts))
    pictures = ffmpeg.read(work.source, skip_frame="nokey", **_threads(facts)) if isinstance(part, Sides) else reader
    return [*_pictures(pictures, facts, plan, out, part), *_sounds(reader, facts, plan, out, sounds)]


def _threads(facts: Facts) -> dict[str, Any]:
    """One thread decodes such pictures ten times as fast as the encoders take them; several cost more."""
    pixels = facts.video.width * facts.video.height if facts.video else 0
    return {"threads": 1} if pixels <= ONE_THREAD_PIXELS else {}


def _reader(work: Work, plan: FilmPlan, span: Pictures) -> Any:
    """The source from the key frame before the span, on the same clock as the whole."""
    if not span.first:
        return ffmpeg.read(work.source, **_threads(work.facts))
    start = float(_start(plan, span)) + _lead(work.facts) - PREROLL
    clock: dict[str, Any] = {
        "copyts": None,
        "start_at_zero": None,
        "noaccurate_seek": None,
        "ss": f"{max(0.0, start):.6f}",
    }
    return ffmpeg.read(work.source, **clock, **_threads(work.facts))


def _start(plan: FilmPlan, span: Pictures) -> Fraction:
    return planning.segment_frames(plan, span.first) / Fraction(*plan.fps)


def _pictures(reader: Any, facts: Facts, plan: FilmPlan, out: Path, part: Part) -> list[Any]:
    """The rungs as a cascade: each is scaled from the next larger one, the extras from the smallest large enough."""
    if not facts.video or not plan.videos:
        return []
    sizes = sorted({(step.width, step.height) for step in plan.videos}, reverse=True)
    grid = _grid(plan, part)
    if isinstance(part, Sides):
        sizes = [sizes[max((_home(still, sizes) for still in (plan.poster, plan.storyboard) if still), default=0)]]
        stream = prepared(_from_zero(reader[str(facts.video.index)], "setpts", facts), facts.video, sizes[0])
        # Key frames may be far apart: each is shown until the next, the last until the end.
        stream = stream.filter("fps", fps=SIDE_RATE, start_time=0, eof_action="pass").filter(
            "tpad", stop=-1, stop_mode="clone"
        )
        stream = stream.filter("trim", end=f"{facts.duration or 1.0 / SIDE_RATE:.3f}")
    else:
        stream = _on_grid(reader[str(facts.video.index)], facts, plan, part, sizes[0])
    outputs: list[Any] = []
    for position, size in enumerate(sizes):
        steps = [] if isinstance(part, Sides) else [s for s in plan.videos if (s.width, s.height) == size]
        extras = [] if isinstance(part, Pictures) else _extras(plan, sizes, position, out)
        smaller = sizes[position + 1 : position + 2]
        branches = _split(stream, len(steps) + len(extras) + len(smaller))
        outputs += [VIDEO[step.codec](branches.pop(), step, out, grid) for step in steps]
        outputs += [extra(branches.pop()) for extra in extras]
        if smaller:
            stream = _scaled(branches.pop(), smaller[0])
    return outputs


def _extras(plan: FilmPlan, sizes: list[tuple[int, int]], position: int, out: Path) -> list[Callable[[Any], Any]]:
    """The outputs beside the rungs that are taken from the size at ``position``."""
    last = position == len(sizes) - 1
    still, board = plan.poster, plan.storyboard
    extras: list[Callable[[Any], Any]] = []
    if still and _home(still, sizes) == position:
        extras.append(partial(poster.output, step=still, out=out))
    if board and _home(board, sizes) == position:
        extras.append(partial(storyboard.output, step=board, out=out))
    return [*extras, scenes.output] if last else extras


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


def _on_grid(stream: Any, facts: Facts, plan: FilmPlan, part: Part, size: tuple[int, int]) -> Any:
    """Prepared, progressive, at a constant rate; the first frame of the part at time 0, and no frame after its last."""
    video = facts.video
    assert video  # noqa: S101  called for films only
    stream = _from_zero(stream, "setpts", facts)
    if video.interlaced:
        stream = stream.filter("bwdif", mode="send_frame", deint="interlaced")
    if video.variable:  # one picture may become a hundred: it is scaled once, and held once
        stream = prepared(stream, video, size)
    if isinstance(part, Pictures) and part.first:
        start = planning.segment_frames(plan, part.first) / Fraction(*plan.fps)
        stream = stream.filter("settb", f"1/{FINE}").filter("setpts", f"PTS-{round(start * FINE)}")
    # A film of one or two frames would be rounded to nothing at its end.
    end = "pass" if video.frames < 3 else "round"
    stream = stream.filter("fps", fps=f"{plan.fps[0]}/{plan.fps[1]}", start_time=0, eof_action=end)
    if isinstance(part, Pictures) and part.last + 1 < planning.segments(plan, facts):
        frames = planning.segment_frames(plan, part.last + 1) - planning.segment_frames(plan, part.first)
        stream = stream.filter("trim", end_frame=frames)
    return stream if video.variable else prepared(stream, video, size)


def _scaled(stream: Any, size: tuple[int, int]) -> Any:
    """Catmull-Rom on 8-bit 4:2:0. zimg does it for two thirds of the CPU of swscale's."""
    width, height = size
    return stream.filter("zscale", width, height, f="bicubic", param_a=0, param_b=0.5).filter("setsar", 1)


def prepared(stream: Any, video: VideoFacts, size: tuple[int, int]) -> Any:
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


def _sounds(reader: Any, facts: Facts, plan: FilmPlan, out: Path, sounds: Sounds) -> list[Any]:
    """Each stream is decoded once, each layout of it brought to its loudness once."""
    outputs: list[Any] = []
    layouts = list(dict.fromkeys((step.stream, step.channels) for step in plan.audios))
    for stream in dict.fromkeys(step.stream for step in plan.audios):
        channels = [count for owner, count in layouts if owner == stream]
        decoded = _split(_sound(reader, stream, facts), len(channels), "asplit")
        for count, part in zip(channels, decoded, strict=True):
            steps = [step for step in plan.audios if (step.stream, step.channels) == (stream, count)]
            levelled = loudness.apply(_layout(part, count), sounds.get((stream, count)))
            parts = _split(levelled, len(steps), "asplit")
            outputs += [
                AUDIO[step.codec](part, step, out, segment_seconds=plan.segment_seconds)
                for step, part in zip(steps, parts, strict=True)
            ]
    return outputs


def _sound(reader: Any, stream: int, facts: Facts) -> Any:
    # first_pts and async: silence where the sound starts late or has a gap, so it stays with the picture.
    sound = _from_zero(reader[str(stream)], "asetpts", facts)
    return sound.filter("aresample", aac.SAMPLE_RATE, **{"async": 1, "first_pts": 0})


def _layout(sound: Any, channels: int) -> Any:
    return sound.filter("aformat", channel_layouts=LAYOUTS[channels])


def cover(work: Work) -> str:
    """The picture that comes inside a recording, as its poster; the file's name."""
    stream = ffmpeg.read(work.source)[str(work.facts.cover)].filter("scale", "min(1280,iw)", -2, out_range="full")
    still = work.out / "cover.jpg"
    ffmpeg.run([graph.output(stream, str(still), **poster.JPEG)], work.cage, name=work.facts.name, limits=SMALL)
    if not still.exists():
        return ""
    poster.keep(still, work.out)
    return poster.NAME


def still(work: Work, seconds: float, file: Path) -> None:
    """The frame shown at ``seconds`` of the film, as a JPEG of poster size. Raises Refused when there is none."""
    facts = work.facts
    step = planning.poster(facts)
    if not facts.video or not step:
        raise Refused("no-picture", f"“{facts.name}”没有画面。", "请另外上传一张封面。")
    latest = max(0.0, (facts.duration or 0.0) - 1 / Fraction(*facts.video.fps))
    reader = ffmpeg.read(work.source, ss=f"{min(max(0.0, seconds), latest) + _lead(facts):.3f}")
    stream = prepared(reader[str(facts.video.index)], facts.video, (step.width, step.height))
    output = graph.output(stream.filter("scale", out_range="full"), str(file), **poster.JPEG)
    ffmpeg.run([output], work.cage, name=facts.name, limits=SMALL)
    if not file.exists():
        raise Refused("no-such-moment", f"“{facts.name}”的这一刻没有画面。", "请选别的时刻。")


def take_away(work: Work, plan: FilmPlan) -> str:
    """One progressive MP4 from files of the plan's steps, without encoding; its name, "" when the plan wants none."""
    if not plan.download:
        return ""
    rungs = [step.spec for step in plan.videos if step.codec == "h264"]
    made = [*rungs, *(step.spec for step in plan.audios)]
    wanted = plan.download if plan.download in made else made[0]
    sound = next((step for step in plan.audios if step.channels == planning.STEREO), None)
    specs = dict.fromkeys([wanted, *([sound.spec] if sound else [])])
    files = [ffmpeg.read(work.out / f"{spec}.mp4", formats=ffmpeg.OWN_FORMATS)["0"] for spec in specs]
    name = download.NAME if plan.videos else download.SOUND
    output = download.output(files, work.out / name, sound.language if sound else "")
    ffmpeg.run([output], work.cage, name=work.facts.name, limits=SMALL)
    return name
