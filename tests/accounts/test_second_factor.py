"""The second factor of the desk: set up, given, asked on every address, and asked of nobody else."""

from functools import reduce
from uuid import UUID

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client

from accounts import second_factor
from accounts.models import User
from catalog.machines import ApiToken
from catalog.models import Institution, Membership
from cms import setup
from config.api import api
from tests.cms.walk import addresses

pytestmark = pytest.mark.django_db
PASSWORD = "mj9-kkq-pw2"


@pytest.fixture(autouse=True)
def asked(settings):
    settings.STAFF_SECOND_FACTOR = True
    setup.ensure_everything()
    cache.clear()


@pytest.fixture
def editor():
    user = User.objects.create_user("editor", "editor@example.cn", PASSWORD)
    user.groups.add(Group.objects.get(name="编辑中心"))
    return user


def signed_in(name="editor") -> Client:
    client = Client()
    client.post("/accounts/login/", {"login": name, "password": PASSWORD})
    return client


def code_of(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))


def set_up(client: Client) -> str:
    here = "/accounts/2fa/totp/activate/"
    assert client.post("/accounts/reauthenticate/", {"password": PASSWORD, "next": here}).url == here
    page = client.get(here)
    secret = page.context["form"].secret
    assert "data:image/svg+xml" in page.content.decode()
    answer = client.post("/accounts/2fa/totp/activate/", {"code": code_of(secret)})
    assert answer.status_code == 302
    cache.clear()  # a code is good once; the test has no half minute to wait
    return secret


@pytest.mark.django_db(transaction=True)
def test_desk_asks_to_set_it_up_and_opens_with_the_first_code(editor):
    client = signed_in()
    assert client.get("/cms/").url == "/accounts/2fa/totp/activate/?next=%2Fcms%2F"
    set_up(client)
    assert client.get("/cms/").status_code == 200
    assert "<code>" in client.get("/accounts/2fa/recovery-codes/").content.decode()


def test_setting_it_up_asks_for_the_password_once_more(editor):
    answer = signed_in().get("/accounts/2fa/totp/activate/", follow=True)
    assert "请再输入一次密码" in answer.content.decode()


def test_desk_asks_for_the_code_in_each_session(editor, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        secret = set_up(signed_in())
    client = Client()
    client.force_login(editor)
    assert client.get("/cms/courses/").url == "/accounts/2fa/reauthenticate/?next=%2Fcms%2Fcourses%2F"
    data = {"code": "000000", "next": "/cms/courses/"}
    assert client.post("/accounts/2fa/reauthenticate/", data).status_code == 200
    assert client.get("/cms/").status_code == 302
    assert client.post("/accounts/2fa/reauthenticate/", {**data, "code": code_of(secret)}).url == "/cms/courses/"
    assert client.get("/cms/courses/").status_code == 200


def test_sign_in_asks_and_a_recovery_code_is_good_once(editor, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        set_up(signed_in())
    recovery = Authenticator.objects.get(user=editor, type="recovery_codes").wrap().get_unused_codes()[0]
    client = signed_in()
    assert "恢复码" in client.get("/accounts/2fa/authenticate/").content.decode()
    assert client.get("/cms/").url.startswith("/cms/login/")
    client.post("/accounts/2fa/authenticate/", {"code": recovery})
    assert client.get("/cms/").status_code == 200
    again = signed_in()
    again.post("/accounts/2fa/authenticate/", {"code": recovery})
    assert again.get("/cms/").status_code == 302


def test_every_address_of_the_desk_asks(editor):
    client = signed_in()
    open_ones = []
    for address in addresses():
        if not address.route.startswith("cms/") or address.keys or set(address.route) & set("(^*"):
            continue
        if address.name in {"wagtailadmin_login", "wagtailadmin_logout"}:
            continue
        answer = client.get(f"/{address.route}")
        if not (answer.status_code == 302 and "/2fa/" in answer.url):
            open_ones.append(address.route)
    assert open_ones == []


def calls_of_the_desk() -> list[tuple[str, str]]:
    """Method and address of every call that names a scope, and so works for people of the desk."""
    some = {"{uid}": str(UUID(int=1)), "{course_id}": "1", "{number}": "1"}
    found = []
    for path, calls in api.get_openapi_schema()["paths"].items():
        filled = reduce(lambda done, pair: done.replace(*pair), some.items(), path)
        desk = [method for method, call in calls.items() if {"TokenAuth": []} in call.get("security", [])]
        found += [(method.upper(), filled) for method in desk]
    return found


def test_calls_of_the_desk_ask_and_those_of_learners_do_not(editor):
    client = signed_in()
    assert "/api/v1/uploads" in {path for _method, path in calls_of_the_desk()}
    for method, path in calls_of_the_desk():
        answer = client.generic(method, path, "{}", content_type="application/json")
        assert (answer.status_code, answer.json()["code"]) == (403, "second-factor"), (method, path)
    assert client.get("/api/v1/progress").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_session_with_a_second_factor_and_a_token_may_call(editor):
    house = Institution.add_root(code="town", name="谷城县文化馆")
    Membership.objects.create(user=editor, institution=house, role="editor")
    token = ApiToken(user=editor, institution=house, name="馆藏系统", scopes=["courses:read"])
    secret = token.make_secret()
    token.save()
    assert Client(headers={"Authorization": f"Bearer {secret}"}).get("/api/v1/deposits").status_code == 200
    client = signed_in()
    assert client.get("/api/v1/deposits").status_code == 403
    set_up(client)
    assert client.get("/api/v1/deposits").status_code == 200


def test_learner_without_a_desk_is_told_of_rights_not_of_a_second_factor(editor):
    User.objects.create_user("learner", "learner@example.cn", PASSWORD)
    answer = signed_in("learner").get("/api/v1/deposits")
    assert (answer.status_code, answer.json()["items"]) == (200, [])


def test_learners_are_not_asked(editor):
    User.objects.create_user("learner", "learner@example.cn", PASSWORD)
    client = signed_in("learner")
    assert client.get("/").status_code == 200
    assert client.get("/cms/").url.startswith("/cms/login/")


def test_nobody_is_asked_where_it_is_off(editor, settings):
    settings.STAFF_SECOND_FACTOR = False
    assert signed_in().get("/cms/").status_code == 200


def test_secret_is_not_readable_in_the_database(editor, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        secret = set_up(signed_in())
    stored = Authenticator.objects.get(user=editor, type="totp").data["secret"]
    assert secret not in stored
    assert second_factor.Adapter().decrypt(stored) == secret


def test_sign_in_takes_the_address_too(editor, settings):
    settings.STAFF_SECOND_FACTOR = False
    assert signed_in("editor@example.cn").get("/cms/").status_code == 200


def test_second_factors_outlive_the_key_they_were_written_with(editor, settings, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        secret = set_up(signed_in())
    row = Authenticator.objects.get(type=Authenticator.Type.TOTP)
    old, settings.SECRET_KEY = settings.SECRET_KEY, "another-key"
    with pytest.raises(CommandError, match="SECRET_KEY_FALLBACKS"):
        call_command("renew_second_factors")
    settings.SECRET_KEY_FALLBACKS = [old]
    assert second_factor.Adapter().decrypt(row.data["secret"]) == secret
    call_command("renew_second_factors")
    settings.SECRET_KEY_FALLBACKS = []
    row.refresh_from_db()
    assert second_factor.Adapter().decrypt(row.data["secret"]) == secret
    codes = Authenticator.objects.get(type=Authenticator.Type.RECOVERY_CODES)
    assert second_factor.Adapter().decrypt(codes.data["seed"])
