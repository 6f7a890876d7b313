"""A table of courses into the catalogue, beside a bare ``bulk_create`` of the same courses when they are ready.

    make bench ARGS=import
    make bench ARGS="import --rows 2000"

Processor seconds of whole processes on SQLite: reading, checking, places, themes, teachers, pinyin addresses, writing,
and news to the search. Then the same table once more, which changes nothing.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from itertools import islice
from pathlib import Path

import django

from deploy import run
from deploy.programs import say
from tests.bench import table

BATCH = 500


def prepare(var: Path, rows: int) -> Path:
    """A database with the words that rows name, and the table."""
    os.environ |= {"WENLAN_VAR": str(var), "DJANGO_SETTINGS_MODULE": "config.settings", "LOG_LEVEL": "WARNING"}
    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from catalog.models import Institution
    from tests.bench.courses import Library, Words

    call_command("migrate", verbosity=0)
    words = Words()
    words.put_into_database()
    house = Institution.objects.first().code
    file = var / "courses.jsonl"
    with file.open("w") as lines:
        for document in islice(Library(words).documents(rows), rows):
            lines.write(json.dumps(_row(document, house), ensure_ascii=False) + "\n")
    connection.close()
    return file


def _row(document, house: str) -> dict[str, object]:
    facets: dict[str, list[str]] = {}
    for name, value in document.facets:
        facets.setdefault(name, []).append(value)
    return {
        "id": str(document.id),
        "institution": house,
        "kind": "reading",
        "title": document.titles[0],
        "description": document.summary or document.titles[0],
        "places": max(facets.get("place", [""]), key=len),
        "teachers": [one.label for one in document.known if one.facet == "teacher"],
        "language": (facets.get("language") or [""])[0],
    }


def bare(file: Path) -> float:
    """Processor seconds of nothing but writing what is ready."""
    django.setup()
    from catalog.models import Course, Institution

    house = Institution.objects.first()
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    ready = [
        Course(institution=house, kind="reading", title=row["title"], slug=f"bare-{row['id']}", summary=row["title"])
        for row in rows
    ]
    began = _spent(resource.RUSAGE_SELF)
    Course.objects.bulk_create(ready, BATCH)
    return _spent(resource.RUSAGE_SELF) - began


def _spent(whose: int) -> float:
    used = resource.getrusage(whose)
    return used.ru_utime + used.ru_stime


def read_in(file: Path, env: dict[str, str]) -> tuple[float, dict]:
    """Processor seconds of the command, and what it said."""
    began = _spent(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "manage.py", "import_courses", str(file), "--publish", "--json"]
    done = subprocess.run(command, env=env, cwd=run.ROOT, stdout=subprocess.PIPE, check=True)
    return _spent(resource.RUSAGE_CHILDREN) - began, json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=40_000)
    parser.add_argument("--bare", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.bare:
        sys.stdout.write(f"{bare(chosen.bare)}")
        return
    with tempfile.TemporaryDirectory(prefix="wenlan-bench-") as place:
        say("preparing the table")
        file = prepare(Path(place) / "ours", chosen.rows)
        shutil.copytree(Path(place) / "ours", Path(place) / "bare")
        words = [sys.executable, "-m", "tests.bench.bench_import", "--bare", str(file)]
        env = {**os.environ, "WENLAN_VAR": str(Path(place) / "bare")}
        limit = float(subprocess.run(words, env=env, cwd=run.ROOT, stdout=subprocess.PIPE, check=True).stdout)
        first, told = read_in(file, dict(os.environ))
        again, same = read_in(file, dict(os.environ))
    figures = {"bulk_create": limit, "import": first, "again": again, "created": told["created"]}
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")
    if (told["created"], same["unchanged"]) != (chosen.rows, chosen.rows):
        raise SystemExit(f"{told['created']} of {chosen.rows} came in, {same['unchanged']} were the same again")
    rates = [chosen.rows / spent for spent in (first, limit, again)]
    table.tell(
        [
            table.Row(
                f"{chosen.rows:,} rows, bulk_create of ready courses",
                "rows/CPU s",
                *rates[:1],
                limit=rates[1],
                aim="≥ 0.3 of it",
            ),
            table.Row("the same once more, changing nothing", "rows/CPU s", rates[2]),
        ]
    )


if __name__ == "__main__":
    main()
