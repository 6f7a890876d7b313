"""The whole site on one machine: database, demo library, then web server and worker until Ctrl-C.

    .venv/bin/python deploy/run.py          (make run)

Reads PORT (8000), HOST (127.0.0.1) and everything in docs/operations.md. Ends both processes when one
of them ends, on Ctrl-C and on SIGTERM.
"""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from deploy.prepare import ROOT, digest, say, step

BIN = Path(sys.executable).parent
MANAGE = [sys.executable, str(ROOT / "manage.py")]
GRACE = 20.0  # seconds for a worker to hand its job back


class CannotRun(Exception):
    """The site cannot start; the text says why and what helps."""


def var_dir(env: Mapping[str, str]) -> Path:
    return Path(env.get("WENLAN_VAR", ROOT / "var"))


def check_port(host: str, port: int) -> None:
    """Raises CannotRun when somebody else listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                text = f"Port {port} is in use by another program. Take another: make run PORT={port + 1}"
            else:
                text = f"Cannot listen on {host}:{port}: {error.strerror}. Try: make run PORT=8080"
            raise CannotRun(text) from error


def manage(command: str, env: Mapping[str, str], *options: str, root: Path = ROOT) -> str:
    """Runs a management command of the tree at ``root``; progress goes to the terminal, what it prints is returned."""
    words = [sys.executable, str(root / "manage.py"), command, *options]
    done = subprocess.run(words, cwd=root, env=env, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise CannotRun(
            f"{done.stdout[-2000:]}\n✗ manage.py {command} ended with {done.returncode}; see the text above."
        )
    return done.stdout


def prepare_data(env: Mapping[str, str], *demo_options: str) -> str:
    """Database, places, demo library, static files, each only when its sources changed. Returns the demo's sign-ins."""
    var = var_dir(env)
    stamps, signs = var / "stamps", var / "stamps" / "signs.txt"
    base = env.get("DATABASE_URL", "")
    if not base and not (var / "wenlan.sqlite3").exists():
        for stamp in stamps.glob("*"):
            stamp.unlink()
    migrations = [path for path in ROOT.glob("*/migrations") if path.is_dir()]
    lock = ROOT / "requirements.txt"
    schema = digest([*migrations, lock], base)
    step("database", stamps / "migrate", schema, lambda: _quiet(manage("migrate", env, "-v", "0")))
    places = digest([ROOT / "catalog" / "data", ROOT / "frontend" / "package-lock.json"], base)
    step("places", stamps / "places", places, lambda: _quiet(manage("load_places", env)))
    demo = digest([ROOT / "cms" / "demo"], base, env.get("SEARCH_URL", ""), env.get("STORAGE_URL", ""), *demo_options)
    step("demo library", stamps / "demo", demo, lambda: _keep(signs, manage("load_demo", env, *demo_options)))
    static = digest([ROOT / "frontend" / "dist", lock, *sorted(ROOT.glob("*/static"))])
    step(
        "static files", stamps / "static", static, lambda: _quiet(manage("collectstatic", env, "--no-input", "-v", "0"))
    )
    return signs.read_text() if signs.exists() else ""


def _quiet(_output: str) -> None:
    """What these commands print is of no use to who starts the site."""


def _keep(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def processes(host: str, port: int) -> dict[str, list[str]]:
    """The commands that make up the site."""
    gunicorn = [str(BIN / "gunicorn"), "-c", "deploy/gunicorn.conf.py", "--bind", f"{host}:{port}", "config.wsgi"]
    return {"web server": gunicorn, "worker": [*MANAGE, "run_worker"]}


def start(commands: Mapping[str, list[str]], env: Mapping[str, str]) -> dict[str, subprocess.Popen]:
    """Each in a session of its own, so that Ctrl-C reaches only this process, which then ends them in order."""
    return {
        name: subprocess.Popen(words, cwd=ROOT, env=env, start_new_session=True) for name, words in commands.items()
    }


def stop(running: Mapping[str, subprocess.Popen]) -> None:
    for process in running.values():
        process.terminate()
    deadline = time.monotonic() + GRACE
    for process in running.values():
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_until_up(url: str, running: Mapping[str, subprocess.Popen], patience: float = 60.0) -> None:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        ended = next((name for name, process in running.items() if process.poll() is not None), None)
        if ended:
            raise CannotRun(f"The {ended} ended with {running[ended].returncode}; see the text above.")
        try:
            with urllib.request.urlopen(f"{url}/health/live", timeout=5):  # noqa: S310 (our own address)
                return
        except OSError:
            time.sleep(0.2)
    raise CannotRun(f"The site did not answer at {url} within {patience:.0f} s; see the text above.")


def supervise(running: Mapping[str, subprocess.Popen]) -> int:
    """Sleeps until one process ends, which ends the site."""
    while True:
        for name, process in running.items():
            if process.poll() is not None:
                say(f"✗ The {name} ended with {process.returncode}; the site stops.")
                return 1
        time.sleep(0.5)


def welcome(url: str, signs: str) -> str:
    lines = ["", f"  文澜 Wenlan   {url}/", f"  desk          {url}/cms/", f"  television    {url}/tv/", ""]
    return "\n".join([*lines, *(f"  {line}" for line in signs.strip().splitlines()), "", "  Ctrl-C stops it.", ""])


def _end(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


def main() -> int:
    host, port = os.environ.get("HOST") or "127.0.0.1", os.environ.get("PORT") or "8000"
    for wanted in (signal.SIGTERM, signal.SIGINT):  # a shell ignores SIGINT for what it runs in the background
        signal.signal(wanted, _end)
    running: dict[str, subprocess.Popen] = {}
    try:
        if not port.isdigit() or not 0 < int(port) < 65536:
            raise CannotRun(f"PORT={port} is no port; it is a number from 1 to 65535.")
        check_port(host, int(port))
        url = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"  # noqa: S104 (the user chose it)
        env = {**os.environ, "PUBLIC_URL": os.environ.get("PUBLIC_URL", url), "PYTHONUNBUFFERED": "1"}
        signs = prepare_data(env)
        running = start(processes(host, int(port)), env)
        wait_until_up(url, running)
        say(welcome(url, signs))
        return supervise(running)
    except CannotRun as reason:
        say(str(reason))
        return 1
    except KeyboardInterrupt:
        say("stopping …")
        return 0
    finally:
        stop(running)


if __name__ == "__main__":
    sys.exit(main())
