"""The log of deeds: one JSON line for each, with who, what, whose, from where and the number of the request."""

import io
import json
import logging

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.test import Client

from accounts import leaving
from accounts.models import User
from catalog.models import ApiToken, Course, Institution, Membership
from config.logs import JsonFormatter, Numbered
from tests.accounts.test_second_factor import code_of

pytestmark = pytest.mark.django_db
NUMBER = "from-nginx-0123456789"
PASSWORD = "open-sesame-9"


@pytest.fixture(autouse=True)
def _nothing_counted():
    cache.clear()


@pytest.fixture
def deeds():
    """A call that gives the deeds so far, and forgets them."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(JsonFormatter())
    handler.addFilter(Numbered())
    logger = logging.getLogger("wenlan.audit")
    logger.addHandler(handler)

    def told() -> list[dict]:
        lines = [json.loads(line) for line in out.getvalue().splitlines()]
        out.seek(0)
        out.truncate()
        return lines

    yield told
    logger.removeHandler(handler)


@pytest.fixture
def lin(deeds) -> User:
    person = User.objects.create_user("lin", "lin@example.org", PASSWORD)
    deeds()
    return person


@pytest.fixture
def chief(deeds) -> Client:
    client = Client(headers={"X-Request-ID": NUMBER})
    client.force_login(User.objects.create_superuser("chief", "chief@example.org", PASSWORD))
    deeds()
    return client


def test_signing_in_and_out(lin, deeds, settings):
    settings.ALLAUTH_TRUSTED_CLIENT_IP_HEADER = "X-Real-IP"
    reader = Client(headers={"X-Request-ID": NUMBER, "X-Real-IP": "203.0.113.7"})
    reader.post("/accounts/login/", {"login": "lin", "password": PASSWORD})
    reader.post("/accounts/logout/")
    lines = deeds()
    assert [line["message"] for line in lines] == ["sign-in", "sign-out"]
    for line in lines:
        assert (line["logger"], line["level"], line["request_id"]) == ("wenlan.audit", "info", NUMBER)
        assert (line["who"], line["what"], line["from"]) == ("lin", f"accounts.user {lin.pk}", "203.0.113.7")


@pytest.mark.parametrize("path", ["/accounts/login/", "/cms/login/"])
def test_who_could_not_be_signed_in_is_named_only_when_there_is_such_a_name(path, lin, deeds):
    field = "login" if path.startswith("/accounts") else "username"
    for name in ("lin", "my-password-in-the-wrong-field"):
        Client().post(path, {field: name, "password": "wrong"})
    known, unknown = [line for line in deeds() if line["message"] == "sign-in-failed"]
    assert (known["what"], known["who"]) == (f"accounts.user {lin.pk}", "-")
    assert "what" not in unknown
    assert "my-password" not in json.dumps(unknown)


def test_second_factors(lin, deeds, django_capture_on_commit_callbacks):
    reader = Client()
    reader.post("/accounts/login/", {"login": "lin", "password": PASSWORD})
    reader.post("/accounts/reauthenticate/", {"password": PASSWORD, "next": "/accounts/2fa/totp/activate/"})
    secret = reader.get("/accounts/2fa/totp/activate/").context["form"].secret
    with django_capture_on_commit_callbacks(execute=True):
        reader.post("/accounts/2fa/totp/activate/", {"code": code_of(secret)})
    cache.clear()  # a code is good once
    reader.post("/accounts/2fa/totp/deactivate/")
    assert not Authenticator.objects.filter(user=lin).exists()
    lines = deeds()
    told = [(line["message"], line["kind"], line["who"]) for line in lines if line["message"].startswith("second")]
    assert ("second-factor-added", "totp", "lin") in told
    assert ("second-factor-removed", "totp", "lin") in told
    assert secret not in json.dumps(lines)


def test_rights_and_memberships(lin, deeds):
    house = Institution.add_root(code="town", name="馆")
    group = Group.objects.create(name="组")
    lin.groups.add(group)
    lin.groups.add(group)
    lin.groups.remove(group)
    member = Membership.objects.create(user=lin, institution=house, role="reviewer")
    member.role = "editor"
    member.save()
    member.delete()
    told = [(line["message"], line.get("rights"), line.get("whose")) for line in deeds()]
    named = [one for one in told if one[0].startswith("membership") or one[1] == ["组"]]
    assert named == [
        ("rights-given", ["组"], None),
        ("rights-taken", ["组"], None),
        ("membership-made", None, "town"),
        ("membership-changed", None, "town"),
        ("membership-removed", None, "town"),
    ]


def test_persons(lin, deeds):
    leaving.heir()
    deeds()
    person = User.objects.get(pk=lin.pk)
    person.is_superuser = True
    person.save()
    person.display_name = "林"
    person.save()
    person.set_password("another-word-9")
    person.save()
    person.delete()
    told = [(line["message"], line.get("fields")) for line in deeds()]
    assert told == [
        ("person-changed", ["is_superuser"]),
        ("person-changed", ["password"]),
        ("person-removed", None),
    ]


def test_tokens_are_made_and_revoked_at_the_desk(chief, deeds):
    house = Institution.add_root(code="town", name="馆")
    token = ApiToken(user=User.objects.get(username="chief"), institution=house, name="一", scopes=["upload"])
    secret = token.make_secret()
    token.save()
    deeds()
    chief.post(f"/cms/tokens/delete/{token.pk}/")
    (line,) = [line for line in deeds() if line["message"].startswith(("token", "wagtail"))]
    assert (line["message"], line["who"], line["whose"], line["scopes"]) == (
        "token-removed",
        "chief",
        "town",
        ["upload"],
    )
    assert line["request_id"] == NUMBER
    assert secret not in json.dumps(line)


def test_courses_are_published_withdrawn_and_removed(chief, deeds):
    house = Institution.add_root(code="town", name="馆")
    course = Course.objects.create(institution=house, kind="reading", title="课", description="字", licence="cc-by")
    deeds()
    person = User.objects.get(username="chief")
    course.publish(course.save_revision(user=person), user=person)
    chief.post(f"/cms/courses/unpublish/{course.pk}/")
    chief.post(f"/cms/courses/delete/{course.pk}/")
    kept = ("wagtail.publish", "wagtail.unpublish", "wagtail.delete")
    told = [(line["message"], line["who"], line["what"], line["whose"]) for line in deeds() if line["message"] in kept]
    assert told == [(deed, "chief", f"catalog.course {course.pk}", "town") for deed in kept]


def test_data_that_leaves_the_desk(chief, deeds):
    answer = chief.get("/cms/courses/", {"export": "csv"})
    assert answer.status_code == 200
    (line,) = [line for line in deeds() if line["message"] == "export"]
    assert line["who"] == "chief"
    assert line["what"].endswith(".csv")
