"""``/api/v1/search``, ``/api/v1/suggest`` and the commands, on the embedded engine; and what happens without any."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from catalog.models import Course, Theme
from catalog.signals import courses_changed
from search import find, index
from search.api import SearchOut, SuggestionOut
from search.engines.choose import COURSES, engine
from search.query import Query
from tests.search import corpus


@pytest.fixture
def embedded(settings: Any, tmp_path: Path, stored: dict[str, Course], db: None) -> dict[str, Course]:
    settings.SEARCH_EMBEDDED_PATH, settings.SEARCH_URL = tmp_path / "search", ""
    index.flush_stale()
    return stored


def test_search_api_answers_as_in_the_contract(embedded: dict[str, Course], client: Client) -> None:
    answer = client.get("/api/v1/search", {"q": "绕线三圈", "kind": "video"}).json()
    hit = answer["hits"][0]
    assert (answer["total"], hit["lesson"], hit["seconds"], hit["page"]) == (1, 3, 33, None)
    assert hit["url"] == "/courses/miao-xiu/"
    assert {"value": "video", "label": "视频", "count": 1, "selected": True, "depth": 0} in answer["facets"]["kind"]


@pytest.mark.parametrize(
    "params",
    [
        {"q": "绣" * 10_000}, {"page": "-1"}, {"page": "x"}, {"colour": "red"}, {"kind": "film"}, {"sort": "best"},
        {"per_page": "9999"},
    ],
)  # fmt: skip
def test_search_api_refuses_bad_input_in_words(embedded: dict[str, Course], client: Client, params: dict) -> None:
    answer = client.get("/api/v1/search", params)
    assert answer.status_code == 400
    assert answer.json()["code"] == "bad_query"
    assert answer.json()["message"]


def test_suggest_api(embedded: dict[str, Course], client: Client) -> None:
    found = client.get("/api/v1/suggest", {"q": "miaox"}).json()
    assert found[0].keys() == {"text", "kind", "url", "highlight", "count"}
    assert client.get("/api/v1/suggest", {"q": "绣" * 10_000}).status_code == 400
    assert client.get("/api/v1/suggest", {"q": "a", "limit": 0}).status_code == 400


def test_api_answers_have_the_form_of_their_schemas(embedded: dict[str, Course], client: Client) -> None:
    """They are not checked when they are made."""
    for params in ({"q": "绕线三圈"}, {"q": "苗秀"}, {"q": "zzqqxx"}, {"place": "33"}):
        found = client.get("/api/v1/search", params).json()
        assert SearchOut.model_validate(found).model_dump() == found
    for found in client.get("/api/v1/suggest", {"q": "miaox"}).json():
        assert SuggestionOut.model_validate(found).model_dump() == found


def test_labels_follow_the_catalogue(
    embedded: dict[str, Course], django_assert_num_queries: Any, django_capture_on_commit_callbacks: Any
) -> None:
    query = Query(filters={"theme": ("stage",)})
    assert _label(query, "theme", "stage") == "戏曲与艺术"
    with django_assert_num_queries(0):
        find.search(Query(filters={"theme": ("stage",)}, per_page=1))
    with django_capture_on_commit_callbacks(execute=True):
        theme = Theme.objects.get(slug="stage")
        theme.name = "戏曲"
        theme.save()
    assert _label(query, "theme", "stage") == "戏曲"


def _label(query: Query, name: str, value: str) -> str:
    facet = next(facet for facet in find.search(query).facets if facet.name == name)
    return next(str(one.label) for one in facet.values if one.value == value)


def test_search_without_engine_looks_titles_up_and_heals(
    embedded: dict[str, Course], settings: Any, tmp_path: Path
) -> None:
    settings.SEARCH_URL = "http://127.0.0.1:9"
    results = find.search(Query(text="苗繡"))
    assert results.degraded
    assert [hit.title for hit in results.hits] == ["非遗苗绣入门"]
    assert find.suggest("苗绣") == []
    assert find.admin_ids("苗绣") == [embedded["miao-xiu"].pk]
    index.mark_stale([embedded["miao-xiu"].pk])
    assert index.flush_stale() == 0
    assert index.pending() == 1
    settings.SEARCH_URL = ""
    assert index.flush_stale() == 1
    assert find.search(Query(text="苗绣")).degraded is False


def test_search_of_an_unbuilt_library_is_degraded(settings: Any, tmp_path: Path, db: None) -> None:
    settings.SEARCH_EMBEDDED_PATH, settings.SEARCH_URL = tmp_path / "nothing", ""
    assert find.search(Query(text="苗绣")).degraded


def test_news_of_the_catalogue_reaches_the_index_on_commit(
    embedded: dict[str, Course], django_capture_on_commit_callbacks: Any
) -> None:
    course = embedded["tai-ji"]
    with django_capture_on_commit_callbacks(execute=True):
        Course.objects.filter(pk=course.pk).update(title="四十八式太极拳")
        courses_changed.send(Course, ids=[course.pk])
    assert find.search(Query(text="四十八式")).hits[0].id == course.pk
    assert index.pending() == 0


def test_documents_take_the_same_queries_for_any_number(
    embedded: dict[str, Course], django_assert_max_num_queries: Any
) -> None:
    from search.documents import documents, public_courses

    with django_assert_max_num_queries(14):
        assert len(list(documents(public_courses()))) == len(corpus.ROWS) + 2 * len(corpus.FILLERS)


def test_rebuild_and_search_commands(embedded: dict[str, Course]) -> None:
    out = StringIO()
    call_command("rebuild_index", "--json", stdout=out)
    assert json.loads(out.getvalue())["courses"] == engine(COURSES).count() == 40
    out = StringIO()
    call_command("search_courses", "miaoxiu", "--filter", "kind=video", "--limit", "2", "--json", stdout=out)
    found = json.loads(out.getvalue())
    assert found["hits"][0]["title"] == "非遗苗绣入门"
    with pytest.raises(CommandError, match="colour"):
        call_command("search_courses", "x", "--filter", "colour=red")
    with pytest.raises(CommandError, match="SEARCH_URL"):
        call_command("rebuild_index", "--engine", "elastic")


def test_evaluate_search_prints_figures(settings: Any, tmp_path: Path) -> None:
    settings.SEARCH_EMBEDDED_PATH, settings.SEARCH_URL = tmp_path / "search", ""
    lines = {
        "corpus": [{"id": "a", "title": "苗绣", "text": "针法"}, {"id": "b", "title": "蜀绣", "text": "双面"}],
        "queries": [{"qid": "1", "kind": "sub", "query": "苗绣"}, {"qid": "2", "kind": "typo", "query": "鼠绣"}],
        "qrels": [{"qid": "1", "qrels": {"a": 1}}, {"qid": "2", "qrels": {"b": 1}}],
    }
    for part, rows in lines.items():
        text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        (tmp_path / f"mine.{part}.jsonl").write_text(text, "utf-8")
    out = StringIO()
    call_command("evaluate_search", str(tmp_path), stdout=out)
    found = json.loads(out.getvalue())
    assert found["engine"] == "embedded"
    assert found["sets"]["mine"]["sub"]["mrr"] == found["sets"]["mine"]["typo"]["mrr"] == 1.0
