"""The desk of a county's editor and of the centre in a library of 100,000 courses, beside the same in an empty one.

    make bench-desk                          SQLite and PostgreSQL
    make bench-desk ARGS="--courses 2000 --databases sqlite --change 500"

Three libraries a database: an empty one (200 institutions, 1,000 people, one course, without which there is nothing to
edit), one that has the county's own courses alone, and the full one (``tests.bench.filled``). Pages are asked for
through all of Django in this process, round by round through the libraries, so that what else runs on the machine slows
all. At last a bulk change of 10,000 courses, while somebody saves another (``tests.bench.changing``). Prints one JSON
object: for each page and library milliseconds (median) and queries, and the ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django
import psycopg

from deploy import services
from deploy.programs import say
from tests.bench import table

COUNTY = "house-120"
ROUNDS, WARM = 15, 3
SLOW, FEW = {("centre", "figures"), ("centre", "figures by theme")}, 2
"""What takes seconds is asked for so many times."""

AIM = "≤ 1.2 × it"
LIBRARIES = ("empty", "own", "full")
PEOPLE = ("county", "centre")
PAGES = {
    "home": "/cms/",
    "list": "/cms/courses/",
    "by title": "/cms/courses/?p=2&ordering=title",
    "last page": "/cms/courses/?p=2500&ordering=title",
    "search": "/cms/courses/results/?q=miaoxiu",
    "filter": "/cms/courses/?kind=video&live=true",
    "reviews": "/cms/reviews/",
    "media": "/cms/assets/",
    "edit": "/cms/courses/edit/{course}/",
    "teacher chooser": "/cms/choose/teachers/",
    "media chooser": "/cms/choose/assets/",
    "pick a course": "/cms/pick/course/?q=入门",
    "figures": "/cms/figures/",
    "figures by theme": "/cms/figures/?by=theme",
    "figures of a course": "/cms/figures/courses/{course}/",
}


# One library, in a process of its own ---------------------------------------------------------------
class Desk:
    """Signed in as an editor of the county and as one of the centre. Answers lines of JSON, ``[person, page]`` →
    ``{"ms", "queries"}``."""

    def __init__(self, library: str, courses: int) -> None:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        django.setup()
        from django.contrib.auth.models import Group
        from django.core.management import call_command
        from django.test import Client

        from accounts.models import User
        from catalog import policy
        from catalog.models import Course, Institution
        from tests.bench import filled

        call_command("migrate", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        filled.fill(courses, 200, 1000, only="" if library == "full" else COUNTY)
        if library == "empty":
            Course.objects.exclude(pk=Course.objects.order_by("pk").first().pk).delete()
        call_command("rebuild_index", stdout=sys.stderr)
        house = Institution.objects.get(code=COUNTY)
        self.course = Course.objects.filter(institution=house).order_by("pk").first().pk
        editor = User.objects.filter(memberships__institution=house, memberships__role="editor").first()
        centre = User.objects.create_user("centre", "centre@example.cn", "x")
        centre.groups.add(Group.objects.get(name=policy.CENTRAL_GROUP))
        self.clients = {"county": Client(HTTP_HOST="localhost"), "centre": Client(HTTP_HOST="localhost")}
        self.clients["county"].force_login(editor)
        self.clients["centre"].force_login(centre)

    def look(self, person: str, page: str) -> dict[str, float]:
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        address = PAGES[page].format(course=self.course)
        began = time.perf_counter()
        answer = self.clients[person].get(address)
        spent = time.perf_counter() - began
        assert answer.status_code == 200, (address, answer.status_code)
        with CaptureQueriesContext(connection) as seen:
            self.clients[person].get(address)
        return {"ms": spent * 1000, "queries": len(seen)}

    def serve(self) -> None:
        _say({"ready": True})
        for line in sys.stdin:
            person, page = json.loads(line)
            _say(_change(int(page)) if person == "change" else self.look(person, page))


def _change(courses: int) -> dict[str, float]:
    from tests.bench import changing

    return changing.measure(courses)


def _say(answer: dict) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


class Asked:
    """The other end of ``Desk``."""

    def __init__(self, library: str, courses: int, env: dict[str, str]) -> None:
        command = [sys.executable, "-m", "tests.bench.bench_desk", "--serve", library, "--courses", str(courses)]
        self.process = subprocess.Popen(
            command, env=os.environ | env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._answer()

    def _answer(self) -> dict[str, float]:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"a library was not made (exit {self.process.wait()}); its message is above")
        return json.loads(line)

    def look(self, person: str, page: str) -> dict[str, float]:
        assert self.process.stdin
        self.process.stdin.write(json.dumps([person, page]) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()


# All of them ----------------------------------------------------------------------------------------
@contextmanager
def databases(kind: str, place: Path) -> Iterator[dict[str, dict[str, str]]]:
    """The environment of each library: a directory and a database."""
    places = {name: {"WENLAN_VAR": str(place / f"{kind}-{name}")} for name in LIBRARIES}
    if kind == "sqlite":
        yield places
        return
    server = services.launch("postgres")
    try:
        for name, env in places.items():
            env["DATABASE_URL"] = _new_database(server.url, f"desk_{name}")
        yield places
    finally:
        services.stop_server(server)


def _new_database(url: str, name: str) -> str:
    with psycopg.connect(url.replace("postgres://", "postgresql://"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return f"{url.rpartition('/')[0]}/{name}"


def measure(kind: str, courses: int, change: int, place: Path) -> dict[str, dict[str, dict[str, float]]]:
    with databases(kind, place) as environments:
        desks = {}
        for name, env in environments.items():
            say(f"{kind}: making the library “{name}”")
            desks[name] = Asked(name, courses, env)
        try:
            pages = {person: {page: _compare(person, page, desks) for page in PAGES} for person in PEOPLE}
            say(f"{kind}: changing {change} courses")
            return {**pages, "bulk change": {"full": desks["full"].look("change", str(change))}}
        finally:
            for desk in desks.values():
                desk.close()


def _compare(person: str, page: str, desks: dict[str, Asked]) -> dict[str, float]:
    warm, times = (0, FEW) if (person, page) in SLOW else (WARM, ROUNDS)
    rounds = [{name: desk.look(person, page) for name, desk in desks.items()} for _ in range(warm + times)][warm:]
    spent = {name: statistics.median(one[name]["ms"] for one in rounds) for name in desks}
    return {
        **{f"{name}_ms": round(ms, 1) for name, ms in spent.items()},
        **{f"{name}_queries": rounds[-1][name]["queries"] for name in desks},
        "full_to_empty": round(spent["full"] / spent["empty"], 2),
        "full_to_own": round(spent["full"] / spent["own"], 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--courses", type=int, default=100_000)
    parser.add_argument("--change", type=int, default=10_000, help="courses of the bulk change")
    parser.add_argument("--databases", nargs="*", default=["sqlite", "postgres"], choices=["sqlite", "postgres"])
    parser.add_argument("--serve", choices=LIBRARIES, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        Desk(chosen.serve, chosen.courses).serve()
        return
    with tempfile.TemporaryDirectory(prefix="wenlan-bench-") as place:
        found = {kind: measure(kind, chosen.courses, chosen.change, Path(place)) for kind in chosen.databases}
    sys.stdout.write(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    table.tell([row for kind, figures in found.items() for row in rows(kind, chosen.courses, figures)])


def rows(kind: str, courses: int, figures: dict) -> list[table.Row]:
    """The limit of a page is the same page in an empty library."""
    of = f"{kind}, {courses:,} courses"
    pages = [
        table.Row(f"{of}, {person}: {page}", "ms", one["full_ms"], limit=one["empty_ms"], aim=AIM if own else "")
        for person, own in (("county", True), ("centre", False))
        for page, one in figures[person].items()
    ]
    change = figures["bulk change"]["full"]
    saving = f"{of}: a save beside a bulk change of {change['courses']:,}, a save alone"
    return [
        *pages,
        table.Row(f"{of}: bulk change", "ms a course", change["a course"]),
        table.Row(saving, "ms", change["save meanwhile"], limit=change["save alone"]),
    ]


if __name__ == "__main__":
    main()
