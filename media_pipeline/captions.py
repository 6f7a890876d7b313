"""Timed text: SubRip, WebVTT and SubStation Alpha in, WebVTT out. A cue is ``[start seconds, end seconds, text]``."""

import html
import re

from media_pipeline.errors import Refused

Cue = list
MAX_BYTES = 10 * 1024**2
MAX_CUES = 50_000
# Chinese files that are not UTF-8 are GB18030 (which holds GBK and GB2312) or Big5.
ENCODINGS = ("utf-8-sig", "gb18030", "big5")
_TIME = r"(?:(\d{1,3}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"
_ARROW = re.compile(rf"^\s*{_TIME}\s*--?>\s*{_TIME}")
_LOOKS_TIMED = re.compile(r"-->")
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<\d[\d:.]*>")
_ASS_OVERRIDE = re.compile(r"\{[^}]*\}")


def parse_bytes(data: bytes) -> list[Cue]:
    """Cues of a file as it was stored. Raises Refused when it is too large, of unknown encoding or not timed text."""
    if len(data) > MAX_BYTES:
        raise Refused("captions-too-large", "字幕文件超过 10 MB。", "请确认选对了文件。")
    if b"\0" in data[:4096] and data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return parse(_decoded(data, ("utf-16",)))
    return parse(_decoded(data, ENCODINGS))


def _decoded(data: bytes, encodings: tuple[str, ...]) -> str:
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Refused("captions-encoding", "看不懂字幕文件的文字编码。", "请另存为 UTF-8 后上传。")


def parse(text: str) -> list[Cue]:
    """Cues in time order. Raises Refused naming the line that can not be understood."""
    lines = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").split("\n")
    styled = any(line.strip().lower() == "[events]" for line in lines)
    cues = _parse_ass(lines) if styled else _parse_blocks(lines)
    if not cues:
        raise Refused("captions-empty", "文件里没有一条带时间的字幕。", "可以上传 SRT、WebVTT 或 ASS 字幕。")
    if len(cues) > MAX_CUES:
        raise Refused("captions-too-many", f"字幕多达 {len(cues)} 条，上限是 {MAX_CUES} 条。", "请确认选对了文件。")
    return sorted(cues, key=lambda cue: (cue[0], cue[1]))


def to_vtt(cues: list[Cue]) -> str:
    """WebVTT; text is escaped, so no cue can smuggle a tag or a second cue."""
    blocks = ["WEBVTT\n"]
    for start, end, text in cues:
        words = html.escape(text, quote=False).replace("-->", "→").replace("--&gt;", "→")
        kept = "\n".join(line for line in words.split("\n") if line.strip())
        blocks.append(f"{timestamp(start)} --> {timestamp(max(end, start + 0.001))}\n{kept}\n")
    return "\n".join(blocks)


def timestamp(seconds: float) -> str:
    milliseconds = round(max(0.0, seconds) * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{milliseconds // 1000:02d}.{milliseconds % 1000:03d}"


def _parse_blocks(lines: list[str]) -> list[Cue]:
    """SubRip and WebVTT differ in a comma, a number line and a heading; both are blocks around an arrow."""
    cues: list[Cue] = []
    number = 0
    while number < len(lines):
        if not _LOOKS_TIMED.search(lines[number]):
            number += 1
            continue
        start, end = _span(lines[number], number + 1)
        first = number + 1
        number = first
        while number < len(lines) and lines[number].strip() and not _LOOKS_TIMED.search(lines[number]):
            number += 1
        # A SubRip file without blank lines: the number before the next arrow is no text.
        last = number
        follows = number < len(lines) and _LOOKS_TIMED.search(lines[number])
        if follows and last > first and lines[last - 1].strip().isdigit():
            last -= 1
        words = _plain("\n".join(lines[first:last]))
        if words:
            cues.append([start, end, words])
    return cues


def _span(line: str, number: int) -> tuple[float, float]:
    match = _ARROW.match(line)
    if not match:
        raise Refused(
            "captions-time",
            f"第 {number} 行的时间写法不对：“{line.strip()[:60]}”。",
            "应为 00:01:02,500 --> 00:01:04,000。",
        )
    start, end = _seconds(match.groups()[:4]), _seconds(match.groups()[4:])
    if end < start:
        raise Refused(
            "captions-order", f"第 {number} 行的结束时间早于开始时间：“{line.strip()[:60]}”。", "请改正后上传。"
        )
    return start, end


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, fraction = parts
    return (
        int(hours or 0) * 3600
        + int(minutes or 0) * 60
        + int(seconds or 0)
        + int((fraction or "0").ljust(3, "0")) / 1000
    )


def _plain(text: str) -> str:
    """Without styling tags; entities as characters."""
    words = html.unescape(_ASS_OVERRIDE.sub("", _TAG.sub("", text)))
    return "\n".join(line.strip() for line in words.split("\n") if line.strip())


_ASS_TIME = re.compile(r"^(\d+):(\d{1,2}):(\d{1,2})[.:](\d{1,3})$")


def _parse_ass(lines: list[str]) -> list[Cue]:
    fields = ["layer", "start", "end", "style", "name", "marginl", "marginr", "marginv", "effect", "text"]
    cues: list[Cue] = []
    in_events = False
    for number, line in enumerate(lines, 1):
        head, _, rest = line.partition(":")
        if line.strip().startswith("["):
            in_events = line.strip().lower() == "[events]"
        elif in_events and head.strip().lower() == "format":
            fields = [name.strip().lower() for name in rest.split(",")]
        elif in_events and head.strip().lower() == "dialogue":
            cues += _ass_cue(fields, rest, number)
    return cues


def _ass_cue(fields: list[str], rest: str, number: int) -> list[Cue]:
    values = dict(zip(fields, rest.strip().split(",", len(fields) - 1), strict=False))
    times = [_ASS_TIME.match(values.get(name, "").strip()) for name in ("start", "end")]
    if not times[0] or not times[1]:
        raise Refused(
            "captions-time", f"第 {number} 行的时间写法不对：“{rest.strip()[:60]}”。", "应为 0:01:02.50,0:01:04.00。"
        )
    start, end = (_ass_seconds(match) for match in times if match)
    words = _plain(
        _ASS_OVERRIDE.sub("", values.get("text", "")).replace("\\N", "\n").replace("\\n", "\n").replace("\\h", " ")
    )
    return [[start, max(start, end), words]] if words else []


def _ass_seconds(match: re.Match[str]) -> float:
    hours, minutes, seconds, fraction = match.groups()
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds) + int(fraction.ljust(3, "0")) / 1000
