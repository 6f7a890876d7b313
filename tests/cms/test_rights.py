"""The walk: every address, as the wrong institution and as nobody, and not a word or a row of the other one."""

from typing import Any

import pytest
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from wagtail.models import Revision, TaskState, WorkflowState

from catalog.exchange import HarvestSource
from catalog.models import (
    ApiToken,
    BulkChange,
    BulkItem,
    Course,
    Delivery,
    Institution,
    Lesson,
    Membership,
    Teacher,
    Webhook,
)
from cms.models import FieldComment, Invitation, SavedView
from media_pipeline.models import Job, MediaAsset, Package, TextTrack, Upload
from search.models import AskedQuery, Gap, Pin, QueryCount, Rule, Term
from tests.cms.conftest import MARKS, World
from tests.cms.walk import Address, addresses, fill, keys_of

NOT_WALKED = {
    "wagtailadmin_logout": "would sign the walker out",
    "account_logout": "would sign the walker out",
}
SEEN = {200, 201, 204, 206}


def watched() -> dict[str, list[tuple[Any, ...]]]:
    """Every row of 乙, value by value."""
    rows: dict[str, list[tuple[Any, ...]]] = {}
    for model, where in (
        (Course, {"institution__code": "yi-bmark77"}),
        (Lesson, {"course__institution__code": "yi-bmark77"}),
        (Teacher, {"institution__code": "yi-bmark77"}),
        (Institution, {"code": "yi-bmark77"}),
        (Membership, {"institution__code": "yi-bmark77"}),
        (MediaAsset, {"owner": "yi-bmark77"}),
        (TextTrack, {"asset__owner": "yi-bmark77"}),
        (Package, {"asset__owner": "yi-bmark77"}),
        (Upload, {"owner": "yi-bmark77"}),
        (Job, {"asset__owner": "yi-bmark77"}),
        (Revision, {}),
        (WorkflowState, {}),
        (TaskState, {}),
        (Term, {}),
        (Rule, {}),
        (Pin, {}),
        (AskedQuery, {}),
        (QueryCount, {}),
        (Gap, {}),
        (BulkChange, {}),
        (BulkItem, {}),
        (SavedView, {}),
        (FieldComment, {}),
        (Invitation, {}),
        (HarvestSource, {}),
        (ApiToken, {}),
        (Webhook, {}),
        (Delivery, {}),
    ):
        rows[model.__name__] = list(model.objects.filter(**where).order_by("pk").values_list())
    return rows


def text_of(response: HttpResponse) -> str:
    body = b"".join(response.streaming_content) if response.streaming else response.content
    return body.decode(errors="replace") + str(response.headers)


def question(world: World) -> dict[str, Any]:
    """A query string that names 乙's things by every name an address may read, without the marks themselves."""
    b = world.b
    return {
        "id": [*[course.pk for course in b.courses], "all"],
        "ids": b.courses[0].pk,
        "q": "乙密",
        "institution": b.institution.pk,
        "asset": str(b.assets[0].uid),
        "multiple": "true",
        "describe_on_delete": "1",
        "user": b.people["editor"].pk,
        "export": "csv",
        "sound": "shibaiyi",
        "text": "x",
        "action": "commission",
        "word": "x",
        "query": "x",
    }


def walk(client: Client, world: World, method: str) -> list[str]:
    """What went wrong, an entry an address; empty when nothing did."""
    everywhere, spaces = keys_of(world)
    client.raise_request_exception = False
    wrong = []
    for address in addresses():
        if address.full_name in NOT_WALKED or address.route.endswith("(?P<path>.*)$"):
            continue
        values = {**everywhere, **spaces.get(address.namespace.split(":")[0], {})}
        unknown = [key for key in address.keys if key not in values]
        if unknown:
            wrong.append(f"{address.full_name} {address.route}: no value for {unknown}; add it to keys_of")
            continue
        url = fill(address, values)
        for query in ({}, question(world)) if method == "GET" else (question(world),):
            if method == "GET":
                response = client.get(url, query)
            else:
                response = client.post(url, {**query, "title": "改", "confirm": "1"})
            wrong += [f"{method} {url} ({address.full_name}) {problem}" for problem in judge(address, response, method)]
    return wrong


