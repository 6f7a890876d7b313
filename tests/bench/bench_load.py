"""The production set under 4, 100 and 400 people at once: how long each waits, what an answer costs, what ends first.

    make bench ARGS=load
    make bench ARGS="load --courses 2000 --seconds 3"

PostgreSQL, Elasticsearch, versitygw, RabbitMQ, Redis, gunicorn, a worker and nginx on this machine, with the courses of
``tests.bench.filled``; asked through nginx by ``wrk`` (Debian's package of that name), each person again as soon as the
answer is there. CPU seconds are read from ``/proc`` for each part, those of ``wrk`` left out, so that the cost of one
answer can be compared between loads whatever else the machine does.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from deploy import run, services
from deploy.programs import install_packages, say
from tests.bench import table
from tests.chaos.load import pieces
from tests.journeys.conftest import make_film
from tests.running import Site, production_site

USERS = (4, 100, 400)
ASKED = ("苗绣", "太极拳 入门", "miaoxiu", "重庆 川剧", "养生", "摄影", "书法 基础", "合唱")
SCRIPT = Path(__file__).with_name("wrk.lua")
PATIENCE = 100  # looks at what goes on
IDLE = 0.2  # seconds of CPU a second that all parts use together while nobody asks
TICKS = os.sysconf("SC_CLK_TCK")
BUSY = 0.85
"""Share of the machine's cores above which they are what ends first, and not the number of those who work."""


@dataclass(frozen=True, slots=True)
class Told:
    """What ``users`` met: answers a second, milliseconds, failures; CPU milliseconds an answer of each part; and the
    share of all cores that was in use."""

    users: int
    rate: float
    p50: float
    p95: float
    p99: float
    failed: int
    cpu: dict[str, float]
    used: float

    @property
    def cost(self) -> float:
        return sum(self.cpu.values())

    def first_to_end(self) -> str:
        part = max(self.cpu, key=lambda name: self.cpu[name])
        return f"cores ({part})" if self.used >= BUSY else f"who works ({part})"


# The ground -------------------------------------------------------------------------------------
@contextmanager
def set_up(var: Path, courses: int) -> Iterator[tuple[Site, dict[str, list[int]]]]:
    """The site, and the processes of each part by the session they lead."""
    names = ("postgres", "elasticsearch", "s3", "redis", "rabbitmq")
    parts = {name: services.launch(name) for name in names}
    settings = {
        "DATABASE_URL": parts["postgres"].url,
        "SEARCH_URL": parts["elasticsearch"].url,
        "STORAGE_URL": parts["s3"].url,
        "TASKS_URL": parts["rabbitmq"].url,
        "CACHE_URL": parts["redis"].url,
    }
    try:
        fill(settings["DATABASE_URL"], courses)
        with production_site(var, settings) as site:
            settle(site)
            ours = [pid for pid in _children(os.getpid()) if pid not in {p for one in parts.values() for p in one.pids}]
            leaders = {name: one.pids for name, one in parts.items()}
            yield site, leaders | {_name(pid): [pid] for pid in ours if _name(pid)}
    finally:
        for one in parts.values():
            services.stop_server(one)


def fill(database: str, courses: int) -> None:
    """The courses first: they take the lowest keys, and the demo library comes beside what is there."""
    say(f"filling in {courses:,} courses")
    env = {**os.environ, "DATABASE_URL": database, "LOG_LEVEL": "ERROR"}
    run.manage("migrate", env, "-v", "0")
    filled = [sys.executable, "-m", "tests.bench.filled", "--courses", str(courses), "--institutions", "200"]
    subprocess.run(filled, env=env, cwd=run.ROOT, check=True, stdout=subprocess.DEVNULL)


OPEN = "from media_pipeline.models import Job; print(Job.objects.filter(state__in=['queued', 'running']).count())"


def settle(site: Site) -> None:
    """Until the worker has made the demo library and both indices, so that nothing else is at work. Raises CannotRun
    when the indices differ from the database after that."""
    say("waiting for the worker")
    for _ in range(PATIENCE):
        if site.manage("shell", "-v", "0", "-c", OPEN).splitlines()[-1] == "0":
            with suppress(run.CannotRun):
                site.manage("check_index")
                return
        time.sleep(5)
    site.manage("check_index")


