"""A partner's machine hands in courses: from the first call to publication, and never a word of another house."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from django.contrib.auth.models import Group
from wagtail.models import TaskState

from accounts.models import User
from catalog.machines import Scope
from catalog.models import Course, Institution, Membership, Teacher
from cms import setup
from media_pipeline import storage
from media_pipeline.models import AssetState, Job, MediaAsset, MediaType
from tests.catalog.test_tokens import call, make_token

pytestmark = pytest.mark.django_db
NEW = {"external_id": "k1", "title": "苗绣入门", "kind": "video"}


@pytest.fixture
def secret(town) -> str:
    setup.ensure_everything()
    return make_token(town, scopes=Scope.values)


@pytest.fixture
def asset(town) -> MediaAsset:
    made = MediaAsset.objects.create(owner="town", title="片", filename="a.mp4", media_type=MediaType.VIDEO)
    MediaAsset.objects.filter(pk=made.pk).update(state=AssetState.PUBLISHED)
    return made


def made(secret, **more) -> dict:
    answer = call(secret, "/deposits", NEW | more)
    assert answer.status_code == 201, answer.content.decode()
    return answer.json()


def decide(course_id: int, action: str, comment: str = "") -> None:
    central = User.objects.filter(username="central").first() or User.objects.create_user("central")
    central.groups.add(Group.objects.get(name="编辑中心"))
    state = Course.objects.get(pk=course_id).current_workflow_task_state
    state.task.specific.on_action(state, central, action, comment=comment)


def test_deposit_goes_from_draft_to_public(secret, asset, theme, places):
    lessons = [{"title": "第一课", "asset": str(asset.uid)}]
    described = {
        "themes": ["常青乐龄"],
        "places": ["420625"],
        "teachers": ["王师傅"],
        "subjects": ["刺绣"],
        "licence": "CC BY 4.0",
        "level": "入门",
        "alternative_titles": ["绣花"],
        "summary": "一句话",
        "description": "长文",
        "extra": {"年代": "清"},
    }
    told = made(secret, lessons=lessons, cover=str(asset.uid), **described)
    course = Course.objects.get()
    assert (course.title, course.live, course.licence, course.level) == ("苗绣入门", False, "cc-by", "starter")
    assert [str(one) for one in (*course.themes.all(), *course.places.all(), *course.teachers.all())] == [
        "常青乐龄", "谷城县", "王师傅",
    ]  # fmt: skip
    assert (course.cover, course.lessons.get().asset) == (asset, asset)
    assert call(secret, f"/deposits/{told['id']}/submit").json()["state"] == "in-review"
    assert call(secret, f"/deposits/{told['id']}", {"title": "新"}, "PATCH").status_code == 409
    decide(told["id"], "reject", "请补字幕")
    returned = call(secret, f"/deposits/{told['id']}", None, "GET").json()
    assert (returned["state"], returned["comment"]) == ("returned", "请补字幕")
    assert call(secret, f"/deposits/{told['id']}", {"summary": "改过"}, "PATCH").status_code == 200
    assert call(secret, f"/deposits/{told['id']}/submit").json()["state"] == "in-review"
    decide(told["id"], "approve")
    assert call(secret, f"/deposits/{told['id']}", None, "GET").json()["state"] == "published"
    course.refresh_from_db()
    assert (course.live, course.title, course.summary) == (True, "苗绣入门", "改过")


def test_the_same_external_id_is_the_same_course(secret):
    first = made(secret)
    again = call(secret, "/deposits", NEW | {"title": "另一个"})
    assert (again.status_code, again.json()["id"], again.json()["title"]) == (200, first["id"], "苗绣入门")
    assert Course.objects.count() == 1


def test_changes_build_on_the_newest_version_and_wait_when_public(secret):
    told = made(secret, kind="reading", description="文")
    course = Course.objects.get()
    course.publish(course.latest_revision, skip_permission_checks=True)
    call(secret, f"/deposits/{told['id']}", {"title": "新题"}, "PATCH")
    answer = call(secret, f"/deposits/{told['id']}", {"summary": "新简介"}, "PATCH").json()
    assert (answer["state"], answer["changed"]) == ("published", True)
    course = Course.objects.get()
    version = course.get_latest_revision_as_object()
    assert (course.title, version.title, version.summary, version.description) == (
        "苗绣入门", "新题", "新简介", "文",
    )  # fmt: skip


def test_lessons_keep_their_numbers_when_they_are_named(secret):
    told = made(secret, kind="link", lessons=[{"title": t, "url": f"https://a.cn/{t}"} for t in "ab"])
    order = [{"title": "b2", "url": "https://a.cn/b", "number": 2}, {"title": "c", "url": "https://a.cn/c"}]
    assert call(secret, f"/deposits/{told['id']}", {"lessons": order}, "PATCH").status_code == 200
    assert [(one.title, one.number) for one in Course.objects.get().lessons.all()] == [("b2", 2), ("c", 3)]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"title": "  "}, "title"),
        ({"summary": "a\0b"}, "summary"),
        ({"lessons": [{"title": ""}]}, "lessons.0.title"),
        ({"themes": ["没有"]}, "themes"),
        ({"licence": "mine"}, "licence"),
        ({"licence_until": "soon"}, "licence_until"),
        ({"origin": "引进", "licence": "cc-by"}, "credit"),
        ({"lessons": [{"title": "x", "asset": "00000000-0000-0000-0000-000000000000"}]}, "lessons.0"),
        ({"lessons": [{"title": "x", "url": "no"}]}, "lessons.0"),
    ],
)
def test_what_is_wrong_is_named_by_field(secret, body, field):
    answer = call(secret, "/deposits", NEW | body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert field in answer.json()["fields"]
    assert not Course.objects.exists()


def test_unfinished_course_is_not_submitted(secret):
    answer = call(secret, f"/deposits/{made(secret)['id']}/submit")
    assert (answer.status_code, answer.json()["code"]) == (409, "course-not-ready")


@pytest.mark.parametrize(
    ("state", "said"), [("received", "received"), ("checked", "checked"), ("processing", "transcoding")]
)
def test_state_follows_the_media(secret, asset, state, said):
    MediaAsset.objects.update(state=state)
    Job.objects.create(asset=asset, state="running", progress=0.43)
    told = made(secret, lessons=[{"title": "x", "asset": str(asset.uid)}])
    assert told["state"] == said
    assert 0 <= told["progress"] < 1


def test_submission_is_withdrawn(secret):
    told = made(secret, kind="reading", description="文")
    call(secret, f"/deposits/{told['id']}/submit")
    assert call(secret, f"/deposits/{told['id']}/withdraw").json()["state"] == "draft"
    assert not TaskState.objects.filter(status="in_progress").exists()


def test_editor_does_not_withdraw_what_is_public(secret):
    told = made(secret, kind="reading", description="文")
    course = Course.objects.get()
    course.publish(course.latest_revision, skip_permission_checks=True)
    answer = call(secret, f"/deposits/{told['id']}/withdraw")
    assert (answer.status_code, answer.json()["code"]) == (403, "role")


def test_listing_pages_by_key_with_few_queries(secret, django_assert_max_num_queries):
    ids = [made(secret, external_id=f"k{number}")["id"] for number in range(5)]
    with django_assert_max_num_queries(14):
        page = call(secret, "/deposits?limit=3", None, "GET").json()
    assert [one["id"] for one in page["items"]] == ids[:1:-1]
    rest = call(secret, f"/deposits?limit=3&after={page['next']}", None, "GET").json()
    assert ([one["id"] for one in rest["items"]], rest["next"]) == (ids[1::-1], None)


def test_another_house_is_not_there(secret, city, asset):
    told = made(secret)
    other = make_token(city, scopes=Scope.values)
    paths = [("GET", ""), ("PATCH", ""), ("POST", "/submit"), ("POST", "/withdraw")]
    assert [call(other, f"/deposits/{told['id']}{end}", {}, how).status_code for how, end in paths] == [404] * 4
    assert call(other, "/deposits", None, "GET").json()["items"] == []
    assert call(other, f"/assets/{asset.uid}/captions", {"text": "x"}, "PUT").status_code == 404
    assert call(other, "/deposits", NEW | {"institution": "town"}).status_code == 404
    assert call(other, "/deposits", NEW | {"cover": str(asset.uid)}).status_code == 422


def test_uploader_looks_and_does_not_write(town, secret):
    told = made(secret)
    small = make_token(town, role="uploader", scopes=Scope.values)
    assert call(small, f"/deposits/{told['id']}", None, "GET").status_code == 200
    assert call(small, f"/deposits/{told['id']}", {"title": "x"}, "PATCH").json()["code"] == "role"
    assert Membership.objects.count() == 2


def test_captions_come_beside_a_file(secret, asset):
    srt = "1\n00:00:00,000 --> 00:00:01,000\n你好\n"
    assert call(secret, f"/assets/{asset.uid}/captions", {"text": srt}, "PUT").status_code == 204
    assert asset.tracks.get().cues
    assert call(secret, f"/assets/{asset.uid}/captions", {"text": "nothing"}, "PUT").status_code == 422
    assert not Teacher.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_first_deposit_of_the_guide_works_line_by_line(live_server, clip, stores, settings):
    settings.STORAGE_URL = ""
    storage.store().prepare([])
    setup.ensure_everything()
    secret = make_token(Institution.add_root(code="town", name="谷城县文化馆"), scopes=Scope.values)
    guide = (Path(settings.BASE_DIR) / "docs" / "api.md").read_text()
    lines = re.search(r"```sh\n(.*?)```", guide, re.DOTALL).group(1)
    given = {**os.environ, "HOST": live_server.url, "TOKEN": secret, "FILE": str(clip)}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", lines], env=given, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"state": "in-review"' in done.stdout
    course = Course.objects.get(external_id="mx-1")
    assert course.lessons.get().asset.bytes == clip.stat().st_size
    assert len(lines.splitlines()) <= 10
