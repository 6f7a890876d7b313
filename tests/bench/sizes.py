"""What a library costs: the figures behind the sizing table of docs/operations.md.

    .venv/bin/python -m tests.bench.sizes database --courses 10000     bytes of PostgreSQL a course
    .venv/bin/python -m tests.bench.sizes films                        processor and bytes of an hour of film, by rung
    .venv/bin/python -m tests.bench.sizes memory                       MiB of web (two processes) and of a worker

Each prints one JSON object. The database holds ``tests.bench.filled`` (a version and two lines of history a course, a
year of plays), and for every course a film of half an hour as the pipeline leaves it: seven renditions, a package with
its waveform, three jobs, captions of 450 cues. Films are those of ``tests.bench.mix``.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections import defaultdict
from itertools import count, islice
from pathlib import Path
from typing import Any

import psycopg

from deploy import run, services

FIXED = ("catalog_place", "catalog_institution", "catalog_theme", "catalog_teacher", "catalog_membership", "accounts_")
"""Tables that do not grow with the courses."""

GROUPS = {
    "catalog_": "courses",
    "media_pipeline_texttrack": "captions",
    "media_pipeline_": "media",
    "wagtailcore_": "versions and history",
    "learning_lessonmonth": "a year of plays",
}
BY_TABLE = "SELECT relname, pg_total_relation_size(relid) FROM pg_catalog.pg_statio_user_tables"
CUES = 450


# The database -----------------------------------------------------------------------------------------
def database(courses: int) -> dict[str, Any]:
    """Bytes a course, by what they are of, and bytes of what does not grow; in a database of its own."""
    server = services.launch("postgres")
    try:
        with tempfile.TemporaryDirectory(prefix="wenlan-sizes-") as place:
            env = {**os.environ, "DATABASE_URL": server.url, "WENLAN_VAR": place}
            run.manage("migrate", env, "-v", "0")
            empty = _tables(server.url)
            fill = [sys.executable, "-m", "tests.bench.sizes", "fill", "--courses", str(courses)]
            subprocess.run(fill, cwd=run.ROOT, env=env, check=True)
        full = _tables(server.url)
    finally:
        services.stop_server(server)
    sums: dict[str, int] = defaultdict(int)
    for table, size in full.items():
        if not table.startswith(FIXED):
            group = next((name for start, name in GROUPS.items() if table.startswith(start)), "the rest")
            sums[group] += size - empty.get(table, 0)
    each = {name: round(size / courses) for name, size in sorted(sums.items())}
    fixed = sum(size for table, size in full.items() if table.startswith(FIXED))
    return {"number": courses, "bytes a course": each, "all": sum(each.values()), "fixed": fixed}


def _tables(url: str) -> dict[str, int]:
    with psycopg.connect(url.replace("postgres://", "postgresql://"), autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        return dict(connection.execute(BY_TABLE).fetchall())


def fill(courses: int) -> None:
    from tests.bench import filled

    filled.fill(courses, 200, 1000)
    from media_pipeline.models import MediaAsset
    from tests.bench.courses import Words

    spoken = Words().clauses
    keys = MediaAsset.objects.order_by("pk").iterator(chunk_size=filled.BATCH)
    while some := list(islice(keys, filled.BATCH)):
        _films(some, spoken)


def _films(assets: list, spoken: list[str]) -> None:
    """Rows of a film of half an hour, as long as those that the pipeline writes."""
    from media_pipeline.models import Job, JobState, Package, Rendition, TextTrack

    specs = [f"video-{rung}" for rung in ("360-h264", "480-h264", "720-h264", "1080-h264", "360-av1", "1080-av1")]
    dice = random.Random(1)
    waveform = [n * 37 % 256 for n in range(1200)]
    steps = [{"step": f"步骤 {n}", "seconds": 12.34, "at": "2026-11-27T08:00:00+08:00"} for n in range(8)]
    prefixes = {one.pk: f"packages/{one.uid.hex}/0123456789abcdef/" for one in assets}
    Rendition.objects.bulk_create(
        Rendition(
            asset=one, spec=spec, source_sha256=one.sha256, sha256=one.sha256, key=f"{prefixes[one.pk]}media.mp4",
            bytes=123_456_789, bitrate=812_345, width=1920, height=1080, codecs="avc1.640028",
        )
        for one in assets for spec in (*specs, "audio-zh-128")
    )  # fmt: skip
    Package.objects.bulk_create(
        Package(
            asset=one, prefix=prefixes[one.pk], current=True, complete=True,
            hls_key=f"{prefixes[one.pk]}master.m3u8", dash_key=f"{prefixes[one.pk]}manifest.mpd",
            manifest={"waveform": waveform, "scenes": [n * 30.5 for n in range(60)], "loudness": -16.02},
        )
        for one in assets
    )  # fmt: skip
    Job.objects.bulk_create(
        Job(asset=one, owner=one.owner, state=JobState.DONE, log=steps, worker=f"worker-7d9f8b6c5d-{n:05}:1")
        for n, one in zip(count(), assets, strict=False)
        for _ in range(3)
    )
    TextTrack.objects.bulk_create(TextTrack(asset=one, cues=_cues(spoken, dice)) for one in assets)


def _cues(spoken: list[str], dice: random.Random) -> list[list]:
    """Two clauses in four seconds, as people speak."""
    return [[4.0 * n, 4.0 * n + 3.6, "，".join(dice.sample(spoken, 2))] for n in range(CUES)]


# Films ------------------------------------------------------------------------------------------------
def films(length: int) -> dict[str, dict]:
    """Of each film of so many seconds: processor seconds for a second of it, and megabytes an hour of each rung."""
    from tests.bench import mix

    found, mix.SECONDS = {}, length
    with tempfile.TemporaryDirectory(prefix="wenlan-sizes-") as place:
        for make in (mix.slides, mix.talk, mix.camera, mix.animation):
            film = make(Path(place))
            said = run.manage("transcode", os.environ, str(film), "--out", f"{place}/out", "--json")
            told = json.loads(said)["files"][0]
            seconds = told["duration"]
            by_rung = {one["spec"]: round(one["bytes"] / seconds * 3600 / 1e6) for one in told["renditions"]}
            package = sum(file.stat().st_size for file in Path(told["out"]).rglob("*") if file.is_file())
            found[make.__name__] = {
                "processor_seconds_a_second": round(told["cpu_seconds"] / seconds, 2),
                "mb_an_hour": round(package / seconds * 3600 / 1e6),
                "mb_an_hour_by_rung": by_rung,
            }
    return found


# Memory -----------------------------------------------------------------------------------------------
def memory() -> dict[str, float]:
    """Proportional set size, in MiB: of ``web`` with its processes after some hundred pages, of a worker that waits."""
    from tests.bench.bench_delivery import rate
    from tests.running import run_site

    with tempfile.TemporaryDirectory(prefix="wenlan-sizes-") as place, run_site(Path(place), {}, films="0") as site:
        for path in ("/", "/search/?q=miaoxiu", "/themes/"):
            rate(f"{site.url}{path}", seconds=10)
        return {name: round(_pss(word, place), 1) for name, word in (("web", "gunicorn"), ("worker", "run_worker"))}


def _pss(word: str, place: str) -> float:
    """MiB of all processes with this word in their command and this directory in their environment."""
    total = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            ours = place in (process / "environ").read_text() and word in (process / "cmdline").read_text()
            lines = (process / "smaps_rollup").read_text().splitlines() if ours else []
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["database", "films", "memory", "fill"])
    parser.add_argument("--courses", type=int, default=10_000)
    parser.add_argument("--seconds", type=int, default=32, help="length of each film")
    asked = parser.parse_args()
    if asked.what == "fill":
        fill(asked.courses)
        return
    ways = {"database": lambda: database(asked.courses), "films": lambda: films(asked.seconds), "memory": memory}
    found = ways[asked.what]()
    sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
