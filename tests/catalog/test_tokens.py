"""Tokens of machines: at most what the person may do, at that institution, and no longer than the membership."""

import datetime as dt
import json
import re

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from catalog.machines import ApiToken, Webhook, hash_of
from catalog.models import Institution, Membership
from cms import setup

pytestmark = pytest.mark.django_db
UPLOAD = {"filename": "片.mp4", "bytes": 3000}


def make_token(institution, role="editor", scopes=("upload",), **more) -> str:
    user = User.objects.create_user(f"u{User.objects.count()}")
    Membership.objects.create(user=user, institution=institution, role=role)
    token = ApiToken(user=user, institution=institution, name="馆藏系统", scopes=list(scopes), **more)
    secret = token.make_secret()
    token.save()
    return secret


def call(secret: str, path: str = "/uploads", body=UPLOAD, method: str = "POST"):
    client = Client(enforce_csrf_checks=True, headers={"Authorization": f"Bearer {secret}"})
    return client.generic(method, f"/api/v1{path}", json.dumps(body), content_type="application/json")


def test_token_uploads_without_csrf_and_notes_the_day(town):
    answer = call(make_token(town))
    assert (answer.status_code, answer.json()["institution"]) == (200, "town")
    assert ApiToken.objects.get().last_used == timezone.localdate()


def test_only_the_hash_is_kept(town):
    secret = make_token(town)
    token = ApiToken.objects.get()
    assert secret.startswith("wl_")
    assert token.secret_hash == hash_of(secret)
    assert secret not in str(ApiToken.objects.values().get())


@pytest.mark.parametrize(
    ("made", "status", "code"),
    [
        ({"expires": dt.date(2020, 1, 1)}, 401, "token-expired"),
        ({"scopes": ("courses:read",)}, 403, "scope"),
        ({"role": "reviewer"}, 422, "no-institution"),
    ],
)
def test_token_that_is_too_little_is_refused_with_words(town, made, status, code):
    answer = call(make_token(town, **made))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    if code == "scope":
        assert "upload" in answer.json()["message"]


def test_unknown_token_opens_nothing_even_beside_a_session(town):
    make_token(town)
    client = Client()
    client.force_login(User.objects.get())
    answer = client.post("/api/v1/uploads", UPLOAD, "application/json", headers={"Authorization": "Bearer wl_x"})
    assert (answer.status_code, answer.json()["code"]) == (401, "token-unknown")


def test_token_dies_with_the_membership(town):
    secret = make_token(town)
    Membership.objects.all().delete()
    assert call(secret).json()["code"] == "token-dead"


def test_token_dies_with_the_account(town):
    secret = make_token(town)
    User.objects.update(is_active=False)
    assert call(secret).status_code == 401


def test_token_is_bound_to_its_institution_also_for_people_of_several(town, city):
    secret = make_token(town)
    Membership.objects.create(user=User.objects.get(), institution=city, role="editor")
    assert call(secret, body=UPLOAD | {"institution": "city"}).status_code == 404
    assert call(secret).json()["institution"] == "town"


def test_token_of_a_central_editor_is_not_central(town, city):
    setup.ensure_everything()
    secret = make_token(town)
    User.objects.get().groups.add(Group.objects.get(name="编辑中心"))
    assert call(secret, body=UPLOAD | {"institution": "city"}).status_code == 404


def test_editor_makes_a_token_in_the_desk_and_revokes_it(client, town, city):
    setup.ensure_everything()
    user = User.objects.create_user("e")
    Membership.objects.create(user=user, institution=town, role="editor")
    client.force_login(user)
    assert "selected>谷城县文化馆</option>" in client.get("/cms/tokens/new/").content.decode()
    form = {"name": "馆藏", "institution": town.pk, "scopes": ["upload", "courses:read"]}
    page = client.post("/cms/tokens/new/", form, follow=True)
    secret = re.search(r"wl_[\w-]{43}", page.content.decode()).group()
    assert secret not in client.get("/cms/tokens/").content.decode()
    assert call(secret).status_code == 200
    token = ApiToken.objects.get()
    assert client.post("/cms/tokens/new/", form | {"institution": city.pk}).status_code == 200
    assert ApiToken.objects.count() == 1
    client.post(f"/cms/tokens/edit/{token.pk}/", {"name": "新名", "scopes": ["courses:write"]})
    token.refresh_from_db()
    assert (token.name, token.scopes) == ("新名", ["upload", "courses:read"])
    client.post(f"/cms/tokens/delete/{token.pk}/")
    assert call(secret).status_code == 401


def test_uploader_makes_no_tokens(client, town):
    setup.ensure_everything()
    user = User.objects.create_user("u")
    Membership.objects.create(user=user, institution=town, role="uploader")
    client.force_login(user)
    form = {"name": "x", "institution": town.pk, "scopes": ["upload"]}
    client.post("/cms/tokens/new/", form)
    assert not ApiToken.objects.exists()
    assert Institution.objects.count() == 1


@pytest.mark.parametrize("page", ["/cms/tokens/", "/cms/webhooks/"])
def test_lists_ask_as_often_for_many_as_for_one(client, town, page, django_assert_num_queries):
    setup.ensure_everything()
    make_token(town)
    Webhook.objects.create(institution=town, address="https://a.cn/")
    client.force_login(User.objects.get())
    client.get(page)
    with CaptureQueriesContext(connection) as one:
        client.get(page)
    for number in range(5):
        make_token(town)
        Webhook.objects.create(institution=town, address=f"https://a.cn/{number}")
    with django_assert_num_queries(len(one)):
        assert client.get(page).status_code == 200
