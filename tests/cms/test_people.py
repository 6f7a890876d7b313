"""Invitations, members managed by their own institutions, and what each role may do."""

import datetime as dt
import re
from urllib.parse import unquote

import pytest
from django.contrib.auth.models import Group
from django.core import mail, signing
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from accounts.models import User
from catalog import policy
from catalog.exchange import HarvestSource
from catalog.models import ApiToken, Course, Institution, Lesson, Membership, Teacher, Webhook
from cms import invitations, setup
from cms.models import Invitation
from media_pipeline.models import Job, MediaAsset, Upload


@pytest.fixture
def land(db):
    setup.ensure_everything()
    city = Institution.add_root(code="shi", name="市")
    county = city.add_child(code="xian", name="县")
    return city, county, Institution.add_root(code="other", name="别处")


def person(name, institution=None, role="editor"):
    user = User.objects.create_user(name, f"{name}@example.cn", "x", display_name=name)
    if institution is not None:
        Membership.objects.create(user=user, institution=institution, role=role)
    return User.objects.get(pk=user.pk)


def client(user):
    made = Client()
    made.force_login(user)
    return made


def invite(user, institution, role="uploader", email="New@example.cn"):
    data = {"email": email, "institution": institution.pk, "role": role}
    return client(user).post("/cms/invitations/", data, follow=True)


def address():
    return re.search(r"https?://[^/]+(/join/\S+)", mail.outbox[-1].body).group(1)


def test_invited_person_becomes_a_member_by_the_link_once(land):
    city, county, _ = land
    invite(person("head", city), county)
    (message,) = mail.outbox
    assert message.to == ["new@example.cn"]
    assert "县" in message.subject
    assert "上传员" in message.body
    here = address()
    page = Client().get(here)
    assert "/accounts/signup/?next=/join/" in unquote(page.content.decode())
    assert Client().post(here).status_code == 302
    guest = person("guest")
    assert client(guest).get(here).status_code == 200
    assert not guest.memberships.exists()
    assert client(guest).post(here).url == "/cms/"
    assert guest.memberships.get().institution == county
    assert guest.memberships.get().role == "uploader"
    assert guest.groups.filter(name="机构上传员").exists()
    assert client(person("second")).post(here).status_code == 410
    assert not Invitation.objects.exists()


def test_letters_of_one_person_are_limited_a_day_and_of_another_are_not(land, settings):
    settings.ACCOUNT_RATE_LIMITS = {"invitation": "2/d/user"}
    cache.clear()
    city, county, _ = land
    head, other = person("head", city), person("other", city)
    for number in range(2):
        invite(head, county, email=f"n{number}@example.cn")
    assert "今天发出的邀请太多了" in invite(head, county, email="n2@example.cn").content.decode()
    first = Invitation.objects.order_by("pk").first()
    again = client(head).post(f"/cms/invitations/{first.pk}/resend/", follow=True)
    assert "今天发出的邀请太多了" in again.content.decode()
    assert len(mail.outbox) == 2
    invite(other, county, email="n2@example.cn")
    assert len(mail.outbox) == 3


def test_invitations_that_wait_are_limited_and_one_taken_back_makes_room(land, monkeypatch):
    monkeypatch.setattr(invitations, "OPEN", 1)
    city, county, _ = land
    head = person("head", city)
    invite(head, county, email="n1@example.cn")
    assert "您已有 1 封邀请还没有被接受" in invite(head, county, email="n2@example.cn").content.decode()
    client(head).post(f"/cms/invitations/{Invitation.objects.get().pk}/withdraw/")
    invite(head, county, email="n2@example.cn")
    assert Invitation.objects.get().email == "n2@example.cn"


def test_invited_person_makes_an_account_on_the_way(land):
    city, county, _ = land
    invite(person("head", city), county)
    browser, here = Client(), address()
    data = {"username": "brandnew", "password1": "mj9-kkq-pw2", "password2": "mj9-kkq-pw2", "email": "", "next": here}
    assert browser.post("/accounts/signup/", data).url == here
    browser.post(here)
    new = User.objects.get(username="brandnew")
    assert new.memberships.get().institution == county
    assert new.email == "new@example.cn"


def test_link_is_not_good_after_seven_days_resending_or_withdrawing(land):
    city, county, _ = land
    head, guest = person("head", city), person("guest")
    invite(head, county)
    first, one = address(), Invitation.objects.get()
    client(head).post(f"/cms/invitations/{one.pk}/resend/")
    assert client(guest).get(first).status_code == 410
    assert client(guest).get(address()).status_code == 200
    late = timezone.now() - invitations.LIFE - dt.timedelta(minutes=1)
    one.refresh_from_db()
    old = signing.TimestampSigner(salt=invitations.SALT)
    old.timestamp = lambda: signing.b62_encode(int(late.timestamp()))
    stale = old.sign_object([one.pk, one.nonce])
    assert client(guest).get(f"/join/{stale}/").status_code == 410
    Invitation.objects.update(sent_at=late)
    assert "已过期" in client(head).get("/cms/invitations/").content.decode()
    client(head).post(f"/cms/invitations/{one.pk}/withdraw/")
    assert client(guest).post(address()).status_code == 410
    assert not guest.memberships.exists()


