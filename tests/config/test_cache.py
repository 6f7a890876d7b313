"""A cache that is killed, or silent, is a cache without anything in it: real Redis, real sockets."""

import socket
from contextlib import suppress

import pytest
from django.test import Client

from accounts.models import User
from config import cache as ours
from config.cache import ForgivingRedisCache
from deploy import services
from deploy.programs import Missing

TIMEOUTS = {"OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 0.2}}


@pytest.fixture
def redis(monkeypatch):
    monkeypatch.setattr(ours, "REST", 0.0)  # asked again at once
    monkeypatch.setattr(ForgivingRedisCache, "_away_until", 0.0)
    try:
        server = services.launch("redis")
    except Missing as reason:
        (pytest.fail if services.IN_CI else pytest.skip)(f"redis: {reason}")
    yield server
    services.stop_server(server)


def test_cache_that_goes_and_comes(redis):
    cache = ForgivingRedisCache(redis.url, TIMEOUTS)
    cache.set("a", 1)
    assert (cache.get("a"), cache.incr("a"), cache.get_many(["a", "b"])) == (1, 2, {"a": 2})
    services.kill_server(redis)
    assert (cache.get("a", "nothing"), cache.incr("a"), cache.get_many(["a"])) == ("nothing", 1, {})
    assert (cache.add("b", 1), cache.delete("a"), cache.set_many({"c": 1}), cache.has_key("a")) == (
        True,
        False,
        [],
        False,
    )
    port = redis.url.rpartition(":")[2].partition("/")[0]
    again = services.launch("redis", redis.home, port=port)
    try:
        cache.set("a", 3)
        assert cache.get("a") == 3
    finally:
        services.stop_server(again)


def connections(ear: socket.socket) -> int:
    """How many have called since the last time."""
    called = 0
    ear.settimeout(0.3)
    with suppress(TimeoutError):
        while True:
            ear.accept()
            called += 1
    return called


def test_cache_that_is_silent_is_not_asked_by_everybody(monkeypatch):
    monkeypatch.setattr(ForgivingRedisCache, "_away_until", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as ear:
        cache = ForgivingRedisCache(f"redis://127.0.0.1:{ear.getsockname()[1]}/0", TIMEOUTS)
        assert cache.get("a") is None
        assert connections(ear)
        assert [cache.get("a") for _ in range(100)] == [None] * 100
        assert connections(ear) == 0


@pytest.mark.django_db
def test_people_sign_in_without_a_cache(redis, settings):
    User.objects.create_user("a", password="b")
    settings.CACHES = {"default": {"BACKEND": "config.cache.ForgivingRedisCache", "LOCATION": redis.url, **TIMEOUTS}}
    services.kill_server(redis)
    client = Client()
    assert client.post("/accounts/login/", {"login": "a", "password": "b"}).status_code == 302
    assert "_auth_user_id" in client.session
