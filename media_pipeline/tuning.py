"""Per title: what this film needs, found by a short look at it before anything is encoded.

A few stretches are encoded as the rungs would be, each result is judged by VMAF against what went in, and the plan is
fitted to what that showed. Sizes and scores depend on the file alone, so the same film always gets the same plan.
"""

import json
import math
import tempfile
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from statistics import mean, median
from typing import Any

import ffmpeg as graph

from media_pipeline import ffmpeg, film
from media_pipeline.cage import Limits
from media_pipeline.errors import MediaError
from media_pipeline.formats import VIDEO
from media_pipeline.formats.grid import Grid
from media_pipeline.plan import FilmPlan, VideoStep
from media_pipeline.work import Work

LEAST_SECONDS = 8.0  # a shorter film costs less than the look at it
TARGET = 95.0  # VMAF of the top rung at its own size: above it hardly anyone tells the copy from the source
MARGIN = 0.4  # what a few stretches may be better than the whole film
LEAST_FALL = 0.1  # VMAF a point of CRF; where quality hardly falls, the two scores differ by chance
LIMITS_OF_CRF = {"h264": (18, 32), "av1": (24, 60)}
COARSER = 6  # CRF between the two encodes of H.264 that show how quality and bits fall
AV1_FALL = 0.5  # of a point of CRF of SVT-AV1, which has a longer scale, as a part of x264's

# x264's superfast with the two things it lacks that cost little: a look ahead, which spends bits on what later frames
# refer to, and more bits for flat parts.
QUICK = {"veryfast": ("superfast", (("mbtree", "1"), ("rc-lookahead", "20"), ("aq-mode", "2")))}

STILL_BITS = 0.001  # a pixel in the usual frame between key frames: pictures that stand still
STILL_SEGMENT = 8.0  # seconds; a segment of such a film is still smaller than a second of others
STILL_AV1 = ("8", (("scm", "1"),))  # the fastest preset that knows SVT-AV1's tools for screens
STILL_H264 = (("rc-lookahead", "30"),)  # what is written on a key frame lasts; 50 MB more, on few rungs

EASY = 600_000  # bit/s that any line carries: below such a rung only the smallest is worth having
APART = 1.6  # a rung between is worth having when the next larger one needs so many times its bits
AV1_PAYS = 400_000  # bit/s of H.264 at the top; half of less is no gain to anyone
HEADROOM, LEAST_CAP = 3.0, 300_000  # a cap is for moments, so far above the average

SHARE = 0.015  # of the film's frames
FEWEST, MOST, STRETCH = 32, 128, 16  # frames looked at in all; of one stretch
JUDGED = 3  # frames of each stretch that VMAF sees
LIMITS = Limits(wall_seconds=900, stall_seconds=300)
REFERENCE = "reference"
# Encoders that hold a cap with several threads give other bytes each time, and the same film must get the same plan.
REPEATABLE = {"h264": (("threads", "1"),), "av1": (("mbr", "0"),)}


@dataclass(frozen=True, slots=True)
class Question:
    """A rung to try, a name for its files, and the rung at whose size VMAF judges it (None: only its bits count)."""

    step: VideoStep
    name: str
    judged: VideoStep | None


@dataclass(frozen=True, slots=True)
class Trial:
    """A rung as it was encoded for the look. ``score`` is VMAF at the size of the codec's top rung, None where nobody
    asked. Of one frame, ``key_bytes`` and ``other_bytes`` are means, ``usual_bytes`` the median of the others."""

    step: VideoStep
    key_bytes: float
    other_bytes: float
    usual_bytes: float
    score: float | None = None

    def rate(self, planned: FilmPlan) -> float:
        """bit/s of the film with one key frame a segment."""
        fps = float(Fraction(*planned.fps))
        frames = max(1.0, fps * planned.segment_seconds)
        return 8 * fps * (self.key_bytes + (frames - 1) * self.other_bytes) / frames

    @property
    def still(self) -> bool:
        return 8 * self.usual_bytes / (self.step.width * self.step.height) < STILL_BITS


def tune(work: Work, planned: FilmPlan) -> FilmPlan:
    """The plan with quality, caps, rungs and segments fitted to the film; the plan as it was when the film is short,
    and no more than a quicker preset when nothing can be seen of it."""
    if (work.facts.duration or 0.0) < LEAST_SECONDS or not ladder_of(planned, "h264"):
        return planned
    quick = replace(planned, videos=tuple(map(_quickened, planned.videos)))
    try:
        return fit(quick, look(work, quick))
    except MediaError:
        return quick  # what is wrong with the file, encoding it will say


def ladder_of(planned: FilmPlan, codec: str) -> list[VideoStep]:
    """The rungs of one codec from large to small."""
    steps = (step for step in planned.videos if step.codec == codec)
    return sorted(steps, key=lambda step: -step.width * step.height)


def _quickened(step: VideoStep) -> VideoStep:
    preset, params = QUICK.get(step.preset, (step.preset, step.params))
    return replace(step, preset=preset, params=params)


