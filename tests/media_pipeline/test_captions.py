"""Subtitles as people send them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_pipeline import captions
from media_pipeline.errors import Refused

SRT = "1\n00:00:01,500 --> 00:00:03,000\n苗绣针法\n第二行\n\n2\n00:01:00,000 --> 00:01:02,000\n<i>平绣</i> &amp; 打籽\n"
CUES = [[1.5, 3.0, "苗绣针法\n第二行"], [60.0, 62.0, "平绣 & 打籽"]]


def test_parse_reads_subrip():
    assert captions.parse(SRT) == CUES


def test_parse_reads_windows_lines_and_bom():
    assert captions.parse("\ufeff" + SRT.replace("\n", "\r\n")) == CUES


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_parse_bytes_finds_the_encoding(encoding):
    assert captions.parse_bytes(SRT.encode(encoding)) == CUES


def test_parse_bytes_reads_big5():
    words = "1\n00:00:01,000 --> 00:00:02,000\n裡\n"
    assert captions.parse_bytes(words.encode("big5"))[0][:2] == [1.0, 2.0]


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
