"""Real servers for the tests, and for trying the site on its production parts: on loopback, outside the tree.

    python deploy/services.py start [NAME…]      start what does not run yet, and wait until it answers
    python deploy/services.py status             name, address and process of each
    python deploy/services.py env                lines for the shell: eval "$(python deploy/services.py env)"
    python deploy/services.py stop [NAME…]       stop by process id, remove the data
    python deploy/services.py with -- COMMAND    start, run the command, stop what was started for it

Names: postgres, elasticsearch, s3, s3proxy, redis, rabbitmq, nginx. Addresses are kept in ``services.json`` of the
directory ``WENLAN_SERVICES`` (default: ``wenlan-services-UID`` in the temporary directory), downloads in
``~/.cache/wenlan``.
A component that cannot be had is named with the way to get it; with ``CI=true`` that is a failure, and on Debian as
root its packages are installed first.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from deploy import components, programs
from deploy.programs import Missing, say

IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}


def services_dir() -> Path:
    """Where the servers keep their data and ``services.json``; made on first use, open for passing through."""
    default = Path(tempfile.gettempdir()) / f"wenlan-services-{os.getuid()}"
    place = Path(os.environ.get("WENLAN_SERVICES", default)).resolve()
    place.mkdir(parents=True, exist_ok=True)
    place.chmod(0o711)
    return place


@dataclass(slots=True)
class Running:
    """A started server: processes by id with the clock tick of their start, so that a reused id is never signalled."""

    name: str
    url: str
    home: str
    pids: list[int]
    born: list[str]
    env: dict[str, str] = field(default_factory=dict)

    @property
    def alive(self) -> bool:
        return all(birth(pid) == born for pid, born in zip(self.pids, self.born, strict=True))


def birth(pid: int) -> str:
    """When a process began, in clock ticks since boot, or "" when there is none (or only its remains)."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if after_name[0] == "Z" else after_name[19]


@contextmanager
def _locked(place: Path) -> Iterator[None]:
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def read_state(place: Path | None = None) -> dict[str, Running]:
    """The servers that run now, by name."""
    path = (place or services_dir()) / "services.json"
    if not path.exists():
        return {}
    known = {name: Running(**entry) for name, entry in json.loads(path.read_text()).items()}
    return {name: server for name, server in known.items() if server.alive}


def _write_state(place: Path, state: dict[str, Running]) -> None:
    aside = place / "services.json.new"
    aside.write_text(json.dumps({name: asdict(server) for name, server in state.items()}, indent=1))
    aside.replace(place / "services.json")
    (place / "services.env").write_text("".join(f"{line}\n" for line in env_lines(state)))


def environment(state: dict[str, Running]) -> dict[str, str]:
    """The settings that point the site at the running servers."""
    return {key: value for server in state.values() for key, value in server.env.items()}


def env_lines(state: dict[str, Running]) -> list[str]:
    return [f"export {key}='{value}'" for key, value in environment(state).items()]


def ensure(name: str, **options: str) -> Running:
    """The named server, started if it does not run. Safe to call from several processes at once. Raises Missing."""
    place = services_dir()
    with _locked(place):
        state = read_state(place)
        if name not in state:
            state[name] = launch(name, **options)
            _write_state(place, state)
        return state[name]


def launch(name: str, home: str = "", **options: str) -> Running:
    """Starts a server that nobody shares; the caller stops it with ``stop_server``. ``home``: that of one that was
    killed, to go on with its data. Raises Missing."""
    component = components.BY_NAME[name]
    component.require(install=IN_CI)
    place = Path(home or services_dir() / f"{name}-{os.getpid()}-{time.time_ns()}")
    if not home:
        place.mkdir(parents=True)
        components.give(place)
    started = component.start(place, **options)
    pids = [process.pid for process in started.processes]
    server = Running(name, started.url, str(place), pids, [birth(pid) for pid in pids], started.env)
    try:
        _wait(server, started, component.patience)
    except Missing:
        stop_server(server)
        raise
    return server