@dataclass(frozen=True, slots=True)
class Fall:
    """What a point of x264's CRF costs in VMAF, and in the logarithm of the rate; both near to straight lines."""

    score: float
    rate: float


@dataclass(frozen=True, slots=True)
class Rated:
    """A rung and the bit/s it will need."""

    step: VideoStep
    rate: float


def fit(planned: FilmPlan, trials: list[Trial]) -> FilmPlan:
    """The plan that the trials ask for. The first two are the top rung of H.264, fine and coarse."""
    still = trials[0].still
    if still:
        planned = _stood_still(planned)
        # A stretch begins with frames that still improve on its key frame; the usual one is what a segment is full of.
        trials = [replace(trial, other_bytes=trial.usual_bytes) for trial in trials]
    h264, av1 = (_ladder(planned, codec, trials) for codec in ("h264", "av1"))
    pays = still or h264[0].rate >= AV1_PAYS
    kept = {rung.step.spec: rung.step for rung in (*h264, *(av1 if pays else ()))}
    steps = (kept.get(step.spec, step) for step in planned.videos if step.spec in {*kept, planned.download})
    return replace(planned, videos=tuple(steps))


def _stood_still(planned: FilmPlan) -> FilmPlan:
    """Key frames are nearly all of the bits: fewer of them, by the encoder's best tools for them."""
    videos = tuple(_best_for_still(step) for step in planned.videos)
    return replace(planned, videos=videos, segment_seconds=max(planned.segment_seconds, STILL_SEGMENT))


def _best_for_still(step: VideoStep) -> VideoStep:
    if step.codec == "h264":
        return replace(step, params=tuple({**dict(step.params), **dict(STILL_H264)}.items()))
    preset, params = STILL_AV1
    return replace(step, preset=min(step.preset, preset, key=int), params=params)


def _ladder(planned: FilmPlan, codec: str, trials: list[Trial]) -> list[Rated]:
    """The rungs of one codec that are worth having, from large to small."""
    steps = ladder_of(planned, codec)
    if not steps:
        return []
    tried = {spec: [trial for trial in trials if trial.step.spec == spec] for spec in (step.spec for step in steps)}
    rungs = [_fitted(steps[0], tried[steps[0].spec][0], _fall(planned, *trials[:2]), planned)]
    rungs += [_estimated(step, tried[step.spec], rungs[0], planned) for step in steps[1:]]
    largest = trials[0].step
    if rungs[1:] and (steps[0].width, steps[0].height) == (largest.width, largest.height) and _enough_below(trials):
        rungs = rungs[1:]
    return _worth_having(rungs)


def _fitted(step: VideoStep, trial: Trial, fall: Fall, planned: FilmPlan) -> Rated:
    """The top rung as coarse as the target allows."""
    part = 1.0 if step.codec == "h264" else AV1_FALL
    finest, coarsest = LIMITS_OF_CRF[step.codec]
    spare = (trial.score or 0.0) - TARGET - MARGIN
    crf = min(coarsest, max(finest, math.floor(step.crf + spare / (fall.score * part))))
    rate = trial.rate(planned) * math.exp(-fall.rate * part * (crf - step.crf))
    cap = int(min(step.max_rate, max(LEAST_CAP, HEADROOM * rate)))
    return Rated(replace(step, crf=crf, max_rate=cap), min(rate, step.max_rate))


def _fall(planned: FilmPlan, fine: Trial, coarse: Trial) -> Fall:
    steps = coarse.step.crf - fine.step.crf
    score = ((fine.score or 0.0) - (coarse.score or 0.0)) / steps
    rate = math.log(max(1.0, fine.rate(planned)) / max(1.0, coarse.rate(planned))) / steps
    return Fall(max(LEAST_FALL, score), rate)


def _estimated(step: VideoStep, trials: list[Trial], top: Rated, planned: FilmPlan) -> Rated:
    if trials:
        return Rated(step, min(trials[0].rate(planned), step.max_rate))
    pixels = step.width * step.height / (top.step.width * top.step.height)
    return Rated(step, top.rate * pixels**0.75)


def _enough_below(trials: list[Trial]) -> bool:
    """Whether the second rung of H.264, enlarged, is as good as the top has to be."""
    top = trials[0].step
    return not trials[0].still and any(
        trial.score is not None and trial.score >= TARGET
        for trial in trials
        if trial.step.codec == top.codec and trial.step.spec != top.spec
    )


def _worth_having(rungs: list[Rated]) -> list[Rated]:
    """The top; the smallest of H.264, for weak devices, of AV1 for weak lines; between them what saves enough."""
    kept = rungs[:1]
    for rung in rungs[1:]:
        above = kept[-1].rate
        if rung is rungs[-1]:
            worth = rung.step.codec == "h264" or above > EASY / 2
        else:
            worth = above > EASY and above >= APART * rung.rate
        kept += [rung] if worth else []
    return kept


