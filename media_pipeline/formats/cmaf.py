"""Fragmented MP4 in one file with an index in front: the container of all our video and audio."""

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from media_pipeline.errors import Failed

# delay_moov: the edit list can then hold the encoder's delay, so sound and picture start together.
MOVFLAGS = "+cmaf+delay_moov+global_sidx+skip_trailer"
STRIP = {"map_metadata": -1, "map_chapters": -1}
CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"mvex", b"edts", b"moof", b"traf"}
COPY_BYTES = 16 * 2**20
SAP_TYPE_1 = 0x9000_0000  # ISO 14496-12, 8.16.3: starts with a picture that needs no other, shown first


@dataclass(frozen=True, slots=True)
class Segment:
    """``offset`` and ``bytes`` in the file; ``seconds`` long; ``samples`` frames; the first ``first_bytes`` hold the
    first of them and nothing after it."""

    offset: int
    bytes: int
    seconds: float
    samples: int
    first_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Fragment:
    """What one movie fragment says: its number and start on the track's clock, and of each sample duration and bytes.
    ``data`` is where the first sample begins, from the fragment's first byte."""

    sequence: int
    start: int
    durations: tuple[int, ...]
    sizes: tuple[int, ...]
    data: int

    @property
    def end(self) -> int:
        """Behind the last sample, from the fragment's first byte."""
        return self.data + sum(self.sizes)


@dataclass(frozen=True, slots=True)
class Index:
    """What a manifest says about one track: ``init_bytes`` from ``start``, then the index (sidx) at ``sidx``: offset,
    bytes. Offsets count from the beginning of the file that holds the track. ``timescale``: ticks a second."""

    codecs: str
    init_bytes: int
    sidx: tuple[int, int]
    segments: tuple[Segment, ...]
    timescale: int
    width: int | None = None
    height: int | None = None
    channels: int | None = None
    sample_rate: int | None = None
    start: int = 0

    @property
    def seconds(self) -> float:
        return sum(segment.seconds for segment in self.segments)

    @property
    def samples(self) -> int:
        return sum(segment.samples for segment in self.segments)

    @property
    def bytes(self) -> int:
        """Of the whole track: initialisation, index and media."""
        return self.segments[-1].offset + self.segments[-1].bytes - self.start

    @property
    def peak_rate(self) -> int:
        """bit/s of the busiest segment (RFC 8216 BANDWIDTH); a short last segment is weighed with the one before."""
        return max(self.average_rate, _peak((s.bytes, s.seconds) for s in self.segments))

    @property
    def average_rate(self) -> int:
        return round(8 * sum(segment.bytes for segment in self.segments) / max(self.seconds, 1e-3))

    @property
    def picture_rate(self) -> int:
        """bit/s of the busiest segment when only its first frame is fetched."""
        return _peak((s.first_bytes, s.seconds) for s in self.segments)

    def moved(self, by: int) -> "Index":
        """The same track further on in a file."""
        segments = tuple(replace(segment, offset=segment.offset + by) for segment in self.segments)
        return replace(self, start=self.start + by, sidx=(self.sidx[0] + by, self.sidx[1]), segments=segments)


def _peak(segments: Iterable[tuple[int, float]]) -> int:
    """bit/s of the busiest of (bytes, seconds), those of less than half the longest left out."""
    known = list(segments)
    longest = max(seconds for _, seconds in known)
    return max(round(8 * size / seconds) for size, seconds in known if seconds >= longest / 2)


def index(path: Path) -> Index:
    """Read the boxes of a file written here. Raises Failed when it is not such a file."""
    try:
        with path.open("rb") as file:
            return _index(file, path.stat().st_size)
    except UNREADABLE as error:
        raise _broken(path) from error


UNREADABLE = (struct.error, KeyError, IndexError, ValueError, ZeroDivisionError)


def _broken(path: Path) -> Failed:
    return Failed("bad-package", f"写出的文件 {path.name} 结构不完整。", "会自动重试。")


def _index(file: BinaryIO, size: int) -> Index:
    facts: dict = {}
    sidx = (0, 0)
    segments: list[Segment] = []
    opened: tuple[int, Fragment] | None = None
    for at, length, kind, header in _top_boxes(file, size):
        if kind == b"moov":
            facts = _movie(file.read(length - header))
        elif kind == b"sidx":
            sidx = (at, length)
        elif kind == b"moof":
            opened = at, _fragment(file.read(length - header), facts["duration"])
        elif kind == b"mdat" and opened:
            segments.append(_segment(*opened, at + length, facts["timescale"]))
    if not segments or not sidx[1]:
        raise ValueError
    # Blocks that only prime the sound decoder are not played.
    segments[0] = replace(segments[0], seconds=max(0.0, segments[0].seconds - facts["priming"]))
    shown = {key: facts[key] for key in Index.__slots__ if key in facts}
    return Index(init_bytes=sidx[0], sidx=sidx, segments=tuple(segments), **shown)


def _segment(at: int, fragment: Fragment, end: int, timescale: int) -> Segment:
    seconds = sum(fragment.durations) / timescale
    return Segment(at, end - at, seconds, len(fragment.sizes), fragment.data + fragment.sizes[0])


