"""Puts a new release in the place of the one before, while people read, watch and upload, and tells what they noticed.

    .venv/bin/python -m tests.chaos.upgrade [--from REVISION] [--courses 5000] [--calm 20] [--write docs/upgrade.md]

Boots the previous release out of a git worktree with a filled library on PostgreSQL, Elasticsearch, versitygw, RabbitMQ
and Redis: two web processes behind nginx, two workers. Then it takes the steps of docs/operations.md, "Upgrading", to
the tree it stands in. Exits with 1 when one page or play failed, an answer was wrong, or a job did not come to its end.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin

import urllib3

from deploy import components, prepare, run, services
from deploy.components import free_port
from deploy.programs import Missing, say
from tests.chaos import afterwards, load
from tests.chaos.production import DOOR, Part, Process, settings
from tests.journeys.conftest import make_film
from tests.running import Site, build_pages

FIRST = "9990409"  # stands for the previous release until one has a tag
STATIC = re.compile(r'(?:href|src)="(/static/[^"?#]+)')


@dataclass(frozen=True, slots=True)
class Release:
    """A tree of the site with what was built of it; ``static``: its collected files."""

    name: str
    root: Path
    static: Path

    def manage(self, env: dict[str, str], command: str, *options: str) -> None:
        run.manage(command, self.given(env), *options, root=self.root)

    def given(self, env: dict[str, str]) -> dict[str, str]:
        return {**env, "STATIC_ROOT": str(self.static)}


@contextmanager
def previous(revision: str, place: Path) -> Iterator[Release]:
    """The release of a revision, out of a worktree that goes when the block ends."""
    root = place / "previous"
    git = ["git", "-C", str(run.ROOT), "worktree"]
    subprocess.run([*git, "add", "--quiet", "--detach", str(root), revision], check=True)
    try:
        (root / "frontend" / "node_modules").symlink_to(run.ROOT / "frontend" / "node_modules")
        npm, env = prepare.node()
        subprocess.run([*npm, "run", "--silent", "build"], cwd=root / "frontend", env=env, check=True)
        babel = [sys.executable, "-m", "babel.messages.frontend", "-q", "compile", "-d", "locale", "-D", "django"]
        subprocess.run(babel, cwd=root, check=True)
        yield Release("previous", root, place / "static-previous")
    finally:
        subprocess.run([*git, "remove", "--force", str(root)], check=False)


@dataclass(slots=True)
class Upgrade:
    """The set, and what is done to it; ``marks`` are the steps with the moment each began."""

    place: Path
    old: Release
    new: Release
    courses: int
    parts: dict[str, Part] = field(default_factory=dict)
    webs: list[tuple[Process, int]] = field(default_factory=list)
    workers: list[Process] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    site: Site = field(default_factory=lambda: Site("", {}, Path()))
    marks: list[tuple[str, float]] = field(default_factory=list)

    # The previous release ---------------------------------------------------------------------
    def start(self) -> None:
        for name in ("postgres", "s3", "rabbitmq", "redis", "elasticsearch"):
            self.parts[name] = Part(name, {"host": DOOR, **({"heap": "512m"} if name == "elasticsearch" else {})})
            self.parts[name].start()
        port = free_port()
        self.env = settings(self.parts, self.place, f"http://{DOOR}:{port}")
        self._fill()
        self.webs = [self._web(self.old, number) for number in (1, 2)]
        self.workers = [self._worker(self.old, number) for number in (1, 2)]
        for web, at in self.webs:
            self._ready(web, at)
        self._show(self.old)
        self.parts["nginx"] = Part("nginx", {"host": DOOR, "port": str(port), **self._front(self.old)})
        self.parts["nginx"].start()
        self.site = Site(f"http://{DOOR}:{port}", self.old.given(self.env), self.place, root=self.old.root)

    def _fill(self) -> None:
        old, env = self.old, self.old.given(self.env)
        for command in ("prepare_storage", "migrate"):
            old.manage(env, command)
        fill = ["-m", "tests.bench.filled", "--courses", str(self.courses), "--institutions", "40", "--users", "100"]
        subprocess.run([sys.executable, *fill], cwd=old.root, env=env, check=True, stdout=subprocess.DEVNULL)
        old.manage(env, "load_places")
        old.manage(env, "load_demo", "--films", "1", "--force")
        old.manage(env, "rebuild_index")
        old.manage(env, "collectstatic", "--no-input", "-v", "0")

    # Parts of a release -----------------------------------------------------------------------
    def _process(self, release: Release, name: str, words: list[str]) -> Process:
        own = self.place / f"{name}-{release.name}".replace(" ", "-")
        env = {**release.given(self.env), "WENLAN_VAR": str(own), "WEB_WORKERS": "1"}
        process = Process(f"{name}, {release.name}", words, env, own.with_suffix(".log"), release.root)
        process.start()
        return process

    def _web(self, release: Release, number: int) -> tuple[Process, int]:
        port = free_port()
        gunicorn = [str(run.BIN / "gunicorn"), "-c", "deploy/gunicorn.conf.py", "--bind", f"{DOOR}:{port}"]
        return self._process(release, f"web {number}", [*gunicorn, "config.wsgi"]), port

    def _worker(self, release: Release, number: int) -> Process:
        return self._process(release, f"worker {number}", [sys.executable, "manage.py", "run_worker"])

    def _show(self, release: Release) -> None:
        """Adds the collected files of a release to those that nginx has."""
        shutil.copytree(release.static, self.place / "static", dirs_exist_ok=True)

    def _front(self, release: Release) -> dict[str, str]:
        store = self.parts["s3"].server
        assert store is not None
        return {
            "template": str(release.root / "deploy" / "nginx" / "wenlan.conf.template"),
            "upstream": "; server ".join(f"{DOOR}:{port}" for _web, port in self.webs),
            "static": str(self.place / "static"),
            "store": store.url.partition("endpoint=")[2],
            "bucket": "wenlan",
            "link_secret": self.env["MEDIA_LINK_SECRET"],
        }

    @staticmethod
    def _ready(web: Process, port: int, patience: float = 120) -> None:
        """Raises RuntimeError unless every part is reached in time."""
        end = time.monotonic() + patience
        while time.monotonic() < end and web.running and web.running.poll() is None:
            try:
                with urllib.request.urlopen(f"http://{DOOR}:{port}/health/ready?strict=1", timeout=10):
                    return
            except OSError:
                time.sleep(0.3)
        raise RuntimeError(f"{web.name} is not ready; the end of its log:\n{web.log.read_text()[-3000:]}")

    def _reload_front(self, release: Release) -> None:
        """nginx reads its configuration anew and goes on with the old one for what is on its way."""
        nginx = self.parts["nginx"]
        assert nginx.server is not None
        nginx.options |= self._front(release)
        home, master = Path(nginx.server.home), nginx.server.pids[-1]
        at = f"{DOOR}:{nginx.options['port']}"
        (home / "nginx.conf").write_text(components.render_nginx(home, at, nginx.options))
        before = _children(master)
        os.kill(master, signal.SIGHUP)
        end = time.monotonic() + 60
        while before & _children(master) and time.monotonic() < end:
            time.sleep(0.1)

    # The steps of docs/operations.md, "Upgrading" --------------------------------------------
    def steps(self) -> list[tuple[str, Callable[[], None]]]:
        return [
            ("the new release's files beside the old ones", self._files),
            ("migrate", lambda: self.new.manage(self.env, "migrate", "--no-input")),
            ("web 1 replaced", lambda: self._replace_web(0)),
            ("web 2 replaced", lambda: self._replace_web(1)),
            ("worker 1 replaced", lambda: self._replace_worker(0)),
            ("worker 2 replaced", lambda: self._replace_worker(1)),
        ]

    def _files(self) -> None:
        self.new.manage(self.env, "collectstatic", "--no-input", "-v", "0")
        self._show(self.new)
        self._reload_front(self.new)

    def _replace_web(self, number: int) -> None:
        gone, _port = self.webs[number]
        fresh, port = self._web(self.new, number + 1)
        self._ready(fresh, port)
        self.webs[number] = fresh, port
        self._reload_front(self.new)
        gone.stop()

    def _replace_worker(self, number: int) -> None:
        gone, self.workers[number] = self.workers[number], self._worker(self.new, number + 1)
        gone.stop()

    def stop(self) -> None:
        for process in (*self.workers, *(web for web, _port in self.webs)):
            process.stop()
        for part in reversed(self.parts.values()):
            if part.server:
                services.stop_server(part.server)


def _children(pid: int) -> set[int]:
    return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


# Who looks --------------------------------------------------------------------------------------------
def dress(site: str, ledger: load.Ledger, stop: threading.Event) -> None:
    """The first page with every style and module that it names, as a browser that was never here."""
    people = load.pool()
    while not stop.is_set():
        for path in ["/", *_named(people, site)]:
            try:
                status = people.request("GET", urljoin(site, path)).status
            except urllib3.exceptions.HTTPError as error:
                ledger.note(load.PAGE, f"{path}: {type(error).__name__}", ok=False)
            else:
                ledger.note(load.PAGE, f"{path}: {status}", ok=status == 200)
        stop.wait(0.5)


def _named(people: urllib3.PoolManager, site: str) -> list[str]:
    try:
        return sorted(set(STATIC.findall(people.request("GET", site).data.decode())))
    except urllib3.exceptions.HTTPError:
        return []


def upgrade(set_: Upgrade, film: Path, calm: float) -> tuple[load.Load, afterwards.Found]:
    courses, token = afterwards.prepare(set_, film)
    running = load.begin(set_.site.url, courses, token, film.read_bytes())
    ledger = running.ledger
    dresser = threading.Thread(target=dress, args=(set_.site.url, ledger, running.stop), name="dresser", daemon=True)
    dresser.start()
    running.threads.append(dresser)
    set_.marks.append((f"previous release ({_named_revision(set_.old.root)})", ledger.now()))
    time.sleep(calm)
    for name, do in set_.steps():
        set_.marks.append((name, ledger.now()))
        say(f"{ledger.now():6.0f} s  {name}")
        do()
        time.sleep(calm / 2)
    set_.marks.append((f"present release ({_named_revision(set_.new.root)})", ledger.now()))
    set_.site = Site(set_.site.url, set_.new.given(set_.env), set_.place)
    time.sleep(calm)
    running.end()
    return running, afterwards.look(set_, ledger.uploaded)


def _named_revision(root: Path) -> str:
    asked = ["git", "-C", str(root), "describe", "--always", "--tags"]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()


def report(set_: Upgrade, running: load.Load, found: afterwards.Found) -> tuple[str, bool]:
    """The page and whether all stands."""
    events = running.ledger.events
    ends = [began for _name, began in set_.marks[1:]] + [max(event.at for event in events) + 1]
    lines = [
        "| step | seconds | pages / failed | plays / failed | uploads | wrong answers |",
        "|---|---|---|---|---|---|",
    ]
    for (name, began), end in zip(set_.marks, ends, strict=True):
        lines.append(f"| {name} | {end - began:.0f} | {load.told(running.ledger.between(began, end))} |")
    lines.append(f"| **all** | {ends[-1]:.0f} | {load.told(events)} |")
    failed = [event for event in events if not event.ok]
    sums = [
        f"uploads: {len(running.ledger.uploaded)}, lost: {len(found.lost)}; jobs: {found.jobs}, lost: {found.stuck}; "
        f"handed back or begun anew: {found.repeated}",
        *found.problems,
        *(f"{event.at:.0f} s: {event.what}" for event in failed[:10]),
    ]
    words = "\n".join(f"- {line}" for line in sums)
    return "\n".join(lines) + f"\n\n{words}\n", not (failed or found.problems)


HEAD = """# What people notice of an upgrade

