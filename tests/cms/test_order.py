"""Keeping many courses in order: selecting, changing, saved views."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog import bulk_job
from catalog.models import BulkChange, Course, Lesson, LinkCheck, Membership
from cms.models import SavedView
from media_pipeline.models import Lookalike, MediaAsset
from tests.cms.conftest import World
from tests.cms.test_rights import text_of


@pytest.fixture
def centre(world: World) -> Client:
    client = Client()
    client.force_login(world.central)
    return client


def many(world: World, count: int) -> None:
    new = [
        Course(institution=world.a.institution, title=f"甲新课{n}", slug=f"new-{n}", kind="audio", live=False)
        for n in range(count)
    ]
    Course.objects.bulk_create(new)


def finish(change: BulkChange) -> None:
    while BulkChange.objects.get(pk=change.pk).state != "done":
        bulk_job.run.call(change.pk)


def start(client: Client, url: str, asked: dict[str, Any]) -> BulkChange:
    seen = client.post(url, {**asked, "look": "1"})
    numbers = seen.context["numbers"]
    answer = client.post(url, {**asked, "start": numbers})
    assert answer.status_code == 302, text_of(answer)
    return BulkChange.objects.latest("pk")


# Selecting and changing -----------------------------------------------------------------------------


def test_everything_that_the_filters_leave_is_changed_and_nothing_else(world: World, centre: Client) -> None:
    many(world, 50)
    url = "/cms/courses/bulk/?kind=audio&id=all"
    page = centre.get(url)
    assert "50" in text_of(page)
    change = start(centre, url, {"themes_how": "add", "themes": [world.theme.pk], "level": "starter"})
    finish(change)
    changed = Course.objects.filter(themes=world.theme, level="starter")
    assert set(changed.values_list("kind", flat=True)) == {"audio"}
    assert changed.count() == 50
    body = text_of(centre.get(f"/cms/courses/changes/{change.pk}/"))
    assert "已修改 50 门" in body
    centre.post(f"/cms/courses/changes/{change.pk}/undo/")
    finish(BulkChange.objects.latest("pk"))
    assert not Course.objects.filter(themes=world.theme).exists()


def test_button_below_the_list_leads_to_the_change(world: World, centre: Client) -> None:
    assert "批量修改" in text_of(centre.get("/cms/courses/"))
    answer = centre.get("/cms/bulk/catalog/course/change/?kind=audio&id=all&next=/cms/courses/")
    assert answer.url == "/cms/courses/bulk/?kind=audio&id=all&next=/cms/courses/"


def test_filters_that_are_not_understood_select_nothing(world: World, centre: Client) -> None:
    assert centre.get("/cms/courses/bulk/?kind=nonsense&id=all").status_code == 404
    centre.post("/cms/bulk/catalog/course/delete/?kind=nonsense&id=all")
    assert Course.objects.count() == 6


def test_deleting_everything_in_a_filtered_list_deletes_what_the_list_shows(world: World, centre: Client) -> None:
    many(world, 3)
    centre.post("/cms/bulk/catalog/course/delete/?kind=audio&id=all")
    assert not Course.objects.filter(kind="audio").exists()
    assert Course.objects.count() == 6


def test_preview_says_what_stays_and_why(world: World, centre: Client) -> None:
    many(world, 4)
    Course.objects.filter(slug="new-0").update(level="starter")
    page = centre.post("/cms/courses/bulk/?id=all", {"level": "starter", "look": "1"})
    body = text_of(page)
    assert "将修改 7 门；3 门不变" in body
    assert "正在审核：2 门不变" in body
    assert "已经是这样：1 门不变" in body
    assert not BulkChange.objects.exclude(pk=world.change.pk).exists()


def test_change_begins_only_when_the_numbers_seen_still_hold(world: World, centre: Client) -> None:
    many(world, 4)
    url, asked = "/cms/courses/bulk/?kind=audio&id=all", {"level": "starter"}
    numbers = centre.post(url, {**asked, "look": "1"}).context["numbers"]
    Course.objects.filter(slug="new-1").update(level="starter")
    answer = centre.post(url, {**asked, "start": numbers})
    assert "再看一次" in text_of(answer)
    assert BulkChange.objects.count() == 1


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "还没有选择要修改什么"),
        ({"themes_how": "add"}, "请选择要添加的主题"),
        ({"licence_until_how": "set", "licence_until": "2001-01-01"}, "已经过去"),
        ({"language": "中文"}, "语言代码"),
    ],
)
def test_form_says_what_is_wrong(world: World, centre: Client, asked: dict[str, Any], said: str) -> None:
    body = text_of(centre.post("/cms/courses/bulk/?id=all", {**asked, "look": "1"}))
    assert said in body
    assert "将修改" not in body


def test_uploader_changes_nothing(world: World) -> None:
    assert world.a.client("uploader").get("/cms/courses/bulk/?id=all").status_code in {302, 403}


def test_partner_follows_own_changes_only(world: World) -> None:
    client = world.a.client("editor")
    change = start(client, "/cms/courses/bulk/?id=all", {"level": "starter"})
    assert client.get(f"/cms/courses/changes/{change.pk}/").status_code == 200
    assert world.a.client("reviewer").get(f"/cms/courses/changes/{change.pk}/").status_code == 404
    assert world.change.pk not in {row.pk for row, _ in client.get("/cms/courses/changes/").context["rows"]}


def test_preview_of_many_courses_costs_a_constant_number_of_queries(world: World, centre: Client) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as seen:
            centre.post("/cms/courses/bulk/?kind=audio&id=all", {"level": "starter", "look": "1"})
        return len(seen)

    many(world, 10)
    cost()
    few = cost()
    more = [Course(institution=world.a.institution, title=f"多{n}", slug=f"m-{n}", kind="audio") for n in range(80)]
    Course.objects.bulk_create(more)
    assert cost() == few


# Saved views ----------------------------------------------------------------------------------------


def test_view_is_saved_shown_shared_and_removed(world: World) -> None:
    editor, colleague = world.a.client("editor"), world.a.client("reviewer")
    share = {"share": world.a.institution.code}
    editor.post("/cms/courses/views/", {"name": "音频", "query": "?kind=audio&p=2&q=", **share})
    view = SavedView.objects.get(name="音频")
    assert view.query == "kind=audio"
    for client in (editor, colleague):
        body = text_of(client.get("/cms/courses/?kind=audio"))
        assert 'href="/cms/courses/?kind=audio" aria-current="true"' in body
    assert "音频" not in [
        view.name for view, *_ in world.b.client("editor").get("/cms/courses/").context["saved_views"]
    ]
    assert colleague.post(f"/cms/courses/views/{view.pk}/remove/").status_code == 404
    editor.post(f"/cms/courses/views/{view.pk}/remove/")
    assert not SavedView.objects.filter(pk=view.pk).exists()


def test_view_is_shared_with_own_institutions_only(world: World) -> None:
    client = world.a.client("editor")
    client.post("/cms/courses/views/", {"name": "x", "query": "", "share": world.b.institution.code})
    client.post("/cms/courses/views/", {"name": "y", "query": "", "share": "centre"})
    assert not SavedView.objects.filter(name__in="xy", shared=True).exists()


def test_same_name_replaces_a_view(world: World, centre: Client) -> None:
    for query in ("kind=audio", "kind=video"):
        centre.post("/cms/courses/views/", {"name": "一个", "query": query})
    assert SavedView.objects.get(name="一个").query == "kind=video"


# Filters --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("narrowed", ["theme={theme}", "place=33", "place=浙江", "teacher=甲老师", "licence=cc-by"])
def test_course_filter_finds_what_it_names(world: World, centre: Client, narrowed: str) -> None:
    course = Course.objects.get(pk=world.a.courses[0].pk)
    course.themes.set([world.theme])
    course.places.set([world.place])
    course.licence = "cc-by"
    course.save()
    Course.objects.exclude(pk=course.pk).first().teachers.clear()
    Membership.objects.all().delete()
    Course.teachers.through.objects.exclude(course=course).delete()
    found = centre.get(f"/cms/courses/?{narrowed.format(theme=world.theme.pk)}").context["object_list"]
    assert list(found) == [course]


# Quality --------------------------------------------------------------------------------------------


def counts(client: Client) -> dict[str, int]:
    context = client.get("/cms/quality/").context
    return {row.label: row.count for row in (*context["courses"], *context["files"])}


def test_quality_counts_what_the_linked_list_shows(world: World, centre: Client) -> None:
    course, twin, third = (Course.objects.get(pk=one.pk) for one in world.a.courses)
    course.places.set([world.place])
    course.save()
    twin.title = "甲课程0。"
    twin.save()
    Course.objects.filter(pk=third.pk).update(licence_until=timezone.localdate() + timedelta(days=3))
    MediaAsset.objects.filter(pk__in=[world.a.assets[0].pk, world.b.assets[0].pk]).update(sha256="f" * 64)
    MediaAsset.objects.filter(pk=world.a.assets[1].pk).update(created_at=timezone.now() - timedelta(days=1))
    lesson = third.lessons.get()
    Lesson.objects.filter(pk=lesson.pk).update(asset=world.a.assets[2])
    expected = {
        "same-title": 2, "licence-soon": 1, "no-place": 5, "no-theme": 6, "no-captions": 1, "no-cover": 0,
        "failed-media": 1, "same-file": 5, "in-review": 2, "licence-over": 0, "dead-link": 0, "slow-media": 0,
    }  # fmt: skip
    Course.objects.filter(pk=course.pk).update(has_captions=False)
    rows = {row.url: row.count for row in centre.get("/cms/quality/").context["courses"]}
    for name, number in expected.items():
        url = f"/cms/courses/?problem={name}"
        shown = list(centre.get(url).context["object_list"])
        assert len(shown) == rows[url], name
        if name not in {"no-cover", "no-captions", "same-title"}:
            assert rows[url] == number, name
    assert {course, twin} == set(centre.get("/cms/courses/?problem=same-title").context["object_list"])


def test_quality_of_a_partner_knows_nothing_of_others(world: World) -> None:
    """The same file and the same title elsewhere make none of one's own a second one."""
    MediaAsset.objects.filter(pk__in=[world.a.assets[0].pk, world.b.assets[0].pk]).update(sha256="f" * 64)
    Course.objects.filter(pk__in=[world.a.courses[0].pk, world.b.courses[0].pk]).update(sort_key="tong ming")
    found = counts(world.a.client("editor"))
    assert (found["标题几乎相同"], found["文件重复上传"], found["重复上传"]) == (0, 0, 0)
    assert found["没有主题"] == 3
    assert "没有结果的搜索" not in text_of(world.a.client("editor").get("/cms/quality/"))


