"""All benches, or the named ones, and the one table of what they found.

    make bench                              everything: some hours, most of it the search among a million courses
    make bench ARGS="delivery site load"    these; the other sections of the table stay as they were measured
    make bench ARGS="search --elastic 40000 --embedded"    what follows the names is for the bench itself

Each is a process of its own and prints more than its rows; ``docs/benchmarks.md`` is written after each.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench import table

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"
NAMES = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))
HEAD = """# Benchmarks

Written by `make bench`; each figure stands beside its baselines of the same run, so the ratios say more than the
figures. `usual way`: what the usual stack gives; `limit`: what the bare thing below ours gives. What was tried to come
there, and what each try gave, is in [decisions](decisions/).
"""


def run(name: str, more: list[str]) -> None:
    """Raises CalledProcessError when the bench fails; its section stays as it was."""
    with tempfile.TemporaryDirectory() as place:
        rows = Path(place) / "rows.json"
        env = {**os.environ, table.WHERE: str(rows)}
        subprocess.run([sys.executable, "-m", f"tests.bench.bench_{name}", *more], cwd=ROOT, env=env, check=True)
        table.write(PAGE, HEAD, {name: table.section(name, about(name, more), rows)})


def about(name: str, more: list[str]) -> str:
    asked = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, stdout=subprocess.PIPE, check=False)
    words = {
        f'`make bench ARGS="{" ".join([name, *more])}"`': time.strftime("%Y-%m-%d"),
        "revision": asked.stdout.decode().strip() or "unknown",
        f"{os.cpu_count()} cores": platform.machine(),
        "Python": platform.python_version(),
        "load of the machine": f"{os.getloadavg()[2]:.1f}",
    }
    return ", ".join(f"{what} {value}" for what, value in words.items()) + "."


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    words = sys.argv[1:]
    first = next((number for number, word in enumerate(words) if word.startswith("-") and word != "-h"), len(words))
    names, more = parser.parse_args(words[:first]).names, words[first:]
    if unknown := [name for name in names if name not in NAMES]:
        parser.error(f"no such bench: {', '.join(unknown)}; there are {', '.join(NAMES)}")
    failed = []
    for name in names or NAMES:
        try:
            run(name, more)
        except subprocess.CalledProcessError:
            failed.append(name)
    if failed:
        sys.stderr.write(f"failed, and their figures stay as they were: {', '.join(failed)}\n")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
