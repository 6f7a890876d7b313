"""The bench of search works, on both engines; how fast it finds them is nobody's verdict here."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench import bench_search
from tests.bench.courses import Library, Words

ROOT = Path(bench_search.__file__).parents[2]


def test_bench_prints_ratios_of_both_engines(elasticsearch_url: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.bench.bench_search", "--small", "--url", elasticsearch_url]
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    table = done.stdout[done.stdout.index("load of the machine") :]
    assert re.search(r"^embedded +1,000 +– +– +\d+\.\d ms +–$", table, re.MULTILINE)
    assert re.search(r"^elastic +1,000 +\d+\.\d\d +\d+\.\d\d +\d+\.\d ms +\d+\.\d\d$", table, re.MULTILINE)
    assert re.search(r"^  bare question( +\d+\.\d){3}   of 20$", done.stdout, re.MULTILINE)
    assert list(tmp_path.iterdir()) == []


def test_bench_makes_the_same_courses_each_time() -> None:
    first, again = Library(Words()), Library(Words())
    few, more = list(first.documents(20)), list(again.documents(30))
    assert few == more[:20]
    assert first.questions(5) == again.questions(5)
    assert first.sessions(5) == again.sessions(5)
    assert any(course.passages for course in few)


def test_bench_shares_are_those_of_sorted_times() -> None:
    figures = bench_search.Figures("elastic", 1, {"question": [4.0, 2.0, 6.0, 8.0], "bare question": [1.0, 2.0]})
    assert figures.at("question", 0.5) == 6.0
    assert figures.at("question", 0.99) == 8.0
    assert figures.ratio(0.99) == 4.0


@pytest.mark.parametrize(("arguments", "sizes"), [([], 1_000_000), (["--small"], 1_000), (["--elastic", "7"], 7)])
def test_bench_sizes(arguments: list[str], sizes: int) -> None:
    assert bench_search.parse(arguments).elastic[-1] == sizes