def _top_boxes(file: BinaryIO, size: int) -> Iterator[tuple[int, int, bytes, int]]:
    """Offset, length, name and length of the header of each outermost box; the file stands behind the header."""
    at = 0
    while at < size:
        length, kind, header = _header(file, at)
        yield at, length, kind, header
        at += length
    if at != size:
        raise ValueError


def _header(file: BinaryIO, at: int) -> tuple[int, bytes, int]:
    file.seek(at)
    length, kind = struct.unpack(">I4s", file.read(8))
    if length == 1:
        return struct.unpack(">Q", file.read(8))[0], kind, 16
    if length < 8:
        raise ValueError
    return length, kind, 8


def _boxes(data: bytes) -> dict[bytes, bytes]:
    """The boxes inside ``data``, those of containers too. One track a file, so no name comes twice that matters."""
    found: dict[bytes, bytes] = {}
    at = 0
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if length < 8:
            raise ValueError
        body = data[at + 8 : at + length]
        found[kind] = body
        if kind in CONTAINERS:
            found |= _boxes(body)
        at += length
    return found


def _movie(data: bytes) -> dict:
    boxes = _boxes(data)
    mdhd = boxes[b"mdhd"]
    timescale = struct.unpack_from(">I", mdhd, 20 if mdhd[0] == 1 else 12)[0]
    duration = struct.unpack_from(">I", boxes[b"trex"], 12)[0]
    entry, kind = boxes[b"stsd"][8:], boxes[b"stsd"][12:16]
    described = _DESCRIBE[kind](entry)
    priming = _media_time(boxes.get(b"elst", b"")) / timescale if kind == b"mp4a" else 0.0
    return {"timescale": timescale, "duration": duration, "priming": priming, **described}


def _media_time(elst: bytes) -> int:
    """Where in the media an edit list of one entry begins (ISO 14496-12, 8.6.6)."""
    if not elst:
        return 0
    return max(0, struct.unpack_from(">q", elst, 16)[0] if elst[0] == 1 else struct.unpack_from(">i", elst, 12)[0])


def _avc(entry: bytes) -> dict:
    profile, compatible, level = struct.unpack_from("BBB", _boxes(entry[86:])[b"avcC"], 1)
    return {"codecs": f"avc1.{profile:02x}{compatible:02x}{level:02x}", **_size(entry)}


def _av1(entry: bytes) -> dict:
    """Profile, level, tier and depth as "Codec String" of the AV1 file format names them."""
    profile_level, shape = struct.unpack_from("BB", _boxes(entry[86:])[b"av1C"], 1)
    tier = "H" if shape & 0x80 else "M"
    depth = (12 if shape & 0x20 else 10) if shape & 0x40 else 8
    return {"codecs": f"av01.{profile_level >> 5}.{profile_level & 31:02}{tier}.{depth:02}", **_size(entry)}


def _size(entry: bytes) -> dict:
    width, height = struct.unpack_from(">HH", entry, 32)
    return {"width": width, "height": height}


# ISO 14496-3: channels of each channelConfiguration; 0 says that the stream itself tells.
_CHANNELS = (0, 1, 2, 3, 4, 5, 6, 8)


def _aac(entry: bytes) -> dict:
    rate = struct.unpack_from(">I", entry, 32)[0] >> 16
    esds = _boxes(entry[36:])[b"esds"]
    # Descriptors of ISO 14496-1: tag 5 holds the AudioSpecificConfig, which begins with 5 bits of object type, 4 of
    # sampling frequency, 4 of channels. The sample entry itself always says two channels.
    at = esds.index(b"\x05\x80\x80\x80") + 5
    config = int.from_bytes(esds[at : at + 2], "big")
    return {"codecs": f"mp4a.40.{config >> 11}", "channels": _CHANNELS[config >> 3 & 15], "sample_rate": rate}


_DESCRIBE = {b"avc1": _avc, b"av01": _av1, b"mp4a": _aac}


def _fragment(data: bytes, trex_duration: int) -> Fragment:
    """A movie fragment's body (ISO 14496-12, 8.8.5 to 8.8.12)."""
    boxes = _boxes(data)
    tfhd, tfdt, trun = boxes[b"tfhd"], boxes[b"tfdt"], boxes[b"trun"]
    flags = _flags(tfhd)
    at = 8 + 8 * bool(flags & 1) + 4 * bool(flags & 2)
    duration = struct.unpack_from(">I", tfhd, at)[0] if flags & 8 else trex_duration
    at += 4 * bool(flags & 8)
    size = struct.unpack_from(">I", tfhd, at)[0] if flags & 0x10 else 0
    start = struct.unpack_from(">Q" if tfdt[0] == 1 else ">I", tfdt, 4)[0]
    flags, count, offset = _flags(trun), *struct.unpack_from(">Ii", trun, 4)
    if not flags & 1 or not count:  # every fragment of ours says where its data begins
        raise ValueError
    durations, sizes = _samples(trun, flags, count)
    return Fragment(
        sequence=struct.unpack_from(">I", boxes[b"mfhd"], 4)[0],
        start=start,
        durations=durations or (duration,) * count,
        sizes=sizes or (size,) * count,
        data=offset,
    )


