"""kill -9 at random moments, over whole films and films in parts, on the database queue and on Celery.

``python -m tests.bench.kills [--kills 200] [--seed 1] [--minutes 15] [--queue database|redis|rabbitmq]`` starts a site
of its own, keeps workers running on a library that is always being made anew, and kills one of them at a time. It tells
how long after its lease each job that lost its worker was worked on again. At the end the workers are left alone, and
it must stand: every job ended, each film has one current, complete package that holds every frame, and the sweep leaves
no object that no row mentions.
"""

import argparse
import json
import os
import random
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import imageio_ffmpeg

from deploy import services
from tests.bench import nursery

ROOT = Path(__file__).resolve().parents[2]
LEASE = 4
FRAMES = {"whole": 75, "parts": 325}  # of the clips below, at 25 a second
SETTINGS = {
    "JOB_LEASE_SECONDS": str(LEASE),
    "MEDIA_FIRST_SECONDS": "2",
    "PYTHONUNBUFFERED": "1",
    "LOG_LEVEL": "WARNING",
}


@dataclass(slots=True)
class Site:
    """A database, a store and workers of their own under ``place``."""

    place: Path
    env: dict[str, str]
    workers: list[int] = field(default_factory=list)
    started: int = 0
    nursery: subprocess.Popen[str] | None = None

    def shell(self, code: str) -> str:
        """What the code prints. Raises RuntimeError with its traceback."""
        log = self.place / "shell.log"
        log.unlink(missing_ok=True)
        process = self._born(log, code)
        until(lambda: not _lives(process), 180)
        told, done, _ = log.read_text().rpartition(f"{nursery.DONE}\n")
        if not done:
            raise RuntimeError(log.read_text()[-3000:])
        return told

    def start(self) -> None:
        """One more worker."""
        self.started += 1
        self.workers.append(self._born(self.place / f"worker-{self.started}.log"))

    def _born(self, log: Path, code: str = "") -> int:
        if self.nursery is None:
            command = [sys.executable, "-m", "tests.bench.nursery"]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
            self.nursery = subprocess.Popen(command, env=self.env, cwd=ROOT, **pipes)
        self.nursery.stdin.write(json.dumps({"log": str(log), "code": code}) + "\n")
        self.nursery.stdin.flush()
        return int(self.nursery.stdout.readline())

    def ask(self, sql: str) -> list[tuple]:
        with closing(sqlite3.connect(self.place / "var" / "wenlan.sqlite3", timeout=30)) as data:
            return data.execute(sql).fetchall()

    def stop(self) -> None:
        for worker in self.workers:
            end(worker, signal.SIGKILL)
        self.workers.clear()
        if self.nursery is not None:
            self.nursery.communicate()
            self.nursery = None


def end(worker: int, number: int) -> None:
    """Sends the signal and waits until the process is gone. What the kernel does when it runs out of memory hits one
    process as well; its children see their pipes break."""
    os.kill(worker, number)
    until(lambda: not _lives(worker), 60)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@contextmanager
def a_site(queue_url: str = "", template: Path | None = None, *, whole: float = 8, span: float = 4) -> Iterator[Site]:
    """``whole`` and ``span``: seconds above which a film is cut, and into which."""
    place = Path(tempfile.mkdtemp(prefix="wenlan-kills-"))
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("MEDIA_", "DJANGO_", "TASKS_", "WENLAN_"))}
    lengths = {"MEDIA_WHOLE_SECONDS": str(whole), "MEDIA_SPAN_SECONDS": str(span)}
    env = (
        clean
        | SETTINGS
        | lengths
        | {"WENLAN_VAR": str(place / "var")}
        | ({"TASKS_URL": queue_url} if queue_url else {})
    )
    site = Site(place, env)
    try:
        if template:
            shutil.copytree(template, place / "var")
        else:
            subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], env=env, cwd=ROOT, check=True)
        yield site
    finally:
        site.stop()
        shutil.rmtree(place, ignore_errors=True)