def test_dead_link_stands_with_its_reason_for_those_who_own_it(world: World) -> None:
    for house in (world.a, world.b):
        course = Course.objects.create(institution=house.institution, title=f"{house.institution}链接", kind="link")
        lesson = Lesson.objects.create(course=course, title="一", url=f"https://example.org/{house.institution.code}")
        found = {"url": lesson.url, "checked_at": timezone.now(), "failures": 2, "reason": "对方回答 404。"}
        LinkCheck.objects.create(lesson=lesson, **found)
    body = text_of(world.a.client("editor").get("/cms/quality/"))
    assert "https://example.org/jia · 对方回答 404。" in body
    assert "bmark77" not in body
    assert counts(world.a.client("editor"))["链接打不开"] == 1


def looks_like(one: MediaAsset, other: MediaAsset) -> Lookalike:
    first, second = sorted([one, other], key=lambda asset: asset.pk)
    return Lookalike.objects.create(first=first, second=second)


def give(course: Course, asset: MediaAsset) -> None:
    Lesson.objects.filter(pk=course.lessons.get().pk).update(asset=asset)


def test_courses_that_look_the_same_stand_side_by_side_until_somebody_says_they_differ(world: World) -> None:
    client, (one, _waiting, two) = world.a.client("editor"), world.a.courses
    give(two, world.a.assets[2])
    looks_like(world.a.assets[0], world.a.assets[2])
    page = client.get("/cms/quality/")
    shown = {(pair.low, pair.high) for pair in page.context["alike"]}
    assert (one.pk, two.pk) in shown
    side = next(pair for pair in page.context["alike"] if (pair.low, pair.high) == (one.pk, two.pk)).sides
    assert [(end.course, end.asset) for end in side] == [(one, world.a.assets[0]), (two, world.a.assets[2])]
    assert f"/cms/courses/merge/?id={one.pk}&id={two.pk}" in page.content.decode()
    assert counts(client)["画面几乎相同"] == 3
    assert {one, two} <= set(client.get("/cms/courses/?problem=same-picture").context["object_list"])

    answer = client.post("/cms/quality/different/", {"low": one.pk, "high": two.pk})
    assert answer.url == "/cms/quality/"
    assert (one.pk, two.pk) not in {(pair.low, pair.high) for pair in client.get("/cms/quality/").context["alike"]}
    assert Lookalike.objects.get().different


