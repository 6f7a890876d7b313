"""The desk at work: lists that stay quick, search boxes, captions, retry, and a collection from idea to public."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from wagtail.models import Page, Site, TaskState, Workflow
from wagtail.test.utils.form_data import nested_form_data, rich_text, streamfield

from catalog.models import Course, Institution, Lesson, Membership, Place, Theme
from cms import finding, setup
from cms.models import CollectionIndexPage, CollectionPage, HomePage
from media_pipeline import periodic, storage
from media_pipeline.models import AssetState, Job, MediaAsset
from tests.cms.conftest import World
from tests.cms.test_rights import course_data, text_of


def central(world: World) -> Client:
    client = Client()
    client.force_login(world.central)
    return client


def queries(client: Client, url: str) -> int:
    client.get(url)
    with CaptureQueriesContext(connection) as seen:
        assert client.get(url).status_code == 200, url
    return len(seen)


@pytest.fixture
def own_index(settings: Any, tmp_path: Any) -> None:
    """An embedded index for this test alone."""
    settings.SEARCH_EMBEDDED_PATH = tmp_path


# An empty library -----------------------------------------------------------------------------------


def test_site_of_an_empty_database_has_home_and_collections(db: Any) -> None:
    setup.ensure_everything()
    setup.ensure_everything()
    assert isinstance(Site.objects.get(is_default_site=True).root_page.specific, HomePage)
    assert CollectionIndexPage.objects.get().url_path.endswith("/collections/")
    assert set(Group.objects.values_list("name", flat=True)) >= {"编辑中心", "机构编辑", "机构上传员", "审核员"}
    assert Workflow.objects.filter(name="内容审核").count() == 1
    assert Client().get("/").status_code == 200


def test_membership_puts_the_person_into_the_group_of_the_role(world: World) -> None:
    user = world.a.people["uploader"]
    membership = user.memberships.get()
    membership.role = "reviewer"
    membership.save()
    assert set(user.groups.values_list("name", flat=True)) == {"审核员"}
    membership.delete()
    assert not user.groups.exists()


# Lists ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["/cms/courses/", "/cms/assets/", "/cms/teachers/", "/cms/", "/cms/choose/courses/"])
def test_listing_costs_the_same_with_more_rows(world: World, url: str) -> None:
    client = central(world)
    few = queries(client, url)
    more = [Course(institution=world.a.institution, title=f"再来{n}", slug=f"more-{n}", live=False) for n in range(15)]
    Course.objects.bulk_create(more)
    MediaAsset.objects.bulk_create(
        [MediaAsset(owner="jia", title=f"片{n}", filename="x.mp4", state=AssetState.PROCESSING) for n in range(15)]
    )
    assert queries(client, url) == few


def test_partner_listing_costs_no_more_with_more_institutions(world: World) -> None:
    client = world.a.client("editor")
    few = queries(client, "/cms/courses/")
    for number in range(10):
        below = Institution.objects.get(pk=world.a.institution.pk).add_child(code=f"s{number}", name=f"村{number}")
        Membership.objects.create(user=world.a.people["editor"], institution=below, role="editor")
        Course.objects.create(institution=below, title=f"村课{number}", slug=f"village-{number}", live=False)
    assert queries(world.a.client("editor"), "/cms/courses/") == few


def test_asset_listing_shows_state_progress_and_reason(world: World) -> None:
    failed = world.a.assets[2]
    failed.reason = "文件在第 3 秒处损坏。"
    failed.save()
    body = text_of(world.a.client("uploader").get("/cms/assets/"))
    assert "处理中" in body
    assert "43%" in body
    assert failed.reason in body


# Reviews that wait ----------------------------------------------------------------------------------


def _submit(world: World, number: int) -> None:
    course = Course.objects.create(institution=world.a.institution, title=f"等审{number:02}", kind="link", live=False)
    course.lessons = [Lesson(title="一", url="https://example.cn/", number=1)]
    course.save()
    course.save_revision(user=world.a.people["editor"])
    Workflow.objects.get(name=setup.WORKFLOW).start(course, world.a.people["editor"])


def test_reviews_and_submissions_are_counted_and_the_oldest_shown_at_the_same_cost(world: World) -> None:
    people = [central(world), world.a.client("editor")]
    few = [queries(client, "/cms/") for client in people]
    for number in range(50):
        _submit(world, number)
    assert [queries(client, "/cms/") for client in people] == few
    for client in (central(world), world.a.client("reviewer")):
        body = text_of(client.get("/cms/"))
        assert "等审00" in body
        assert "等审20" not in body
        assert "等审20" in text_of(client.get("/cms/reviews/"))
        assert "等审49" in text_of(client.get("/cms/reviews/", {"p": "2"}))
    editors = text_of(world.a.client("editor").get("/cms/"))
    assert "我提交的 · 51" in editors
    assert "等审49" in editors
    assert "没有等待你审核" in text_of(world.a.client("editor").get("/cms/reviews/"))


# Search boxes ---------------------------------------------------------------------------------------


def test_course_listing_finds_the_middle_of_a_chinese_title(world: World) -> None:
    Course.objects.create(institution=world.a.institution, title="苗绣针法入门", slug="miao", live=False)
    body = text_of(world.a.client("editor").get("/cms/courses/results/", {"q": "针法"}))
    assert "苗绣针法入门" in body
    assert "甲课程0" not in body


def test_own_course_is_found_by_pinyin_behind_more_of_other_institutions(world: World, own_index: None) -> None:
    own = Course.objects.create(institution=world.a.institution, title="苗绣在我们县的许多故事", slug="own", live=False)
    Course.objects.bulk_create(
        Course(institution=world.b.institution, title="苗绣", slug=f"many-{number}", live=False)
        for number in range(finding.MOST + 5)
    )
    call_command("rebuild_index", stdout=StringIO())
    body = text_of(world.a.client("editor").get("/cms/courses/results/", {"q": "miaoxiu"}))
    assert own.title in body


@pytest.mark.parametrize("text", ["泰顺", "taishun", "ts", "330329", "tai shun xian"])
def test_place_is_found_by_name_pinyin_initials_and_code(world: World, text: str) -> None:
    Place.objects.create(code="330329", level=3, name="泰顺县")
    Place.objects.create(code="330327", level=3, name="苍南县")
    finding._spellings.cache_clear()
    items = world.a.client("editor").get("/cms/pick/place/", {"q": text}).json()["items"]
    assert [item["id"] for item in items] == ["330329"]


# Course form ----------------------------------------------------------------------------------------


def test_course_form_begins_with_the_uploaded_asset(world: World) -> None:
    asset = world.a.assets[0]
    client = world.a.client("editor")
    body = text_of(client.get(f"/cms/courses/add/?asset={asset.uid}"))
    assert asset.title in body
    assert f'value="{asset.pk}"' in body
    foreign = text_of(client.get(f"/cms/courses/add/?asset={world.b.assets[0].uid}"))
    assert f'value="{world.b.assets[0].pk}"' not in foreign


def test_course_of_wrong_media_is_refused_with_a_clear_message(world: World) -> None:
    asset = world.a.assets[0]
    MediaAsset.objects.filter(pk=asset.pk).update(media_type="document")
    body = text_of(world.a.client("editor").post("/cms/courses/add/", course_data(world)))
    assert "需要视频" in body
    assert not Course.objects.filter(title="新课程").exists()


def test_submitted_course_needs_lessons_but_a_draft_does_not(world: World) -> None:
    client = world.a.client("editor")
    bare = {**course_data(world), "lessons-TOTAL_FORMS": "0"}
    body = text_of(client.post("/cms/courses/add/", {**bare, "action-submit": "1"}))
    assert "还没有课时" in body
    client.post("/cms/courses/add/", bare)
    assert Course.objects.filter(title="新课程", live=False).exists()


def test_places_and_teachers_of_a_course_are_kept(world: World) -> None:
    data = course_data(world, places=[world.place.pk], teachers=[world.a.teacher.pk], themes=[world.theme.pk])
    world.a.client("editor").post("/cms/courses/add/", data)
    draft = Course.objects.get(title="新课程").get_latest_revision_as_object()
    assert [place.code for place in draft.places.all()] == ["33"]
    assert [teacher.pk for teacher in draft.teachers.all()] == [world.a.teacher.pk]
    assert [theme.slug for theme in draft.themes.all()] == ["culture"]


def test_course_goes_from_submission_to_public(world: World) -> None:
    client = world.a.client("editor")
    client.post("/cms/courses/add/", {**course_data(world), "action-submit": "1"})
    course = Course.objects.get(title="新课程")
    assert not course.live
    state = course.current_workflow_task_state
    url = f"/cms/courses/workflow/action/{course.pk}/approve/{state.pk}/"
    client.post(url)
    course.refresh_from_db()
    assert not course.live
    world.a.client("reviewer").post(url)
    course.refresh_from_db()
    assert course.live


def test_returned_course_tells_why(world: World) -> None:
    course = world.a.waiting
    state = TaskState.objects.get(workflow_state__object_id=str(course.pk))
    url = f"/cms/courses/workflow/action/{course.pk}/reject/{state.pk}/"
    world.a.client("reviewer").post(url, {"comment": "请补字幕"})
    body = text_of(world.a.client("editor").get(f"/cms/courses/workflow_history/{course.pk}/"))
    assert "请补字幕" in body or "请补字幕" in text_of(
        world.a.client("editor").get(f"/cms/courses/workflow_history/{course.pk}/detail/{state.workflow_state_id}/")
    )


# Media ----------------------------------------------------------------------------------------------


def test_captions_are_taken_and_bad_ones_refused_with_the_line(world: World) -> None:
    asset = world.a.assets[0]
    client = world.a.client("editor")
    good = SimpleUploadedFile("a.srt", "1\n00:00:00,000 --> 00:00:01,000\n你好\n".encode())
    url = f"/cms/assets/captions/{asset.pk}/"
    client.post(url, {"file": good, "kind": "captions", "language": "zh-Hans"})
    assert asset.tracks.get(language="zh-Hans").cues[0][2] == "你好"
    bad = SimpleUploadedFile("b.srt", b"1\nnot a time\nx\n")
    body = text_of(client.post(url, {"file": bad, "kind": "captions", "language": "zh-Hans"}, follow=True))
    assert "没有一条带时间的字幕" in body
    assert asset.tracks.get(language="zh-Hans").cues[0][2] == "你好"


def test_failed_asset_is_queued_again(world: World) -> None:
    asset = world.a.assets[2]
    world.a.client("uploader").post(f"/cms/assets/retry/{asset.pk}/")
    asset.refresh_from_db()
    assert asset.state == AssetState.RECEIVED
    assert Job.objects.filter(asset=asset, state="queued").exists()


# What central editors keep --------------------------------------------------------------------------


def test_institution_theme_place_and_membership_forms(world: World) -> None:
    client = central(world)
    client.post(
        "/cms/institutions/add/",
        {"name": "丙", "parent": world.a.institution.pk, "code": "bing", "place": "", "summary": "", "name_en": ""},
    )
    made = Institution.objects.get(code="bing")
    assert made.get_parent().pk == world.a.institution.pk
    client.post(
        "/cms/themes/add/",
        {"name": "健康乐享", "parent": "", "slug": "health", "colour": "#2f6f62", "pattern": "ice"},
    )
    assert Theme.objects.get(slug="health").is_root()
    client.post(f"/cms/places/edit/{world.place.pk}/", {"name": "浙江省", "brand": "丝绸", "aliases": "浙\n两浙"})
    place = Place.objects.get(pk=world.place.pk)
    assert (place.brand, place.aliases) == ("丝绸", ["浙", "两浙"])
    client.post("/cms/memberships/new/", {"username": "second", "institution": made.pk, "role": "editor"})
    assert Membership.objects.get(institution=made).user.username == "second"
    body = text_of(client.post("/cms/memberships/new/", {"username": "谁", "institution": made.pk, "role": "editor"}))
    assert "没有叫“谁”的用户" in body


# E1 -------------------------------------------------------------------------------------------------


def _public_course(world: World, number: int) -> Course:
    return Course.objects.create(
        institution=world.a.institution, title=f"公开课{number}", slug=f"open-{number}", live=True
    )


def _collection(title: str, courses: list[Course], **more: Any) -> dict[str, Any]:
    items = {
        "title": "第一排",
        "courses": {
            **{"count": str(len(courses))},
            **{
                str(place): {"deleted": "", "order": str(place), "type": "item", "value": str(course.pk)}
                for place, course in enumerate(courses)
            },
        },
    }
    row = nested_form_data({"body": streamfield([("courses", items)])})
    data = nested_form_data({"title": title, "slug": "qiu-ri", "credits": "", **more})
    return {
        **data,
        **row,
        "introduction": rich_text("<p>导语</p>"),
        "comments-TOTAL_FORMS": "0",
        "comments-INITIAL_FORMS": "0",
    }


def test_collection_is_built_submitted_approved_compared_and_brought_back(world: World) -> None:
    first, second = central(world), Client()
    second.force_login(world.second)
    courses = [_public_course(world, number) for number in range(3)]
    index = CollectionIndexPage.objects.get()

    found = text_of(first.get("/cms/choose/courses/results/", {"q": "公开课"}))
    assert "公开课1" in found
    data = _collection("秋日手作", [courses[2], courses[0]])
    response = first.post(f"/cms/pages/add/cms/collectionpage/{index.pk}/", {**data, "action-submit": "1"})
    assert response.status_code == 302, text_of(response)[:3000]
    page = CollectionPage.objects.get(title="秋日手作")
    assert not page.live

    preview = f"/cms/pages/{page.pk}/edit/preview/"
    assert first.post(preview, data).json() == {"is_valid": True, "is_available": True}
    shown = text_of(first.get(preview))
    policy = first.get(preview).headers["Content-Security-Policy"]
    assert "script-src testserver/static/;" in policy, "the page's policy, for the host that was asked"
    assert shown.index("公开课2") < shown.index("公开课0")
    assert "senior.css" in text_of(first.get(preview, {"mode": "senior"}))
    television = text_of(first.get(preview, {"mode": "tv"}))
    assert television.index("/tv/open-2/") < television.index("/tv/open-0/")
    editor = text_of(first.get(f"/cms/pages/{page.pk}/edit/"))
    assert all(f"{width}" in editor for width in (390, 1440, 1920))

    state = page.current_workflow_task_state
    approve = f"/cms/pages/workflow/action/{page.pk}/approve/{state.pk}/"
    first.post(approve)
    page.refresh_from_db()
    assert not page.live
    second.post(approve)
    page.refresh_from_db()
    assert page.live
    body = text_of(Client().get("/collections/qiu-ri/"))
    assert body.index("公开课2") < body.index("公开课0")

    early = page.latest_revision_id
    second.post(f"/cms/pages/{page.pk}/edit/", {**_collection("冬日手作", courses), "action-publish": "1"})
    late = Page.objects.get(pk=page.pk).latest_revision_id
    compared = text_of(second.get(f"/cms/pages/{page.pk}/revisions/compare/{early}...{late}/"))
    assert "冬" in compared
    second.post(
        f"/cms/pages/{page.pk}/edit/",
        {**_collection("秋日手作", [courses[2], courses[0]]), "revision": early, "action-publish": "1"},
    )
    assert "秋日手作" in text_of(Client().get("/collections/qiu-ri/"))


def test_collection_goes_live_and_leaves_at_a_set_hour(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    turn = periodic._turns["publish-scheduled"]
    monkeypatch.setattr(periodic, "_turns", {"publish-scheduled": turn})
    client = central(world)
    index = CollectionIndexPage.objects.get()
    begin = timezone.localtime(timezone.now() + timedelta(days=1))
    data = _collection(
        "未来",
        [_public_course(world, 1)],
        go_live_at=begin.strftime("%Y-%m-%d %H:%M"),
        expire_at=(begin + timedelta(days=1)).strftime("%Y-%m-%d %H:%M"),
    )
    client.post(f"/cms/pages/add/cms/collectionpage/{index.pk}/", {**data, "action-publish": "1"})
    page = CollectionPage.objects.get(title="未来")
    assert not page.live
    revision = page.revisions.get()
    past = timezone.now() - timedelta(minutes=1)
    revision.content["go_live_at"], revision.approved_go_live_at = past.isoformat(), past
    revision.save()
    turn.due = 0
    assert periodic.do_what_is_due() == ["publish-scheduled"]
    page.refresh_from_db()
    assert page.live
    CollectionPage.objects.filter(pk=page.pk).update(expire_at=timezone.now() - timedelta(minutes=1))
    turn.due = 0
    assert periodic.do_what_is_due() == ["publish-scheduled"]
    page.refresh_from_db()
    assert not page.live


# One file ------------------------------------------------------------------------------------------


def _tell_way(world: World) -> str:
    asset = world.a.assets[1]
    return text_of(world.a.client("uploader").get(f"/cms/assets/way/{asset.pk}/"))


def test_way_of_a_file_says_where_it_stands_how_far_and_how_long(world: World) -> None:
    Job.objects.filter(asset=world.a.assets[1]).update(step="encode", progress=0.43, seconds_left=200)
    body = _tell_way(world)
    assert "转码中" in body
    assert "43%" in body
    assert "约还需 3 分钟" in body
    assert "data-way=" in body
    Job.objects.filter(asset=world.a.assets[1]).update(state="done", progress=1)
    assert "data-way=" not in _tell_way(world)


def test_page_of_a_file_tells_steps_warnings_and_what_is_wrong(world: World) -> None:
    asset = world.a.assets[1]
    line = {
        "step": "verify",
        "attempt": 2,
        "at": "2026-11-24T10:00:00+00:00",
        "seconds": 3.2,
        "note": "声音短了两秒。",
    }
    Job.objects.filter(asset=asset).update(state="failed", log=[line])
    MediaAsset.objects.filter(pk=asset.pk).update(
        state=AssetState.FAILED,
        reason_code="cut",
        reason="做出来的声音不完整。",
        facts={"warnings": ["画面缺了三帧。"]},
    )
    body = text_of(world.a.client("editor").get(f"/cms/assets/inspect/{asset.pk}/"))
    for words in (
        "核对结果",
        "第 2 次",
        "3.2 秒",
        "声音短了两秒。",
        "做出来的声音不完整。",
        "画面缺了三帧。",
        "重新处理",
    ):
        assert words in body, words


def test_draft_captions_are_corrected_and_let_out_by_an_editor(world: World) -> None:
    asset = world.a.assets[0]
    track = asset.tracks.create(kind="captions", language="en", cues=[[0.0, 1.0, "helo"]], draft=True)
    client, url = world.a.client("editor"), f"/cms/assets/captions/{asset.pk}/{track.pk}/"
    assert "草稿" in text_of(client.get(f"/cms/assets/inspect/{asset.pk}/"))
    text = "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nhello\n"
    client.post(url, {"text": text, "action": "save"})
    track.refresh_from_db()
    assert (track.draft, track.cues) == (True, [[0.0, 1.0, "hello"]])
    client.post(url, {"text": text.replace("hello", "hello there"), "action": "approve"})
    track.refresh_from_db()
    assert (track.draft, track.cues[0][2]) == (False, "hello there")
    refused = text_of(client.post(url, {"text": "00:00:05.000 --> 00:00:01.000\nx", "action": "save"}))
    assert "结束时间早于开始时间" in refused
    track.refresh_from_db()
    assert track.cues[0][2] == "hello there"
    client.post(url, {"action": "delete"})
    assert not asset.tracks.filter(pk=track.pk).exists()


def test_track_of_another_file_is_not_reached_through_an_own_one(world: World) -> None:
    foreign = world.b.assets[0].tracks.get()
    url = f"/cms/assets/captions/{world.a.assets[0].pk}/{foreign.pk}/"
    for response in (world.a.client("editor").get(url), world.a.client("editor").post(url, {"action": "delete"})):
        assert response.status_code == 404
    assert type(foreign).objects.filter(pk=foreign.pk).exists()


BOARD = """WEBVTT

