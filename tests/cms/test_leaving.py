"""Somebody who has used everything takes it along and leaves; nothing of the person stays."""

import io
import json
import pickle
import re
import threading
import zipfile
from contextlib import suppress
from typing import Any

import pytest
from allauth.account.models import EmailAddress, EmailConfirmation
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialToken
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone
from wagtail.admin.models import EditingSession, FormState
from wagtail.documents.models import Document
from wagtail.images.models import Image
from wagtail.log_actions import log
from wagtail.models import (
    APIToken,
    Comment,
    CommentReply,
    ModelLogEntry,
    Page,
    PageSubscription,
    TaskState,
    UploadedFile,
    Workflow,
    WorkflowState,
)
from wagtail.users.models import UserProfile

from accounts import leaving, personal
from accounts.models import DeviceLink, User
from accounts.signals import person_asks_to_leave
from catalog.models import ApiToken, BulkChange, Course, Membership, Teacher
from cms import setup
from cms.holdings import invited
from cms.models import FieldComment, ImportRun, Invitation, SavedView
from learning.models import Favourite, Progress
from media_pipeline.models import MediaAsset, Upload
from search import index
from search.engines.choose import COURSES, engine
from tests.cms.conftest import World

PASSWORD = "qzw-4-tea-house"
MARKS = ("qzperson77", "qzsecond77", "13812345677", "裘子柒柒")
"""In everything the person is known by."""

PICTURE = bytes.fromhex(
    "47494638396101000100800000ffffff00000021f90401000000002c00000000010001000002024401003b"
)  # the smallest GIF


@pytest.fixture
def person(world: World, settings, tmp_path) -> User:
    """Has used everything there is; every kind of rows of the list has some."""
    settings.MEDIA_ROOT = tmp_path / "uploads"
    settings.SEARCH_URL, settings.SEARCH_EMBEDDED_PATH = "", tmp_path / "search"
    cache.clear()
    made = User.objects.create_user(
        "qzperson77", "qzperson77@example.cn", PASSWORD, display_name="裘子柒柒", phone="+8613812345677"
    )
    use_account(made)
    use_desk(world, made)
    use_pages(world, made)
    course = world.a.courses[0]
    Progress.objects.create(user=made, lesson=course.lessons.first(), position=61.5)
    Favourite.objects.create(user=made, course=course)
    index.rebuild(engine(COURSES), COURSES)
    assert [rows.key for rows in personal.rows() if not rows.of(made).exists()] == []
    return made


def use_account(made: User) -> None:
    EmailAddress.objects.create(user=made, email="qzperson77@example.cn", primary=True, verified=True)
    second = EmailAddress.objects.create(user=made, email="qzsecond77@example.cn", verified=True)
    EmailConfirmation.objects.create(email_address=second, key="k", sent=timezone.now())
    social = SocialAccount.objects.create(user=made, provider="oidc", uid="qzperson77", extra_data={"name": "裘子柒柒"})
    SocialToken.objects.create(account=social, token="qzperson77")
    Authenticator.objects.create(user=made, type="totp", data={"secret": "x"})
    made.user_permissions.add(Permission.objects.first())
    DeviceLink.objects.create(user_code="BCDFGHJK", secret_hash="x", device="三星电视", user=made)
    Client().force_login(made)


def use_desk(world: World, made: User) -> None:
    house = world.a.institution
    member = Membership.objects.create(user=made, institution=house, role="editor")
    Teacher.objects.create(name="徐师傅", institution=house, account=made)
    token = ApiToken(user=made, institution=house, name="馆里的程序", scopes=["upload"])
    token.make_secret()
    token.save()
    BulkChange.objects.create(user=made, asked={}, state="done")
    Course.objects.filter(pk=world.a.courses[2].pk).update(locked=True, locked_by=made, locked_at=timezone.now())
    MediaAsset.objects.create(owner=house.code, title="茶", filename="茶.mp4", created_by=made)
    Upload.objects.create(owner=house.code, filename="茶.mp4", bytes=1, part_bytes=1, key="k", created_by=made)
    course = world.a.courses[0]
    for field in ("user", "resolved_by"):
        FieldComment.objects.create(course=course, field="title", text="写短一点", **{field: made})
    course.save_revision(user=made, log_action=True)
    Workflow.objects.get(name=setup.WORKFLOW).start(course, made)
    TaskState.objects.filter(workflow_state__requested_by=made).update(finished_by=made, comment="好")
    SavedView.objects.create(user=made, name="待归类")
    ImportRun.objects.create(user=made, institution=house, filename="课.csv", content=b"x", state="done")
    now = timezone.now()
    Invitation.objects.create(
        email="new@example.cn", institution=house, role="editor", nonce="n", sent_at=now, invited_by=made
    )
    Invitation.objects.create(
        email="QZsecond77@example.cn", institution=world.b.institution, role="editor", nonce="n", sent_at=now
    )
    for item, actor in ((made, world.central), (member, world.central), (course, made)):
        log(instance=item, action="wagtail.edit", user=actor)


