"""Headers of every answer, errors without tracebacks, log lines for machines."""

import json
import logging
import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.test import RequestFactory

from config import errors
from config.logs import JsonFormatter
from config.middleware import KEPT
from config.security import NO_PAGE, policy, store_origin


def rules(value: str) -> dict[str, str]:
    return dict(rule.split(" ", 1) for rule in value.split("; "))


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/nothing-here/", "/accounts/login/"])
def test_public_pages_run_only_files_of_our_own(client, path):
    public = rules(client.get(path).headers["Content-Security-Policy"])
    assert public["default-src"] == public["base-uri"] == "'none'"
    assert public["script-src"] == "testserver/static/", "not 'self': uploads are served from this host too"
    assert "unsafe" not in " ".join(public.values())
    assert public["frame-ancestors"] == "'self'"
    assert public["require-trusted-types-for"] == "'script'"


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/cms/login/", "/api/v1/docs"])
def test_the_desk_runs_no_script_within_its_markup(client, path):
    desk = rules(client.get(path).headers["Content-Security-Policy"])
    assert desk["script-src"] == "testserver/static/ testserver/cms/jsi18n/"
    assert desk["default-src"] == desk["base-uri"] == "'none'"


@pytest.mark.django_db
def test_what_machines_read_is_never_a_page(client):
    assert client.get("/api/v1/courses").headers["Content-Security-Policy"] == NO_PAGE


@pytest.mark.django_db
def test_a_host_without_a_source_expression_of_its_own(client, settings):
    settings.ALLOWED_HOSTS = ["[::1]"]
    page = rules(client.get("/nothing-here/", headers={"Host": "[::1]:8000"}).headers["Content-Security-Policy"])
    assert page["script-src"] == page["worker-src"] == "'self'"


@pytest.mark.django_db
def test_who_asks_for_a_host_that_is_not_ours_does_not_write_our_policy(client):
    answer = client.get("/nothing-here/", headers={"Host": "evil.example; script-src *"})
    assert (answer.status_code, answer.headers["Content-Security-Policy"]) == (400, NO_PAGE)


@pytest.mark.django_db
def test_answers_carry_the_other_headers(client):
    headers = client.get("/nothing-here/").headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "SAMEORIGIN"
    assert headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
    assert headers["Cross-Origin-Opener-Policy"] == headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.django_db
def test_pictures_may_stand_elsewhere_and_pages_of_ours_may_be_read_here_only(client):
    assert "Cross-Origin-Resource-Policy" not in client.get("/icon.svg").headers
    assert client.get("/api/v1/courses").headers["Cross-Origin-Resource-Policy"] == "same-origin"


COOKIES = """
import django; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django.test import Client
from accounts.models import User
User.objects.create_user("lin", password="open-sesame-9")
reader = Client(headers={"Host": "wenlan.example.cn"})
secure = {"secure": True}
reader.get("/language/en/", {"next": "/help/"}, **secure)
reader.get("/look/mode/senior/", {"next": "/help/"}, **secure)
reader.get("/accounts/login/", **secure)
reader.post("/accounts/login/", {"login": "lin", "password": "open-sesame-9"}, **secure)
for cookie in reader.cookies.values():
    print(cookie.OutputString())
print(reader.get("/help/", **secure).headers["Strict-Transport-Security"])
"""


def test_cookies_of_a_site_with_https_are_out_of_reach(tmp_path):
    env = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "PUBLIC_URL": "https://wenlan.example.cn",
        "ALLOWED_HOSTS": "wenlan.example.cn",
        "WENLAN_VAR": str(tmp_path),
        "STATIC_ROOT": str(tmp_path),
    }
    done = subprocess.run([sys.executable, "-c", COOKIES], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    *cookies, transport = done.stdout.splitlines()
    names = {cookie.partition("=")[0] for cookie in cookies}
    assert {"__Host-sessionid", "__Host-csrftoken", "django_language", "wenlan_look"} <= names
    for cookie in cookies:
        assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; ")), cookie
    assert transport == "max-age=31536000"


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("", ""),
        ("s3://wenlan?endpoint=http://127.0.0.1:7070", "http://127.0.0.1:7070"),
        ("s3://wenlan?endpoint=http://store:7070&public=https://media.example.cn/x", "https://media.example.cn"),
        ("s3://wenlan", "https://*.amazonaws.com"),
    ],
)
def test_the_store_is_allowed_where_browsers_reach_it(url, origin):
    assert store_origin(url) == origin
    assert origin in rules(policy("host", store=origin))["media-src"]


@pytest.mark.django_db
def test_unknown_address_of_the_api_answers_json(client):
    answer = client.get("/api/v9/nothing")
    assert answer.status_code == 404
    assert answer.json()["code"] == "not-found"


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v1/courses/999999"])
def test_what_the_api_does_not_have_is_told_in_the_readers_language(client, path):
    told = client.get(path).json()
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    told_in_english = client.get(path).json()
    assert {told["code"], told_in_english["code"]} == {"not-found"}
    assert set(told) == {"code", "message"}
    assert "没有" in told["message"]
    assert told_in_english["message"].isascii()


@pytest.mark.django_db
def test_unknown_address_is_a_page(client):
    answer = client.get("/nothing-here/")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    ("handler", "status"),
    [(errors.bad_request, 400), (errors.permission_denied, 403), (errors.page_not_found, 404)],
)
def test_errors_of_the_api_are_json(handler, status):
    answer = handler(RequestFactory().get("/api/v1/courses"), ValueError("secret"))
    assert answer.status_code == status
    assert "secret" not in answer.content.decode()
    assert json.loads(answer.content)["message"]


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/v1/x", "/x/"])
def test_a_crash_shows_no_traceback(path):
    answer: HttpResponse = errors.server_error(RequestFactory().get(path))
    assert answer.status_code == 500
    assert "Traceback" not in answer.content.decode()


def test_log_lines_are_json_with_request_and_error():
    record = logging.LogRecord("django.request", logging.ERROR, __file__, 1, "bad %s", ("thing",), None)
    record.request, record.status_code = RequestFactory().get("/courses/x/"), 500
    try:
        raise ValueError("明白")
    except ValueError:
        record.exc_info = sys.exc_info()
    line = json.loads(JsonFormatter().format(record))
    assert line["message"] == "bad thing"
    assert (line["method"], line["path"], line["status"]) == ("GET", "/courses/x/", 500)
    assert "ValueError: 明白" in line["error"]


@pytest.mark.django_db
def test_pages_of_strangers_may_be_kept_and_nobody_elses(client, django_user_model):
    def told(path: str, **headers: str) -> str | None:
        return client.get(path, headers=headers).headers.get("Cache-Control")

    front = {"surrogate-capability": 'nginx="Surrogate/1.0"'}
    assert told("/search/", **front) == KEPT
    assert told("/search/") == "no-cache", "a browser would show the page of before"
    assert "s-maxage" not in told("/accounts/login/", **front), "it holds a token of this reader"
    assert told("/nothing-here/", **front) is None
    assert told("/api/v1/courses", **front) != KEPT
    client.force_login(django_user_model.objects.create_user("somebody"))
    assert told("/search/", **front) is None
