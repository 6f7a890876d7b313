"""How often one may try: signing in by both doors, and uploads; what is said then; whose address counts."""

import pytest
from django.core.cache import cache

from accounts import limits
from accounts.models import User
from catalog.models import Institution, Membership

WRONG = 5  # of "login_failed", by name


@pytest.fixture(autouse=True)
def _nothing_counted(db):
    cache.clear()
    yield
    cache.clear()


def tries(client, door: str, name: str, password: str, **headers: str):
    field = "login" if door == "/accounts/login/" else "username"
    return client.post(door, {field: name, "password": password}, **headers)


@pytest.mark.parametrize("door", ["/accounts/login/", "/cms/login/"])
def test_guessing_a_password_ends_even_with_the_right_one(client, door):
    User.objects.create_user("zhang", password="right-and-long")
    for _ in range(WRONG):
        assert tries(client, door, "zhang", "wrong").status_code == 200
    assert tries(client, door, "zhang", "right-and-long").status_code == 200
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize("door", ["/accounts/login/", "/cms/login/"])
def test_one_slip_does_not_matter_and_others_are_not_shut_out(client, door):
    User.objects.create_superuser("zhang", password="right-and-long")
    User.objects.create_superuser("li", password="right-and-long")
    for _ in range(WRONG):
        tries(client, door, "li", "wrong")
    tries(client, door, "zhang", "wrong")
    assert tries(client, door, "zhang", "right-and-long").status_code == 302
    assert "_auth_user_id" in client.session


def test_both_doors_count_together(client):
    User.objects.create_superuser("zhang", password="right-and-long")
    for number in range(WRONG):
        tries(client, ["/accounts/login/", "/cms/login/"][number % 2], "zhang", "wrong")
    tries(client, "/cms/login/", "zhang", "right-and-long")
    assert "_auth_user_id" not in client.session


def test_too_many_sign_ins_of_one_address_are_a_page_with_retry_after(client, settings):
    settings.ACCOUNT_RATE_LIMITS = {**limits.RATES, "login": "2/m/ip"}
    answers = [tries(client, "/accounts/login/", f"p{n}", "x") for n in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[2].headers["Retry-After"]) > 0
    assert "歇一会儿" in answers[2].content.decode()


def test_the_address_is_the_front_servers_word_where_one_is_trusted(client, settings):
    settings.ACCOUNT_RATE_LIMITS = {**limits.RATES, "login": "1/m/ip"}
    forged = [tries(client, "/accounts/login/", f"p{n}", "x", HTTP_X_FORWARDED_FOR=f"203.0.113.{n}") for n in range(2)]
    assert [answer.status_code for answer in forged] == [200, 429]
    settings.ALLAUTH_TRUSTED_CLIENT_IP_HEADER = "X-Real-IP"
    told = [tries(client, "/accounts/login/", f"q{n}", "x", HTTP_X_REAL_IP=f"203.0.113.{n}") for n in (1, 2, 1)]
    assert [answer.status_code for answer in told] == [200, 200, 429]


def test_beginning_uploads_without_end_is_refused_in_json_for_that_person_alone(client, settings):
    settings.ACCOUNT_RATE_LIMITS = {**limits.RATES, "upload": "1/m/user"}
    house = Institution.add_root(code="hz", name="杭州馆")
    answers = []
    for name in ("zhang", "li"):
        person = User.objects.create_user(name)
        Membership.objects.create(user=person, institution=house, role=Membership.Role.EDITOR)
        client.force_login(person)
        body = {"filename": "a.mp4", "bytes": 1000, "fingerprint": name}
        answers += [client.post("/api/v1/uploads", body, content_type="application/json") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429, 200, 429]
    assert answers[1].json()["code"] == "too-many"
    assert int(answers[1].headers["Retry-After"]) > 0
