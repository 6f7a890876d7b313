"""Links of lessons: what answers is alive, what does not is dead after two looks, and nobody is sent inside."""

import datetime as dt
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.utils import timezone

from catalog import links, outgoing
from catalog.models import Course, Lesson, LinkCheck


class Answers(BaseHTTPRequestHandler):
    """``/404`` says 404, ``/to/x`` leads to ``x``, ``/loop`` to itself."""

    def do_GET(self) -> None:
        name = self.path.strip("/")
        self.send_response(int(name) if name.isdigit() else 302)
        if name.startswith("to/"):
            self.send_header("Location", f"/{name.removeprefix('to/')}")
        elif name == "loop":
            self.send_header("Location", "/loop")
        self.end_headers()

    def log_message(self, *words: object) -> None:
        """Says nothing."""


@pytest.fixture
def host(monkeypatch):
    """A server on this machine, let through as if it were outside."""
    server = HTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(outgoing, "public_address", lambda name, port: "127.0.0.1")
    yield f"http://example.org:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("path", ["200", "403", "to/200"])
def test_link_that_somebody_answers_is_alive(host, path):
    links.look(f"{host}/{path}")


@pytest.mark.parametrize(("path", "why"), [("404", "404"), ("500", "500"), ("to/404", "404"), ("loop", "一再")])
def test_link_without_success_is_unreachable(host, path, why):
    with pytest.raises(links.Unreachable, match=why):
        links.look(f"{host}/{path}")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://localhost:8000/",
        "http://10.0.0.5/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://0/",
    ],
)
def test_addresses_inside_are_never_asked(url):
    with pytest.raises(links.Unreachable, match="内部网络"):
        links.look(url)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://example.org/", "http://", "http://a:b:c/"])
def test_what_is_no_web_address_is_not_asked(url):
    with pytest.raises(links.Unreachable):
        links.look(url)


def test_link_is_dead_after_two_failures_and_alive_again_after_one_answer(town, host):
    course = Course.objects.create(institution=town, title="链接", kind="link")
    lesson = Lesson.objects.create(course=course, title="一", url=f"{host}/404")
    assert links.due() == [lesson]
    links.look_at_due_links.call()
    assert LinkCheck.objects.get().failures == 1
    assert links.due() == []
    LinkCheck.objects.update(checked_at=timezone.now() - dt.timedelta(days=1))
    links.look_at_due_links.call()
    found = LinkCheck.objects.get()
    assert (found.failures, found.reason) == (links.DEAD_AFTER, "对方回答 404。")
    Lesson.objects.update(url=f"{host}/200")
    links.look_at_due_links.call()
    assert LinkCheck.objects.get().failures == 0