def make_films(place: Path) -> dict[str, Path]:
    """A short film and one long enough to be cut, with a key frame a second."""
    films = {}
    for name, frames in FRAMES.items():
        source = ("-f", "lavfi", "-i", f"testsrc2=s=320x180:r=25:d={frames / 25}")
        sound = ("-f", "lavfi", "-i", f"sine=d={frames / 25}")
        codecs = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-c:a", "aac")
        films[name] = place / f"{name}.mp4"
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-v", "error", *source, *sound, *codecs, str(films[name])]
        subprocess.run(command, check=True)
    return films


RECEIVE = """
from pathlib import Path
from media_pipeline import intake
for path in {paths!r}:
    intake.receive_file(Path(path), owner="a", title=Path(path).stem)
"""
# Every film goes, objects and all, and comes again.
AGAIN = """
from pathlib import Path
from media_pipeline import intake, storage
from media_pipeline.models import MediaAsset
for asset in MediaAsset.objects.all():
    path = storage.store().path(asset.original_key)
    intake.receive_file(path, owner="a", title=asset.title, filename=asset.filename)
    asset.delete()
"""
SWEEP = """
import json
from media_pipeline import storage, sweeper
from media_pipeline.models import Job, MediaAsset, Package
Package.objects.filter(current=False).update(replaced_at="2000-01-01T00:00:00Z")
sweeper.remove_old_packages()
sweeper.remove_orphans(suspect_seconds=0)
store = storage.store()
known = set(MediaAsset.objects.values_list("original_key", flat=True))
prefixes = tuple(Package.objects.values_list("prefix", flat=True))
keys = [key for folder in storage.FOLDERS for key in store.list(folder)]
print(json.dumps({
    "orphans": [key for key in keys if key not in known and not key.startswith(prefixes)],
    "assets": MediaAsset.objects.count(),
    "published": MediaAsset.objects.filter(state="published").count(),
    "current": Package.objects.filter(current=True, complete=True).count(),
    "open": Job.objects.filter(state__in=["queued", "running"]).count(),
    "failed": list(Job.objects.filter(state="failed").values_list("kind", "reason_code", "reason")),
    "lists": [[p.asset.title, str(store.path(p.hls_key))] for p in Package.objects.filter(current=True)],
}))
"""


def until(true: Callable[[], bool], seconds: float) -> bool:
    """Whether it came true in time."""
    over = time.monotonic() + seconds
    while not true():
        if time.monotonic() > over:
            return False
        time.sleep(0.05)
    return True


OPEN = "SELECT count(*) FROM media_pipeline_job WHERE state IN ('queued', 'running')"
# Something a kill may fall into: what runs, in which step and how far.
MOMENT = "SELECT kind, step, attempt, progress FROM media_pipeline_job WHERE state = 'running' ORDER BY id"


LOST = "SELECT id, attempt, lease_until FROM media_pipeline_job WHERE state = 'running' AND worker LIKE '%:{}:%'"


class Returns(threading.Thread):
    """Watches the jobs whose workers were killed. ``seconds``: for each, from the end of its lease to its next claim; a
    job that waits for a free worker counts as one that waits."""

    def __init__(self, site: Site) -> None:
        super().__init__(daemon=True)
        self.site, self.seconds = site, []
        self._lost: dict[tuple[int, int], datetime] = {}
        self._over = threading.Event()

    def killed(self, worker: int) -> None:
        """To be called while the rows still name the worker."""
        for job, attempt, lease in self.site.ask(LOST.format(worker)):
            self._lost[job, attempt] = datetime.fromisoformat(lease).replace(tzinfo=UTC)

    def run(self) -> None:
        while not self._over.wait(0.1):
            attempts = dict(self.site.ask("SELECT id, attempt FROM media_pipeline_job"))
            now = datetime.now(UTC)
            for job, attempt in list(self._lost):
                if job not in attempts or attempts[job] > attempt:
                    lease = self._lost.pop((job, attempt))
                    self.seconds.append((now - lease).total_seconds())

    def stop(self) -> None:
        self._over.set()
        self.join()


