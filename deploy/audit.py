"""Whether what the site stands on may still be stood on: locks, withdrawn releases, known faults, licences, age.

    .venv/bin/python deploy/audit.py          (make audit)

Ends with 1 when something must be done. A database of faults that cannot be asked is said to be unknown, never clean;
``--must-know`` makes that an error too.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from deploy.prepare import ROOT, say

UV = str(Path(sys.executable).parent / "uv")
PIP_AUDIT = "pip-audit==2.10.1"
LOCKS = {"requirements-dev.txt": ["--group", "dev"], "requirements.txt": ["--constraint", "requirements-dev.txt"]}
OPEN = re.compile(
    r"\b(?:MIT|BSD|Apache|ISC|PSF|Python Software|MPL|Mozilla|LGPL\w*|Lesser General|HPND|Unlicense|CC0|Zlib|0BSD"
    r"|BlueOak|Public Domain|OFL|CC-BY-4|Artistic)(?![a-z])",
    re.I,
)
"""Licences under which a part may stand beside Apache-2.0 without changing it."""


def run(*words: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)


def locks() -> Iterator[str]:
    """Locks that do not follow from pyproject.toml, and releases that their makers have withdrawn (PEP 592)."""
    with tempfile.TemporaryDirectory() as folder:
        for name, more in LOCKS.items():
            fresh = Path(folder) / name
            shutil.copy(ROOT / name, fresh)
            words = "pip compile pyproject.toml --universal --python-version 3.11 --no-emit-index-url --no-header"
            made = run(UV, *words.split(), "--generate-hashes", *more, "-o", str(fresh))
            yield from (line for line in made.stderr.splitlines() if "yanked" in line)
            if made.returncode:
                yield f"{name}: cannot be resolved: {made.stderr.strip()[-500:]}"
            elif fresh.read_text() != (ROOT / name).read_text():
                yield f"{name}: does not follow from pyproject.toml. Run: make lock"


def python_faults() -> tuple[list[str], int, int]:
    """Known faults by package, and how many packages could be asked about, of how many."""
    words = ("tool", "run", "--from", PIP_AUDIT, "pip-audit", "-r", "requirements.txt", "--disable-pip", "-f", "json")
    done = run(UV, *words, "--require-hashes", "--progress-spinner", "off")
    try:
        told = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        return [], 0, 0
    faults = [
        f"{one['name']} {one['version']}: {fault['id']}, mended in {', '.join(fault['fix_versions']) or 'no release'}"
        for one in told
        for fault in one.get("vulns", ())
    ]
    return faults, sum("skip_reason" not in one for one in told), len(told)


def script_faults() -> list[str] | None:
    """Known faults of npm's packages that reach a browser; None when the registry does not say."""
    done = run("npm", "audit", "--json", "--omit=dev", folder=ROOT / "frontend")
    try:
        told = json.loads(done.stdout)
    except ValueError:
        return None
    if "vulnerabilities" not in told:
        return None
    return [f"{name}: {one['severity']}, {one['range']}" for name, one in told["vulnerabilities"].items()]


def licences() -> Iterator[str]:
    """Packages of the lock under a licence that nobody has looked at."""
    for name in re.findall(r"^([a-z0-9][\w.-]*)==", (ROOT / "requirements.txt").read_text(), re.M):
        try:
            about = metadata.metadata(name)
        except metadata.PackageNotFoundError:
            continue  # of another system
        told = " ".join(
            one[:200]
            for field in ("License-Expression", "License", "Classifier")
            for one in about.get_all(field) or ()
            if field != "Classifier" or one.startswith("License")
        )
        if not OPEN.search(told):
            yield f"{name}: {told or 'no licence told'}"


def main() -> int:
    faults, asked, of = python_faults()
    scripts = script_faults()
    found = {
        "locks and withdrawn releases": [*locks()],
        "known faults": [*faults, *(scripts or [])],
        "licences to look at": [*licences()],
    }
    unknown = []
    if asked < of or not of:
        unknown.append(f"no database told of {of - asked or 'all'} Python packages")
    if scripts is None:
        unknown.append("the npm registry told nothing")
    for what, lines in found.items():
        unsure = "; ".join(unknown) if what == "known faults" else ""
        sign = "✗" if lines else "?" if unsure else "✓"
        say("\n    ".join([f"{sign} {what}{f': {unsure}' if unsure else ''}", *lines]))
    say(f"• newer releases\n{run(UV, 'pip', 'list', '--outdated').stdout}")
    return int(any(found.values()) or (bool(unknown) and "--must-know" in sys.argv))


if __name__ == "__main__":
    sys.exit(main())
