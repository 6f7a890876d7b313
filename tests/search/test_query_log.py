"""What is counted of searches, and what is not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, models
from django.test import Client
from django.utils import timezone

from catalog.models import Course, Institution
from search import query_log
from search.models import AskedQuery, QueryCount
from search.popular import _known, mark_popular, popular_queries
from search.query import Query
from search.results import Results

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def counting(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Counting is on; writing waits for the test to say so."""
    settings.SEARCH_LOG_DAYS = 90
    monkeypatch.setattr(query_log, "FLUSH_SECONDS", 100_000)
    _known.cache_clear()
    yield
    query_log._waiting.taken()
    _known.cache_clear()


def ask(text: str, total: int = 1, **changes: Any) -> None:
    query_log.record(Query(text=text, **changes), Results(total, ()))


def counts() -> dict[str, tuple[int, int, int]]:
    """(searches, found, clicks) by query."""
    query_log.flush()
    rows = QueryCount.objects.values_list("query__text", "searches", "query__found", "clicks")
    return {text: tuple(rest) for text, *rest in rows}


def test_searches_are_added_up_by_day_and_folded_query() -> None:
    for text, total in (("苗绣", 3), ("苗繡", 4), ("ＡＩ  课", 0)):
        ask(text, total)
    assert counts() == {"苗绣": (2, 4, 0), "ai 课": (1, 0, 0)}
    ask("苗绣", 0)
    assert counts() == {"苗绣": (3, 0, 0), "ai 课": (1, 0, 0)}
    assert AskedQuery.objects.get(text="苗绣").asked_on == timezone.localdate()


def test_searches_are_counted_once_and_only_as_they_were_answered() -> None:
    ask("苗绣", page=2)
    ask("苗绣", filters={"kind": ("video",)})
    ask("苗绣", problems=("太长",))
    ask("")
    query_log.record(Query(text="苗绣"), Results(0, (), degraded=True))
    assert counts() == {}


@pytest.mark.parametrize(
    "text",
    [
        "zhang.san@example.cn", "找 ｚｈａｎｇ＠ｑｑ．ｃｏｍ", "13812345678", "138-1234-5678", "138 1234 5678",
        "１３８１２３４５６７８", "110101199003077758", "11010119900307775x", "0577-8888999", "一三八一二三四五六七八",
        "https://example.cn/?token=x", "www.example.cn", "苗绣" * 31,
    ],
)  # fmt: skip
def test_what_looks_like_personal_data_is_not_kept(text: str) -> None:
    ask(text)
    assert counts() == {}


@pytest.mark.parametrize(
    "text", ["2026年春节", "2025-2026", "二十四式太极拳", "90后", "5g", "c++", "12345 热线", "一二三四"]
)
def test_what_does_not_look_like_personal_data_is_kept(text: str) -> None:
    ask(text)
    assert list(counts()) == [text]


def test_rows_hold_nothing_about_anybody() -> None:
    kept = {field.name for model in (AskedQuery, QueryCount) for field in model._meta.fields}
    assert kept == {"id", "text", "sound", "found", "asked_on", "popularity", "query", "day", "searches", "clicks"}
    kinds = {type(field) for model in (AskedQuery, QueryCount) for field in model._meta.fields}
    assert models.DateTimeField not in kinds


def test_clicks_count_for_known_queries_and_public_courses() -> None:
    house = Institution.add_root(code="kaili", name="凯里开放大学")
    Course.objects.create(institution=house, title="苗绣", slug="miao-xiu", live=True)
    Course.objects.create(institution=house, title="草稿", slug="draft", live=False)
    ask("苗绣")
    for text, slug in (("苗繡", "miao-xiu"), ("苗绣", "draft"), ("苗绣", "nothing"), ("没人搜过", "miao-xiu")):
        query_log.record_click(text, slug)
    assert counts() == {"苗绣": (1, 1, 1)}
    query_log.record_click("苗绣", "miao-xiu")
    assert counts() == {"苗绣": (1, 1, 2)}


def test_old_counts_are_forgotten(settings: Any) -> None:
    for text in ("旧词", "常用词"):
        ask(text)
    counts()
    today = timezone.localdate()
    QueryCount.objects.update(day=today - timedelta(days=91))
    AskedQuery.objects.filter(text="旧词").update(asked_on=today - timedelta(days=91))
    ask("常用词")
    query_log.flush()
    query_log.forget()
    assert list(AskedQuery.objects.values_list("text", flat=True)) == ["常用词"]
    assert QueryCount.objects.count() == 1


