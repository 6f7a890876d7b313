"""A request has one number: in its answer, on its error page, on its job, and in the lines of the worker and ffmpeg."""

import io
import json
import logging
import re
from urllib.request import Request, urlopen

import pytest
from django.urls import path

from config import urls
from config.logs import JsonFormatter, Numbered
from tests.media_pipeline.parts import make_clip
from tests.media_pipeline.test_jobs import in_shell, manage, site_env, start_worker, told, until
from tests.running import behind_nginx

NUMBER = "from-nginx-0123456789"


def broken(request):
    raise RuntimeError("a view that fails")


class _Broken:
    """The site's addresses, and one whose view fails."""

    urlpatterns = [path("broken", broken), *urls.urlpatterns]
    handler404, handler500 = urls.handler404, urls.handler500


def test_answers_carry_the_number_that_came_or_a_new_one(client):
    assert client.get("/health/live", headers={"X-Request-ID": NUMBER}).headers["X-Request-ID"] == NUMBER
    first, second = (client.get("/health/live").headers["X-Request-ID"] for _ in range(2))
    assert re.fullmatch("[0-9a-f]{32}", first)
    assert first != second


@pytest.mark.parametrize(
    "bad", ["short", "a" * 65, "with spaces in it", "<b>bold-number</b>", "号码号码号码号码号码", 'a"b"c"d"e']
)
def test_what_is_no_number_is_not_taken(client, bad):
    taken = client.get("/health/live", HTTP_X_REQUEST_ID=bad).headers["X-Request-ID"]
    assert re.fullmatch("[0-9a-f]{32}", taken)


@pytest.fixture
def log():
    """What the site writes to its log, as in production."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(JsonFormatter())
    handler.addFilter(Numbered())
    logging.getLogger().addHandler(handler)
    yield out
    logging.getLogger().removeHandler(handler)


@pytest.mark.django_db
def test_error_pages_tell_the_number_and_the_log_has_it(client, settings, log):
    settings.ROOT_URLCONF = _Broken
    client.raise_request_exception = False
    for address, status in (("/nothing-here/", 404), ("/broken", 500)):
        answer = client.get(address, headers={"X-Request-ID": NUMBER})
        assert answer.status_code == status
        assert f"<code>{NUMBER}</code>" in answer.content.decode()
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    failed = next(line for line in lines if line.get("status") == 500)
    assert (failed["request_id"], "a view that fails" in failed["error"]) == (NUMBER, True)


def test_nginx_gives_the_number_and_a_kept_page_has_a_new_one(site):
    """What a stranger sends is not taken; the page of the cache answers under the number of who asked for it."""
    with behind_nginx(site) as front:
        asked = [Request(f"{front.url}{path}", headers={"X-Request-ID": NUMBER}) for path in ("/", "/", "/health/live")]
        numbers = []
        for one in asked:
            with urlopen(one, timeout=60) as answer:
                numbers.append(answer.headers.get_all("X-Request-ID"))
    assert all(len(given) == 1 and re.fullmatch("[0-9a-f]{32}", given[0]) for given in numbers), numbers
    assert len({given[0] for given in numbers}) == len(numbers)


ASK = """
import json
from pathlib import Path
from django.test import Client
from accounts.models import User
from tests.media_pipeline.parts import crc
data = Path({film!r}).read_bytes()
client = Client(headers={{"X-Request-ID": {number!r}, "Host": "127.0.0.1"}})
client.force_login(User.objects.create_superuser("chief", password="x"))
def ask(address, body=None):
    answer = client.post("/api/v1/uploads" + address, json.dumps(body or {{}}), content_type="application/json")
    assert answer.status_code == 200, answer.content
    return answer.json()
from catalog.models import Institution
Institution.add_root(code="town", name="谷城县文化馆")
upload = ask("", {{"filename": "片.mp4", "bytes": len(data), "fingerprint": "f", "institution": "town"}})
signed = ask("/" + upload["uid"] + "/parts", {{"number": 1, "crc32": crc(data)}})
assert client.put(signed["url"], data, content_type="application/octet-stream").status_code == 200
ask("/" + upload["uid"] + "/complete")
"""


@pytest.mark.parametrize("broker", ["database", "redis", "rabbitmq"])
def test_one_number_leads_from_the_browser_to_the_last_rendition(tmp_path, request, broker):
    """A real upload, a real worker behind each kind of queue, and its log read as a machine reads it."""
    more = {"LOG_FORMAT": "json", "STAFF_SECOND_FACTOR": "false"}
    if broker != "database":
        more["TASKS_URL"] = request.getfixturevalue({"redis": "redis_url", "rabbitmq": "amqp_url"}[broker])
    env = site_env(tmp_path, **more)
    manage(env, "migrate", "-v0")
    film = make_clip(tmp_path / "film.mp4", seconds=2, size="320x180")
    in_shell(env, ASK.format(film=str(film), number=NUMBER))
    assert told(env, "job.request_id") == NUMBER
    worker = start_worker(env, tmp_path, "worker", "--queue", "media")
    try:
        until(lambda: told(env, "job.state, asset.state") == "done published", 200)
    finally:
        worker.terminate()
        worker.wait(30)
    text = (tmp_path / "worker.log").read_text()
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    said = [line["message"] for line in lines if line["request_id"] == NUMBER]
    assert any(re.match(r"job \d+, attempt 1: make of asset", line) for line in said), text[-3000:]
    assert any(re.match(r"ffmpeg\S*: exit 0, .* of CPU", line) for line in said), text[-3000:]
    assert "片: 可播放 " in said