def use_pages(world: World, made: User) -> None:
    page = world.draft_page
    Page.objects.filter(pk=page.pk).update(owner=made, locked=True, locked_by=made, locked_at=timezone.now())
    page = Page.objects.get(pk=page.pk).specific
    comment = Comment.objects.create(page=page, user=made, text="这里", contentpath="title")
    CommentReply.objects.create(comment=comment, user=made, text="好")
    Comment.objects.create(page=page, user=world.central, resolved_by=made, text="那里", contentpath="title")
    PageSubscription.objects.create(page=page, user=made, comment_notifications=True)
    Page.objects.get(pk=page.pk).specific.save_revision(user=made, log_action=True)
    log(instance=page, action="wagtail.edit", user=made)
    content = ContentType.objects.get_for_model(Course)
    EditingSession.objects.create(user=made, content_type=content, object_id="1", last_seen_at=timezone.now())
    FormState.objects.create(
        user=made, content_type=content, object_id="1", parent_object_id="", data="title=裘子柒柒",
        last_updated_at=timezone.now(),
    )  # fmt: skip
    LogEntry.objects.create(user=made, object_repr="x", action_flag=1)
    APIToken.objects.create(user=made, name="裘子柒柒", key_hash="h", prefix="p")
    UserProfile.objects.create(user=made, avatar=ContentFile(PICTURE, "qzperson77.gif"))
    UploadedFile.objects.create(uploaded_by_user=made, file=ContentFile(PICTURE, "qzperson77.gif"))
    Image.objects.create(title="茶", file=ContentFile(PICTURE, "tea.gif"), uploaded_by_user=made)
    Document.objects.create(title="茶", file=ContentFile(b"x", "tea.txt"), uploaded_by_user=made)


def signed_in(person: User) -> Client:
    """A device on which the person has just given the password again."""
    client = Client(headers={"accept": "text/html"})
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    answer = client.get("/accounts/data/", follow=True)
    assert "reauthenticate" in answer.redirect_chain[0][0], "somebody else may sit at an open computer"
    where = "/accounts/2fa/reauthenticate/" if "2fa" in answer.redirect_chain[0][0] else "/accounts/reauthenticate/"
    client.post(where, {"password": PASSWORD})
    return client


# Taking along -----------------------------------------------------------------------------------------


def test_export_holds_every_kind_of_rows(person):
    client = signed_in(person)
    answer = client.post("/accounts/data/")
    assert answer.headers["Content-Type"] == "application/zip"
    assert "no-store" in answer.headers["Cache-Control"]
    archive = zipfile.ZipFile(io.BytesIO(answer.getvalue()))
    assert sorted(archive.namelist()) == ["data.json", "我的数据.html"]
    held = json.loads(archive.read("data.json"))["held"]
    assert set(held) == {rows.key for rows in personal.rows() if rows.fields}
    assert [key for key, rows in held.items() if not rows] == []
    assert held["accounts.User.pk"][0]["phone"] == "+8613812345677"
    assert held["learning.Progress.user"][0]["position"] == 61.5
    assert held["catalog.Membership.user"][0]["role"] == "编辑"
    page = archive.read("我的数据.html").decode()
    assert [rows.key for rows in personal.rows() if rows.fields and f"<h2>{rows.title}" not in page] == []
    assert "qzsecond77@example.cn" in page


def test_export_holds_no_secret_and_nobody_else(person, world):
    archive = zipfile.ZipFile(io.BytesIO(signed_in(person).post("/accounts/data/").getvalue()))
    text = archive.read("data.json").decode() + archive.read("我的数据.html").decode()
    assert person.password not in text
    assert ApiToken.objects.get(user=person).secret_hash not in text
    others = User.objects.exclude(pk=person.pk).exclude(email="").values_list("email", flat=True)
    assert [address for address in others if address in text] == []


def test_long_table_is_cut_on_the_page_and_whole_in_the_json(person, world, monkeypatch):
    monkeypatch.setattr("accounts.export.SHOWN", 2)
    for number in range(5):
        SavedView.objects.create(user=person, name=f"v{number}")
    archive = zipfile.ZipFile(io.BytesIO(signed_in(person).post("/accounts/data/").getvalue()))
    page = archive.read("我的数据.html").decode()
    assert "这里只有前 2 条" in page
    assert "<td>v4</td>" not in page
    assert len(json.loads(archive.read("data.json"))["held"]["cms.SavedView.user"]) == 6


