"""What editors put on top and out of sight for certain queries."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone

from catalog.models import Course, Institution
from search.models import Pin, Rule
from search.rules import Curation, rule_for


@pytest.fixture
def three(db: None) -> list[Course]:
    house = Institution.add_root(code="kaili", name="凯里开放大学")
    return [Course.objects.create(institution=house, title=f"课{n}", slug=f"ke-{n}") for n in range(3)]


def rule(queries: list[str], pinned: list[Course] = [], hidden: list[Course] = [], **days: Any) -> Rule:  # noqa: B006
    made = Rule(queries=queries, hidden=hidden, **days)
    made.pins = [Pin(course=course, sort_order=number) for number, course in enumerate(pinned)]
    made.save()
    return made


def test_rule_holds_for_its_queries_however_they_are_written(three: list[Course]) -> None:
    rule(["苗绣 入门", "Tai Chi"], [three[1], three[0]], [three[2]])
    wanted = Curation((three[1].pk, three[0].pk), frozenset({three[2].pk}))
    for text in ("苗绣入门", "苗繡入門", " 苗绣　入门 ", "ｔａｉ ｃｈｉ", "TAICHI"):
        assert rule_for(text) == wanted, text
    for text in ("苗绣", "入门苗绣", "", "tai"):
        assert rule_for(text) == Curation(), text


def test_rule_holds_on_its_days(three: list[Course]) -> None:
    first, last = date(2026, 9, 1), date(2026, 9, 30)
    rule(["开学"], [three[0]], first_day=first, last_day=last)
    shown = {
        day: bool(rule_for("开学", day).pinned) for day in (first - timedelta(1), first, last, last + timedelta(1))
    }
    assert list(shown.values()) == [False, True, True, False]
    rule(["从此"], [three[0]], first_day=timezone.localdate())
    assert rule_for("从此").pinned


def test_rules_for_one_query_join_the_newest_first_and_hiding_wins(three: list[Course]) -> None:
    rule(["茶"], [three[0], three[1]])
    rule(["茶", "茶艺"], [three[2]], [three[1]])
    assert rule_for("茶") == Curation((three[2].pk, three[0].pk), frozenset({three[1].pk}))


def test_rule_changes_act_at_once_and_cost_one_question(three: list[Course], django_assert_num_queries: Any) -> None:
    one = rule(["茶"], [three[0]])
    assert rule_for("茶").pinned == (three[0].pk,)
    one.pins = [Pin(course=three[1])]
    one.save()
    assert rule_for("茶").pinned == (three[1].pk,)
    one.hidden = [three[2]]
    one.save()
    assert rule_for("茶").hidden == {three[2].pk}
    with django_assert_num_queries(1):
        rule_for("茶")

    three[1].delete()
    assert rule_for("茶").pinned == ()
    one.delete()
    assert rule_for("茶") == Curation()
