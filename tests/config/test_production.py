"""A production site starts only when it was told what matters, and says what is missing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.production import problems

ROOT = Path(__file__).resolve().parent.parent.parent
GOOD = {
    "WENLAN_ENV": "production",
    "SECRET_KEY": "k7Qm2vXw9Lr4Tz8Yb3Nc6Hd1Jf5Gs0PaEuRiOlZtVxCyAbCdEfGhIj",
    "ALLOWED_HOSTS": "wenlan.example.cn",
    "PUBLIC_URL": "https://wenlan.example.cn",
    "DATABASE_URL": "postgres://wenlan@127.0.0.1:1/wenlan",
    "CACHE_URL": "redis://127.0.0.1:1/0",
}


def check(env: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    clean = {"PATH": os.environ["PATH"], "WENLAN_VAR": os.environ["WENLAN_VAR"]}
    command = [sys.executable, str(ROOT / "manage.py"), "check", *options]
    return subprocess.run(command, cwd=ROOT, env={**clean, **env}, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", ["SECRET_KEY", "ALLOWED_HOSTS", "PUBLIC_URL", "DATABASE_URL"])
def test_production_names_what_is_missing(name):
    env = {key: value for key, value in GOOD.items() if key != name}
    assert [problem.setting for problem in problems(env)] == [name]
    assert problems(env)[0].remedy


@pytest.mark.parametrize(
    ("name", "value"),
    [("SECRET_KEY", "short"), ("ALLOWED_HOSTS", "*"), ("PUBLIC_URL", "wenlan.example.cn"), ("DEBUG", "true")],
)
def test_production_refuses_what_is_unsafe(name, value):
    assert [problem.setting for problem in problems({**GOOD, name: value})] == [name]


def test_production_refuses_to_start_without_a_traceback():
    done = check({"WENLAN_ENV": "production"})
    assert done.returncode != 0
    for name in ("SECRET_KEY", "ALLOWED_HOSTS", "PUBLIC_URL", "DATABASE_URL", "docs/operations.md"):
        assert name in done.stderr
    assert "Traceback" not in done.stderr


def test_a_value_may_lie_in_a_file(tmp_path):
    secret, database = tmp_path / "secret", tmp_path / "database"
    secret.write_text(GOOD["SECRET_KEY"] + "\n")
    database.write_text(GOOD["DATABASE_URL"] + "\n")
    env = {key: value for key, value in GOOD.items() if key not in {"SECRET_KEY", "DATABASE_URL"}}
    env |= {"SECRET_KEY_FILE": str(secret), "DATABASE_URL_FILE": str(database)}
    done = check(env, "--deploy", "--fail-level", "WARNING")
    assert done.returncode == 0, done.stderr


def test_a_file_that_cannot_be_read_is_named_without_a_traceback(tmp_path):
    done = check({**GOOD, "SMS_TOKEN_FILE": str(tmp_path / "nothing")})
    assert done.returncode != 0
    assert "SMS_TOKEN_FILE" in done.stderr
    assert str(tmp_path / "nothing") in done.stderr
    assert "Traceback" not in done.stderr


def test_production_starts_and_deploy_checks_find_nothing():
    done = check(GOOD, "--deploy", "--fail-level", "WARNING")
    assert done.returncode == 0, done.stderr


def test_deploy_checks_advise_against_one_machine_defaults():
    env = {
        **GOOD,
        "PUBLIC_URL": "http://wenlan.example.cn",
        "DATABASE_URL": "sqlite:////tmp/x.sqlite3",
        "CACHE_URL": "",
    }
    said = check(env, "--deploy").stderr
    for code in ("wenlan.W001", "wenlan.W002", "wenlan.W003"):
        assert code in said