def test_person_corrects_the_name(person):
    client = signed_in(person)
    page = client.post("/accounts/name/", {"display_name": "裘子"}, follow=True).content.decode()
    assert "姓名已改。" in page
    assert client.post("/accounts/name/", {"display_name": "长" * 81}).status_code == 422
    assert User.objects.get(pk=person.pk).display_name == "裘子"


def test_exports_are_limited_a_day(person, settings):
    settings.ACCOUNT_RATE_LIMITS = {"export": "2/d/user"}
    client = signed_in(person)
    *given, refused = [client.post("/accounts/data/") for _ in range(3)]
    assert [answer.status_code for answer in (*given, refused)] == [200, 200, 429]
    assert (refused["Retry-After"], "过 1 日 再试" in refused.content.decode().replace("\xa0", " ")) == ("86400", True)
    assert client.get("/accounts/data/").status_code == 200


@pytest.mark.parametrize("address", ["/accounts/data/", "/accounts/leave/"])
def test_nobody_and_somebody_who_did_not_give_the_password_again_get_nothing(person, address):
    assert "/accounts/login/" in Client().post(address).url
    client = Client()
    client.force_login(person)
    answer = client.post(address, {"sure": "on"})
    assert answer.status_code == 302
    assert "reauthenticate" in answer.url
    assert User.objects.filter(pk=person.pk).exists()


# Leaving ----------------------------------------------------------------------------------------------


def found(marks=MARKS) -> list[str]:
    """Table and column of every value of the database in which one of ``marks`` stands."""
    places = set()
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            names = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                for name, value in zip(names, row, strict=True):
                    text = (
                        bytes(value).decode(errors="replace") if isinstance(value, bytes | memoryview) else str(value)
                    )
                    text += json.dumps(json.loads(text), ensure_ascii=False) if text[:1] in ("{", "[") else ""
                    if any(mark in text.lower() for mark in marks):
                        places.add(f"{table}.{name}")
    for session in Session.objects.all():
        if any(mark in str(session.get_decoded()).lower() for mark in marks):
            places.add("sessions")
    return sorted(places)


def leave(person: User, client: Client, capture):
    with capture(execute=True):
        return client.post("/accounts/leave/", {"sure": "on"})


def test_nothing_of_a_person_who_left_stays(person, world, tmp_path, settings, django_capture_on_commit_callbacks):
    pk = person.pk
    assert {"accounts_user.email", "wagtailcore_modellogentry.label", "cms_invitation.email"} <= set(found())
    files = [path.name for path in (tmp_path / "uploads").rglob("*") if MARKS[0] in path.name]
    assert len(files) == 2
    answer = leave(person, signed_in(person), django_capture_on_commit_callbacks)
    assert answer.url == "/accounts/left/"
    assert found() == []
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.local_fields:
            if field.is_relation and field.related_model is User:
                assert not model._base_manager.filter(**{field.attname: pk}).exists(), field
    assert [path.name for path in (tmp_path / "uploads").rglob("*") if MARKS[0] in path.name] == []
    index.rebuild(engine(COURSES), COURSES)
    kept = [path for path in (tmp_path / "search").rglob("*") if path.is_file()]
    assert kept
    for path in kept:
        assert [mark for mark in MARKS if mark.encode() in path.read_bytes()] == [], path
    in_cache = pickle.dumps([list(cache._cache), [pickle.loads(value) for value in cache._cache.values()]])
    assert [mark for mark in MARKS if mark.encode() in in_cache] == []


def test_versions_name_the_heir_instead(person, world, django_capture_on_commit_callbacks):
    pk = person.pk
    leave(person, signed_in(person), django_capture_on_commit_callbacks)
    content = Page.objects.get(pk=world.draft_page.pk).latest_revision.content
    heir = User.objects.get(username=leaving.HEIR)
    assert content["owner"] == heir.pk
    numbers = re.findall(r'"(?:owner|locked_by|user|resolved_by)": (\d+)', json.dumps(content))
    assert str(heir.pk) in numbers
    assert str(pk) not in numbers


