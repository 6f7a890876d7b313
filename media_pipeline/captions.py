"""Timed text: SubRip, WebVTT and SubStation Alpha in, WebVTT out. A cue is ``[start seconds, end seconds, text]``."""

import html
import re
from functools import cache

import opencc

from media_pipeline.errors import Refused

Cue = list
MAX_BYTES = 10 * 1024**2
MAX_CUES = 50_000
MAX_CHARACTERS = 5000  # of one cue; a screen holds a hundred
# Chinese files that are not Unicode are GB18030 (which holds GBK and GB2312) or Big5, as Windows writes it.
CHINESE_ENCODINGS = ("gb18030", "cp950")
_HAN = re.compile(r"[\u3400-\u9fff]")
_TIME = r"(-?)(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})[.,:](\d{1,3})"
_ARROW = re.compile(rf"^\s*{_TIME}\s*--?>\s*{_TIME}")
_LOOKS_TIMED = re.compile(r"-->")
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<\d[\d:.]*>")
_ASS_OVERRIDE = re.compile(r"\{[^{}]*\}")
_ASS_DRAWING = re.compile(r"\{[^{}]*\\p[1-9][^{}]*\}[^{}]*")  # what follows are the strokes of a shape, not words


def parse_bytes(data: bytes) -> list[Cue]:
    """Cues of a file as it was stored. Raises Refused when it is too large, of unknown encoding or not timed text."""
    if len(data) > MAX_BYTES:
        raise Refused("captions-too-large", "字幕文件超过 10 MB。", "请确认选对了文件。")
    return parse(decoded(data))


def decoded(data: bytes) -> str:
    """The text of a file in UTF-8, UTF-16, GB18030 or Big5. Raises Refused when it is none of them."""
    wide = _wide(data)
    text = _attempt(data, wide or "utf-8-sig")
    if text is not None:
        return text
    guesses = [guess for encoding in CHINESE_ENCODINGS if (guess := _attempt(data, encoding)) is not None]
    if wide or not guesses:
        raise Refused("captions-encoding", "看不懂字幕文件的文字编码。", "请另存为 UTF-8 后上传。")
    return max(guesses, key=_everyday_share)


def _wide(data: bytes) -> str:
    """UTF-16, by its mark or by the empty half of every digit of the first times; else ""."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    head = data[:400]
    if b"\0" not in head:
        return ""
    return "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"


def _attempt(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _everyday_share(text: str) -> float:
    """Share of Chinese characters that are everyday ones: both old standards put those first (GB 2312 rows 16 to 55,
    Big5 up to C67E), so bytes read in the wrong encoding scatter over the rare ones."""
    han = _HAN.findall(text[:20_000])
    return sum(_everyday(character) for character in han) / len(han) if han else 0.0


def _everyday(character: str) -> bool:
    simplified, traditional = character.encode("gb2312", "ignore"), character.encode("big5", "ignore")
    return (len(simplified) == 2 and simplified[0] <= 0xD7) or (len(traditional) == 2 and traditional <= b"\xc6\x7e")


def chinese_tag(cues: list[Cue]) -> str:
    """``zh-Hans`` or ``zh-Hant`` by the characters used; ``zh`` when they tell nothing."""
    text = "".join(_HAN.findall("".join(cue[2] for cue in cues)[:20_000]))
    simplified = sum(a != b for a, b in zip(text, _converter("t2s").convert(text), strict=False))
    traditional = sum(a != b for a, b in zip(text, _converter("s2t").convert(text), strict=False))
    if simplified == traditional:
        return "zh"
    return "zh-Hant" if simplified > traditional else "zh-Hans"


@cache
def _converter(config: str) -> opencc.OpenCC:
    return opencc.OpenCC(config)


def parse(text: str) -> list[Cue]:
    """Cues in time order. Raises Refused naming the line that can not be understood."""
    lines = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").split("\n")
    styled = any(line.strip().lower() == "[events]" for line in lines)
    cues = _parse_ass(lines) if styled else _parse_blocks(lines)
    if not cues:
        raise Refused("captions-empty", "文件里没有一条带时间的字幕。", "可以上传 SRT、WebVTT 或 ASS 字幕。")
    if len(cues) > MAX_CUES:
        raise Refused("captions-too-many", f"字幕多达 {len(cues)} 条，上限是 {MAX_CUES} 条。", "请确认选对了文件。")
    longest = max(cues, key=lambda cue: len(cue[2]))
    if len(longest[2]) > MAX_CHARACTERS:
        raise Refused(
            "captions-cue-too-long",
            f"{timestamp(longest[0])} 处的一条字幕长达 {len(longest[2])} 个字。",
            "请拆成几条后上传。",
        )
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
    start, end = _seconds(match.groups()[:5]), _seconds(match.groups()[5:])
    if end < start:
        raise Refused(
            "captions-order", f"第 {number} 行的结束时间早于开始时间：“{line.strip()[:60]}”。", "请改正后上传。"
        )
    return start, end


def _seconds(parts: tuple[str | None, ...]) -> float:
    """Never before the film begins: a file shifted too far has cues that start below zero."""
    sign, hours, minutes, seconds, fraction = parts
    if sign:
        return 0.0
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


_ASS_TIME = re.compile(r"^(-?)(\d{1,4}):(\d{1,2}):(\d{1,2})[.:](\d{1,3})$")


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
    start, end = (_seconds(match.groups()) for match in times if match)
    words = _plain(
        _ASS_DRAWING.sub("", values.get("text", "")).replace("\\N", "\n").replace("\\n", "\n").replace("\\h", " ")
    )
    return [[start, max(start, end), words]] if words else []
