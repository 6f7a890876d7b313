"""Uploads over HTTP: the whole way of a browser, and nobody else's uploads."""

import json

import pytest

from accounts.models import User
from catalog.models import Institution, Membership
from media_pipeline import storage
from media_pipeline.models import MediaAsset, Upload
from tests.media_pipeline.parts import crc, mp4_bytes

pytestmark = pytest.mark.django_db
API = "/api/v1"


@pytest.fixture(autouse=True)
def directory(settings, tmp_path):
    settings.STORAGE_URL, settings.MEDIA_STORE_DIR = "", tmp_path / "media"
    storage.store().prepare([])


def member(client, code: str, role: str = "uploader") -> Institution:
    """Sign a person of a new institution in; the institution."""
    place = Institution.add_root(code=code, name=f"机构{code}")
    user = User.objects.create_user(f"u-{code}")
    Membership.objects.create(user=user, institution=place, role=role)
    client.force_login(user)
    return place


def ask(client, method: str, path: str, body=None):
    return client.generic(method, f"{API}{path}", json.dumps(body) if body else "", content_type="application/json")


def begin(client, data: bytes, **more):
    return ask(client, "POST", "/uploads", {"filename": "片.mp4", "bytes": len(data), "fingerprint": "f"} | more)


def test_upload_goes_all_the_way(client):
    member(client, "a")
    data = mp4_bytes(3000)
    upload = begin(client, data).json()
    assert (upload["state"], upload["institution"], upload["parts"]) == ("open", "a", [])
    signed = ask(client, "POST", f"/uploads/{upload['uid']}/parts", {"number": 1, "crc32": crc(data)}).json()
    assert client.put(signed["url"], data, content_type="application/octet-stream").json() == {
        "number": 1,
        "bytes": 3000,
        "crc32": crc(data),
    }
    assert [part["number"] for part in ask(client, "GET", f"/uploads/{upload['uid']}").json()["parts"]] == [1]
    done = ask(client, "POST", f"/uploads/{upload['uid']}/complete")
    assert (done.status_code, done.json()["uid"], done.json()["state"]) == (200, upload["uid"], "received")
    told = ask(client, "GET", f"/assets/{upload['uid']}").json()
    assert (told["title"], told["progress"], told["state_label"]) == ("片", 0.0, "已收到")
    again = begin(client, data).json()
    assert (again["state"], again["asset"]) == ("complete", upload["uid"])


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"filename": "a.exe", "bytes": 5}, 422, "unknown-type"),
        ({"filename": "a.mp4", "bytes": 0}, 422, "empty"),
        ({"filename": "a.mp4", "bytes": 10**15}, 422, "too-large"),
        ({"filename": "a.mp4", "bytes": 500, "head": "JVBERi0xLjQK"}, 422, "wrong-extension"),
        ({"filename": "a.mp4", "bytes": 500, "head": "???"}, 422, "bad-head"),
        ({"filename": "a.mp4", "bytes": "many"}, 422, "invalid"),
        ({"filename": "a.mp4"}, 422, "invalid"),
        ({"filename": "a.mp4", "bytes": 5, "institution": "nobody"}, 404, "not-found"),
    ],
)
def test_what_cannot_be_uploaded_is_refused_at_once(client, body, status, code):
    member(client, "a")
    answer = ask(client, "POST", "/uploads", body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["message"]
    assert not Upload.objects.exists()


def test_completing_too_early_names_what_is_missing(client):
    member(client, "a")
    upload = begin(client, mp4_bytes(3000)).json()
    answer = ask(client, "POST", f"/uploads/{upload['uid']}/complete")
    assert (answer.status_code, answer.json()["code"], answer.json()["missing"]) == (409, "incomplete", [1])


def test_cancelled_upload_takes_no_more_parts(client):
    member(client, "a")
    upload = begin(client, mp4_bytes(3000)).json()
    assert ask(client, "DELETE", f"/uploads/{upload['uid']}").status_code == 204
    answer = ask(client, "POST", f"/uploads/{upload['uid']}/parts", {"number": 1, "crc32": crc(b"")})
    assert (answer.status_code, answer.json()["code"]) == (409, "upload-closed")


def test_nothing_of_another_institution_is_there(client):
    theirs = member(client, "theirs")
    upload = begin(client, mp4_bytes(3000)).json()
    asset = MediaAsset.objects.create(owner=theirs.code, title="t", filename="f")
    assert ask(client, "GET", f"/assets/{asset.uid}").status_code == 200
    member(client, "mine")
    path = f"/uploads/{upload['uid']}"
    answers = [
        ask(client, "GET", path),
        ask(client, "POST", f"{path}/parts", {"number": 1, "crc32": crc(b"")}),
        ask(client, "POST", f"{path}/complete"),
        ask(client, "DELETE", path),
        ask(client, "GET", f"/assets/{asset.uid}"),
        begin(client, mp4_bytes(3000), institution="theirs"),
    ]
    assert [answer.status_code for answer in answers] == [404] * 6
    assert ask(client, "GET", "/uploads").json() == []
    assert Upload.objects.get().state == "open"


def test_waiting_uploads_are_listed_for_their_owner(client):
    member(client, "a")
    upload = begin(client, mp4_bytes(3000)).json()
    assert [one["uid"] for one in ask(client, "GET", "/uploads").json()] == [upload["uid"]]


def test_reviewer_may_look_but_not_send(client):
    member(client, "a", role="reviewer")
    assert begin(client, mp4_bytes(3000), institution="a").status_code == 404


def test_person_of_two_institutions_must_choose(client):
    member(client, "a")
    user = User.objects.get()
    Membership.objects.create(user=user, institution=Institution.add_root(code="b", name="b"), role="uploader")
    assert begin(client, mp4_bytes(9)).json()["code"] == "no-institution"
    assert begin(client, mp4_bytes(9), institution="b").json()["institution"] == "b"


def test_stranger_is_asked_to_sign_in(client):
    answer = begin(client, mp4_bytes(9))
    assert (answer.status_code, answer.json()["code"]) == (401, "not-signed-in")


def test_session_alone_is_not_enough_without_the_form_token(client):
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    member(strict, "a")
    answer = begin(strict, mp4_bytes(9))
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf")
