"""Facts of films and recordings, read by PyAV: a few frames are decoded, every packet is counted."""

import errno
from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any

import av
from av.container import InputContainer

from media_pipeline.errors import Refused

TEXT_SUBTITLES = {"subrip", "srt", "ass", "ssa", "webvtt", "mov_text", "text", "microdvd", "sami"}
STANDARD_RATES = [Fraction(n, 1001) for n in (24000, 30000, 60000, 120000)]
STANDARD_RATES += [Fraction(n) for n in (1, 2, 4, 5, 6, 8, 10, 12, 15, 18, 20, 24, 25, 30, 48, 50, 60, 100, 120)]
MAX_RATE = 60
STEADY_RATES = (Fraction(24), Fraction(25), Fraction(30), Fraction(50), Fraction(MAX_RATE))
TRIAL_PACKETS = 400  # enough to find a decodable frame in a stream that was joined in the middle
MISSING_SHARE = 0.1  # of the announced length; more missing than that is a cut file


REMEDY = "请确认它能在播放器中打开，重新导出为 MP4（H.264 + AAC）后上传。"


@dataclass(slots=True)
class _Seen:
    """What the packets of one stream told. ``times`` in the stream's time base."""

    packets: int = 0
    times: list[int] = field(default_factory=list)
    end: int | None = None
    corrupt: int = 0


def inspect(source: str, name: str, formats: str, decoders: str, max_pixels: int) -> dict[str, Any]:
    """Container, streams, duration in seconds. Raises Refused for what cannot be opened, decoded or is cut short."""
    options = {"format_whitelist": formats, "protocol_whitelist": "file", "max_pixels": str(max_pixels)}
    allowed = {"codec_whitelist": decoders}
    try:
        with av.open(source, options=options | allowed, metadata_errors="replace") as film:
            for stream in film.streams:
                if stream.codec_context:
                    stream.codec_context.options = allowed
            return _Inspection(film, name, max_pixels).facts()
    except av.error.FFmpegError as error:
        raise _unreadable(name, error) from error


def _unreadable(name: str, error: Exception) -> Refused:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EIO, errno.EMFILE, errno.ENOENT):
        raise error
    return Refused(
        "unreadable",
        f"“{name}”不是能识别的音视频文件，或文件已损坏。",
        REMEDY,
    )


