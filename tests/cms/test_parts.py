"""Editors are told what is away, since when, and what still works; asking never holds their page."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.core.cache import caches
from django.core.cache.backends.locmem import LocMemCache
from django.core.mail import send_mail

from cms import parts
from config.cache import ForgivingRedisCache
from deploy import services

pytestmark = pytest.mark.django_db
BANNER = "wl-away"


@pytest.fixture(autouse=True)
def nothing_known():
    parts._here.clear()
    caches["default"].clear()
    yield
    _wait()


def _wait() -> None:
    """Until nobody asks any more."""
    with parts._asking:
        pass


@contextmanager
def blackhole() -> Iterator[int]:
    """The port of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        yield listening.getsockname()[1]


def test_banner_tells_what_is_away_and_what_still_works(world, settings):
    settings.SEARCH_URL = "http://127.0.0.1:9"
    desk = world.a.client("editor")
    assert BANNER not in desk.get("/cms/").content.decode()  # nobody knows yet, and the page does not wait
    _wait()
    page = desk.get("/cms/").content.decode()
    assert BANNER in page
    assert "检索没有回应" in page
    assert "读者按标题检索" in page
    assert "存储没有回应" not in page
    settings.SEARCH_URL = ""
    desk.get("/cms/")
    _wait()
    assert BANNER not in desk.get("/cms/").content.decode()


def test_a_page_looks_once_into_the_cache_and_asks_no_part(world, monkeypatch):
    looks, asked = [], []

    class Counting(LocMemCache):
        def get(self, *given, **more):
            looks.append(given)
            return super().get(*given, **more)

    monkeypatch.setattr(parts, "cache", Counting("counted", {}))
    parts.ask()
    looks.clear()
    monkeypatch.setattr(parts, "_answers", asked.append)
    world.a.client("editor").get("/cms/")
    assert (len(looks), asked) == (1, [])


def test_silent_parts_are_asked_by_one_thread_while_pages_go_on(world, settings):
    """A mail server that takes the connection and is silent, as a firewall leaves it."""
    with blackhole() as port:
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_SSL = "127.0.0.1", port, False
        desk = world.a.client("editor")
        for _ in range(5):
            assert desk.get("/cms/").status_code == 200
            assert sum(thread.name == "parts" for thread in threading.enumerate()) <= 1
        _wait()
    page = desk.get("/cms/").content.decode()
    assert "邮件没有回应" in page
    assert "发不出去" in page


def test_processes_tell_each_other_through_the_cache_and_do_without_it(settings, monkeypatch):
    server = services.launch("redis")
    options = {"socket_connect_timeout": 1, "socket_timeout": 1}
    cache = ForgivingRedisCache(server.url, {"OPTIONS": options})
    monkeypatch.setattr(parts, "cache", cache)
    settings.SEARCH_URL = "http://127.0.0.1:9"
    try:
        told = parts.ask()
        parts._here.clear()  # another process
        assert parts.known() == told
        assert {part.name: part.up for part in told}["search"] is False
        assert parts.ask()[1].since == told[1].since
    finally:
        services.stop_server(server)
    assert parts.known() == parts.ask() == parts.known()
    monkeypatch.setattr(ForgivingRedisCache, "_away_until", 0.0)


def test_letter_to_a_silent_server_is_given_up(settings):
    """As invitations send theirs: the person is told that it did not go out."""
    assert settings.EMAIL_TIMEOUT <= 10
    with blackhole() as port:
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", port, 0.3
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        assert not send_mail("subject", "body", None, ["a@example.cn"], fail_silently=True)
