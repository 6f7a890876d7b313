"""What the documents say is what there is: settings, commands, rooms, packages, links."""

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from django.core.management import get_commands

ROOT = Path(__file__).resolve().parent.parent
ROOMS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


def table_names(text: str) -> set[str]:
    """What stands in code marks in the first column of the tables of a document."""
    return {
        name for row in re.findall(r"^\| (`[^|]+) \|", text, re.MULTILINE) for name in re.findall(r"`([^`]+)`", row)
    }


def settings_read() -> set[str]:
    source = (ROOT / "config" / "settings.py").read_text()
    return set(re.findall(r'env\.\w+\(\s*"([A-Z0-9_]+)"', source))


def own_commands() -> set[str]:
    return {name for name, app in get_commands().items() if app.split(".")[0] in ROOMS}


def test_every_setting_has_its_row():
    assert settings_read() - table_names(OPERATIONS) == set()


def test_every_row_is_a_setting():
    rows = {name for name in table_names(OPERATIONS) if re.fullmatch(r"[A-Z][A-Z0-9_]+", name)}
    assert rows - settings_read() == set()


def test_every_command_has_its_row():
    documented = {name.removeprefix("manage.py ").split()[0] for name in table_names(OPERATIONS)}
    assert own_commands() - documented == set()


def test_every_documented_command_exists():
    documented = set(re.findall(r"`manage\.py (\w+)", OPERATIONS))
    assert documented - set(get_commands()) == set()


def test_every_make_target_is_explained():
    targets = set(re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))
    documented = set(re.findall(r"`make (\w+)`", OPERATIONS))
    assert targets - {"help"} == documented


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_is_on_the_map(room):
    text = (ROOT / "docs" / "architecture.md").read_text()
    assert f"<b>{room}</b>" in text
    assert f"| {room} |" in text


def test_files_on_the_map_exist():
    rows = re.findall(
        r"^\| [^|]+ \| (\w+) \| ([^|]+) \|$", (ROOT / "docs" / "architecture.md").read_text(), re.MULTILINE
    )
    assert rows
    for room, cell in rows:
        for name in re.findall(r"`([\w/]+)`", cell):
            places = [ROOT / room / name, ROOT / room / f"{name}.py", ROOT / name]
            assert any(place.exists() for place in places), f"{room}: {name}"


def test_every_package_has_its_line():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    page = json.loads((ROOT / "frontend" / "package.json").read_text())
    names = {re.split(r"[\[<>=!~ ]", name)[0] for name in wanted}
    names |= {*page.get("dependencies", {}), *page.get("devDependencies", {})}
    text = (ROOT / "docs" / "dependencies.md").read_text()
    assert {name for name in names if f"| {name} |" not in text} == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_documents_lead_somewhere(document):
    for target in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", document.read_text()):
        assert (document.parent / target).exists(), target


def test_nothing_names_a_registry_or_a_workplace():
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    words = [
        "pypi" + ".org",
        "registry." + "npmjs",
        "files.pythonhosted" + ".org",
        "/work/" + "shared",
        "../" + "shared",
    ]
    for name in files.split("\0"):
        path = ROOT / name
        if name and path.is_file():
            text = path.read_bytes().decode("utf-8", errors="ignore")
            assert [word for word in words if word in text] == [], name


def test_every_test_that_shows_something_exists():
    named = re.findall(r"`([a-z_/]+\.py)(?:::(test_\w+))?`", (ROOT / "docs" / "security.md").read_text())
    named = [(file.removeprefix("tests/"), test) for file, test in named]
    assert len(named) > 40
    for file, test in named:
        assert f"def {test}" in (ROOT / "tests" / file).read_text(), (file, test)