class _Inspection:
    def __init__(self, film: InputContainer, name: str, max_pixels: int) -> None:
        self.film, self.name, self.max_pixels = film, name, max_pixels
        self.warnings: list[str] = []
        self.frames: dict[int, Any] = {}
        self.seen = {stream.index: _Seen() for stream in film.streams}

    def facts(self) -> dict[str, Any]:
        picture = self._moving_picture()
        sounds = [stream for stream in self.film.streams if stream.type == "audio"]
        self._trial({stream.index for stream in [picture, *sounds] if stream})
        self._read_all()
        video = self._video(picture) if picture and picture.index in self.frames else None
        if picture and not video:
            self._refuse_dark(picture)
        audio = [self._audio(stream) for stream in sounds if stream.index in self.frames]
        self._refuse_mute(sounds, audio)
        duration = self._duration(video, audio)
        return {
            "container": self.film.format.name,
            "duration": duration,
            "lead": self._lead([video, *audio]),
            "video": video,
            "audio": audio,
            "subtitles": [self._subtitle(s) for s in self.film.streams if s.type == "subtitle" and self._is_text(s)],
            "cover": self._cover(),
            "chapters": self._chapters(),
            "warnings": self.warnings,
        }

    # Choosing

    def _moving_picture(self) -> Any:
        films = [s for s in self.film.streams if s.type == "video" and not _is_cover(s)]
        return max(films, key=_area, default=None)

    def _cover(self) -> int | None:
        return next((s.index for s in self.film.streams if s.type == "video" and _is_cover(s)), None)

    @staticmethod
    def _is_text(stream: Any) -> bool:
        return bool(stream.codec_context) and stream.codec_context.name in TEXT_SUBTITLES

    # Reading

    def _trial(self, wanted: set[int]) -> None:
        """Decode until each wanted stream has shown a frame, or enough packets showed none."""
        left = {index for index in wanted if self.film.streams[index].codec_context}
        budget = TRIAL_PACKETS * max(1, len(left))
        for packet in self.film.demux([self.film.streams[index] for index in sorted(left)]):
            budget -= 1
            if packet.stream.index not in left:
                continue
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                frames = []
            if frames:
                self.frames[packet.stream.index] = frames[0]
                left.discard(packet.stream.index)
            if not left or budget < 0:
                return

    def _read_all(self) -> None:
        self.film.seek(0, backward=True, any_frame=False) if self.film.size else None
        try:
            for packet in self.film.demux():
                self._count(packet)
        except av.error.FFmpegError as error:
            self.warnings.append(f"读到中途出错：{error}")

    def _count(self, packet: Any) -> None:
        time = packet.pts if packet.pts is not None else packet.dts
        # An edit list cuts away what comes before the first shown frame and after the last.
        if not packet.size or packet.is_discard:
            return
        seen = self.seen[packet.stream.index]
        seen.packets += 1
        seen.corrupt += bool(packet.is_corrupt)
        if time is None:
            return
        # What went below zero comes back as nearly 2³²: the last packet of a very short Ogg after a seek.
        end = time + (packet.duration if packet.duration and packet.duration < 2**31 else 0)
        seen.end = end if seen.end is None else max(seen.end, end)
        if packet.stream.type == "video" or not seen.times:
            seen.times.append(time)

    # Facts

    def _span(self, stream: Any) -> tuple[float | None, float | None]:
        seen = self.seen[stream.index]
        if not seen.times or seen.end is None:
            return None, None
        return float(min(seen.times) * stream.time_base), float(seen.end * stream.time_base)

    def _video(self, stream: Any) -> dict[str, Any]:
        frame, context, seen = self.frames[stream.index], stream.codec_context, self.seen[stream.index]
        sar = context.sample_aspect_ratio or Fraction(1)
        # A pixel more than four times as wide as high is a broken header, not a camera.
        sar = sar if Fraction(1, 4) <= sar <= 4 else Fraction(1)
        width, height = frame.width, frame.height
        if width * height > self.max_pixels:
            raise Refused("too-many-pixels", f"“{self.name}”的画面是 {width}×{height}，超过 8K。", "请缩小画面后上传。")
        # Squeezed pixels are widened, flat ones heightened: no line of the picture is thrown away.
        width, height = (round(width * sar), height) if sar > 1 else (width, round(height / sar))
        rotation = frame.rotation % 360
        if rotation in (90, 270):
            width, height = height, width
        rate, variable = _rate(sorted(set(seen.times)), stream)
        start, end = self._span(stream)
        return {
            "index": stream.index,
            "codec": context.name,
            "width": width,
            "height": height,
            "rotation": rotation,
            "pixel_format": frame.format.name,
            "fps": [rate.numerator, rate.denominator],
            "variable": variable,
            "frames": seen.packets,
            "interlaced": bool(frame.interlaced_frame),
            "transfer": int(frame.color_trc or context.color_trc or 2),
            "primaries": int(frame.color_primaries or context.color_primaries or 2),
            "matrix": int(frame.colorspace or context.colorspace or 2),
            "start": start,
            "end": end,
        }

    def _audio(self, stream: Any) -> dict[str, Any]:
        start, end = self._span(stream)
        context = stream.codec_context
        return {
            "index": stream.index,
            "codec": context.name,
            "channels": context.channels,
            "rate": context.sample_rate,
            "default": _has(stream, "default"),
            "start": start,
            "end": end,
            **_named(stream),
        }

    def _subtitle(self, stream: Any) -> dict[str, Any]:
        return {"index": stream.index, "codec": stream.codec_context.name, **_named(stream)}

    def _chapters(self) -> list[tuple[float, float, str]]:
        chapters: list[Any] = self.film.chapters()
        return [
            (float(c["start"] * c["time_base"]), float(c["end"] * c["time_base"]), c["metadata"].get("title", ""))
            for c in chapters
        ]

    def _duration(self, video: dict | None, audio: list[dict]) -> float | None:
        spans = [(s["start"], s["end"]) for s in [video, *audio] if s and s["start"] is not None]
        if not spans:
            return None
        there = max(end for _, end in spans) - min(start for start, _ in spans)
        announced = self.film.duration / av.time_base if self.film.duration else None
        # Some containers announce the length, others the time of the last frame.
        reached = max([there, *(end for _, end in spans)])
        if announced and announced - reached > max(2.0, MISSING_SHARE * announced):
            raise Refused(
                "truncated",
                f"“{self.name}”不完整：文件头写明 {announced:.0f} 秒，实际只有 {there:.0f} 秒。",
                "多半是拷贝或上传时中断，请从原处重新复制后上传。",
            )
        return there

    def _lead(self, streams: list[dict | None]) -> float:
        """Seconds between the time a player starts from and the first picture or sound."""
        starts = [stream["start"] for stream in streams if stream and stream["start"] is not None]
        begins = (self.film.start_time or 0) / av.time_base
        return max(0.0, min(starts) - begins) if starts else 0.0

    def _refuse_dark(self, picture: Any) -> None:
        codec = picture.codec_context.name if picture.codec_context else "未知"
        raise Refused("undecodable", f"“{self.name}”的画面（编码 {codec}）无法解码，可能已损坏。", REMEDY)

    def _refuse_mute(self, sounds: list[Any], audio: list[dict]) -> None:
        """A film that lost one of several sound tracks is still that film; one that lost its voice is not."""
        lost = len(sounds) - len(audio)
        if lost and not audio:
            if not any(seen.packets for seen in self.seen.values()):
                raise Refused(
                    "truncated",
                    f"“{self.name}”只有文件头，没有音视频数据。",
                    "多半是拷贝或上传时中断，请从原处重新复制后上传。",
                )
            codecs = "、".join(sorted({s.codec_context.name if s.codec_context else "未知" for s in sounds}))
            raise Refused("undecodable", f"“{self.name}”的声音（编码 {codecs}）无法解码，可能已损坏。", REMEDY)
        if lost:
            self.warnings.append(f"{len(sounds)} 条音轨中有 {lost} 条无法解码，已略去。")
        if not sounds and not self.frames:
            raise Refused("nothing-playable", f"“{self.name}”里没有画面，也没有声音。", REMEDY)