00:00:00.000 --> 00:00:04.000
s.jpg#xywh=0,0,160,90

00:00:04.000 --> 00:00:08.000
s.jpg#xywh=160,0,160,90
"""


def test_poster_is_chosen_among_the_pictures_of_the_storyboard(world: World, settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_STORE_DIR = tmp_path
    asset = world.a.assets[0]
    MediaAsset.objects.filter(pk=asset.pk).update(duration=8.0)
    key = f"packages/{asset.uid.hex}/0/storyboard.vtt"
    storage.store().put_bytes(BOARD.encode(), key, "text/vtt")
    asset.packages.update(prefix=f"packages/{asset.uid.hex}/0/", storyboard_key=key)
    client = world.a.client("editor")
    body = text_of(client.get(f"/cms/assets/inspect/{asset.pk}/"))
    assert 'value="4.000"' in body
    assert 'viewBox="160 0 160 90"' in body
    client.post(f"/cms/assets/poster/{asset.pk}/", {"seconds": "4.000"})
    asset.refresh_from_db()
    assert asset.poster_seconds == 4.0
    for wrong in ("900", "-1", "x"):
        client.post(f"/cms/assets/poster/{asset.pk}/", {"seconds": wrong})
        asset.refresh_from_db()
        assert asset.poster_seconds == 4.0
    client.post(f"/cms/assets/poster/{asset.pk}/", {"seconds": ""})
    asset.refresh_from_db()
    assert asset.poster_seconds is None


def test_original_is_replaced_only_by_who_may(world: World) -> None:
    asset = world.a.assets[0]
    link = f"/cms/upload/?replaces={asset.uid}"
    assert link in text_of(world.a.client("uploader").get(f"/cms/assets/inspect/{asset.pk}/"))
    assert link not in text_of(world.a.client("reviewer").get(f"/cms/assets/inspect/{asset.pk}/"))
    body = text_of(world.a.client("uploader").get(link))
    assert f'data-replaces="{asset.uid}"' in body
    for asked in (world.b.assets[0].uid, "nonsense"):
        assert world.a.client("uploader").get(f"/cms/upload/?replaces={asked}").status_code == 404


# Blocks ---------------------------------------------------------------------------------------------


def _context(block_type: str, value: dict[str, Any]) -> dict[str, Any]:
    body = HomePage._meta.get_field("body").stream_block
    block = body.child_blocks[block_type]
    return block.get_context(block.to_python(value))


def test_row_shows_public_courses_in_the_editors_order_each_once(world: World) -> None:
    courses = [_public_course(world, number) for number in range(3)]
    hidden = world.b.courses[0]
    keys = [courses[1].pk, hidden.pk, courses[0].pk, courses[1].pk]
    context = _context("courses", {"title": "排", "courses": keys})
    assert [course.pk for course in context["courses"]] == [courses[1].pk, courses[0].pk]


@pytest.mark.parametrize(
    ("chosen", "expected", "more"),
    [
        ({}, "210", "/search/?sort=newest"),
        ({"order": "popular"}, "021", "/search/?sort=popular"),
        ({"theme": True}, "0", "/themes/culture/"),
        ({"place": True}, "10", "/places/33/"),
        ({"place": True, "kind": "audio"}, "", "/search/?place=33&kind=audio&sort=newest"),
        ({"place": True, "words": "苗绣"}, "10", "/search/?q=%E8%8B%97%E7%BB%A3&place=33&sort=newest"),
        ({"words": "miaoxiu", "order": "popular"}, "021", "/search/?q=miaoxiu&sort=popular"),
    ],
)
def test_rule_fills_the_row(world: World, own_index: None, chosen: dict[str, Any], expected: str, more: str) -> None:
    courses = [_public_course(world, number) for number in range(3)]
    wenzhou = Place.objects.create(code="3303", level=2, name="温州市", parent=world.place)
    courses[0].themes.add(world.theme.add_child(slug="silk", name="丝"))
    for course, views in zip(courses, (9, 3, 6), strict=True):
        course.title, course.views = "苗绣", views
        if course is not courses[2]:
            course.places.add(wenzhou)
        course.save()
    call_command("rebuild_index", stdout=StringIO())
    given = {name: getattr(world, name).pk if value is True else value for name, value in chosen.items()}
    context = _context("rule", {"title": "排", "count": 8, **given})
    assert [course.pk for course in context["courses"]] == [courses[int(n)].pk for n in expected]
    assert context["more_url"] == more


def test_row_costs_the_same_with_more_courses(world: World) -> None:
    courses = [_public_course(world, number) for number in range(12)]
    Lesson.objects.bulk_create([Lesson(course=course, title="课", number=1) for course in courses])

    def cost(number: int) -> int:
        with CaptureQueriesContext(connection) as seen:
            _context("courses", {"title": "排", "courses": [course.pk for course in courses[:number]]})
        return len(seen)

    assert cost(2) == cost(12)


def test_hero_opens_a_course_or_nothing_that_is_hidden(world: World) -> None:
    course = _public_course(world, 1)
    value = {"headline": "看", "lead": "", "course": course.pk, "page": None, "button": ""}
    assert _context("hero", value)["url"] == course.get_absolute_url()
    assert _context("hero", {**value, "course": world.b.courses[0].pk})["item"] is None
    assert _context("hero", {**value, "course": None, "page": world.draft_page.pk})["item"] is None
