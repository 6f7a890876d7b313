"""Fragmented MP4 in one file with an index in front: the container of all our video and audio."""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from media_pipeline.errors import Failed

# delay_moov: the edit list can then hold the encoder's delay, so sound and picture start together.
MOVFLAGS = "+cmaf+delay_moov+global_sidx+skip_trailer"
STRIP = {"map_metadata": -1, "map_chapters": -1}
CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"mvex", b"edts", b"moof", b"traf"}


@dataclass(frozen=True, slots=True)
class Segment:
    """``offset`` and ``bytes`` in the file; ``seconds`` long; ``samples`` frames."""

    offset: int
    bytes: int
    seconds: float
    samples: int


@dataclass(frozen=True, slots=True)
class Index:
    """What a manifest says about one file: ``init_bytes`` from 0, then the index (sidx) at ``sidx``: offset, bytes."""

    codecs: str
    init_bytes: int
    sidx: tuple[int, int]
    segments: tuple[Segment, ...]
    width: int | None = None
    height: int | None = None
    channels: int | None = None
    sample_rate: int | None = None
    priming: float = 0.0

    @property
    def seconds(self) -> float:
        """As played: without the blocks that only prime the sound decoder."""
        return sum(segment.seconds for segment in self.segments) - self.priming

    @property
    def samples(self) -> int:
        return sum(segment.samples for segment in self.segments)

    @property
    def peak_rate(self) -> int:
        """bit/s of the busiest segment (RFC 8216 BANDWIDTH); a short last segment is weighed with the one before."""
        longest = max(segment.seconds for segment in self.segments)
        full = [s for s in self.segments if s.seconds >= longest / 2]
        return max(self.average_rate, *(round(8 * s.bytes / s.seconds) for s in full))

    @property
    def average_rate(self) -> int:
        return round(8 * sum(segment.bytes for segment in self.segments) / max(self.seconds, 1e-3))


def index(path: Path) -> Index:
    """Read the boxes of a file written here. Raises Failed when it is not such a file."""
    try:
        with path.open("rb") as file:
            return _index(file, path.stat().st_size)
    except (struct.error, KeyError, IndexError, ValueError) as error:
        raise Failed("bad-package", f"写出的文件 {path.name} 结构不完整。", "会自动重试。") from error


def _index(file: BinaryIO, size: int) -> Index:
    at, fragment = 0, 0
    facts: dict = {}
    sidx = (0, 0)
    segments: list[Segment] = []
    while at < size:
        length, kind, header = _header(file, at)
        if kind == b"moov":
            facts = _movie(file.read(length - header))
        elif kind == b"sidx":
            sidx = (at, length)
        elif kind == b"moof":
            fragment, ticks, samples = at, *_fragment(file.read(length - header), facts["duration"])
        elif kind == b"mdat":
            segments.append(Segment(fragment, at + length - fragment, ticks / facts["timescale"], samples))
        at += length
    if not segments or not sidx[1]:
        raise ValueError
    shown = {key: facts[key] for key in Index.__slots__ if key in facts}
    return Index(init_bytes=sidx[0], sidx=sidx, segments=tuple(segments), **shown)


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
    width, height = struct.unpack_from(">HH", entry, 32)
    profile, compatible, level = struct.unpack_from("BBB", _boxes(entry[86:])[b"avcC"], 1)
    return {"codecs": f"avc1.{profile:02x}{compatible:02x}{level:02x}", "width": width, "height": height}


def _aac(entry: bytes) -> dict:
    channels, rate = struct.unpack_from(">H", entry, 24)[0], struct.unpack_from(">I", entry, 32)[0] >> 16
    esds = _boxes(entry[36:])[b"esds"]
    # Descriptors of ISO 14496-1: tag 5 holds the AudioSpecificConfig, whose first five bits name the object type.
    config = esds[esds.index(b"\x05\x80\x80\x80") + 5 :] if b"\x05\x80\x80\x80" in esds else b"\x10"
    return {"codecs": f"mp4a.40.{config[0] >> 3}", "channels": channels, "sample_rate": rate}


_DESCRIBE = {b"avc1": _avc, b"mp4a": _aac}


def _fragment(data: bytes, trex_duration: int) -> tuple[int, int]:
    """Ticks and samples of a fragment (ISO 14496-12, 8.8.7 and 8.8.8)."""
    boxes = _boxes(data)
    tfhd, trun = boxes[b"tfhd"], boxes[b"trun"]
    default = trex_duration
    flags = struct.unpack(">I", b"\0" + tfhd[1:4])[0]
    if flags & 0x08:
        default = struct.unpack_from(">I", tfhd, 8 + 8 * bool(flags & 1) + 4 * bool(flags & 2))[0]
    flags, samples = struct.unpack(">I", b"\0" + trun[1:4])[0], struct.unpack_from(">I", trun, 4)[0]
    if not flags & 0x100:
        return default * samples, samples
    at = 8 + 4 * bool(flags & 1) + 4 * bool(flags & 4)
    width = 4 * sum(bool(flags & bit) for bit in (0x100, 0x200, 0x400, 0x800))
    return sum(struct.unpack_from(">I", trun, at + n * width)[0] for n in range(samples)), samples