def _area(stream: Any) -> int:
    return stream.codec_context.width * stream.codec_context.height if stream.codec_context else 0


def _is_cover(stream: Any) -> bool:
    return _has(stream, "attached_pic") or _has(stream, "still_image")


def _has(stream: Any, disposition: str) -> bool:
    return bool(stream.disposition & getattr(av.stream.Disposition, disposition))


def _named(stream: Any) -> dict[str, str]:
    return {"language": stream.language or "", "title": stream.metadata.get("title", "")}


def _rate(times: list[int], stream: Any) -> tuple[Fraction, bool]:
    """The constant frame rate to write, and whether the source's own varies.

    A varying source is written at a usual rate at least that of its quicker passages (the shortest fifth of its gaps
    decides), so that no movement is lost and no frame stands far from its time."""
    gaps = Counter(later - earlier for earlier, later in pairwise(times))
    stated = stream.average_rate or stream.guessed_rate or Fraction(25)
    if sum(gaps.values()) < 2:
        return _standard(Fraction(stated)), False
    ordered = sorted(gaps.elements())
    median, quick = ordered[len(ordered) // 2], ordered[len(ordered) // 5]
    # Matroska rounds to milliseconds and cameras jitter: a gap is usual within a quarter of the median and two ticks.
    steady = sum(count for gap, count in gaps.items() if abs(gap - median) <= max(median / 4, 2))
    if steady < 0.98 * len(ordered):
        quickest = 1 / (quick * stream.time_base) * Fraction(995, 1000)
        return next((usual for usual in STEADY_RATES if usual >= quickest), Fraction(MAX_RATE)), True
    rate = Fraction(len(ordered)) / ((times[-1] - times[0]) * stream.time_base)
    # A lost stretch bends the average but not the median, which is known to half a tick.
    exact = [usual for usual in STANDARD_RATES if abs(1 / usual - median * stream.time_base) <= stream.time_base * 0.6]
    if exact and not any(_close(rate, usual) for usual in STANDARD_RATES):
        rate = min(exact, key=lambda usual: abs(usual - rate))
    return _standard(rate), False


def _close(rate: Fraction, usual: Fraction) -> bool:
    return abs(usual - rate) <= rate * Fraction(5, 1000)


def _standard(rate: Fraction) -> Fraction:
    """The nearest usual rate when it is within half a percent, never above 60 (120 is halved)."""
    nearest = min(STANDARD_RATES, key=lambda usual: abs(usual - rate))
    if _close(rate, nearest):
        rate = nearest
    while rate > MAX_RATE + Fraction(1, 2):
        rate /= 2
    return max(Fraction(1), rate.limit_denominator(1001))
