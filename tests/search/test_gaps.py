"""What people look for and do not get."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from catalog.models import Course
from search import gaps, index, query_log
from search.models import AskedQuery, Gap, QueryCount

pytestmark = pytest.mark.django_db


def asked(text: str, searches: int, found: int = 0, clicks: int = 0, ago: int = 0) -> None:
    day = timezone.localdate() - timedelta(days=ago)
    query, _ = AskedQuery.objects.update_or_create(
        text=text, defaults={"sound": query_log.sound_of(text), "found": found, "asked_on": day}
    )
    QueryCount.objects.create(query=query, day=day, searches=searches, clicks=clicks)


def listed(days: int = 30, shown: str = "all") -> list[tuple[str, int]]:
    return [(group.text, group.searches) for group in gaps.groups(gaps.unanswered(days, shown), days)]


def test_unanswered_are_one_group_for_all_ways_to_write_a_sound() -> None:
    for text, searches in (("苗秀", 3), ("苗绣", 4), ("miaoxiu", 2), ("miao xiu", 1)):
        asked(text, searches)
    [group] = gaps.groups(gaps.unanswered(30), 30)
    assert (group.text, group.searches, group.failed) == ("苗绣", 10, 10)
    assert [one.text for one in group.spellings] == ["苗绣", "苗秀", "miaoxiu", "miao xiu"]


def test_unanswered_are_what_finds_nothing_or_is_not_opened_most_wanted_first() -> None:
    asked("没有的", 3)
    asked("不开的", 9, found=5)
    asked("好的", 99, found=5, clicks=2)
    asked("一次的", 1, found=5)
    asked("从前的", 50, ago=40)
    assert listed() == [("不开的", 9), ("没有的", 3)]
    assert listed(shown="nothing") == [("没有的", 3)]
    assert listed(shown="unopened") == [("不开的", 9)]
    assert listed(90) == [("从前的", 50), ("不开的", 9), ("没有的", 3)]


def test_unanswered_follows_the_last_answer_of_a_query() -> None:
    asked("苗绣", 5, ago=3)
    assert listed() == [("苗绣", 5)]
    asked("苗绣", 1, found=2, clicks=1)
    assert listed() == []


def test_commissioned_groups_leave_the_list_for_that_of_wanted_content() -> None:
    asked("侗锦", 5)
    gaps.commission("dongjin", "侗锦", "请黎平文化馆拍一集")
    assert listed() == []
    [gap] = gaps.wanted()
    assert (gap.text, gap.note, gap.found) == ("侗锦", "请黎平文化馆拍一集", 0)


@pytest.fixture
def library(settings: Any, tmp_path: Path, courses: dict[str, Course]) -> dict[str, Course]:
    settings.SEARCH_EMBEDDED_PATH, settings.SEARCH_URL = tmp_path / "search", ""
    index.flush_stale()
    return courses


def add_course(library: dict[str, Course], title: str) -> Course:
    house = library["miao-xiu"].institution
    course = Course.objects.create(institution=house, title=title, slug="new", kind="link", live=True)
    index.mark_stale([course.pk])
    index.flush_stale()
    return course


def test_try_again_solves_what_is_found_now_until_it_fails_again(library: dict[str, Course]) -> None:
    asked("簸箕画", 5)
    [tried] = gaps.try_again("bojihua")
    assert tried.found == 0
    assert listed() == [("簸箕画", 5)]
    course = add_course(library, "簸箕画入门")
    [tried] = gaps.try_again("bojihua")
    assert tried.found == 1
    assert listed() == []
    assert Gap.objects.get().solved_on == timezone.localdate()
    Course.objects.filter(pk=course.pk).update(live=False)
    query_log_was_asked_again("簸箕画", 0)
    assert listed() == [("簸箕画", 6)]


def query_log_was_asked_again(text: str, found: int) -> None:
    AskedQuery.objects.filter(text=text).update(found=found)
    count = QueryCount.objects.get(query__text=text)
    count.searches += 1
    count.save()


def test_solved_groups_come_back_when_nobody_opens_them_later(library: dict[str, Course]) -> None:
    asked("苗绣", 5, found=1, ago=2)
    gaps.try_again("miaoxiu")
    assert listed() == []
    Gap.objects.update(solved_on=timezone.localdate() - timedelta(days=1))
    asked("苗绣", 2, found=1)
    assert listed() == [("苗绣", 2)]


def test_try_again_notes_nothing_while_the_engine_is_away(settings: Any) -> None:
    settings.SEARCH_URL = "http://127.0.0.1:9"
    asked("苗绣", 5)
    assert gaps.try_again("miaoxiu") is None
    assert not Gap.objects.exists()


def test_unanswered_of_forty_thousand_queries_is_paged(django_assert_num_queries: Any) -> None:
    """As many queries for a page of a large log as of a small one."""
    today = timezone.localdate()
    rows = [AskedQuery(text=f"查询{n}", sound=f"s{n // 2}", found=n % 3, asked_on=today) for n in range(40_000)]
    AskedQuery.objects.bulk_create(rows, batch_size=2000)
    keys = AskedQuery.objects.values_list("pk", flat=True)
    QueryCount.objects.bulk_create(
        [QueryCount(query_id=key, day=today, searches=1 + key % 50) for key in keys], batch_size=2000
    )
    with django_assert_num_queries(2):
        page = gaps.groups(gaps.unanswered(30)[40:80], 30)
    assert len(page) == 40
    assert page[0].searches >= page[-1].searches
    assert all(len(group.spellings) == 2 for group in page)
