"""Walked in a process of its own, for addresses and forms of accounts are made for a gateway when the site starts."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.core.cache import cache
from django.test import Client

from accounts.models import User

pytestmark = pytest.mark.django_db
OURS, AS_WRITTEN = "+8613800138000", "138 0013 8000"
SECRET = "jiang-xin-du-yuan-7"


@pytest.fixture
def gateway(settings):
    """A gateway of short messages: what it was ``sent``; it refuses while ``status`` says so. Nobody has asked yet."""
    cache.clear()

    class Gateway(BaseHTTPRequestHandler):
        sent: list = []
        status = 202

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if Gateway.status == 202:
                Gateway.sent.append((self.headers["Authorization"], body["phone"], body["text"]))
            self.send_response(Gateway.status)
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Gateway)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.SMS_URL, settings.SMS_TOKEN = f"http://127.0.0.1:{server.server_port}/", "t"
    yield Gateway
    server.shutdown()


def code_of(gateway) -> str:
    bearer, phone, text = gateway.sent[-1]
    assert (bearer, phone) == ("Bearer t", OURS)
    return re.search(r"\d{6}", text).group()


def sign_up(client) -> None:
    form = {"phone": AS_WRITTEN, "password1": SECRET, "password2": SECRET}
    assert client.post("/accounts/signup/", form).status_code == 302


def test_person_signs_up_by_phone_and_comes_back_by_code_or_password(client, gateway):
    sign_up(client)
    assert "_auth_user_id" not in client.session
    page = client.get("/accounts/phone/verify/").content.decode()
    assert OURS in page
    assert 'class="slipform"' in page
    client.post("/accounts/phone/verify/", {"code": code_of(gateway)})
    user = User.objects.get(phone=OURS)
    assert user.phone_confirmed
    assert client.session["_auth_user_id"] == str(user.pk)
    client.logout()
    client.post("/accounts/login/code/", {"phone": AS_WRITTEN})
    client.post("/accounts/login/code/confirm/", {"code": code_of(gateway)})
    assert client.session["_auth_user_id"] == str(user.pk)
    client.logout()
    client.post("/accounts/login/", {"login": "13800138000", "password": SECRET})
    assert client.session["_auth_user_id"] == str(user.pk)


def test_wrong_code_opens_nothing(client, gateway):
    sign_up(client)
    wrong = f"{(int(code_of(gateway)) + 1) % 1_000_000:06}"
    client.post("/accounts/phone/verify/", {"code": wrong})
    assert "_auth_user_id" not in client.session
    assert not User.objects.filter(phone_confirmed=True).exists()


def test_number_that_nobody_has_is_told_by_message_not_by_page(gateway):
    known = User.objects.create_user("a", phone="+8613900139000", phone_confirmed=True)
    asked = (Client().post("/accounts/login/code/", {"phone": one}) for one in (known.phone, AS_WRITTEN))
    pages = [answer.status_code for answer in asked]
    assert pages == [302, 302]
    assert "还没有账号" in gateway.sent[-1][2]


def test_number_written_down_by_another_is_theirs_who_confirm_it(client, gateway):
    squatter = User.objects.create_user("squatter", phone=OURS)
    sign_up(client)
    client.post("/accounts/phone/verify/", {"code": code_of(gateway)})
    squatter.refresh_from_db()
    assert squatter.phone is None
    assert User.objects.get(phone=OURS).phone_confirmed


def test_account_without_a_number_stays_good_but_none_begins_so(client, gateway):
    old = User.objects.create_user("old", password=SECRET)
    client.post("/accounts/login/", {"login": "old", "password": SECRET})
    assert client.session["_auth_user_id"] == str(old.pk)
    client.logout()
    assert client.post("/accounts/signup/", {"password1": SECRET, "password2": SECRET}).status_code == 200
    assert User.objects.count() == 1


def test_bad_number_is_refused_with_words(client, gateway):
    answer = client.post("/accounts/signup/", {"phone": "12345", "password1": SECRET, "password2": SECRET})
    assert "请写 11 位手机号" in answer.content.decode()
    assert gateway.sent == []


def test_gateway_that_fails_is_said_and_nobody_sees_a_traceback(client, gateway):
    gateway.status = 500
    form = {"phone": AS_WRITTEN, "password1": SECRET, "password2": SECRET}
    page = client.post("/accounts/signup/", form, follow=True).content.decode()
    assert "短信没有发出去" in page


def test_message_after_message_is_refused_with_a_page(client, gateway):
    sign_up(client)
    again = client.post("/accounts/phone/verify/", {"action": "resend"}, follow=True)
    assert again.status_code in {200, 429}
    form = {"phone": AS_WRITTEN, "password1": SECRET, "password2": SECRET}
    assert Client().post("/accounts/signup/", form).status_code == 429
    assert len(gateway.sent) == 1