def judge(address: Address, response: HttpResponse, method: str) -> list[str]:
    body = text_of(response)
    problems = [f"names {mark}" for mark in MARKS if mark in body and mark not in str(response.wsgi_request.path)]
    if response.status_code >= 500:
        problems.append(f"answers {response.status_code}")
    owned = address.route.startswith("cms/") and any(key in _KEYS_OF_THINGS for key in address.keys)
    if owned and response.status_code in SEEN and address.namespace not in _PUBLIC_THINGS:
        problems.append(f"answers {response.status_code} to a foreign key")
    return problems


_KEYS_OF_THINGS = {"pk", "page_id", "user_id", "group_id", "object_id", "revision_id", "task_state_id", "uid"}
_PUBLIC_THINGS = {"place_chooser", "theme_chooser"}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("role", ["editor", "reviewer"])
def test_walk_as_wrong_institution_sees_and_changes_nothing(world: World, role: str, method: str) -> None:
    before = watched()
    wrong = walk(world.a.client(role), world, method)
    assert not wrong, "\n".join(wrong)
    assert watched() == before


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_walk_as_nobody_sees_and_changes_nothing(world: World, method: str) -> None:
    before = watched()
    wrong = walk(Client(), world, method)
    assert not wrong, "\n".join(wrong)
    assert watched() == before


@pytest.mark.parametrize("role", ["editor", "reviewer", "uploader"])
def test_walk_without_the_gate_scoped_viewsets_still_hold(world: World, role: str, settings: Any) -> None:
    """The second wall alone: what begins with ``Scoped`` needs no gate."""
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if name != "cms.gate.DeskGateMiddleware"]
    everywhere, spaces = keys_of(world)
    client, before, wrong = world.a.client(role), watched(), []
    for address in addresses():
        space = address.namespace.split(":")[0]
        if space not in spaces or space.startswith("wagtail"):
            continue
        url = fill(address, {**everywhere, **spaces[space]})
        for response in (client.get(url, question(world)), client.post(url, question(world))):
            wrong += [f"{url} ({address.full_name}) {problem}" for problem in judge(address, response, "")]
    assert not wrong, "\n".join(wrong)
    assert watched() == before


def test_walk_meets_the_addresses_that_matter(world: World) -> None:
    """The walk is worth something only while it reaches these."""
    walked = {address.full_name for address in addresses()} - set(NOT_WALKED)
    for name in ("edit", "delete", "history", "usage", "revisions_compare", "revisions_revert", "workflow_action"):
        assert f"courses:{name}" in walked
    for name in ("choose", "choose_results", "chosen", "chosen_multiple"):
        assert f"course_chooser:{name}" in walked
        assert f"asset_chooser:{name}" in walked
    for name in ("inspect", "captions", "track", "poster", "retry", "way", "usage"):
        assert f"assets:{name}" in walked
    assert {f"harvests:{name}" for name in ("inspect", "edit", "delete", "harvest")} <= walked
    for name in ("list", "add", "edit", "delete", "history", "usage"):
        assert {f"terms:{name}", f"rules:{name}"} <= walked
    for name in ("bulk", "change", "change_way", "change_undo", "remove_view"):
        assert f"courses:{name}" in walked
    assert {"wenlan_queries", "wenlan_wanted", "wenlan_why"} <= walked
    assert {"wagtail_bulk_action", "wagtailadmin_reports:site_history", "wenlan_pick"} <= walked
    assert len(walked) > 200


# The same keys, for their owner --------------------------------------------------------------------


