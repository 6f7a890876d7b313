"""A worker that is killed (SIGKILL) in the middle of a bulk change, and another that goes on: processes and a database
file of their own."""

import contextlib
import os
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from deploy.run import MANAGE

COURSES = 120

PREPARE = f"""
from accounts.models import User
from catalog import bulk_job
from catalog.bulk import Asked
from catalog.models import Course, Institution
chief = User.objects.create_superuser("chief", "c@example.cn", "x")
house = Institution.add_root(code="town", name="文化馆")
Course.objects.bulk_create(
    Course(institution=house, title=f"课{{n}}", slug=f"k-{{n}}", live=False) for n in range({COURSES})
)
bulk_job.begin(chief, Asked(scalars={{"level": "starter"}}), Course.objects.values_list("pk", flat=True))
"""

WORK = """
from catalog import bulk_job
from catalog.models import BulkChange
while BulkChange.objects.exclude(state="done").exists():
    bulk_job.run.call(BulkChange.objects.get().pk)
"""


class Library:
    """A database file, and processes that work on it."""

    def __init__(self, place: Path) -> None:
        self.env = {**os.environ, "WENLAN_VAR": str(place), "DJANGO_SETTINGS_MODULE": "config.settings"}
        self.env.pop("DATABASE_URL", None)
        self.file = place / "wenlan.sqlite3"

    def manage(self, *words: str) -> subprocess.Popen:
        return subprocess.Popen([*MANAGE, *words], env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)

    def shell(self, code: str) -> subprocess.Popen:
        return self.manage("shell", "-v", "0", "-c", code)

    def count(self, table: str, where: str = "1 = 1") -> int:
        with contextlib.closing(sqlite3.connect(self.file, timeout=30)) as line:
            return line.execute(f"SELECT count(*) FROM {table} WHERE {where}").fetchone()[0]

    def write(self, statement: str) -> None:
        with contextlib.closing(sqlite3.connect(self.file, timeout=30)) as line, line:
            line.execute(statement)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    made = Library(tmp_path)
    assert made.manage("migrate", "-v", "0").wait() == 0
    assert made.shell(PREPARE).wait() == 0
    return made


def test_killed_worker_leaves_whole_courses_and_another_does_the_rest_once(library: Library) -> None:
    first = library.shell(WORK)
    while library.count("catalog_bulkitem", "state = 'done'") < 5:
        assert first.poll() is None
        time.sleep(0.02)
    first.kill()
    first.wait()
    done = library.count("catalog_bulkitem", "state = 'done'")
    assert 5 <= done < COURSES
    assert library.count("catalog_course", "level = 'starter'") == done
    library.write("UPDATE catalog_bulkchange SET lease_until = '2001-01-01 00:00:00'")
    assert library.shell(WORK).wait() == 0
    assert library.count("catalog_course", "level = 'starter'") == COURSES
    assert library.count("wagtailcore_revision") == COURSES
    assert library.count("wagtailcore_modellogentry", "action = 'wenlan.bulk_change'") == COURSES
