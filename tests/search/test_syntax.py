"""Phrases, exclusion and fields: how they are read, and that both engines do as asked."""

from __future__ import annotations

import pytest

from search import find
from search.query import Query
from search.syntax import Part, parse
from tests.search.asking import slugs


@pytest.mark.parametrize(
    ("typed", "parts"),
    [
        ("苗绣 针法", (Part("苗绣"), Part("针法"))),
        ('"苗绣 针法"', (Part("苗绣 针法", exact=True),)),
        ("“苗绣针法” 入门", (Part("苗绣针法", exact=True), Part("入门"))),
        ("苗绣 -机绣", (Part("苗绣"), Part("机绣", excluded=True))),
        ("-「机器绣花」", (Part("机器绣花", exact=True, excluded=True),)),
        ("标题:苗绣", (Part("苗绣", field="title"),)),
        ("教师：吴水根", (Part("吴水根", field="teacher"),)),
        ("THEME:手艺", (Part("手艺", field="theme"),)),
        ("COVID-19", (Part("COVID-19"),)),
        ("- “” :", ()),
    ],
)
def test_parse(typed: str, parts: tuple[Part, ...]) -> None:
    assert parse(typed) == parts


@pytest.mark.django_db
@pytest.mark.usefixtures("readonly_library")
class TestAsked:
    def test_phrase_must_stand_as_typed(self) -> None:
        assert slugs("“晕针”") == ["shu-xiu"]
        assert slugs("“示范晕针”") == ["shu-xiu"]
        results = find.search(Query(text="“晕针示范”"))
        assert results.why == "没有完全相同的内容，以下是最接近的。"
        assert results.hits[0].url.endswith("/shu-xiu/")

    def test_excluded_words_are_left_out(self) -> None:
        assert {"miao-xiu", "shu-xiu"} <= set(slugs("针"))
        assert "shu-xiu" not in slugs("针 -双面绣")
        assert "miao-xiu" in slugs("针 -双面绣")

    def test_only_exclusion_lists_all_others(self) -> None:
        everything = find.search(Query(text="")).total
        assert find.search(Query(text="-苗绣")).total == everything - 1

    def test_title_field(self) -> None:
        assert "tai-ji" in slugs("十分钟")
        assert slugs("标题:太极拳") == ["tai-ji"]
        assert slugs("标题:苗绣") == ["miao-xiu"]

    def test_filters_by_name(self) -> None:
        assert slugs("教师:吴水根") == ["miao-xiu"]
        assert slugs("老师:吴") == ["miao-xiu"]
        assert set(slugs("机构:荣昌")) == {"chong-qing", "xia-bu"}
        assert set(slugs("地方:贵州")) == {"miao-xiu", "5g"}
        assert slugs("地方:贵州 苗绣") == ["miao-xiu"]
        assert slugs("教师:没有此人") == []