def _wait(server: Running, started: components.Started, patience: float) -> None:
    deadline = time.monotonic() + patience
    while not started.healthy():
        if any(process.poll() is not None for process in started.processes) or time.monotonic() > deadline:
            log = Path(server.home) / "log"
            tail = log.read_text(errors="replace")[-2000:] if log.exists() else ""
            raise Missing(f"{server.name} did not start; the end of its log:\n{tail}")
        time.sleep(0.2)


def stop_server(server: Running) -> None:
    """Ends the server's processes by id, politely first, and removes its data."""
    polite = components.BY_NAME[server.name].stop_signal
    for pid, born in zip(reversed(server.pids), reversed(server.born), strict=True):
        _end(pid, born, polite)
    shutil.rmtree(server.home, ignore_errors=True)


def kill_server(server: Running) -> None:
    """Ends the server's processes as a power cut would; its data stay."""
    for pid, born in zip(server.pids, server.born, strict=True):
        if birth(pid) == born:
            os.killpg(pid, signal.SIGKILL)
            _reap(pid, wait=True)


def _end(pid: int, born: str, polite: signal.Signals, patience: float = 15.0) -> None:
    """``pid`` leads a session of its own (``start_new_session``), so what is left of its group is its children."""
    if birth(pid) != born:
        return
    os.kill(pid, polite)
    deadline = time.monotonic() + patience
    while birth(pid) == born and time.monotonic() < deadline:
        _reap(pid)
        time.sleep(0.05)
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    _reap(pid)


def _reap(pid: int, *, wait: bool = False) -> None:
    """Takes the end of a child; a server that another process started is nobody's child here."""
    try:
        os.waitpid(pid, 0 if wait else os.WNOHANG)
    except ChildProcessError:
        return


def start(names: list[str]) -> tuple[list[str], list[str]]:
    """Starts the named servers; returns the names newly started and the names that could not be had."""
    before = set(read_state())
    missing = []
    if IN_CI:
        needed = dict(components.TOOLS)
        for name in names:
            needed.update(components.BY_NAME[name].packages)
        programs.install_packages(needed)
    for name in names:
        try:
            server = ensure(name)
        except Missing as reason:
            missing.append(name)
            say(f"✗ {name}: {reason}")
        else:
            say(f"✓ {name:14} {server.url}")
    return [name for name in names if name not in before and name not in missing], missing


def stop(names: list[str], *, tell: bool = True) -> None:
    place = services_dir()
    with _locked(place):
        state = read_state(place)
        for name in reversed([name for name in state if name in names]):
            stop_server(state.pop(name))
            if tell:
                say(f"■ {name} stopped")
        _write_state(place, state)


def run_with(command: list[str]) -> int:
    """Runs a command while the servers run; with ``CI=true`` refuses when one is missing. Returns its exit status."""
    started: list[str] = []
    try:
        started, missing = start(components.DEFAULT)
        if missing and IN_CI:
            say(f"CI=true and these servers are missing: {', '.join(missing)}")
            return 1
        return subprocess.run(command, check=False).returncode
    finally:
        # Silently: the command's own last line is what the reader looks for.
        stop(started, tell=False)


def show(state: dict[str, Running]) -> None:
    for name in components.BY_NAME:
        server = state.get(name)
        say(f"{name:14} {server.url}  process {server.pids[-1]}" if server else f"{name:14} –")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["start", "stop", "status", "env", "with"])
    parser.add_argument("names", nargs="*", metavar="NAME")
    if "--" in arguments:
        command = arguments[arguments.index("--") + 1 :]
        arguments = arguments[: arguments.index("--")]
    else:
        command = []
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.names) - set(components.BY_NAME):
        parser.error(f"no such server: {', '.join(unknown)}; there are {', '.join(components.BY_NAME)}")
    names = chosen.names or (components.DEFAULT if chosen.action == "start" else list(components.BY_NAME))
    match chosen.action:
        case "start":
            return 1 if start(names)[1] else 0
        case "stop":
            stop(names)
        case "status":
            show(read_state())
        case "env":
            sys.stdout.write("".join(f"{line}\n" for line in env_lines(read_state())))
        case "with":
            return run_with(command)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
