"""What is offered while someone types: one suite for both engines."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest

from search import find
from search.documents import CourseDocument, Name
from search.engines.choose import engine
from search.engines.contract import Engine
from search.results import Suggestion
from search.suggest import suggestions, typed

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("readonly_library")]

TODAY = date(2026, 5, 4)


def course(
    number: int, *titles: str, views: int = 0, until: str = "", version: int = 1, **names: str
) -> CourseDocument:
    """``names``: text by facet; the value is made from it."""
    known = tuple(Name(facet, text.encode().hex(), text) for facet, text in names.items())
    return CourseDocument(
        id=number, slug=f"c{number}", titles=titles, version=version, views=views, until=until, known=known,
        facets=tuple((name.facet, name.value) for name in known),
    )  # fmt: skip


@pytest.fixture
def small(readonly_library: Engine) -> Iterator[Engine]:
    """An empty library beside the large one."""
    library = engine("suggest").fresh()
    yield library
    library.drop()


def offered(library: Engine, text: str, limit: int = 8) -> list[str]:
    return [one.text for one in suggestions(library, text, TODAY, limit)]


# Titles -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["苗", "苗绣", "苗繡", "miao", "miaox", "miao x", "miaoxiu", "mx", "mxr", "miao绣", "遗苗", "苗绣入门", "MIAO"],
)
def test_suggest_offers_a_title_by_any_part_and_way(text: str) -> None:
    assert "非遗苗绣入门" in {one.text for one in find.suggest(text)}


def test_suggest_mixed_input_keeps_its_characters(small: Engine) -> None:
    small.put([course(1, "苗绣"), course(2, "苗秀")])
    assert offered(small, "miao绣") == ["苗绣"]
    assert offered(small, "miaoxiu") == ["苗绣", "苗秀"]


def test_suggest_the_most_watched_first(small: Engine) -> None:
    small.put([course(1, "苗绣", views=5), course(2, "苗绣针法", views=900), course(3, "学苗绣", views=7)])
    assert offered(small, "苗绣") == ["苗绣针法", "学苗绣", "苗绣"]
    small.put([course(1, "苗绣", views=5_000_000_000, version=2), course(3, "川剧", views=7, version=2)])
    assert offered(small, "mx") == ["苗绣", "苗绣针法"]


def test_suggest_leaves_out_titles_with_the_parts_apart(small: Engine) -> None:
    small.put([course(1, "乙丙丁与甲乙丙", views=9), course(2, "甲乙丙丁")])
    assert offered(small, "甲乙丙丁") == ["甲乙丙丁"]


def test_suggest_leaves_out_ended_licences(small: Engine) -> None:
    small.put([
        course(1, "苗绣", views=9, until="2026-05-03", theme="苗绣"),
        course(2, "苗绣二", until="2026-05-04", theme="苗绣"),
        course(3, "苗绣三", until="2026-05-03", place="苗绣乡"),
    ])  # fmt: skip
    found = suggestions(small, "苗绣", TODAY, 8)
    assert [(one.kind, one.text, one.count) for one in found] == [("theme", "苗绣", 1), ("course", "苗绣二", 1)]


def test_suggest_forgets_what_was_taken_out(small: Engine) -> None:
    small.put([course(1, "苗绣", views=3, theme="手艺"), course(2, "手艺人", views=1)])
    small.remove([1], 2)
    assert offered(small, "苗绣") == []
    assert offered(small, "手艺") == ["手艺人"]


def test_suggest_short_words_are_spelled_and_long_ones_begun(small: Engine) -> None:
    small.put([course(1, "APP开发入门"), course(2, "苗绣", "Miao embroidery")])
    assert suggestions(small, "appkf", TODAY, 8)[0].highlight == "<mark>APP开发</mark>入门"
    assert suggestions(small, "embr", TODAY, 8)[0].highlight == "Miao <mark>embr</mark>oidery"
    assert offered(small, "embroideries") == []


def test_suggest_shows_a_title_once(small: Engine) -> None:
    small.put([course(number, "苗绣入门") for number in range(1, 6)] + [course(9, "苗绣针法")])
    assert offered(small, "苗绣", 4) == ["苗绣入门", "苗绣针法"]


# Names and queries ------------------------------------------------------------------------------


def test_suggest_names_with_counts_and_addresses() -> None:
    place = next(one for one in find.suggest("荣昌") if one.kind == "place")
    assert (place.text, place.url, place.count) == ("荣昌区", "/places/500153/", 2)
    assert place.highlight == "<mark>荣昌</mark>区"
    theme = next(one for one in find.suggest("jkl") if one.kind == "theme")
    assert (theme.text, theme.url, theme.count) == ("健康乐享", "/themes/health/", 3)
    assert {one.kind for one in find.suggest("wushuigen")} >= {"teacher"}
    house = next(one for one in find.suggest("hangzhoul") if one.kind == "institution")
    assert house.url == "/institutions/hangzhou/"


def test_suggest_of_many_names_offers_the_largest(small: Engine) -> None:
    known = [Name("place", "33", "浙江省"), *(Name("place", f"33{n:04}", f"浙县{n}") for n in range(200))]
    courses = [
        CourseDocument(
            id=number, slug=f"c{number}", titles=("课",), version=1, known=(known[0], name),
            facets=(("place", "33"), ("place", name.value)),
        )
        for number, name in enumerate(known[1:], 1)
    ]  # fmt: skip
    small.put(courses)
    assert suggestions(small, "浙", TODAY, 8)[0] == Suggestion(
        "浙江省", "place", "/places/33/", "<mark>浙</mark>江省", 200
    )


def test_suggest_names_share_the_room_with_titles(small: Engine) -> None:
    small.put(
        [course(n, f"苗绣{n}", views=10 - n, teacher=f"苗师{n}", theme="苗岭", place="苗乡") for n in range(1, 7)]
    )
    kinds = [one.kind for one in suggestions(small, "苗", TODAY, 6)]
    assert kinds == ["theme", "place", "teacher", "course", "course", "course"]


def test_suggest_puts_popular_queries_between_names_and_titles(small: Engine) -> None:
    small.put([course(1, "苗绣针法", theme="苗绣")])
    found = suggestions(small, "miaox", TODAY, 8, asked=[("苗绣 针法", 12), ("苗族", 3)])
    assert [(one.kind, one.text, one.count) for one in found] == [
        ("theme", "苗绣", 1), ("query", "苗绣 针法", 12), ("course", "苗绣针法", 1)
    ]  # fmt: skip
    assert found[1].url == "/search/?q=%E8%8B%97%E7%BB%A3+%E9%92%88%E6%B3%95"


def test_suggest_escapes_and_limits() -> None:
    found = find.suggest("网页", limit=1)
    assert [one.highlight for one in found] == ["&lt;script&gt;alert(1)&lt;/script&gt;<mark>网页</mark>安全"]
    assert find.suggest("") == []
    assert find.suggest("？") == []


@pytest.mark.parametrize("text", ["'", '"', "*", "-", "a.b", "-mx", "(", "¶", "苗\x00", "a" * 40, "绣" * 40, "😀"])
def test_suggest_of_odd_input_never_fails(readonly_library: Engine, text: str) -> None:
    if typed(text).clauses:
        readonly_library.completions(typed(text).clauses, TODAY.isoformat(), 8)
    assert isinstance(find.suggest(text), list)