def test_work_stays_with_the_institution_and_names_nobody(person, world, django_capture_on_commit_callbacks):
    leave(person, signed_in(person), django_capture_on_commit_callbacks)
    heir = User.objects.get(username=leaving.HEIR)
    assert (heir.get_full_name(), heir.is_active, heir.has_usable_password()) == ("已注销的用户", False, False)
    course = Course.objects.get(pk=world.a.courses[2].pk)
    assert (course.locked, course.locked_by) == (False, None)
    assert MediaAsset.objects.get(title="茶").created_by == heir
    assert FieldComment.objects.filter(user=heir, text="写短一点").exists()
    assert WorkflowState.objects.filter(requested_by=heir).exists()
    assert ModelLogEntry.objects.filter(user=heir).exists()
    assert ModelLogEntry.objects.filter(label__startswith="已注销的用户 · ").exists()
    assert Teacher.objects.get(name="徐师傅").account is None
    assert not ApiToken.objects.filter(name="馆里的程序").exists()
    page = world.a.client("editor").get(f"/cms/assets/inspect/{MediaAsset.objects.get(title='茶').pk}/")
    assert "已注销的用户" in page.content.decode()


def test_every_device_is_signed_out_at_once_and_clears_itself(person, django_capture_on_commit_callbacks):
    other = Client(headers={"accept": "text/html"})
    other.force_login(person)
    client = signed_in(person)
    leave(person, client, django_capture_on_commit_callbacks)
    for device in (client, other):
        assert device.get("/api/v1/progress", headers={"accept": "application/json"}).status_code == 401
        assert device.get("/help/").url == "/accounts/left/"
        page = device.get("/accounts/left/").content.decode()
        assert "data-left" in page
        assert device.get("/help/").status_code == 200
        assert device.get("/accounts/left/").url == "/", "the page clears a device once, and nobody else's"


def test_who_was_on_the_way_to_sign_in_with_the_number_starts_anew(person, django_capture_on_commit_callbacks):
    others = []
    for kept in (
        {"account_phone_verification": {"phone": person.phone}},
        {"account_login": {"user_pk": str(person.pk)}},
        {},
    ):
        session = SessionStore()
        session.update(kept)
        session.save()
        others.append(session.session_key)
    leave(person, signed_in(person), django_capture_on_commit_callbacks)
    assert list(Session.objects.filter(pk__in=others).values_list("pk", flat=True)) == others[2:]


def test_nobody_is_led_to_a_page_that_clears_the_device(db):
    assert Client().get("/accounts/left/").url == "/"


def test_who_writes_anothers_address_for_a_name_gets_nothing_of_theirs(world, person):
    stranger = User.objects.create_user("stranger", "new@example.cn", display_name="new@example.cn")
    EmailAddress.objects.create(user=stranger, email="new@example.cn")
    assert not invited(stranger).exists()
    leaving.forget(stranger)
    assert Invitation.objects.filter(email="new@example.cn").exists()


def test_leaving_signs_nobody_else_out(person, world, django_capture_on_commit_callbacks):
    other = Client()
    other.force_login(world.central)
    session = other.session
    session["seen"] = {"email": person.email}
    session.save()
    leave(person, signed_in(person), django_capture_on_commit_callbacks)
    assert other.get("/cms/").status_code == 200


def test_answers_of_others_to_a_comment_stay(person, world, django_capture_on_commit_callbacks):
    comment = Comment.objects.get(user=person, resolved_at=None)
    reply = CommentReply.objects.create(comment=comment, user=world.central, text="好的")
    leave(person, signed_in(person), django_capture_on_commit_callbacks)
    assert CommentReply.objects.get(pk=reply.pk).comment.user == leaving.heir()


def test_leaving_is_confirmed_by_mail_to_the_address_that_was(person, django_capture_on_commit_callbacks):
    client = signed_in(person)
    mail.outbox.clear()
    leave(person, client, django_capture_on_commit_callbacks)
    (letter,) = mail.outbox
    assert letter.to == ["qzperson77@example.cn"]
    assert "已经注销" in letter.body


def test_page_says_what_goes_and_what_stays_and_asks_to_be_sure(person, django_capture_on_commit_callbacks):
    client = signed_in(person)
    page = client.get("/accounts/leave/").content.decode()
    assert "<span>学习记录</span><b>1</b>" in page
    assert "文件是机构的，留在机构" in page
    assert client.post("/accounts/leave/", {}).status_code == 200
    assert User.objects.filter(pk=person.pk).exists()


def test_account_deleted_in_the_desk_goes_the_same_way(person, world, django_capture_on_commit_callbacks):
    root = User.objects.create_superuser("root", "root@example.cn", "x")
    client = Client()
    client.force_login(root)
    with django_capture_on_commit_callbacks(execute=True):
        client.post(f"/cms/users/delete/{person.pk}/", follow=True)
    assert not User.objects.filter(pk=person.pk).exists()
    assert found() == []