Made by `python -m tests.chaos.upgrade`: two web processes behind nginx, two workers, PostgreSQL, Elasticsearch,
versitygw, RabbitMQ and Redis on one machine of {cores} cores, {courses} courses, six readers, two viewers, two partners
who upload, and one who fetches the first page with all its styles and modules. Everybody asks once, but for players and
uploaders, which try again as they do in a browser. The steps are those of [operations](operations.md#upgrading).

"""


def last_tag() -> str:
    asked = ["git", "-C", str(run.ROOT), "describe", "--tags", "--abbrev=0", "HEAD~1"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="revision", default=last_tag() or FIRST)
    parser.add_argument("--courses", type=int, default=5000)
    parser.add_argument("--calm", type=float, default=20, help="seconds before and after; half as many between steps")
    parser.add_argument("--write", type=Path, help="the page to write")
    asked = parser.parse_args()
    build_pages()
    with tempfile.TemporaryDirectory(prefix="wenlan-upgrade-") as name, previous(asked.revision, Path(name)) as old:
        place = Path(name)
        place.chmod(0o711)
        set_ = Upgrade(place, old, Release("present", run.ROOT, place / "static-present"), asked.courses)
        try:
            set_.start()
            running, found = upgrade(set_, make_film(place / "film.mp4"), asked.calm)
            text, stands = report(set_, running, found)
        except (Missing, run.CannotRun) as reason:
            say(f"✗ {reason}")
            return 1
        finally:
            set_.stop()
    sys.stdout.write(text)
    if asked.write:
        asked.write.write_text(HEAD.format(cores=os.cpu_count(), courses=asked.courses) + text)
    return 0 if stands else 1


if __name__ == "__main__":
    sys.exit(main())