def _children(process: int) -> list[int]:
    tasks = Path(f"/proc/{process}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def _name(process: int) -> str:
    words = Path(f"/proc/{process}/cmdline").read_text()
    return next(
        (name for name, word in (("gunicorn",) * 2, ("worker", "run_worker"), ("nginx",) * 2) if word in words), ""
    )


def cpu_seconds(leaders: dict[str, list[int]]) -> dict[str, float]:
    """Of each part: its processes, those they began, and what they began and is over (proc(5): utime to cstime)."""
    parent, spent_by = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parent[int(stat.parent.name)] = int(fields[1])
        spent_by[int(stat.parent.name)] = sum(map(int, fields[11:15])) / TICKS
    part_of = {pid: name for name, pids in leaders.items() for pid in pids}
    spent = dict.fromkeys(leaders, 0.0)
    for pid, seconds in spent_by.items():
        leader = pid
        while leader and leader not in part_of:
            leader = parent.get(leader, 0)
        if leader:
            spent[part_of[leader]] += seconds
    return spent


def busy_seconds() -> float:
    """Of all cores together since the machine began, whoever used them."""
    user, nice, system, _idle, _wait, *more = map(int, Path("/proc/stat").read_text().split("\n")[0].split()[1:])
    return (user + nice + system + sum(more[:2])) / TICKS


def rest(leaders: dict[str, list[int]]) -> None:
    """Until nobody works any more: for those who are gone, too, gunicorn ends what it has begun."""
    for _ in range(PATIENCE):
        before = sum(cpu_seconds(leaders).values())
        time.sleep(1)
        if sum(cpu_seconds(leaders).values()) - before < IDLE:
            return


# What is asked ----------------------------------------------------------------------------------
def cases(site: Site, film: dict, courses: list[str]) -> dict[str, tuple[list[str], dict[str, str]]]:
    """Paths and headers by what they are. ``{n}`` makes an address that no cache has; the API is never cached."""
    hls = film["assets"][0]["hls"]
    return {
        "cached page": (["/"], {}),
        "uncached page": ([f"{path}?n={{n}}" for path in courses], {}),
        "search": ([f"/api/v1/search?q={quote(word)}" for word in ASKED], {}),
        "suggestion": ([f"/api/v1/suggest?q={quote(word[:2])}" for word in ASKED], {}),
        "64 KiB of a film": ([media_of(site, hls)], {"Range": "bytes=0-65535"}),
    }


def media_of(site: Site, hls: str) -> str:
    """The file behind the largest rung."""

    def text(path: str) -> str:
        asked = subprocess.run(["curl", "-sfL", f"{site.url}{path}"], capture_output=True, text=True, check=True)
        return asked.stdout

    rung = next(line for line in text(hls).splitlines() if line and line[0] != "#")
    rung = f"{hls.rpartition('/')[0]}/{rung}"
    return next(address for address, _span in pieces(text(rung), rung))


def ask(site: Site, place: Path, asked: tuple[list[str], dict[str, str]], users: int, seconds: int) -> dict[str, float]:
    """What wrk tells."""
    paths, headers = asked
    (place / "paths").write_text("\n".join(paths) + "\n")
    words = [
        word for name, value in {"Accept-Encoding": "gzip", **headers}.items() for word in ("-H", f"{name}: {value}")
    ]
    command = ["wrk", "-t1", f"-c{users}", f"-d{seconds}s", "--timeout", "60s", "-s", str(SCRIPT), *words, site.url]
    told = subprocess.run([*command, "--", str(place / "paths")], capture_output=True, text=True, check=True).stdout
    return json.loads(told.strip().splitlines()[-1])


def measure(
    site: Site, leaders: dict[str, list[int]], place: Path, asked: tuple[list[str], dict[str, str]], seconds: int
) -> list[Told]:
    found = []
    ask(site, place, asked, USERS[0], 2)
    for users in USERS:
        rest(leaders)
        before, busy = cpu_seconds(leaders), busy_seconds()
        told = ask(site, place, asked, users, seconds)
        after = cpu_seconds(leaders)
        used = (busy_seconds() - busy) / told["seconds"] / (os.cpu_count() or 1)
        count = max(1, told["answers"])
        cpu = {name: 1000 * (after[name] - before[name]) / count for name in leaders}
        waits = (told["p50"], told["p95"], told["p99"])
        found.append(Told(users, count / told["seconds"], *waits, int(told["bad"] + told["lost"]), cpu, used))
    return found


# Telling ----------------------------------------------------------------------------------------
HEAD = ["asked", "people", "answers/s", "p50 ms", "p95 ms", "p99 ms", "failed", "CPU ms an answer", "ends first"]


def lines(what: str, found: list[Told]) -> Iterator[list[str]]:
    for one in found:
        waits = [f"{wait:,.3g}" if wait < 100 else f"{wait:,.0f}" for wait in (one.p50, one.p95, one.p99)]
        yield [what, f"{one.users}", f"{one.rate:,.0f}", *waits, f"{one.failed}", f"{one.cost:.2g}", one.first_to_end()]


def rows(what: str, found: list[Told]) -> Iterator[table.Row]:
    few, many = found[0], found[-1]
    yield table.Row(
        f"{what}: CPU an answer with {many.users} people, with {few.users}",
        "ms",
        many.cost,
        limit=few.cost,
        aim="≤ 1 × it",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--courses", type=int, default=10_000)
    parser.add_argument("--seconds", type=int, default=10)
    chosen = parser.parse_args()
    install_packages({"wrk": "wrk"})
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is not on this machine (Debian: apt install wrk; macOS: brew install wrk).")
    with tempfile.TemporaryDirectory(prefix="wenlan-load-") as directory:
        place = Path(directory)
        with set_up(place / "var", chosen.courses) as (site, leaders):
            film = site.ingest(make_film(place / "film.mp4", seconds=20), title="测速")
            listed = subprocess.run(
                ["curl", "-sf", f"{site.url}/api/v1/courses"], capture_output=True, text=True, check=True
            )
            courses = [one["url"] for one in json.loads(listed.stdout)["items"]]
            found = {
                what: measure(site, leaders, place, asked, chosen.seconds)
                for what, asked in cases(site, film, courses).items()
            }
    shown = table.markdown(HEAD, [line for what, told in found.items() for line in lines(what, told)])
    sys.stdout.write(shown)
    table.tell([row for what, told in found.items() for row in rows(what, told)], f"\n{shown}")


if __name__ == "__main__":
    main()