def test_what_looks_the_same_elsewhere_is_not_told(world: World) -> None:
    looks_like(world.a.assets[0], world.b.assets[0])
    page = world.a.client("editor").get("/cms/quality/")
    assert page.context["alike"] == []
    assert counts(world.a.client("editor"))["画面几乎相同"] == 0
    assert "bmark77" not in page.content.decode()


@pytest.mark.parametrize("keys", [("mine", "theirs"), ("theirs", "theirs"), ("x", "1"), ("", ""), ("1" * 40, "1")])
def test_only_who_may_change_both_says_that_they_differ(world: World, keys: tuple[str, str]) -> None:
    looks_like(world.a.assets[0], world.b.assets[0])
    known = {"mine": world.a.courses[0].pk, "theirs": world.b.courses[0].pk}
    asked = dict(zip(("low", "high"), (known.get(key, key) for key in keys), strict=True))
    assert world.a.client("editor").post("/cms/quality/different/", asked).status_code == 404
    assert not Lookalike.objects.get().different


def test_who_may_not_change_is_offered_nothing(world: World) -> None:
    give(world.a.courses[2], world.a.assets[2])
    looks_like(world.a.assets[0], world.a.assets[2])
    client = world.a.client("uploader")
    page = client.get("/cms/quality/")
    assert page.context["alike"]
    assert "不是同一个" not in text_of(page)
    asked = {"low": world.a.courses[0].pk, "high": world.a.courses[2].pk}
    assert client.post("/cms/quality/different/", asked).status_code == 404


