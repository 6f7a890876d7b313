"""What must not be read in a log is not there: whatever wrote the line, and after requests that failed."""

import io
import json
import logging
import os
import subprocess
import sys

import pytest
from django.test import Client
from django.views.debug import SafeExceptionReporterFilter, get_exception_reporter_filter

from accounts.models import User
from catalog.machines import ApiToken
from catalog.models import Institution
from config.logs import JsonFormatter, Numbered, TextFormatter, masked, secrets_of
from media_pipeline.access import media_url
from tests.media_pipeline.parts import asset_with


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("cannot reach postgres://wenlan:Gr8-pass%40word@db:5432/wenlan?sslmode=require", "Gr8-pass"),
        ("amqp://guest:broker-word@rabbit// refused", "broker-word"),
        ("redis://:cache-word@redis:6379/1", "cache-word"),
        ("s3://AKIAEXAMPLE:store%2Fword@bucket?endpoint=http://s3:9000", "store%2Fword"),
        ("{'Authorization': 'Bearer wl_0123456789abcdefghij'}", "0123456789abcdefghij"),
        ("Authorization: Basic dXNlcjpzZWNyZXQtd29yZA==", "dXNlcjpzZWNyZXQtd29yZA"),
        ("Cookie: sessionid=abcdefgh12345678; csrftoken=xyz", "abcdefgh12345678"),
        ("GET /media/~1790000000.AAAAAAAAAAAAAAAAAAAAAA/packages/x.mp4", "AAAAAAAAAAAAAAAAAAAAAA"),
        ("PUT /media/parts/eyJ1aWQiOiJhYmMifQ:1abcde:signature-of-it", "signature-of-it"),
        ("https://s3/x?X-Amz-Credential=AKIA%2F2026&X-Amz-Signature=0a1b2c3d4e&X-Amz-Expires=60", "0a1b2c3d4e"),
        ("/accounts/oidc/login/callback/?code=SplxlOBeZQQYbYS6WxSbIA&state=af0ifjsldkj", "SplxlOBeZQQYbYS6WxSbIA"),
        ("POST {\"password\": \"open-sesame\", \"username\": \"x\"}", "open-sesame"),
        ("Not Found: /join/c2VjcmV0LWludml0YXRpb24:1abc:xyz/", "c2VjcmV0LWludml0YXRpb24"),
        ("/accounts/password/reset/key/4-set-abcdef0123456789/", "abcdef0123456789"),
        ("【文澜】验证码 482913，请勿告诉别人。 to +8613800138000", "482913"),
        ("sms to +8613800138000", "13800138000"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "c2lnbmF0dXJl"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    ],
)  # fmt: skip
def test_secrets_are_known_by_their_shape(line, secret):
    assert secret in line
    assert secret not in masked(line)


@pytest.mark.parametrize(
    "line",
    [
        "job 12, attempt 1: make of asset 14",
        "ffmpeg-linux-x86_64-v9.0.2: exit 0, 0.4 s, 0.1 s of CPU, 380 MiB",
        "Not Found: /courses/miao-xiu/?t=12",
        "http://127.0.0.1:8000/search/?q=验证码",
        "龙泉青瓷：一抹天青 第一讲 拉坯与釉色: 可播放",
        "upload 0f8fad5b-d9cb-469f-a165-70867728950e is whole, 13800138 bytes",
    ],
)
def test_other_lines_are_left_as_they_are(line):
    assert masked(line) == line


def test_secrets_of_the_environment_are_known_whatever_they_look_like():
    told = {"SECRET_KEY": "x" * 50, "DATABASE_URL": "postgres://a:p%40ss-of-it@db/w", "PUBLIC_URL": "https://a.cn"}
    assert secrets_of(told) == ["x" * 50, "p%40ss-of-it", "p@ss-of-it"]
    several = secrets_of({"SECRET_KEY_FILE": "/run/secrets/key", "SECRET_KEY_FALLBACKS": f"{'a' * 9},{'b' * 9}"})
    assert set(several) == {"a" * 9, "b" * 9, f"{'a' * 9},{'b' * 9}"}
    assert secrets_of({"IMPORT_BUCKETS": '{"a": {"url": "s3://key:hidden-in-it@bucket"}}'}) == ["hidden-in-it"]


@pytest.fixture(params=[JsonFormatter, TextFormatter])
def log(request, monkeypatch):
    """What the site writes to its log."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(request.param(secrets=secrets_of({"SMS_TOKEN": "plain words for the gateway"})))
    handler.addFilter(Numbered())
    logging.getLogger().addHandler(handler)
    yield out
    logging.getLogger().removeHandler(handler)


@pytest.mark.django_db
def test_requests_that_fail_leave_no_secret_behind(log):
    house = Institution.add_root(code="town", name="馆")
    token = ApiToken(user=User.objects.create_user("lin", password="open-sesame-9"), institution=house, name="一")
    secret = token.make_secret()
    token.save()
    reader = Client(raise_request_exception=False)
    signed = media_url(asset_with(), "packages/none/x.mp4", signed=True)
    reader.post("/cms/login/", {"username": "lin", "password": "wrong-horse-staple"})
    reader.post("/accounts/login/", {"login": "lin", "password": "wrong-horse-staple"})
    reader.get("/api/v1/nothing", headers={"Authorization": f"Bearer {secret}"}, query_params={"token": secret})
    reader.post("/api/v1/uploads", b"{", content_type="application/json", headers={"Authorization": f"Bearer {secret}"})
    reader.get(signed)
    reader.get("/join/c2VjcmV0LWludml0YXRpb24:1abc:xyz/nothing/")
    logging.getLogger("x").error("gateway says: %s", "plain words for the gateway")
    try:
        raise ConnectionError("amqp://guest:broker-word@rabbit//")
    except ConnectionError:
        logging.getLogger("x").exception("the bell")
    told = log.getvalue()
    assert "Not Found" in told
    assert "sign-in-failed" in told
    for word in (secret, signed.split("/")[2], "wrong-horse", "c2VjcmV0", "plain words", "broker-word", "open-sesame"):
        assert word not in told


def test_reports_of_errors_hide_settings_with_passwords(rf, settings):
    settings.TASKS_URL = "amqp://guest:broker-word@rabbit//"
    shown = get_exception_reporter_filter(rf.get("/")).get_safe_settings()
    assert {shown[name] for name in ("TASKS_URL", "SECRET_KEY", "MEDIA_LINK_SECRET", "DATABASES", "CACHES")} == {
        SafeExceptionReporterFilter.cleansed_substitute
    }


def test_a_process_that_fails_to_start_tells_no_password():
    words = "import django; django.setup(); import logging; logging.getLogger('x').warning('at %s', '{}')"
    url = "postgres://wenlan:a-long-password@127.0.0.1:1/wenlan"
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "DATABASE_URL": url, "LOG_FORMAT": "json"}
    done = subprocess.run(
        [sys.executable, "-c", words.format(url)], env=env, capture_output=True, text=True, check=True
    )
    line = json.loads(done.stderr.splitlines()[-1])
    assert line["message"] == "at postgres://wenlan:***@127.0.0.1:1/wenlan"