def test_owner_reaches_what_the_walk_could_not(world: World) -> None:
    client = world.b.client("editor")
    course, asset = world.b.courses[0], world.b.assets[0]
    for url in (
        "/cms/courses/",
        f"/cms/courses/edit/{course.pk}/",
        f"/cms/courses/history/{course.pk}/",
        f"/cms/courses/usage/{course.pk}/",
        f"/cms/assets/inspect/{asset.pk}/",
        "/cms/assets/",
        "/cms/teachers/",
        "/cms/",
    ):
        response = client.get(url)
        assert response.status_code == 200, url
        assert MARKS[0] in text_of(response), url


# Forms and bodies -----------------------------------------------------------------------------------


def course_data(world: World, **changes: Any) -> dict[str, Any]:
    """A valid new course of 甲, as the browser sends it."""
    a = world.a
    return {
        "title": "新课程",
        "institution": a.institution.pk,
        "kind": "video",
        "summary": "",
        "description": "",
        "language": "zh-Hans",
        "level": "",
        "source": "own",
        "licence": "cc-by-nc",
        "licence_until": "",
        "credit": "",
        "cover": "",
        "title_en": "",
        "alternative_titles": "",
        "subjects": "",
        "lessons-TOTAL_FORMS": "1",
        "lessons-INITIAL_FORMS": "0",
        "lessons-MIN_NUM_FORMS": "0",
        "lessons-MAX_NUM_FORMS": "1000",
        "lessons-0-title": "第一课",
        "lessons-0-asset": a.assets[0].pk,
        "lessons-0-url": "",
        "lessons-0-chapter": "",
        "lessons-0-summary": "",
        "lessons-0-ORDER": "1",
        **changes,
    }


def test_course_form_of_own_things_is_saved(world: World) -> None:
    response = world.a.client("editor").post("/cms/courses/add/", course_data(world))
    assert response.status_code == 302, text_of(response)[:2000]
    course = Course.objects.get(title="新课程")
    assert not course.live
    assert course.slug == "xin-ke-cheng"
    assert [lesson.number for lesson in course.lessons.all()] == [1]


@pytest.mark.parametrize("field", ["institution", "lessons-0-asset", "cover", "teachers"])
def test_course_form_refuses_foreign_things_and_does_not_name_them(world: World, field: str) -> None:
    b = world.b
    foreign = {
        "institution": b.institution.pk,
        "lessons-0-asset": b.assets[0].pk,
        "cover": b.assets[0].pk,
        "teachers": b.teacher.pk,
    }[field]
    response = world.a.client("editor").post("/cms/courses/add/", course_data(world, **{field: foreign}))
    assert response.status_code == 200
    assert not Course.objects.filter(title="新课程").exists()
    assert not any(mark in text_of(response) for mark in MARKS)


def test_teacher_form_refuses_foreign_institution(world: World) -> None:
    data = {"name": "新老师", "title": "", "bio": "", "institution": world.b.institution.pk}
    response = world.a.client("editor").post("/cms/teachers/add/", data)
    assert response.status_code == 200
    assert not Teacher.objects.filter(name="新老师").exists()
    assert not any(mark in text_of(response) for mark in MARKS)


def test_editor_cannot_publish(world: World) -> None:
    course = world.a.courses[0]
    client = world.a.client("editor")
    client.post(f"/cms/courses/edit/{course.pk}/", {**course_data(world), "action-publish": "1"})
    client.post("/cms/courses/add/", {**course_data(world, title="直接发布"), "action-publish": "1"})
    assert not Course.objects.filter(live=True).exists()
    assert "action-publish" not in text_of(client.get(f"/cms/courses/edit/{course.pk}/"))


def test_uploader_writes_no_course(world: World) -> None:
    client = world.a.client("uploader")
    course = world.a.courses[0]
    assert client.get(f"/cms/courses/edit/{course.pk}/").status_code in {302, 403}
    client.post("/cms/courses/add/", course_data(world))
    assert not Course.objects.filter(title="新课程").exists()