def test_link_is_worth_nothing_when_the_inviter_has_left(land):
    city, county, _ = land
    head = person("head", city)
    invite(head, county)
    head.memberships.all().delete()
    assert client(person("guest")).post(address()).status_code == 410


def test_forged_link_is_refused(land):
    assert Client().get("/join/abc:def:ghi/").status_code == 410


def test_invitation_stays_in_the_tree_and_below_the_own_role(land):
    city, county, other = land
    head, chief = person("head", county), person("chief", city, "reviewer")
    for institution, role in ((city, "editor"), (other, "editor"), (county, "reviewer")):
        invite(head, institution, role)
    invite(person("uploader", county, "uploader"), county)
    assert not mail.outbox
    invite(chief, county, "reviewer")
    assert Invitation.objects.get().role == "reviewer"
    stranger = client(person("stranger", other))
    assert "new@example.cn" not in stranger.get("/cms/invitations/").content.decode()
    assert stranger.post(f"/cms/invitations/{Invitation.objects.get().pk}/withdraw/").status_code == 404
    client(head).post(f"/cms/invitations/{Invitation.objects.get().pk}/withdraw/")
    assert Invitation.objects.exists()


def test_member_is_not_invited_twice(land):
    _, county, _ = land
    person("member", county, "uploader")
    answer = invite(person("head", county), county, email="MEMBER@example.cn")
    assert "已是这个机构的成员" in answer.content.decode()


def test_members_are_changed_and_removed_by_their_own_editor(land):
    city, county, other = land
    head = person("head", county)
    low, reviewer = person("low", county, "uploader"), person("reviewer", county, "reviewer")
    above, far = person("above", city), person("far", other)
    desk = client(head)
    listed = desk.get("/cms/memberships/").content.decode()
    assert "low" in listed
    assert "far" not in listed
    change = {"institution": county.pk, "role": "editor", "username": "far"}
    desk.post(f"/cms/memberships/edit/{low.memberships.get().pk}/", change)
    assert low.memberships.get().role == "editor"
    desk.post(f"/cms/memberships/edit/{low.memberships.get().pk}/", {**change, "role": "reviewer"})
    desk.post(f"/cms/memberships/edit/{low.memberships.get().pk}/", {**change, "institution": other.pk})
    assert (low.memberships.get().role, low.memberships.get().institution) == ("editor", county)
    for untouchable in (reviewer, above, far, head):
        key = untouchable.memberships.get().pk
        desk.post(f"/cms/memberships/edit/{key}/", {**change, "role": "uploader"})
        desk.post(f"/cms/memberships/delete/{key}/")
        assert untouchable.memberships.get().role != "uploader"
    desk.post("/cms/memberships/new/", {"username": "far", "institution": county.pk, "role": "editor"})
    assert far.memberships.get().institution == other
    desk.post(f"/cms/memberships/delete/{low.memberships.get().pk}/")
    assert not low.memberships.exists()


# The matrix -------------------------------------------------------------------------------------------

V, A, C, D, P = "view", "add", "change", "delete", "publish"
CELLS = {
    (Course, "uploader"): {V},
    (Course, "editor"): {V, A, C, D},
    (Course, "reviewer"): {V, C, "review", P, "lock", "unlock"},
    (Course, "teacher"): set(),
    (Course, "teacher, own"): {V, C},
    (Lesson, "uploader"): {V},
    (Lesson, "editor"): {V, A, C, D},
    (Lesson, "reviewer"): {V, C},
    (Lesson, "teacher"): set(),
    (Lesson, "teacher, own"): {V, A, C, D},
    (Teacher, "uploader"): {V},
    (Teacher, "editor"): {V, A, C, D},
    (Teacher, "reviewer"): {V},
    (Teacher, "teacher"): {V},
    (MediaAsset, "uploader"): {V, A, C},
    (MediaAsset, "editor"): {V, A, C, D},
    (MediaAsset, "reviewer"): {V},
    (MediaAsset, "teacher"): {V, A, C},
    (Upload, "uploader"): {V, A, C, D},
    (Upload, "editor"): {V, A, C, D},
    (Upload, "reviewer"): {V},
    (Upload, "teacher"): {V, A, C, D},
    (Job, "uploader"): {V},
    (Job, "editor"): {V},
    (Job, "reviewer"): {V},
    (Job, "teacher"): {V},
    (Institution, "uploader"): {V},
    (Institution, "editor"): {V},
    (Institution, "reviewer"): {V},
    (Institution, "teacher"): {V},
    **{(model, "uploader"): {V} if model is HarvestSource else set() for model in (HarvestSource, ApiToken, Webhook)},
    **{(model, "editor"): {V, A, C, D} for model in (HarvestSource, ApiToken, Webhook)},
    **{(model, "reviewer"): {V} if model is HarvestSource else set() for model in (HarvestSource, ApiToken, Webhook)},
    **{(model, "teacher"): set() for model in (HarvestSource, ApiToken, Webhook)},
    (Membership, "uploader"): set(),
    (Membership, "editor"): {V, C, D},
    (Membership, "reviewer"): {V, C, D},
    (Membership, "teacher"): set(),
}
ACTIONS = (V, A, C, D, "review", P, "lock", "unlock")


