"""Nothing is published before it was read again: every byte is where its index says, every rung has the same frames,
and pictures and sound from the beginning to the end decode."""

from collections.abc import Callable, Sequence
from pathlib import Path

import ffmpeg as graph

from media_pipeline import ffmpeg
from media_pipeline.cage import Cage, Limits
from media_pipeline.errors import Failed, MediaError, Refused
from media_pipeline.ffmpeg import Told
from media_pipeline.formats import cmaf
from media_pipeline.formats.cmaf import Fragment, Index
from media_pipeline.manifests import Track
from media_pipeline.probe import Facts

LENGTH_TOLERANCE = 0.5  # seconds; containers round, and sound ends with its last whole block
PRIMING_BLOCKS = 2  # an AAC decoder swallows the blocks that only prime it
TOLERATED_LOSS, LEAST_FRAMES = 0.02, 0.1  # of the source's frames: worth a warning; not worth showing
LEAST_SHARE = 0.5  # of the source's length; less than half of a film is not that film
EXCERPTS = 12  # segments of each track that are decoded, evenly spread, so that a long film costs no more than a short
LIMITS = Limits(wall_seconds=600, stall_seconds=300)
RETRIED = "会自动重试。"


def verify(tracks: Sequence[Track], out: Path, facts: Facts, cage: Cage) -> None:
    """Raises Failed when something we wrote is wrong, Refused when the source gave less than half of what it
    announced."""
    for track in tracks:
        _whole(track, out)
    _rungs_agree(tracks)
    _decodes(tracks, out, cage)
    _against_source(tracks, facts)


# Structure


def _whole(track: Track, out: Path) -> None:
    """Every fragment follows the one before in number and time, holds exactly its samples, and stands in the index."""
    path, index = out / track.name, track.index
    fits = SAMPLES.get(index.codecs.split(".")[0], _any)
    ticks, referred = 0, []
    for number, (segment, fragment, data) in enumerate(cmaf.fragments(path, index), 1):
        in_place = (fragment.sequence, fragment.start, fragment.end) == (number, ticks, len(data))
        if not in_place or not _samples_fit(fragment, data, fits):
            raise Failed("bad-output", f"转码结果 {track.spec} 的第 {number} 段不完整。", RETRIED)
        ticks += sum(fragment.durations)
        referred.append((segment.bytes, round(segment.seconds * index.timescale)))
    if cmaf.references(path, index) != referred:
        raise Failed("bad-output", f"转码结果 {track.spec} 的索引与内容不符。", RETRIED)


def _samples_fit(fragment: Fragment, data: bytes, fits: Callable[[bytes, int, int, bool], bool]) -> bool:
    at = fragment.data
    for number, size in enumerate(fragment.sizes):
        if not fits(data, at, at + size, number == 0):
            return False
        at += size
    return True


def _any(data: bytes, at: int, end: int, first: bool) -> bool:
    """A block of sound says nothing of its length."""
    return end > at


def _units(data: bytes, at: int, end: int, first: bool) -> bool:
    """Whether NAL units fill a sample exactly (ISO 14496-15, 5.3.4.2), the first one's with an IDR picture."""
    keyed = not first
    while at + 4 < end:
        keyed = keyed or data[at + 4] & 31 == 5
        at += 4 + int.from_bytes(data[at : at + 4], "big")
    return at == end and keyed


def _open_units(data: bytes, at: int, end: int, first: bool) -> bool:
    """Whether OBUs fill a sample exactly (AV1 bitstream, 5.3), the first one's with a sequence header."""
    keyed = not first
    while at < end:
        head = data[at]
        keyed = keyed or head >> 3 & 15 == 1
        at += 2 if head & 4 else 1
        if not head & 2:  # without a size of its own it is the sample's last
            return at <= end and keyed
        size = shift = 0
        while at < end:
            size |= (data[at] & 127) << shift
            shift += 7
            at += 1
            if not data[at - 1] & 128:
                break
        at += size
    return at == end and keyed


SAMPLES = {"avc1": _units, "av01": _open_units}


def _rungs_agree(tracks: Sequence[Track]) -> None:
    """Players switch rungs between segments, so all rungs must cut at the same frames."""
    cuts = {tuple(segment.samples for segment in track.index.segments) for track in tracks if track.fps}
    if len(cuts) > 1:
        raise Failed("bad-output", "各档画质的分段没有对齐。", RETRIED)


# Decoding


def _decodes(tracks: Sequence[Track], out: Path, cage: Cage) -> None:
    """Key frames of every rung; the smallest rung and the sound completely, from their first segment to their last."""
    smallest = min((track for track in tracks if track.fps), key=lambda t: t.index.average_rate, default=None)
    excerpts = [out / f"excerpt-{number}.mp4" for number, _ in enumerate(tracks)]
    try:
        chosen = [_excerpt(track.index, out / track.name, file) for track, file in zip(tracks, excerpts, strict=True)]
        whole = [not track.fps or track is smallest for track in tracks]
        told = _read(excerpts, whole, cage)
    finally:
        for file in excerpts:
            file.unlink(missing_ok=True)
    for track, (segments, samples), every, (frames, errors) in zip(tracks, chosen, whole, told.decoded, strict=True):
        wanted = (samples if track.fps else samples - PRIMING_BLOCKS) if every else segments
        if errors or frames < wanted:
            raise Failed("bad-output", f"转码结果 {track.spec} 不能完整解码。", RETRIED)


def _excerpt(index: Index, media: Path, file: Path) -> tuple[int, int]:
    """A file of some segments of a track, the first and the last among them; how many, and how many samples."""
    last = len(index.segments) - 1
    count = min(last + 1, EXCERPTS)
    numbers = sorted({round(n * last / max(1, count - 1)) for n in range(count)})
    with media.open("rb") as whole, file.open("wb") as part:
        pieces = [(index.start, index.init_bytes)]
        pieces += [(index.segments[n].offset, index.segments[n].bytes) for n in numbers]
        for offset, size in pieces:
            whole.seek(offset)
            part.write(whole.read(size))
    return len(numbers), sum(index.segments[n].samples for n in numbers)


def _read(files: Sequence[Path], whole: Sequence[bool], cage: Cage) -> Told:
    """Decode files of ours. The film is not to blame when they do not."""
    outputs = []
    for file, every in zip(files, whole, strict=True):
        some = {} if every else {"skip_frame": "nokey"}
        reader = ffmpeg.read(file, formats=ffmpeg.OWN_FORMATS, err_detect="explode", threads=1, **some)
        outputs.append(graph.output(reader["0"], "-", format="null", fps_mode="passthrough"))
    try:
        return ffmpeg.run(outputs, cage, name=files[0].name, limits=LIMITS)
    except MediaError as reason:
        raise Failed("bad-output", f"转码结果不能解码（{reason.sentence}）。", RETRIED) from reason


# Source


def _against_source(tracks: Sequence[Track], facts: Facts) -> None:
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