def test_quality_costs_the_same_with_more_rows(world: World, centre: Client) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert centre.get("/cms/quality/").status_code == 200
        return len(seen)

    cost()
    few = cost()
    many(world, 60)
    assert cost() == few


def test_selection_by_problem_is_changed_and_leaves_the_list(world: World, centre: Client) -> None:
    finish(start(centre, "/cms/courses/bulk/?problem=no-theme&id=all", {"themes_how": "add", "themes": world.theme.pk}))
    left = centre.get("/cms/courses/?problem=no-theme").context["object_list"]
    assert {course.pk for course in left} == {world.a.waiting.pk, world.b.waiting.pk}


# Merging --------------------------------------------------------------------------------------------


def test_two_selected_courses_are_merged(world: World) -> None:
    client = world.a.client("editor")
    first, _waiting, other = world.a.courses
    url = f"/cms/courses/merge/?id={first.pk}&id={other.pk}"
    assert first.title in text_of(client.get(url))
    answer = client.post(url, {"keep": first.pk})
    assert answer.url == f"/cms/courses/edit/{first.pk}/"
    assert not Course.objects.filter(pk=other.pk).exists()


def test_merge_takes_two_and_says_why_it_refuses(world: World) -> None:
    client = world.a.client("editor")
    first, waiting, _other = world.a.courses
    assert client.get("/cms/courses/merge/?id=all").url == "/cms/courses/"
    body = text_of(client.post(f"/cms/courses/merge/?id={first.pk}&id={waiting.pk}", {"keep": first.pk}))
    assert "正在审核" in body
    assert Course.objects.count() == 6


def test_courses_of_others_are_not_merged(world: World) -> None:
    client = world.a.client("editor")
    url = f"/cms/courses/merge/?id={world.a.courses[0].pk}&id={world.b.courses[0].pk}"
    client.post(url, {"keep": world.a.courses[0].pk})
    assert Course.objects.count() == 6