def kill_some(
    site: Site, kills: int, dice: random.Random, seconds: float, *, returns: Returns | None = None
) -> dict[str, int]:
    """Kill one of two workers at random moments of running jobs; how many fell into each step. Between kills the wait
    is a random number of changes of what the jobs say, so that all steps are met, not only the longest."""
    fell: dict[str, int] = {}
    over = time.monotonic() + seconds
    while sum(fell.values()) < kills and time.monotonic() < over:
        while len(site.workers) < 2:
            site.start()
        seen = site.ask(MOMENT)
        for _ in range(dice.randint(1, 4)):
            until(lambda: site.ask(MOMENT) != seen, 3 * LEASE)  # noqa: B023
            seen = site.ask(MOMENT)
            if time.monotonic() > over:
                break
        if not seen:
            if not site.ask(OPEN)[0][0]:
                site.shell(AGAIN)
            continue
        time.sleep(dice.random() * 0.3)
        killed = site.workers.pop(dice.randrange(len(site.workers)))
        end(killed, signal.SIGKILL)
        if returns:
            returns.killed(killed)
        kind, step, *_ = dice.choice(seen)
        fell[f"{kind} {step}"] = fell.get(f"{kind} {step}", 0) + 1
    return fell


def finish(site: Site, seconds: float) -> dict:
    """Let everything end in peace, sweep, and tell what is left."""
    while len(site.workers) < 2:
        site.start()
    ended = until(lambda: not site.ask(OPEN)[0][0], seconds)
    for worker in site.workers:
        end(worker, signal.SIGTERM)
    site.workers.clear()
    return {**json.loads(site.shell(SWEEP).splitlines()[-1]), "ended": ended}


def frames_of(playlist: str) -> int:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", playlist, "-map", "0:v:0", "-f", "framecrc", "-"]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    return sum(not line.startswith("#") for line in answer.stdout.splitlines())


def problems(left: dict) -> list[str]:
    """What must not be, in words; nothing when all is well."""
    found = [] if left["ended"] and not left["open"] else [f"{left['open']} jobs never ended"]
    found += [f"orphan {key}" for key in left["orphans"]]
    found += [f"failed {job}" for job in left["failed"]]
    if not left["assets"] == left["published"] == left["current"] == len(left["lists"]):
        found.append(f"{left['assets']} films, {left['published']} published, {left['current']} complete packages")
    for title, playlist in left["lists"]:
        if (frames := frames_of(playlist)) != FRAMES[title]:
            found.append(f"{title}: {frames} frames of {FRAMES[title]}")
    return found


def spread(seconds: list[float]) -> str:
    if len(seconds) < 2:
        return f"{seconds}"
    cuts = statistics.quantiles(seconds, n=100)
    return f"{len(seconds)} jobs, p50 {cuts[49]:.1f} s, p95 {cuts[94]:.1f} s, longest {max(seconds):.1f} s"


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--queue", choices=["database", "redis", "rabbitmq"], action="append")
    asked = parser.parse_args()
    queues = asked.queue or ["database", "redis"]
    failed = False
    for queue in queues:
        with a_broker(queue) as url, a_site(url) as site, tempfile.TemporaryDirectory() as clips:
            films = make_films(Path(clips))
            paths = [str(films[name]) for name in ("whole", "parts", "whole", "parts")]
            site.shell(RECEIVE.format(paths=paths))
            began, returns, dice = time.monotonic(), Returns(site), random.Random(asked.seed)
            returns.start()
            share = asked.kills // len(queues), dice, 60 * asked.minutes / len(queues)
            fell = kill_some(site, *share, returns=returns)
            left = finish(site, 180)
            returns.stop()
            wrong = problems(left)
            say(f"{queue}: {sum(fell.values())} kills in {time.monotonic() - began:.0f} s: {fell}")
            say(f"claimed again after the lease of {LEASE} s: {spread(returns.seconds)}")
            say("\n".join(wrong) if wrong else "every job ended, one set of objects, no orphan")
            failed = failed or bool(wrong)
    return int(failed)


@contextmanager
def a_broker(queue: str) -> Iterator[str]:
    """``TASKS_URL`` of a broker that nobody shares; empty for the database."""
    if queue == "database":
        yield ""
        return
    broker = services.launch(queue)
    try:
        yield broker.url
    finally:
        services.stop_server(broker)


if __name__ == "__main__":
    sys.exit(main())