def test_nothing_is_counted_when_it_is_switched_off(settings: Any) -> None:
    settings.SEARCH_LOG_DAYS = 0
    ask("苗绣")
    assert counts() == {}


def test_recording_asks_the_database_nothing(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        for number in range(1000):
            ask(f"查询{number % 300}")
        query_log.record_click("查询1", "x")


def test_a_batch_is_written_in_few_statements(django_assert_max_num_queries: Any) -> None:
    for number in range(1000):
        ask(f"查询{number}")
    with django_assert_max_num_queries(30):
        query_log.flush()
    assert QueryCount.objects.aggregate(models.Sum("searches"))["searches__sum"] == 1000


def test_a_flood_of_different_queries_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_log, "WAITING_LIMIT", 50)
    for number in range(80):
        ask(f"查询{number}")
    assert len(counts()) == 50
    monkeypatch.setattr(query_log, "DAY_LIMIT", 50)
    ask("又一个")
    ask("查询1")
    found = counts()
    assert "又一个" not in found
    assert found["查询1"][0] == 2


@pytest.mark.django_db(transaction=True)
def test_counts_of_many_threads_add_up() -> None:
    """As in a web process: requests count while a thread of its own writes."""

    def work() -> None:
        for number in range(200):
            ask(f"查询{number % 7}")

    def write() -> None:
        for _turn in range(5):
            query_log.flush()
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(5)] + [threading.Thread(target=write)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(searches for searches, _found, _clicks in counts().values()) == 1000


def test_search_page_and_api_are_counted_and_suggestions_are_not(settings: Any, tmp_path: Any, client: Client) -> None:
    from search import index
    from search.engines.choose import COURSES, engine

    settings.SEARCH_EMBEDDED_PATH = tmp_path / "search"
    index.rebuild(engine(COURSES), COURSES)
    client.get("/search/", {"q": "苗绣"})
    client.get("/api/v1/search", {"q": "苗繡"})
    client.get("/api/v1/suggest", {"q": "苗绣"})
    client.get("/search/", {"q": "苗绣", "colour": "red"})
    assert counts() == {"苗绣": (3, 0, 0)}
    house = Institution.add_root(code="kaili", name="凯里开放大学")
    Course.objects.create(institution=house, title="苗绣", slug="miao-xiu", live=True)
    told = client.post("/api/v1/search/clicks", '{"q": "苗绣", "course": "miao-xiu"}', content_type="text/plain")
    assert told.status_code == 204
    assert counts() == {"苗绣": (3, 0, 1)}
    long = client.post("/api/v1/search/clicks", {"q": "x" * 9999, "course": "y"}, content_type="application/json")
    assert long.status_code == 422


# Popular --------------------------------------------------------------------------------------------


def asked(text: str, *searches: int, found: int = 1) -> None:
    """Searches of the last days, one number a day."""
    query = AskedQuery.objects.create(
        text=text, sound=query_log.sound_of(text), found=found, asked_on=timezone.localdate()
    )
    for ago, number in enumerate(searches):
        day = timezone.localdate() - timedelta(days=ago)
        QueryCount.objects.create(query=query, day=day, searches=number)


def popular(prefix: str, limit: int = 8) -> list[str]:
    mark_popular()
    _known.cache_clear()
    return [one.text for one in popular_queries(prefix, limit)]


def test_popular_queries_are_those_of_many_people() -> None:
    asked("苗绣", 1, 1, 1)
    asked("苗族银饰", 9, 9)
    asked("苗家私事", 40)
    asked("苗医", 1, 1)
    asked("苗语", 3, 3, 3, found=0)
    asked("苗岭", *[0] * 40, 9, 9, 9)
    assert popular("苗") == ["苗族银饰", "苗绣"]
    assert popular("苗", 1) == ["苗族银饰"]
    assert popular("") == popular("绣") == []


@pytest.mark.parametrize("prefix", ["miao", "miaox", "miao x", "mx"])
def test_popular_queries_complete_pinyin_and_initials(prefix: str) -> None:
    asked("苗绣", 2, 2, 2)
    assert popular(prefix) == ["苗绣"]


def test_popular_queries_stop_being_popular() -> None:
    asked("苗绣", 2, 2, 2)
    assert popular("苗") == ["苗绣"]
    AskedQuery.objects.update(found=0)
    assert popular("苗") == []