def test_roles_do_not_travel_between_institutions(world: World) -> None:
    """Reviewer of 甲 and editor of 乙: may publish for the first only."""
    user = world.a.people["reviewer"]
    Membership.objects.create(user=user, institution=world.b.institution, role="editor")
    client = world.a.client("reviewer")
    theirs = world.b.courses[0]
    client.post(f"/cms/courses/edit/{theirs.pk}/", {**course_data(world), "action-publish": "1"})
    client.post(f"/cms/courses/unpublish/{theirs.pk}/")
    theirs.refresh_from_db()
    assert not theirs.live
    waiting = TaskState.objects.get(workflow_state__object_id=str(world.b.waiting.pk))
    client.post(f"/cms/courses/workflow/action/{world.b.waiting.pk}/approve/{waiting.pk}/")
    world.b.waiting.refresh_from_db()
    assert not world.b.waiting.live


def test_bulk_delete_takes_only_own(world: World) -> None:
    mine, theirs = world.a.courses[0], world.b.courses[0]
    url = f"/cms/bulk/catalog/course/delete/?id={mine.pk}&id={theirs.pk}"
    client = world.a.client("editor")
    assert not any(mark in text_of(client.get(url)) for mark in MARKS)
    client.post(url)
    assert not Course.objects.filter(pk=mine.pk).exists()
    assert Course.objects.filter(pk=theirs.pk).exists()
    client.post("/cms/bulk/catalog/course/delete/?id=all")
    assert Course.objects.filter(institution=world.b.institution).count() == 3


def test_keys_inside_an_own_address_must_be_its_own(world: World) -> None:
    mine, theirs = world.a.waiting, world.b.waiting
    client = world.a.client("editor")
    revision = theirs.latest_revision_id
    task_state = TaskState.objects.get(workflow_state__object_id=str(theirs.pk))
    for url in (
        f"/cms/courses/history/{mine.pk}/revisions/{revision}/view/",
        f"/cms/courses/history/{mine.pk}/revisions/{revision}/revert/",
        f"/cms/courses/history/{mine.pk}/revisions/compare/{revision}...latest/",
        f"/cms/courses/workflow/action/{mine.pk}/approve/{task_state.pk}/",
        f"/cms/courses/workflow_history/{mine.pk}/detail/{task_state.workflow_state_id}/",
    ):
        assert client.get(url).status_code == 404, url


def test_captions_and_retry_are_the_owners(world: World) -> None:
    asset = world.b.assets[2]
    file = SimpleUploadedFile("a.srt", "1\n00:00:00,000 --> 00:00:01,000\n你好\n".encode())
    client = world.a.client("editor")
    assert client.post(f"/cms/assets/captions/{asset.pk}/", {"file": file}).status_code == 404
    assert client.post(f"/cms/assets/retry/{asset.pk}/").status_code == 404


# Review ---------------------------------------------------------------------------------------------


def test_review_mail_goes_to_those_who_may_review(world: World) -> None:
    told = {address for message in mail.outbox for address in message.to if MARKS[0] in message.body + message.subject}
    assert told == {"yi-bmark77-reviewer@example.cn"}


def test_review_queue_names_only_own(world: World) -> None:
    body = text_of(world.a.client("reviewer").get("/cms/"))
    assert world.a.waiting.title in body
    assert MARKS[0] not in body


def test_member_of_the_parent_works_below_and_not_beside(world: World) -> None:
    below = world.a.institution.add_child(code="jia-cun", name="甲村")
    course = Course.objects.create(institution=below, title="村课", slug="cun", live=False)
    assert world.a.client("editor").get(f"/cms/courses/edit/{course.pk}/").status_code == 200
    assert world.b.client("editor").get(f"/cms/courses/edit/{course.pk}/").status_code == 404