def test_two_who_left_are_one(person, world, django_capture_on_commit_callbacks):
    leave(person, signed_in(person), django_capture_on_commit_callbacks)
    with django_capture_on_commit_callbacks(execute=True):
        leaving.forget(world.b.people["uploader"])
    assert User.objects.filter(username=leaving.HEIR).count() == 1
    assert MediaAsset.objects.filter(created_by__username=leaving.HEIR).count() > 1


# Who is still needed ----------------------------------------------------------------------------------


def test_last_who_manages_an_institution_is_told_what_to_do(world):
    editor, reviewer = world.a.people["editor"], world.a.people["reviewer"]
    leaving.forget(editor)
    assert leaving.obstacles(reviewer) == [
        "“甲”只有您能管成员：请先在编辑台“邀请”里请一位编辑或审核员，或请编辑中心接手。"
    ]
    reviewer.set_password(PASSWORD)
    reviewer.save()
    client = signed_in(reviewer)
    answer = client.post("/accounts/leave/", {"sure": "on"})
    assert answer.status_code == 409
    assert "请先在编辑台“邀请”里" in answer.content.decode()
    assert User.objects.filter(pk=reviewer.pk).exists()
    Membership.objects.create(user=User.objects.create_user("new"), institution=world.a.institution, role="editor")
    assert leaving.obstacles(reviewer) == []


@pytest.mark.django_db(transaction=True)
def test_the_last_two_cannot_both_leave_in_one_moment(world):
    both = threading.Barrier(2)

    def meet(**_more: Any) -> None:
        with suppress(threading.BrokenBarrierError):
            both.wait(1)

    ended = []

    def go(name: str) -> None:
        try:
            leaving.forget(world.a.people[name])
            ended.append("left")
        except leaving.MayNotLeave:
            ended.append("stays")
        finally:
            connection.close()

    person_asks_to_leave.connect(meet)
    try:
        threads = [threading.Thread(target=go, args=(name,)) for name in ("editor", "reviewer")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        person_asks_to_leave.disconnect(meet)
    assert sorted(ended) == ["left", "stays"]


def test_an_institution_below_another_is_looked_after(world):
    child = world.a.institution.add_child(code="jia-xia", name="甲下")
    alone = User.objects.create_user("alone")
    Membership.objects.create(user=alone, institution=child, role="editor")
    assert leaving.obstacles(alone) == []


@pytest.mark.parametrize("group", ["编辑中心", "运维"])
def test_last_of_a_group_is_told_what_to_do(world, group):
    User.objects.filter(groups__name=group).update(is_active=False)
    last = User.objects.create_user("last")
    last.groups.add(Group.objects.get(name=group))
    assert leaving.obstacles(last) == [f"您是“{group}”的最后一人：请先让管理员把另一位同事加进去。"]
    User.objects.create_superuser("root")
    assert leaving.obstacles(last) == []


def test_last_superuser_is_told_what_to_do(world):
    root = User.objects.create_superuser("root")
    assert "最后一位系统管理员" in leaving.obstacles(root)[0]


# For people who cannot sign in ------------------------------------------------------------------------


def told(capsys, *command: str) -> dict:
    call_command(*command, "--json")
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("name", ["qzperson77", "QZperson77@example.cn", "qzsecond77@example.cn", "138 1234 5677"])
def test_operator_exports_by_any_name(person, name, tmp_path, capsys):
    out = tmp_path / "x.zip"
    answer = told(capsys, "export_person", name, "--out", str(out))
    assert answer["person"] == "qzperson77"
    assert answer["held"]["learning.Progress.user"] == 1
    assert zipfile.ZipFile(out).testzip() is None
    with pytest.raises(CommandError, match="已经存在"):
        call_command("export_person", name, "--out", str(out))


def test_operator_forgets_somebody(person, capsys):
    assert told(capsys, "forget_person", "13812345677", "--yes") == {"forgotten": "qzperson77"}
    assert found() == []


def test_operator_is_told_of_unknown_people_and_of_those_who_are_needed(world, tmp_path):
    with pytest.raises(CommandError, match="没有“nobody”"):
        call_command("forget_person", "nobody", "--yes")
    with pytest.raises(CommandError, match="写不了"):
        call_command("export_person", "jia-editor", "--out", str(tmp_path / "no" / "x.zip"))
    leaving.forget(world.a.people["editor"])
    with pytest.raises(CommandError, match="--even-if-needed"):
        call_command("forget_person", "jia-reviewer", "--yes")
    call_command("forget_person", "jia-reviewer", "--yes", "--even-if-needed")
    assert not User.objects.filter(username="jia-reviewer").exists()