def _flags(box: bytes) -> int:
    return int.from_bytes(box[1:4], "big")


def _samples(trun: bytes, flags: int, count: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Durations and sizes of the samples; empty where the fragment's defaults hold."""
    at = 12 + 4 * bool(flags & 4)
    present = [bit for bit in (0x100, 0x200, 0x400, 0x800) if flags & bit]
    words = struct.unpack_from(f">{count * len(present)}I", trun, at)
    columns = {bit: words[n :: len(present)] for n, bit in enumerate(present)}
    return columns.get(0x100, ()), columns.get(0x200, ())


def fragments(path: Path, track: Index) -> Iterator[tuple[Segment, Fragment, bytes]]:
    """Each segment of a track again from the file, with its bytes. Raises Failed when the boxes are not whole."""
    with path.open("rb") as file:
        for segment in track.segments:
            file.seek(segment.offset)
            data = file.read(segment.bytes)
            try:
                length = int.from_bytes(data[:4], "big")
                yield segment, _fragment(data[8:length], 0), data
            except UNREADABLE as error:
                raise _broken(path) from error


def references(path: Path, track: Index) -> list[tuple[int, int]]:
    """Bytes and ticks of each segment as the index in front of the track says; from the byte behind it."""
    with path.open("rb") as file:
        file.seek(track.sidx[0])
        sidx = file.read(track.sidx[1])[8:]
    at = 20 if sidx[0] == 0 else 28  # version 1 has 64-bit times
    count = struct.unpack_from(">H", sidx, at + 2)[0]
    words = struct.unpack_from(f">{3 * count}I", sidx, at + 4)
    return list(zip(words[::3], words[1::3], strict=True))


def join(files: Sequence[Path], target: Path) -> list[int]:
    """Put tracks behind one another into one file and remove them; where each begins."""
    starts = []
    with target.open("wb") as whole:
        for path in files:
            starts.append(whole.tell())
            with path.open("rb") as part:
                _copy(part, whole, path.stat().st_size)
            path.unlink()
    return starts


def _copy(source: BinaryIO, target: BinaryIO, size: int) -> None:
    while size:
        data = source.read(min(size, COPY_BYTES))
        if not data:
            raise ValueError
        target.write(data)
        size -= len(data)


def splice(spans: Sequence[Path], target: Path) -> None:
    """One track from files of successive spans of it, as if it had been encoded at once: the first one's
    initialisation, a new index, all fragments numbered and timed on. Raises Failed when the spans differ in more than
    their pictures, for then a player would have to be told."""
    indexes = [index(path) for path in spans]
    if len({_initialisation(path, found) for path, found in zip(spans, indexes, strict=True)}) > 1:
        raise Failed("bad-package", f"{target.name} 的各段编码参数不一致，无法拼接。", "会自动重试。")
    segments = [segment for found in indexes for segment in found.segments]
    with target.open("wb") as whole:
        with spans[0].open("rb") as first:
            _copy(first, whole, indexes[0].init_bytes)
        whole.write(_sidx(segments, indexes[0].timescale))
        sequence, ticks = 1, 0
        for path, found in zip(spans, indexes, strict=True):
            for _, fragment, data in fragments(path, found):
                whole.write(_renumbered(data, sequence, ticks))
                sequence, ticks = sequence + 1, ticks + sum(fragment.durations)


def _initialisation(path: Path, found: Index) -> bytes:
    """What must be equal: how the samples are described and cut, not the lengths that the header repeats."""
    with path.open("rb") as file:
        for _, length, kind, header in _top_boxes(file, found.init_bytes):
            if kind == b"moov":
                boxes = _boxes(file.read(length - header))
                delay = _media_time(boxes.get(b"elst", b""))
                return b"%d %d " % (found.timescale, delay) + boxes[b"stsd"]
    raise _broken(path)


def _sidx(segments: Sequence[Segment], timescale: int) -> bytes:
    """ISO 14496-12, 8.16.3; every segment begins with a key frame."""
    words = [word for s in segments for word in (s.bytes, round(s.seconds * timescale), SAP_TYPE_1)]
    head = struct.pack(">4sIIIQQHH", b"sidx", 1 << 24, 1, timescale, 0, 0, 0, len(segments))
    body = head + struct.pack(f">{len(words)}I", *words)
    return struct.pack(">I", len(body) + 4) + body


def _renumbered(data: bytes, sequence: int, ticks: int) -> bytes:
    """A fragment with another number and start. Both boxes keep their size, so nothing moves."""
    changed = bytearray(data)
    end = int.from_bytes(data[:4], "big")
    struct.pack_into(">I", changed, data.index(b"mfhd", 0, end) + 8, sequence)
    tfdt = data.index(b"tfdt", 0, end) + 4
    struct.pack_into(">Q" if data[tfdt] == 1 else ">I", changed, tfdt + 4, ticks)
    return bytes(changed)
