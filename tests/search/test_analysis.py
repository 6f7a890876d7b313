"""The examples of the specification in ``search.analysis`` and ``search.highlight``."""

from __future__ import annotations

import pytest

from search import analysis, ask, highlight
from search.documents import windows
from search.query import TEXT_LIMIT, Query


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("苗繡針法", ["苗绣", "绣针", "针法", "法"]),
        ("C语言(基础)", ["c", "语言", "言", "基础", "础"]),
        ("９０后 5G", ["90", "后", "5g"]),
        ("C++入门", ["c++", "入门", "门"]),
        ("望江南・忆江南", ["望江", "江南", "南", "忆江", "江南", "南"]),
        ("……", []),
    ],
)
def test_text_tokens(text: str, tokens: list[str]) -> None:
    assert analysis.text_tokens(text) == tokens


def test_query_tokens_of_one_character_are_a_beginning() -> None:
    assert analysis.query_tokens("茶") == (("茶",), True)
    assert analysis.query_tokens("苗绣") == (("苗绣",), False)
    assert analysis.query_tokens("學C語言") == (("学", "c", "语言"), False)


def test_fold_offsets_lead_back_to_the_origin() -> None:
    folded, offsets = analysis.fold_with_offsets("㈱苗繡")
    assert folded == "(株)苗绣"
    assert offsets == [0, 0, 0, 1, 2, 3]


def test_readings_know_context_and_single_characters() -> None:
    assert analysis.readings("重庆") == (("chong", "qing"), ("zhong", "qing"))
    assert analysis.readings("乾隆")[0] == ("qian", "long")
    assert analysis.readings("C语言90") == (("c", "yu", "yan", "90"),)


def test_spellings_cut_letters_into_syllables() -> None:
    assert analysis.spellings("xian") == (("xian",), ("xi", "an"))
    assert analysis.spellings("python") == ()
    assert analysis.spellings("miaox", True)[0] == ("miao", "x")
    assert analysis.sounds("miao绣")[0] == ("miao", "xiu")


def test_spellings_of_a_long_run_stay_few() -> None:
    assert len(analysis.spellings("xianxianxianxianxianxianxianxian")) == analysis.SPELLINGS_LIMIT


def test_near_sounds_meet() -> None:
    assert analysis.near("zhang") == analysis.near("zan")
    assert analysis.near("ning") == analysis.near("lin")
    assert analysis.near("photo") == "photo"


def test_highlight_marks_the_origin_and_escapes_the_rest() -> None:
    text = "<b>苗繡</b> & 科学 c"
    word = ask.written("苗绣")
    assert highlight.mark(text, highlight.spans_of(text, [word])) == "&lt;b&gt;<mark>苗繡</mark>&lt;/b&gt; &amp; 科学 c"


def test_highlight_takes_latin_words_whole() -> None:
    text = "Science in C"
    assert highlight.mark(text, highlight.spans_of(text, [ask.written("c")])) == "Science in <mark>C</mark>"


def test_snippet_shows_the_densest_place() -> None:
    text = "绣" + "。" * 200 + "苗绣针法与绣" + "。" * 200
    shown = highlight.snippet(text, highlight.written_spans(text, ask.written("苗绣针法")))
    assert shown.startswith("…")
    assert shown.endswith("…")
    assert "<mark>苗绣针法</mark>" in shown


def test_windows_overlap_by_one_cue_and_know_each_second() -> None:
    cues = [[second, second + 10, f"第{second}秒"] for second in range(0, 90, 10)]
    first, second, third = windows(2, "课", cues)
    assert (first.seconds, second.seconds, third.seconds) == (0, 20, 50)
    assert second.text == "第20秒第30秒第40秒第50秒"
    assert second.marks == ((0, 20), (5 - 1, 30), (8, 40), (12, 50))


def test_query_keeps_what_is_good_and_names_what_is_not() -> None:
    query = Query.from_params({"q": "绣" * 10_000, "page": "-1", "kind": ["video", "film"], "sort": "best"})
    assert (len(query.text), query.page, query.filters, query.sort) == (
        TEXT_LIMIT,
        1,
        {"kind": ("video",)},
        "relevance",
    )
    assert len(query.problems) == 4


def test_query_address_round_trip() -> None:
    query = Query.from_params({"q": "苗绣", "theme": ["a", "b"], "page": "3"})
    assert query.params() == "q=%E8%8B%97%E7%BB%A3&theme=a&theme=b&page=3"
    assert query.toggled("theme", "a") == "q=%E8%8B%97%E7%BB%A3&theme=b"


def test_near_sounds_know_how_characters_are_read_elsewhere() -> None:
    assert list(analysis.read_elsewhere("都匀")) == [("du", "yun"), ("dou", "jun")]
    assert "san xian" in analysis.streams(["单县"]).near
    assert list(analysis.read_elsewhere("C++ 90")) == []


def test_u_with_dots_is_typed_in_several_ways() -> None:
    assert analysis.spellings("hulue")[0] == ("hu", "lve")
    assert analysis.spellings("chounuer")[0] == ("chou", "nu", "er")
    assert analysis.near("lv") == analysis.near("lu")
