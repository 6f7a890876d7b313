"""Keeping the index true to the catalogue, on both engines."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from catalog.models import Course, Lesson
from media_pipeline.models import DocumentPage, TextTrack
from search import find, index
from search.documents import documents, public_courses
from search.engines.choose import COURSES, engine
from search.engines.contract import Engine
from search.query import Query
from tests.search.asking import counts, slugs

pytestmark = pytest.mark.usefixtures("library")


def change(*courses: Course) -> None:
    """What a receiver does, and the flush after the commit."""
    index.mark_stale([course.pk for course in courses])
    index.flush_stale()


def test_search_leaves_out_what_is_withdrawn(courses: dict[str, Course]) -> None:
    Course.objects.filter(pk=courses["shu-xiu"].pk).update(live=False)
    change(courses["shu-xiu"])
    assert "shu-xiu" not in slugs("蜀绣")
    assert "shu-xiu" not in [one.url for one in find.suggest("蜀绣")]
    assert courses["shu-xiu"].pk in find.admin_ids("蜀绣")


def test_search_forgets_deleted_courses(courses: dict[str, Course]) -> None:
    course, pk = courses["miao-xiu"], courses["miao-xiu"].pk
    Lesson.objects.filter(course=course).delete()
    Course.objects.filter(pk=pk).delete()
    index.mark_stale([pk])
    index.flush_stale()
    assert slugs("绕线三圈") == [] or "miao-xiu" not in slugs("绕线三圈")
    assert find.admin_ids("苗绣") == []


def test_search_leaves_out_ended_licences_by_itself(courses: dict[str, Course]) -> None:
    today = timezone.localdate()
    Course.objects.filter(pk=courses["shu-xiu"].pk).update(licence_until=today)
    Course.objects.filter(pk=courses["chuan-ju"].pk).update(licence_until=today - timedelta(days=1))
    change(courses["shu-xiu"], courses["chuan-ju"])
    assert "shu-xiu" in slugs("蜀绣")
    assert "chuan-ju" not in slugs("川剧")
    assert not [one for one in find.suggest("川剧") if one.kind == "course"]


def test_search_follows_replaced_captions(courses: dict[str, Course]) -> None:
    TextTrack.objects.update(cues=[[0, 5, "这里改讲盘金绣。"]])
    change(courses["miao-xiu"])
    assert find.search(Query(text="盘金绣")).hits[0].passages[0].seconds == 0
    assert all(not hit.passages for hit in find.search(Query(text="绕线三圈")).hits)


def test_search_follows_fewer_pages(courses: dict[str, Course]) -> None:
    DocumentPage.objects.filter(number__gt=1).delete()
    change(courses["xia-bu"])
    assert "xia-bu" not in slugs("指甲掐头")
    assert "xia-bu" in slugs("苎麻长在坡地")


def test_admin_ids_include_drafts(courses: dict[str, Course]) -> None:
    Course.objects.filter(pk=courses["tai-ji"].pk).update(live=False, title="四十二式太极剑")
    change(courses["tai-ji"])
    assert find.admin_ids("太极剑") == [courses["tai-ji"].pk]
    assert courses["tai-ji"].pk in find.admin_ids("tjj")
    assert slugs("太极剑") != ["tai-ji"]


def test_engine_keeps_the_newer_of_two_writes(library: Engine, courses: dict[str, Course]) -> None:
    one = public_courses().filter(pk=courses["tai-ji"].pk)
    old = list(documents(one))
    Course.objects.filter(pk=courses["tai-ji"].pk).update(title="四十八式太极拳")
    library.put(documents(one))
    library.put(old)
    assert "tai-ji" in slugs("四十八式")
    library.remove([courses["tai-ji"].pk], old[0].version)
    assert "tai-ji" in slugs("四十八式")


def test_rebuild_beside_the_live_index_catches_up(library: Engine, courses: dict[str, Course]) -> None:
    """Changes in the middle of a rebuild reach the live index at once and the new one before it is live."""
    seen = []

    def meanwhile(done: int, total: int) -> None:
        Course.objects.filter(pk=courses["tai-ji"].pk).update(title="五十六式太极拳")
        Course.objects.filter(pk=courses["chuan-ju"].pk).update(live=False)
        change(courses["tai-ji"], courses["chuan-ju"])
        seen.append((slugs("五十六式")[:1], slugs("苗绣")[:1]))

    index.rebuild(engine(COURSES), COURSES, meanwhile)
    assert seen == [(["tai-ji"], ["miao-xiu"])]
    assert slugs("五十六式")[:1] == ["tai-ji"]
    assert "chuan-ju" not in slugs("川剧")
    assert library.count() == 39
    assert counts(find.search(Query()), "kind")["video"] == 30
