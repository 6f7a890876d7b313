"""Nothing is published before it was read again: every file decodes, and has the length and frames it should have."""

from pathlib import Path

from media_pipeline.cage import READING, Cage, longer
from media_pipeline.errors import Failed, Refused
from media_pipeline.ffmpeg import Told
from media_pipeline.manifests import Track
from media_pipeline.probe import Facts

LENGTH_TOLERANCE = 0.5  # seconds; containers round, and sound ends with its last whole block
PRIMING_BLOCKS = 2  # an AAC decoder swallows the blocks that only prime it
TOLERATED_LOSS, LEAST_FRAMES = 0.02, 0.1  # of the source's frames: worth a warning; not worth showing
LEAST_SHARE = 0.5  # of the source's length; less than half of a film is not that film


def verify(tracks: list[Track], out: Path, facts: Facts, cage: Cage, *, whole: bool = False) -> None:
    """Raises Failed when a file we wrote is wrong, Refused when the source gave less than half of what it announced."""
    found = cage.call(
        "media_pipeline.caged.check:check",
        limits=longer(READING, 600 + (facts.duration or 0)),
        files=[str((out / track.name).resolve()) for track in tracks],
        whole=whole,
    )
    for track, seen in zip(tracks, found, strict=True):
        lost = seen["fed"] - seen["decoded"]
        if seen["packets"] != track.index.samples or not seen["fed"] or lost > (0 if track.fps else PRIMING_BLOCKS):
            raise Failed("bad-output", f"转码结果 {track.name} 不能完整解码。", "会自动重试。")
        if abs(seen["seconds"] - track.index.seconds) > LENGTH_TOLERANCE:
            raise Failed("bad-output", f"转码结果 {track.name} 的时长与索引不符。", "会自动重试。")
    _rungs_agree(tracks)
    _against_source(tracks, facts)


def _rungs_agree(tracks: list[Track]) -> None:
    """Players switch rungs between segments, so all rungs must cut at the same frames."""
    cuts = {tuple(segment.samples for segment in track.index.segments) for track in tracks if track.fps}
    if len(cuts) > 1:
        raise Failed("bad-output", "各档画质的分段没有对齐。", "会自动重试。")


def _against_source(tracks: list[Track], facts: Facts) -> None:
    """Compares with the length that the packets of the source promised."""
    longest = max(track.index.seconds for track in tracks)
    if facts.duration and longest < facts.duration * LEAST_SHARE and facts.duration - longest > LENGTH_TOLERANCE:
        raise Refused(
            "damaged",
            f"“{facts.name}”只能解码 {longest:.0f} 秒，全长应有 {facts.duration:.0f} 秒。",
            "文件多半已损坏，请重新导出后上传。",
        )


def damage(told: Told, facts: Facts) -> str:
    """A warning about pictures that could not be decoded, or nothing. Raises Refused when hardly any could.

    Interlaced streams may count two packets a frame, so missing frames alone prove nothing: the decoder must have
    complained as well."""
    if not facts.video or told.frames_in is None or not told.errors:
        return ""
    lost = facts.video.frames - told.frames_in
    if lost <= TOLERATED_LOSS * facts.video.frames:
        return ""
    words = f"{facts.video.frames} 帧画面中有 {lost} 帧无法解码"
    if told.frames_in < LEAST_FRAMES * facts.video.frames:
        raise Refused("damaged", f"“{facts.name}”已损坏：{words}。", "请重新导出后上传。")
    return f"{words}，播放时会有停顿。"