def look(work: Work, planned: FilmPlan) -> list[Trial]:
    """Encode some stretches of the film as the plan says and judge them. Raises Refused or Failed.

    Stretches begin at key frames of the source, so that nothing is decoded in vain."""
    video, seconds = work.facts.video, work.facts.duration or 0.0
    assert video  # noqa: S101  called for films only
    budget = min(MOST, max(FEWEST, round(SHARE * seconds * float(Fraction(*planned.fps)))))
    count = budget // STRETCH
    moments = [seconds * (n + 0.5) / count for n in range(count)]
    with tempfile.TemporaryDirectory(prefix="tuning-", dir=work.out) as directory:
        place, asked = Path(directory), _asked(planned)
        _encode(work, planned, asked, moments, place)
        _judge(work, asked, place)
        return [_trial(question, place) for question in asked]


def _asked(planned: FilmPlan) -> list[Question]:
    """The top of H.264 fine and coarse, its other rungs (the second judged enlarged), the top of AV1."""
    top, *others = ladder_of(planned, "h264")
    asked = [Question(top, "fine", top), Question(replace(top, crf=top.crf + COARSER), "coarse", top)]
    asked += [Question(step, step.spec, None if n else top) for n, step in enumerate(others)]
    asked += [Question(step, step.spec, step) for step in ladder_of(planned, "av1")[:1]]
    return asked


def _encode(work: Work, planned: FilmPlan, asked: list[Question], moments: list[float], place: Path) -> None:
    """One run: the stretches behind one another, without loss and as each rung."""
    fps = Fraction(*planned.fps)
    grid = Grid(planned.segment_seconds, cuts=tuple(float(n * STRETCH / fps) for n in range(len(moments))))
    size = max(((step.width, step.height) for step in planned.videos), key=math.prod)
    stream = graph.concat(*(_stretch(work, moment, planned, size) for moment in moments), v=1, a=0)
    parts = stream.filter_multi_output("split", len(asked) + 1)
    lossless = {"vcodec": "libx264", "preset": "ultrafast", "qp": 0}
    outputs = [graph.output(parts[0], str(place / f"{REFERENCE}.mp4"), **lossless)]
    for n, question in enumerate(asked, 1):
        part, step = parts[n], question.step
        if (step.width, step.height) != size:
            part = part.filter("scale", step.width, step.height, flags="bicubic").filter("setsar", 1)
        tried = replace(step, spec=question.name, params=(*step.params, *REPEATABLE[step.codec]))
        output = VIDEO[step.codec](part, tried, place, grid)
        told = {"stats_enc_post": str(place / f"{question.name}.txt"), "stats_enc_post_fmt": "{size} {key}"}
        output.node.kwargs.update(told)
        outputs.append(output)
    ffmpeg.run(outputs, work.cage, name=work.facts.name, limits=LIMITS)


def _stretch(work: Work, moment: float, planned: FilmPlan, size: tuple[int, int]) -> Any:
    video = work.facts.video
    assert video  # noqa: S101  called for films only
    # All stretches are open at once: one thread each, and no more read than is looked at, keep that small.
    seconds = float(2 * STRETCH / Fraction(*planned.fps)) + 1.0
    reader = ffmpeg.read(work.source, ss=f"{moment:.3f}", t=f"{seconds:.3f}", noaccurate_seek=None, threads=1)
    stream = reader[str(video.index)]
    if video.interlaced:
        stream = stream.filter("bwdif", mode="send_frame", deint="interlaced")
    stream = stream.filter("setpts", "PTS-STARTPTS").filter("fps", fps=f"{planned.fps[0]}/{planned.fps[1]}")
    return film.prepared(stream.filter("trim", end_frame=STRETCH), video, size)


def _judge(work: Work, asked: list[Question], place: Path) -> None:
    """VMAF of what was encoded, in ``<name>.json``; enlarged to the size it is judged at."""
    judged = [(question.name, question.judged) for question in asked if question.judged]
    references = _own(place, REFERENCE).filter_multi_output("split", len(judged))
    outputs = []
    for n, (name, size) in enumerate(judged):
        log = {"log_fmt": "json", "log_path": str(place / f"{name}.json")}
        pair = [_sized(_own(place, name), size), _sized(references[n], size)]
        outputs.append(
            graph.output(graph.filter(pair, "libvmaf", n_subsample=STRETCH // JUDGED, **log), "-", format="null")
        )
    ffmpeg.run(outputs, work.cage, name=work.facts.name, limits=LIMITS)


def _own(place: Path, name: str) -> Any:
    return ffmpeg.read(place / f"{name}.mp4", formats=ffmpeg.OWN_FORMATS)["v"]


def _sized(stream: Any, step: VideoStep) -> Any:
    """Paired by number, since clocks of containers round."""
    return stream.filter("scale", step.width, step.height, flags="bicubic").filter("setpts", "N/25/TB")


def _trial(question: Question, place: Path) -> Trial:
    lines = [line.split() for line in (place / f"{question.name}.txt").read_text("ascii").splitlines()]
    keys = [int(size) for size, key in lines if key == "K"] or [0]
    others = [int(size) for size, key in lines if key != "K"] or [0]
    score = None
    if question.judged:
        score = json.loads((place / f"{question.name}.json").read_text("utf-8"))["pooled_metrics"]["vmaf"]["mean"]
    return Trial(question.step, mean(keys), mean(others), median(others), score)
