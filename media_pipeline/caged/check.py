"""A second look at what was written: packets counted, and pictures or sound decoded."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import av

SEEK_MARGIN = Fraction(1, 4)  # seconds


def check(files: list[str], whole: bool) -> list[dict[str, Any]]:
    """For each file: packets, seconds from first to last, frames decoded and packets fed for them.

    ``whole`` decodes everything; else the first and the last group of pictures."""
    return [_check(file, whole) for file in files]


def _check(file: str, whole: bool) -> dict[str, Any]:
    with av.open(file, options={"protocol_whitelist": "file", "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2"}) as film:
        stream: Any = film.streams[0]
        packets, first, last, keys = 0, None, None, []
        for packet in film.demux(stream):
            if not packet.size or packet.pts is None:
                continue
            packets += 1
            keys += [packet.pts] if packet.is_keyframe else []
            end = packet.pts + (packet.duration or 0)
            first = packet.pts if first is None else min(first, packet.pts)
            last = end if last is None else max(last, end)
        seconds = float((last - first) * stream.time_base) if first is not None and last is not None else 0.0
        starts: list[int | None] = [None]
        if stream.type == "video" and not whole:
            starts = list(dict.fromkeys([keys[0], keys[-1]])) if keys else []
    decoded = [_decode(file, start, whole) for start in starts]
    return {
        "packets": packets,
        "seconds": seconds,
        "fed": sum(fed for fed, _ in decoded),
        "decoded": sum(frames for _, frames in decoded),
    }


def _decode(file: str, start: int | None, whole: bool) -> tuple[int, int]:
    """Packets fed and frames that came out, from a key frame to the next."""
    fed = frames = 0
    with av.open(file, options={"protocol_whitelist": "file"}) as film:
        stream: Any = film.streams[0]
        stream.codec_context.thread_type = "AUTO"
        stream.codec_context.options = {"err_detect": "explode"}
        if start is not None:
            # An index counts from the edit list's point of view, up to a few frames later than the packets.
            film.seek(start + round(SEEK_MARGIN / stream.time_base), stream=stream)
        for packet in film.demux(stream):
            if packet.size and fed and packet.is_keyframe and stream.type == "video" and not whole:
                break
            fed += bool(packet.size)
            frames += _good(packet.decode) if packet.size else 0
        frames += _good(lambda: stream.codec_context.decode(None))
    return fed, frames


def _good(decode: Callable[[], list[Any]]) -> int:
    """Frames that came out whole; what the decoder complained about is lost."""
    try:
        return sum(not frame.is_corrupt for frame in decode())
    except av.error.FFmpegError:
        return 0
