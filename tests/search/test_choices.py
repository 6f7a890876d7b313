"""Filters as a page shows them: the first values and the rest, a tree that opens level by level, ranges."""

import pytest

from search.choices import FIRST, branch, chips, filters, matches, only_signs, stretch
from search.query import Query
from search.results import Facet, FacetValue

STEPS = ("short", "medium", "long", "series")


def make_facet(name: str, *values: str, chosen: tuple[str, ...] = ()) -> Facet:
    return Facet(name, name, tuple(FacetValue(value, value, 1, value in chosen) for value in values))


@pytest.mark.parametrize(
    ("chosen", "pressed", "left"),
    [
        ((), "medium", ["medium"]),
        (("short",), "long", ["short", "medium", "long"]),
        (("long",), "short", ["short", "medium", "long"]),
        (("short", "medium", "long"), "long", ["short", "medium"]),
        (("short", "medium", "long"), "short", ["medium", "long"]),
        (("short", "medium", "long"), "medium", ["medium"]),
        (("medium",), "medium", []),
        (("short", "long"), "series", list(STEPS)),
        (("unknown",), "short", ["short"]),
    ],
)
def test_stretch_keeps_a_range_without_gaps(chosen, pressed, left):
    assert stretch(STEPS, chosen, pressed) == left


@pytest.mark.parametrize(
    ("chosen", "pressed", "left"),
    [
        ((), "33", ["33"]),
        (("33",), "3301", ["3301"]),
        (("3301",), "33", ["33"]),
        (("330106", "51"), "33", ["51", "33"]),
        (("33", "51"), "33", ["51"]),
        (("3301",), "3302", ["3301", "3302"]),
    ],
)
def test_branch_replaces_what_lies_above_and_below(chosen, pressed, left):
    assert branch(chosen, pressed) == left


def test_filters_show_the_first_values_and_every_chosen_one():
    values = [f"h{number:02}" for number in range(60)]
    query = Query(filters={"institution": ("h55",)})
    (shown,) = filters(query, [make_facet("institution", *values, chosen=("h55",))], {})
    assert [choice.value.value for choice in shown.first] == [*values[: FIRST - 1], "h55"]
    assert len(shown.rest) == 60 - FIRST
    assert shown.within == ""
    assert shown.open


def test_filters_of_few_values_hide_none_and_ask_nothing():
    (shown,) = filters(Query(), [make_facet("institution", *"abcdefghi")], {})
    assert (len(shown.first), shown.rest, shown.within) == (9, (), None)


def test_filters_look_through_the_names_by_pinyin_too():
    names = [f"第{number}老年大学" for number in range(60)]
    facet = make_facet("institution", "凯里开放大学", *names)
    for text in ("凯里", "kaili", "klkfdx", "開放"):
        (shown,) = filters(Query(), [facet], {"institution": text})
        assert [choice.value.label for choice in shown.first] == ["凯里开放大学"], text
        assert (shown.rest, shown.within, shown.open) == ((), text, True)
    assert not matches("凯里开放大学", "！！")


def test_filters_open_places_level_by_level():
    codes = ("33", "3301", "330106", "3302", *(str(code) for code in range(41, 60)))
    query = Query(filters={"place": ("3301",)})
    (shown,) = filters(query, [make_facet("place", *codes, chosen=("3301",))], {})
    province = shown.first[0]
    assert [choice.value.value for choice in province.below] == ["3301", "3302"]
    assert [choice.value.value for choice in province.below[0].below] == ["330106"]
    assert province.below[0].below[0].url == "place=330106"
    assert province.url == "place=33"
    assert province.below[1].url == "place=3301&place=3302"
    assert shown.rest


def test_filters_unfold_the_first_ones_or_those_in_use():
    facets = [make_facet(name, "a") for name in ("theme", "institution", "language", "teacher")]
    assert [one.open for one in filters(Query(), facets, {})] == [True, True, True, False]
    used = [*facets[:3], make_facet("teacher", "a", chosen=("a",))]
    assert [one.open for one in filters(Query(filters={"teacher": ("a",)}), used, {})] == [False, False, False, True]


@pytest.mark.parametrize(
    ("name", "values", "label"),
    [
        ("length", ("short", "medium"), "30 分钟以内"),
        ("length", ("medium", "long"), "10–90 分钟"),
        ("length", ("series", "long"), "30 分钟以上"),
        ("length", STEPS, "长短都有"),
        ("length", ("short", "series"), "10 分钟以内、90 分钟以上"),
        ("level", ("starter", "middle"), "入门–进阶"),
    ],
)
def test_chips_tell_a_range_as_one(name, values, label):
    (chip,) = chips(Query(text="茶", filters={name: values, "kind": ()}))
    assert (chip.label, chip.url) == (label, "q=%E8%8C%B6")


def test_chips_give_up_one_value_each():
    made = chips(Query(filters={"kind": ("video", "audio")}))
    assert [(chip.label, chip.url) for chip in made] == [("视频", "kind=audio"), ("音频", "kind=video")]


@pytest.mark.parametrize(
    ("text", "signs"), [("", False), ("！！", True), ("- “”", True), ("茶", False), ("c++", False)]
)
def test_only_signs_is_no_question(text, signs):
    assert only_signs(text) is signs
