"""A real PostgreSQL is killed while a page is read: the page comes when it is back; a form is told to come again."""

import os
import subprocess
import sys

import pytest

from deploy import services
from deploy.components import free_port
from deploy.prepare import ROOT
from deploy.programs import Missing

VISIT = """
import sys
import django
django.setup()
from django.db import connection
from django.http import HttpResponse
from django.test import RequestFactory, override_settings
from django.urls import path
from django.core.handlers.wsgi import WSGIHandler

def view(request):
    with connection.cursor() as cursor:
        cursor.execute("SELECT 40 + 2")
        return HttpResponse(str(cursor.fetchone()[0]))

sys.modules["addresses"] = type(sys)("addresses")
sys.modules["addresses"].urlpatterns = [path("page", view)]
with override_settings(ROOT_URLCONF="addresses", MIDDLEWARE=["config.patience.PatientWithDatabase"]):
    site = WSGIHandler()
    for line in sys.stdin:
        request = RequestFactory().generic(line.strip(), "/page", SERVER_NAME="127.0.0.1")
        answer = site.get_response(request)
        print(answer.status_code, answer.headers.get("Retry-After", "-"), answer.content[:2].decode(), flush=True)
"""


class Visitor:
    """A process of ours that asks for the page by the method it is told."""

    def __init__(self, url: str) -> None:
        env = os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "config.settings", "PYTHONPATH": str(ROOT)}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
        self.process = subprocess.Popen([sys.executable, "-c", VISIT], cwd=ROOT, env=env, **pipes)

    def asks(self, method: str) -> None:
        self.process.stdin.write(f"{method}\n")
        self.process.stdin.flush()

    def told(self) -> list[str]:
        return self.process.stdout.readline().split()


@pytest.fixture
def database():
    """``(kill, start again)`` and the address of a server of our own."""
    try:
        options = {"port": str(free_port()), "durable": "yes"}
        server = services.launch("postgres", **options)
    except Missing as reason:
        (pytest.fail if services.IN_CI else pytest.skip)(f"postgres: {reason}")
    running = [server]
    yield (
        server.url,
        lambda: services.kill_server(running[0]),
        lambda: running.insert(0, services.launch("postgres", server.home, **options)),
    )
    services.stop_server(running[0])


def test_reader_waits_for_the_database_and_writer_is_told_to_come_again(database):
    url, kill, start = database
    visitor = Visitor(url)
    try:
        visitor.asks("GET")
        assert visitor.told() == ["200", "-", "42"]
        kill()
        visitor.asks("GET")
        start()
        assert visitor.told() == ["200", "-", "42"]
        kill()
        visitor.asks("POST")
        assert visitor.told()[:2] == ["503", "5"]
        visitor.asks("GET")
        assert visitor.told()[:2] == ["503", "5"], "after some seconds a reader is told too"
        start()
        visitor.asks("POST")
        assert visitor.told() == ["200", "-", "42"]
    finally:
        visitor.process.kill()
