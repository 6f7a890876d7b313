"""Subtitles as people send them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_pipeline import captions
from media_pipeline.errors import Refused
from media_pipeline.produce import produce
from tests.media_pipeline import clips

SRT = "1\n00:00:01,500 --> 00:00:03,000\n苗绣针法\n第二行\n\n2\n00:01:00,000 --> 00:01:02,000\n<i>平绣</i> &amp; 打籽\n"
CUES = [[1.5, 3.0, "苗绣针法\n第二行"], [60.0, 62.0, "平绣 & 打籽"]]


def test_parse_reads_subrip():
    assert captions.parse(SRT) == CUES


def test_parse_reads_windows_lines_and_bom():
    assert captions.parse("\ufeff" + SRT.replace("\n", "\r\n")) == CUES


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_parse_bytes_finds_the_encoding(encoding):
    assert captions.parse_bytes(SRT.encode(encoding)) == CUES


SIMPLIFIED = "1\n00:00:01,000 --> 00:00:02,000\n我们今天学习苗族刺绣的针法\n"
TRADITIONAL = "1\n00:00:01,000 --> 00:00:02,000\n我們今天學習苗族刺繡的針法\n"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        *((SIMPLIFIED, encoding) for encoding in ("utf-8", "gb18030", "utf-16-le", "utf-16-be")),
        *((TRADITIONAL, encoding) for encoding in ("utf-8", "gb18030", "big5", "utf-16-le")),
    ],
)
def test_decoded_tells_chinese_encodings_apart(text, encoding):
    """Nearly all Big5 can also be read as GB18030, as rare characters that make no sense."""
    assert captions.decoded(text.encode(encoding)) == text


def test_decoded_refuses_what_is_no_text():
    with pytest.raises(Refused) as refused:
        captions.decoded(b"\xff\xff\xfe" * 101 + b"\xff")
    assert refused.value.code == "captions-encoding"


@pytest.mark.parametrize(
    ("text", "tag"),
    [(SIMPLIFIED, "zh-Hans"), (TRADITIONAL, "zh-Hant"), ("00:00:01,000 --> 00:00:02,000\n你好\n", "zh")],
)
def test_chinese_tag_is_seen_from_the_characters(text, tag):
    assert captions.chinese_tag(captions.parse(text)) == tag


def test_parse_reads_times_before_the_film_and_of_many_hours():
    text = "-00:00:01,000 --> 00:00:02,000\n先\n\n100:00:00,000 --> 100:00:01,000\n后\n"
    assert captions.parse(text) == [[0.0, 2.0, "先"], [360000.0, 360001.0, "后"]]
    assert "100:00:00.000 --> 100:00:01.000" in captions.to_vtt(captions.parse(text))


def test_parse_keeps_cues_that_overlap():
    text = "00:00:01,000 --> 00:00:05,000\n甲\n\n00:00:02,000 --> 00:00:03,000\n乙\n"
    assert captions.parse(text) == [[1.0, 5.0, "甲"], [2.0, 3.0, "乙"]]


def test_parse_leaves_shapes_out_of_styled_captions():
    event = "Dialogue: 0:00:00.00,0:00:01.00,{\\pos(1,2)\\p1}m 0 0 l 9 9{\\p0}字{\\i1}幕"
    assert captions.parse(f"[Events]\nFormat: Start, End, Text\n{event}\n") == [[0.0, 1.0, "字幕"]]


def test_parse_reads_webvtt_with_settings_notes_and_short_times():
    text = "WEBVTT\n\nNOTE a remark\n\nintro\n00:01.000 --> 00:02.500 align:start\n<v 老师>你好</v>\n"
    assert captions.parse(text) == [[1.0, 2.5, "你好"]]


def test_parse_reads_ass():
    text = (
        "[Script Info]\nTitle: x\n\n[Events]\nFormat: Layer, Start, End, Style, Text\n"
        "Dialogue: 0,0:00:01.50,0:00:03.00,Default,{\\b1}苗绣，{\\b0}针法\\N第二行\n"
        "Comment: 0,0:00:04.00,0:00:05.00,Default,not shown\n"
    )
    assert captions.parse(text) == [[1.5, 3.0, "苗绣，针法\n第二行"]]


def test_parse_reads_subrip_without_blank_lines():
    text = "1\n00:00:01,000 --> 00:00:02,000\n一\n2\n00:00:03,000 --> 00:00:04,000\n二\n"
    assert captions.parse(text) == [[1.0, 2.0, "一"], [3.0, 4.0, "二"]]


def test_parse_sorts_by_time():
    text = "00:00:05,000 --> 00:00:06,000\n后\n\n00:00:01,000 --> 00:00:02,000\n先\n"
    assert [cue[2] for cue in captions.parse(text)] == ["先", "后"]


@pytest.mark.parametrize(
    ("text", "code", "named"),
    [
        ("1\n00:00:01,500 -> 00:00\n\nx --> y\n", "captions-time", "第 4 行"),
        ("1\n00:00:05,000 --> 00:00:03,000\nx\n", "captions-order", "第 2 行"),
        ("no times at all", "captions-empty", "一条"),
        ("", "captions-empty", "一条"),
        ("[Events]\nFormat: Start, End, Text\nDialogue: soon,later,x\n", "captions-time", "第 3 行"),
    ],
)
def test_parse_refuses_naming_the_line(text, code, named):
    with pytest.raises(Refused) as refused:
        captions.parse(text)
    assert refused.value.code == code
    assert named in refused.value.sentence


def test_parse_bytes_refuses_what_is_too_large():
    with pytest.raises(Refused) as refused:
        captions.parse_bytes(b"x" * (captions.MAX_BYTES + 1))
    assert refused.value.code == "captions-too-large"


def test_film_tells_its_chinese_captions_apart(tmp_path):
    """Both streams only say “Chinese”."""
    files = [clips.written(f"{n}.srt", text.encode()) for n, text in enumerate((SIMPLIFIED, TRADITIONAL))]
    inputs = [word for file in files for word in ("-i", str(file))]
    tags = ("-metadata:s:s:0", "language=chi", "-metadata:s:s:1", "language=zho")
    film = clips.encode(
        "bilingual.mkv", "-i", str(clips.recording()), *inputs,
        "-map", "0", "-map", "1", "-map", "2", "-c:a", "aac", "-c:s", "srt", *tags,
    )  # fmt: skip
    product = produce(film, tmp_path, report=lambda step, fraction: None)
    assert [(kind, language, cues[0][2]) for kind, language, cues in product.tracks] == [
        ("captions", "zh-Hans", "我们今天学习苗族刺绣的针法"),
        ("captions", "zh-Hant", "我們今天學習苗族刺繡的針法"),
    ]
    assert product.warnings == ()


def test_to_vtt_escapes_what_would_be_markup():
    text = captions.to_vtt([[0, 1, "<script>a & b</script>\n\n00:00:09.000 --> 00:00:10.000"]])
    assert "<script>" not in text
    assert text.count("-->") == 1
    assert "&lt;script&gt;a &amp; b" in text


@given(st.lists(st.tuples(st.integers(0, 10**7), st.integers(1, 10**5), st.text(min_size=1)), min_size=1, max_size=20))
def test_to_vtt_is_read_back_with_the_same_times(entries):
    cues = [[start / 1000, (start + length) / 1000, f"字{text}"] for start, length, text in entries]
    again = captions.parse(captions.to_vtt(cues))
    assert sorted(cue[0] for cue in again) == pytest.approx(sorted(cue[0] for cue in cues), abs=0.002)
