"""The house stands: migrations, checks, the order of the rooms, the lock files, the size of things."""

import ast
import re
import shutil
import statistics
import subprocess
import sys
import tomllib
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ROOMS = PROJECT["tool"]["importlinter"]["root_packages"]
SOURCES = [
    path for room in [*ROOMS, "deploy"] for path in (ROOT / room).rglob("*.py") if "migrations" not in path.parts
]


@pytest.mark.django_db
def test_migrations_match_the_models():
    call_command("makemigrations", "--check", "--dry-run", stdout=StringIO())


def test_system_checks_find_nothing():
    call_command("check", "--fail-level", "WARNING", stdout=StringIO())


# Lint ---------------------------------------------------------------------------------------------
def lint(*command: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BIN / command[0], *command[1:]], cwd=cwd, capture_output=True, text=True, check=False)


def lint_commands() -> list[list[str]]:
    """What ``make lint`` runs, from the Makefile itself."""
    recipe = (ROOT / "Makefile").read_text().partition("\nlint:")[2].partition("\n\n")[0]
    return [line.strip().removeprefix("$(BIN)/").split() for line in recipe.splitlines()[1:]]


@pytest.mark.parametrize("command", lint_commands(), ids=" ".join)
def test_lint_finds_nothing(command):
    done = lint(*command)
    assert done.returncode == 0, f"{done.stdout[-4000:]}{done.stderr[-2000:]}"


# The order of the rooms ---------------------------------------------------------------------------
@pytest.fixture
def copy_of_the_house(tmp_path):
    """The sources alone, to be spoilt."""
    for room in ROOMS:
        shutil.copytree(
            ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__", "static", "templates")
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_an_import_upward_is_found(copy_of_the_house):
    with (copy_of_the_house / "catalog" / "signals.py").open("a") as source:
        source.write("\nfrom cms import blocks  # upward\n")
    done = lint("lint-imports", "--no-cache", cwd=copy_of_the_house)
    assert done.returncode != 0
    assert "catalog.signals -> cms.blocks" in done.stdout


def test_a_circle_inside_a_room_is_found(copy_of_the_house):
    (copy_of_the_house / "learning" / "one.py").write_text("from learning import two\n")
    (copy_of_the_house / "learning" / "two.py").write_text("from learning import one\n")
    done = lint("lint-imports", "--no-cache", cwd=copy_of_the_house)
    assert done.returncode != 0
    assert "No cycles are allowed in learning" in done.stdout


def test_the_wings_do_not_know_each_other(copy_of_the_house):
    with (copy_of_the_house / "learning" / "apps.py").open("a") as source:
        source.write("\nfrom search import query\n")
    assert lint("lint-imports", "--no-cache", cwd=copy_of_the_house).returncode != 0


def test_there_is_no_lumber_room():
    lumber = {"utils", "helpers", "common", "core", "misc"}
    assert [
        path for path in SOURCES if lumber & {part.removesuffix(".py") for part in path.relative_to(ROOT).parts}
    ] == []


# Sizes --------------------------------------------------------------------------------------------
def test_modules_stay_readable():
    assert [(str(path), count) for path in SOURCES if (count := len(path.read_text().splitlines())) > 600] == []


def test_functions_stay_readable():
    lengths, long = [], []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                lengths.append(length)
                if length > 45:
                    long.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name} {length}")
    assert long == []
    assert statistics.median(lengths) <= 10


# Lock files ---------------------------------------------------------------------------------------
def locked(name: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)", (ROOT / name).read_text(), re.MULTILINE))


def named(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=!~ ]", item)[0].lower() for item in requirements}


def test_lock_files_hold_every_package_of_the_project():
    run_time, development = locked("requirements.txt"), locked("requirements-dev.txt")
    assert named(PROJECT["project"]["dependencies"]) - set(run_time) == set()
    assert named(PROJECT["dependency-groups"]["dev"]) - set(development) == set()


def test_lock_files_agree_with_each_other():
    run_time, development = locked("requirements.txt"), locked("requirements-dev.txt")
    assert {name: version for name, version in run_time.items() if development.get(name) != version} == {}


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_lock_files_have_hashes_and_no_index(name):
    text = (ROOT / name).read_text()
    assert text.count("--hash=sha256:") >= len(locked(name))
    assert "index-url" not in text
    assert "://" not in re.sub(r"#.*", "", text)