def things(institution, taught_by=None):
    asset = MediaAsset.objects.create(owner=institution.code, title="m", filename="m.mp4")
    teacher = Teacher.objects.create(name="t", institution=institution, account=taught_by)
    course = Course(institution=institution, title="c", live=False)
    course.teachers = [teacher]
    course.lessons = [Lesson(title="l", asset=asset)]
    course.save()
    upload = Upload.objects.create(
        owner=institution.code, filename="u", bytes=1, part_bytes=1, key=f"k{Upload.objects.count()}"
    )
    member, _ = User.objects.get_or_create(username=f"m-{institution.code}")
    Membership.objects.get_or_create(user=member, institution=institution, defaults={"role": "uploader"})
    kept = {"institution": institution, "address": "https://example.org/"}
    token = ApiToken(user=member, institution=institution, name="t", scopes=[])
    token.make_secret()
    token.save()
    return {
        HarvestSource: HarvestSource.objects.create(**kept), ApiToken: token,
        Webhook: Webhook.objects.create(**kept, events=[]),
        Course: course, Lesson: course.lessons.get(), Teacher: teacher, MediaAsset: asset, Upload: upload,
        Job: Job.objects.create(asset=asset), Institution: institution, Membership: member.memberships.get(),
    }  # fmt: skip


def allowed(user, item):
    """Actions that both questions of the policy allow; that they agree is asserted."""
    found = set()
    for action in ACTIONS:
        listed = policy.scope(type(item).objects.all(), user, action).filter(pk=item.pk).exists()
        assert policy.may(user, action, item) is listed, (action, item)
        found |= {action} if listed else set()
    return found


@pytest.mark.parametrize(("model", "role"), CELLS, ids=lambda value: getattr(value, "__name__", value))
def test_rights_of_each_role_in_the_own_tree_and_nowhere_else(land, model, role):
    city, county, other = land
    user = person("who", county, role.split(",")[0])
    own = things(county, user if role == "teacher, own" else None)
    cells = CELLS[model, role]
    assert allowed(user, own[model]) == cells
    assert allowed(user, things(city)[model]) == set()
    assert allowed(user, things(other, user)[model]) == set()
    above = person("above", city, role.split(",")[0])
    if role != "teacher, own":
        assert allowed(above, own[model]) == cells


def test_matrix_has_every_model_and_role():
    assert {model for model, _ in CELLS} == set(policy.ROLES)
    assert {role for _, role in CELLS} == {*Membership.Role.values, "teacher, own"}


def test_rights_of_learners_and_nobody_are_none(land):
    learner = person("learner")
    for item in things(land[1]).values():
        assert allowed(learner, item) == set()
    assert client(learner).get("/cms/").status_code == 302


def test_operator_sees_numbers_and_no_content(land):
    operator = person("operator")
    operator.groups.add(Group.objects.get(name=policy.OPERATORS_GROUP))
    own = things(land[1])
    MediaAsset.objects.update(title="秘密影片", filename="秘密影片.mp4")
    for item in own.values():
        assert allowed(operator, item) == set()
    desk = client(operator)
    page = desk.get("/cms/operations/").content.decode()
    assert "排队" in page or "等待" in page
    assert "秘密影片" not in page
    assert desk.get("/cms/").status_code == 200
    assert desk.get(f"/cms/courses/edit/{own[Course].pk}/").status_code in {302, 404}
    assert client(person("head", land[0])).get("/cms/operations/").status_code == 302


def test_teacher_sees_and_writes_only_the_own_courses(land):
    _, county, _ = land
    user = person("who", county, "teacher")
    own, others = things(county, user)[Course], things(county)[Course]
    desk = client(user)
    assert desk.get(f"/cms/courses/edit/{own.pk}/").status_code == 200
    assert desk.get(f"/cms/courses/edit/{others.pk}/").status_code == 404
    assert desk.get("/cms/").status_code == 200
