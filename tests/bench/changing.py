"""A bulk change in a filled library, and an editor who saves meanwhile. Used by ``tests.bench.bench_desk``; alone, with
``DATABASE_URL`` and ``WENLAN_VAR`` of a library that ``tests.bench.filled`` wrote:

    .venv/bin/python -m tests.bench.changing --courses 10000
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.db import transaction  # noqa: E402

from accounts.models import User  # noqa: E402
from catalog import bulk, bulk_job  # noqa: E402
from catalog.bulk import Asked  # noqa: E402
from catalog.models import BulkChange, Course, Theme  # noqa: E402
from search import index  # noqa: E402

ALONE = 20
PAUSE = 0.2  # seconds between two saves


def measure(courses: int) -> dict[str, float]:
    """Changes level and themes of so many courses and takes that back, in a process of its own as the worker does.
    Milliseconds; ``flush`` is the search index following afterwards, a course."""
    chief, _made = User.objects.get_or_create(username="chief", defaults={"is_superuser": True, "is_active": True})
    asked = Asked(lists={"themes": ("add", [Theme.objects.first().pk])}, scalars={"level": "starter"})
    mine = Course.objects.filter(pk__in=list(Course.objects.order_by("pk").values_list("pk", flat=True)[:courses]))
    other = Course.objects.filter(live=False).order_by("-pk")[0]
    previewing = statistics.median(_spent(lambda: bulk.preview(mine, asked, chief)) for _ in range(3))
    alone = [_spent(lambda: _save(other, chief)) for _ in range(ALONE)]
    keys = bulk.sorted_out(mine, asked, chief).filter(fate=bulk.CHANGE).values_list("pk", flat=True)
    change = bulk_job.begin(chief, asked, list(keys))
    changing, meanwhile = _work(change, other, chief)
    done = bulk_job.progress(change)["done"]
    back = bulk_job.undo(change, chief)
    undoing, _saves = _work(back, other, chief)
    flushing = _spent(index.flush_stale)
    return {
        "courses": done,
        "preview": round(previewing, 1),
        "a course": round(changing / done, 2),
        "undo, a course": round(undoing / done, 2),
        "index, a course": round(flushing / done, 2),
        "save alone": round(statistics.median(alone), 1),
        "save meanwhile": round(statistics.median(meanwhile), 1),
        "slowest save meanwhile": round(max(meanwhile), 1),
    }


def _spent(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


def _save(course: Course, user: User) -> None:
    """What the form of a draft writes."""
    with transaction.atomic():
        course.save()
        course.save_revision(user=user, log_action=True)


def _work(change: BulkChange, other: Course, user: User) -> tuple[float, list[float]]:
    """How long a worker takes, and the saves of somebody else until it is done."""
    saves: list[float] = []
    command = [sys.executable, "-m", "tests.bench.changing", "--work", str(change.pk)]
    worker = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    while worker.poll() is None:
        saves.append(_spent(lambda: _save(other, user)))
        time.sleep(PAUSE)
    spent, _ = worker.communicate()
    if worker.returncode:
        raise SystemExit(f"the worker ended with {worker.returncode}; its message is above")
    return float(spent), saves


def work(change: int) -> None:
    while BulkChange.objects.exclude(state=BulkChange.State.DONE).filter(pk=change).exists():
        bulk_job.run.call(change)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--courses", type=int, default=10_000)
    parser.add_argument("--work", type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.work:
        sys.stdout.write(str(_spent(lambda: work(chosen.work))))
        return
    sys.stdout.write(json.dumps(measure(chosen.courses), indent=1) + "\n")


if __name__ == "__main__":
    main()
