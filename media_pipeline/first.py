"""The first rung: something to watch within seconds, while the rest of a film is made.

Where the source is already what players read, its own packets are copied, which costs no more than reading it. Else the
smallest rung is encoded as fast as it goes."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import ffmpeg as graph

from media_pipeline import ffmpeg, film, plan, produce
from media_pipeline.cage import Cage
from media_pipeline.film import Made
from media_pipeline.formats import aac, cmaf, poster
from media_pipeline.plan import AudioStep, FilmPlan, VideoStep
from media_pipeline.probe import AudioFacts, Facts
from media_pipeline.product import Product, Report
from media_pipeline.work import Work

MOST_RATE = 1_500_000  # bytes a second; more than a household's line carries is not "watchable at once"
LONGEST_GROUP = 20.0  # seconds; a player that seeks must read from the last key frame
TOGETHER = 0.1  # seconds; streams that start further apart are left to the encoder, which fills the gap
POSTER_AT = 0.1  # of the length: past titles and fades


def make(work: Work, out: Path, report: Report, *, only_copied: bool) -> Product | None:
    """One rung of ``work``'s film in ``out``; None when there is none to be had, or only by encoding and that is not
    asked for. Raises as ``film.encode`` does."""
    out.mkdir()
    mine = replace(work, out=out, cage=Cage(out, readable=(work.source,)), report=report)
    planned = plan.film(work.facts, work.profile, work.sha256)
    made = _copy(mine, planned) if is_copyable(work.facts) else None
    if made is None and only_copied:
        return None
    chosen, told = made or _encode(mine, planned)
    product = produce.package_film(mine, chosen, told)
    return produce.finish(mine, replace(product, tracks=(), warnings=()), 0.0)


def is_copyable(facts: Facts) -> bool:
    """Whether players read the source's pictures as they are: H.264, 8 bit, 4:2:0, progressive, upright. That its
    pixels are square and its key frames near each other shows in the copy."""
    video = facts.video
    if video is None or not film.divisible(facts) or facts.bytes > MOST_RATE * (facts.duration or 0.0):
        return False
    plain = video.codec == "h264" and video.pixel_format == "yuv420p" and not video.hdr
    starts = [video.start or 0.0, *(audio.start or 0.0 for audio in facts.audio[:1])]
    return plain and not video.rotation and not video.interlaced and max(starts) - min(starts) < TOGETHER


def _copy(work: Work, planned: FilmPlan) -> tuple[FilmPlan, Made] | None:
    """The source's own packets as a package; None when its pixels or key frames turn out to be no good."""
    facts, out = work.facts, work.out
    video, sound = facts.video, planned.audios[:1]
    assert video  # noqa: S101  asked for films only
    step = VideoStep(f"video-{min(video.width, video.height)}-h264", "h264", video.width, video.height, 0, 0, "")
    reader = ffmpeg.read(work.source)
    copied = {"format": "mp4", "movflags": f"{cmaf.MOVFLAGS}+frag_keyframe", **cmaf.STRIP}
    target = out / f"{step.spec}.mp4"
    outputs = [graph.output(reader[str(video.index)], str(target), vcodec="copy", **copied)]
    outputs += [_sound(reader, facts, step, out, planned.segment_seconds) for step in sound]
    told = ffmpeg.run(outputs, work.cage, name=facts.name, limits=film.limits(facts.duration or 0.0))
    index = cmaf.index(target)
    longest = max(segment.seconds for segment in index.segments)
    if (index.width, index.height) != (video.width, video.height) or longest > LONGEST_GROUP:
        for path in out.iterdir():
            path.unlink()
        return None
    chosen = _only(planned, step, sound, work.sha256)
    if chosen.poster:
        film.still(work, POSTER_AT * (facts.duration or 0.0), out / "still.jpg")
        poster.keep(out / "still.jpg", out)
    return chosen, Made(replace(told, errors=()))


def _sound(reader: Any, facts: Facts, step: AudioStep, out: Path, segment_seconds: float) -> Any:
    track: AudioFacts = next(audio for audio in facts.audio if audio.index == step.stream)
    if track.codec == "aac" and track.channels <= 2:
        options = {"format": "mp4", "acodec": "copy", "movflags": cmaf.MOVFLAGS, **cmaf.STRIP}
        options["frag_duration"] = round(segment_seconds * 1e6)
        return graph.output(reader[str(step.stream)], str(out / f"{step.spec}.mp4"), **options)
    stream = reader[str(step.stream)].filter("aresample", aac.SAMPLE_RATE, **{"async": 1, "first_pts": 0})
    stream = stream.filter("aformat", channel_layouts="stereo")
    return aac.output(stream, step, out, segment_seconds=segment_seconds)


def _encode(work: Work, planned: FilmPlan) -> tuple[FilmPlan, Made]:
    """The smallest H.264 rung, with the encoder's fastest setting."""
    smallest = min((step for step in planned.videos if step.codec == "h264"), key=lambda step: step.height)
    chosen = _only(planned, replace(smallest, preset="ultrafast"), planned.audios[:1], work.sha256)
    return chosen, film.encode(work, chosen)


def _only(planned: FilmPlan, video: VideoStep, audios: tuple[AudioStep, ...], sha256: str) -> FilmPlan:
    digest = plan.digest(sha256, ["first", video.spec, video.preset])
    return replace(planned, digest=digest, videos=(video,), audios=audios, storyboard=None, download="")
