"""The desk's pages about search: words, rules, what is not found, and what is to be made."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from django.utils import timezone

from catalog.models import Course
from cms import search_desk
from search import index, query_log, rules, vocabulary
from search.models import AskedQuery, Gap, QueryCount, Rule, Term
from search.why import explain
from tests.cms.conftest import World

QUERIES, WANTED, WHY = "/cms/search/queries/", "/cms/search/wanted/", "/cms/search/why/"


@pytest.fixture
def centre(world: World) -> Client:
    """A central editor of a desk where nothing was taught or asked yet."""
    for model in (Term, Rule, Gap, QueryCount, AskedQuery):
        model.objects.all().delete()
    client = Client()
    client.force_login(world.central)
    return client


def asked(text: str, searches: int = 3, found: int = 0) -> None:
    today = timezone.localdate()
    query = AskedQuery.objects.create(text=text, sound=query_log.sound_of(text), found=found, asked_on=today)
    QueryCount.objects.create(query=query, day=today, searches=searches)


def page(client: Client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200
    return response.content.decode()


# Words ----------------------------------------------------------------------------------------------


def term_data(**changes: str) -> dict[str, str]:
    return {"word": "苗绣", "same": "花绣\n苗家绣", "spelling": "", **changes}


def test_term_is_saved_and_known_at_once(centre: Client) -> None:
    response = centre.post("/cms/terms/add/", term_data(spelling="miáo xiù", one_way="on"))
    assert response.status_code == 302
    term = Term.objects.get()
    assert (term.word, term.same, term.one_way, term.spelling) == ("苗绣", ["花绣", "苗家绣"], True, "miao xiu")
    assert vocabulary.current().same == {"苗绣": ("花绣", "苗家绣")}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"word": "……"}, "这里没有字"),
        ({"spelling": "miao xiu er"}, "“苗绣”有 2 个字"),
        ({"spelling": "miao shiu"}, "“shiu”不是拼音音节"),
        ({"same": "花绣\n——"}, "“——”里没有字"),
        ({"same": "很" * 41}, "超过 40 个字"),
        ({"word": "茗", "same": ""}, "请写出它的同义词"),
        ({"word": "侗錦"}, "已有词条“侗锦”"),
    ],
)
def test_term_that_cannot_be_is_refused_in_words(centre: Client, changes: dict[str, str], told: str) -> None:
    Term.objects.create(word="侗锦")
    response = centre.post("/cms/terms/add/", term_data(**changes))
    assert response.status_code == 200
    assert told in response.content.decode()
    assert Term.objects.count() == 1


def test_term_listing_finds_words_and_synonyms(centre: Client) -> None:
    Term.objects.create(word="苗绣", same=["花绣"])
    Term.objects.create(word="侗锦")
    for text in ("苗繡", "花"):
        body = page(centre, f"/cms/terms/?q={quote(text)}")
        assert "苗绣" in body
        assert "侗锦" not in body


def test_term_form_begins_with_the_word_of_the_address(centre: Client) -> None:
    assert 'value="苗秀"' in page(centre, f"/cms/terms/add/?word={quote('苗秀')}")


# Rules ----------------------------------------------------------------------------------------------


def rule_data(pinned: list[int], hidden: list[int], **changes: Any) -> dict[str, Any]:
    pins = {
        f"pins-{n}-{key}": value for n, pk in enumerate(pinned) for key, value in (("course", pk), ("ORDER", n + 1))
    }
    counts = {"TOTAL": len(pinned), "INITIAL": 0, "MIN_NUM": 0, "MAX_NUM": 1000}
    return {
        "queries": "苗绣\nmiao xiu",
        "hidden": hidden,
        "first_day": "",
        "last_day": "",
        **pins,
        **{f"pins-{name}_FORMS": number for name, number in counts.items()},
        **changes,
    }


def test_rule_is_saved_and_known_at_once(centre: Client, world: World) -> None:
    one, two, three = (course.pk for course in world.a.courses)
    response = centre.post("/cms/rules/add/", rule_data([three, one], [two]))
    assert response.status_code == 302, response.content.decode()
    assert rules.rule_for("苗繡") == rules.Curation((three, one), frozenset({two}))
    assert rules.rule_for("miaoxiu").pinned == (three, one)
    body = page(centre, "/cms/rules/")
    assert "苗绣、miao xiu" in body
    assert world.a.courses[0].title in body
    assert "苗绣" in page(centre, "/cms/rules/?q=miao")


@pytest.mark.parametrize(
    ("courses", "changes", "told"),
    [
        (([], []), {}, "还没有课程"),
        (([0], [0]), {}, "又置顶又不出现"),
        (([0], []), {"queries": ""}, "请至少写一个查询"),
        (([0], []), {"queries": "！！"}, "没有字"),
        (([0], []), {"first_day": "2026-09-02", "last_day": "2026-09-01"}, "结束的日子在开始之前"),
    ],
)
def test_rule_that_cannot_be_is_refused_in_words(
    centre: Client, world: World, courses: Any, changes: dict[str, str], told: str
) -> None:
    pinned, hidden = ([world.a.courses[n].pk for n in part] for part in courses)
    response = centre.post("/cms/rules/add/", rule_data(pinned, hidden, **changes))
    assert response.status_code == 200
    assert told in response.content.decode()
    assert not Rule.objects.exists()


def test_rule_form_begins_with_the_queries_of_the_address(centre: Client) -> None:
    body = page(centre, f"/cms/rules/add/?query={quote('苗秀')}&query=miaoxiu")
    assert "苗秀\nmiaoxiu</textarea>" in body


def test_course_picker_offers_courses(centre: Client, world: World) -> None:
    items = centre.get("/cms/pick/course/", {"q": world.a.courses[0].title}).json()["items"]
    assert [item["id"] for item in items] == [world.a.courses[0].pk]


# What is not found ----------------------------------------------------------------------------------


def test_queries_page_says_when_there_is_nothing(centre: Client, settings: Any) -> None:
    settings.SEARCH_LOG_DAYS = 90
    assert "没有这样的搜索" in page(centre, QUERIES)
    settings.SEARCH_LOG_DAYS = 0
    assert "SEARCH_LOG_DAYS=0" in page(centre, QUERIES)
    assert "还没有待制作的内容" in page(centre, WANTED)


def test_queries_page_shows_groups_with_what_can_be_done(centre: Client) -> None:
    asked("苗秀", 5)
    asked("miaoxiu", 2)
    asked("侗锦", 1)
    body = page(centre, QUERIES)
    assert body.index("苗秀") < body.index("侗锦")
    assert "5 次" in body
    assert f"/cms/terms/add/?word={quote('苗秀')}" in body
    assert f"/cms/rules/add/?query={quote('苗秀')}&amp;query=miaoxiu" in body
    assert "侗锦" not in page(centre, f"{QUERIES}?shown=unopened")
    assert page(centre, f"{QUERIES}?shown=x&days=x&p=x").count("<tr>") == body.count("<tr>")


def test_queries_page_is_paged_with_the_same_number_of_questions(
    centre: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(search_desk.PER_PAGE * 2 + 1):
        asked(f"查询{number}", number + 1)
    with django_assert_max_num_queries(16):
        body = page(centre, QUERIES)
    assert "查询80" in body
    assert "查询40" not in body
    assert "查询40" in page(centre, f"{QUERIES}?p=2")


def test_commissioned_queries_move_to_the_list_of_wanted_content(centre: Client) -> None:
    asked("侗锦")
    body = page(centre, QUERIES)
    sound = re.search(r'name="sound" value="([^"]+)"', body)[1]
    told = {"sound": sound, "text": "侗锦", "action": "commission", "note": "请黎平拍一集"}
    assert centre.post(f"{QUERIES}?days=7", told).url == f"{QUERIES}?days=7"
    assert 'name="sound"' not in page(centre, QUERIES)
    assert "请黎平拍一集" in page(centre, WANTED)
    centre.post(WANTED, {**told, "note": "已约好"})
    assert "已约好" in page(centre, WANTED)
    centre.post(WANTED, {**told, "action": "done"})
    assert not Gap.objects.exists()
    assert 'name="sound"' in page(centre, QUERIES)
    assert centre.post(WANTED, {**told, "action": "done"}).status_code == 404


def test_test_button_asks_again_and_marks_solved(centre: Client, world: World, settings: Any, tmp_path: Path) -> None:
    settings.SEARCH_EMBEDDED_PATH, settings.SEARCH_URL = tmp_path / "search", ""
    index.flush_stale()
    asked("簸箕画")
    told = {"sound": "bojihua", "text": "簸箕画", "action": "test"}
    assert "仍然没有结果" in centre.post(QUERIES, told, follow=True).content.decode()
    course = world.a.courses[0]
    Course.objects.filter(pk=course.pk).update(title="簸箕画入门", live=True)
    index.mark_stale([course.pk])
    index.flush_stale()
    assert "找到 1 门课" in centre.post(QUERIES, told, follow=True).content.decode()
    assert 'name="sound"' not in page(centre, QUERIES)
    assert "没有说明是哪个查询" in centre.post(QUERIES, {"action": "test"}, follow=True).content.decode()


def test_first_page_of_the_desk_names_what_was_not_found(centre: Client, world: World) -> None:
    asked("侗锦", 7)
    assert "侗锦" in page(centre, "/cms/")
    assert "侗锦" not in page(world.a.client("editor"), "/cms/")


def test_search_menu_is_for_central_editors(centre: Client, world: World) -> None:
    for address in (QUERIES, WANTED, WHY, "/cms/terms/", "/cms/rules/"):
        assert address in page(centre, "/cms/")
        assert address not in page(world.a.client("editor"), "/cms/")
        assert world.a.client("editor").get(address).status_code == 403


@pytest.mark.parametrize("role", ["editor", "reviewer", "uploader"])
def test_queries_and_wanted_hold_without_the_gate(world: World, settings: Any, role: str) -> None:
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if name != "cms.gate.DeskGateMiddleware"]
    client = world.a.client(role)
    assert client.get(WHY, {"q": "课程"}).url == "/cms/"
    for address in (QUERIES, WANTED):
        assert client.get(address).url == "/cms/"
        assert client.post(address, {"sound": "daizhiyi", "text": "x", "action": "done"}).url == "/cms/"
    assert Gap.objects.filter(sound="daizhiyi").exists()


def test_queries_of_yesterday_are_shown_with_their_day(centre: Client) -> None:
    asked("侗锦")
    day = timezone.localdate() - timedelta(days=1)
    QueryCount.objects.update(day=day)
    assert f"{day.month}月{day.day}日" in page(centre, QUERIES)


# Why it stands there --------------------------------------------------------------------------------


@pytest.fixture
def public(centre: Client, world: World, settings: Any, tmp_path: Path) -> list[Course]:
    """Two public courses that a query of two words ranks, among others."""
    settings.SEARCH_EMBEDDED_PATH, settings.SEARCH_URL = tmp_path / "search", ""
    one, two = world.a.courses[:2]
    Course.objects.filter(pk=one.pk).update(title="苗绣针法入门", live=True, views=1000)
    Course.objects.filter(pk=two.pk).update(title="针法杂谈", summary="也讲到苗绣。", live=True)
    others = [
        Course.objects.create(institution=world.a.institution, title=f"古诗词诵读第{n}期", slug=f"shi-{n}", live=True)
        for n in range(12)
    ]
    index.mark_stale([course.pk for course in (one, two, *others)])
    index.flush_stale()
    return [one, two]


def test_why_page_says_which_word_stands_where(centre: Client, public: list[Course]) -> None:
    body = page(centre, f"{WHY}?q={quote('苗绣 针法')}")
    assert "找到 2 门课" in body
    assert "标题：<mark>苗绣</mark>针法入门" in body
    assert "简介：也讲到<mark>苗绣</mark>" in body
    assert "看过 1000 次，得分加 9.0%" in body


def test_why_page_explains_one_course_wherever_it_stands(centre: Client, public: list[Course], world: World) -> None:
    absent, rule = world.a.courses[2], Rule(queries=["苗绣针法"], hidden=[public[1]])
    rule.save()
    assert "不在前 100 名" in page(centre, f"{WHY}?q={quote('苗绣 针法')}&course={absent.pk}")
    assert "没有编号是 999999 的课程" in page(centre, f"{WHY}?q={quote('苗绣')}&course=999999")
    for odd in ("x", "²", "9" * 40):
        page(centre, f"{WHY}?q={quote('苗绣')}&course={quote(odd)}")


def test_why_shares_of_words_add_up(public: list[Course]) -> None:
    for placing in explain("苗绣 针法").placings:
        assert sum(reason.share for reason in placing.reasons) in (99, 100, 101)
    assert explain("苗绣 针法").placings[0].strength == 100
    assert [reason.share for reason in explain("针法").placings[0].reasons] == [100]


def test_why_page_without_query_or_engine(centre: Client, settings: Any) -> None:
    assert "写一个查询" in page(centre, WHY)
    settings.SEARCH_URL = "http://127.0.0.1:9"
    assert "正在恢复" in page(centre, f"{WHY}?q=x")
