"""Management commands as processes of their own, without the start of each: a process that has read the settings once
takes requests, one JSON object a line, and forks for each. ``python -m tests.cms.commands`` is that process."""

import io
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.run import ROOT
from media_pipeline.storage import Bucket, LocalStore, S3Store
from tests.running import OURS


class Commands:
    """The process; of one kind of database, for models differ by it."""

    def __init__(self, database_url: str) -> None:
        clean = {key: value for key, value in os.environ.items() if not key.startswith((*OURS, "BACKUP_"))}
        self._room = tempfile.TemporaryDirectory()
        env = {**clean, "DJANGO_SETTINGS_MODULE": "config.settings", "WENLAN_VAR": self._room.name}
        env |= {"DATABASE_URL": database_url} if database_url else {}
        command = [sys.executable, "-m", "tests.cms.commands"]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._running = subprocess.Popen(command, cwd=ROOT, env=env, **pipes)

    def ask(self, **request: Any) -> dict[str, Any]:
        self._running.stdin.write(json.dumps(request) + "\n")
        self._running.stdin.flush()
        return json.loads(self._running.stdout.readline())

    def stop(self) -> None:
        self._running.communicate()
        self._room.cleanup()


@dataclass(frozen=True)
class Place:
    """A site's own parts, and its commands. Without ``database_url`` and ``storage_url`` it has files below ``var``."""

    commands: Commands
    var: Path
    key: str
    database_url: str = ""
    storage_url: str = ""

    def run(self, *words: str, code: int = 0, script: str = "", **settings: Any) -> dict[str, Any]:
        """``{"code", "out", "err"}`` of a command, or of a script; no traceback is ever shown."""
        where = {
            "STORAGE_URL": self.storage_url,
            "MEDIA_STORE_DIR": str(self.var / "media"),
            "MEDIA_WORK_DIR": str(self.var / "work"),
            "MEDIA_ROOT": str(self.var / "uploads"),
            "SEARCH_EMBEDDED_PATH": str(self.var / "search"),
            "BACKUP_KEY": self.key,
        }
        name = self.database_url.rpartition("/")[2] or str(self.var / "wenlan.sqlite3")
        told = self.commands.ask(words=words, script=script, settings=where | settings, database=name)
        assert told["code"] == code, told["out"][-2000:] + told["err"][-4000:]
        assert "Traceback" not in told["err"]
        return told

    def told(self, *words: str, code: int = 0, **settings: Any) -> dict[str, Any]:
        return json.loads(self.run(*words, "--json", code=code, **settings)["out"])

    def shell(self, script: str, code: int = 0) -> str:
        return self.run(script=script, code=code)["out"]

    @property
    def stores(self) -> dict[str, LocalStore | S3Store]:
        media = S3Store(Bucket.from_url(self.storage_url)) if self.storage_url else LocalStore(self.var / "media")
        return {"media": media, "uploads": LocalStore(self.var / "uploads")}

    def ask(self, query: str) -> list:
        """What the database itself says."""
        if not self.database_url:
            with sqlite3.connect(self.var / "wenlan.sqlite3") as connection:
                return connection.execute(query).fetchall()
        import psycopg

        with psycopg.connect(self.database_url.replace("postgres://", "postgresql://")) as connection:
            done = connection.execute(query.encode())
            return done.fetchall() if done.description else []

    def rows(self) -> dict[str, int]:
        tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        if not self.database_url:
            tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        return {name: self.ask(f'SELECT count(*) FROM "{name}"')[0][0] for (name,) in self.ask(tables)}


def serve() -> None:
    import django

    django.setup()
    for line in sys.stdin:
        request = json.loads(line)
        with tempfile.TemporaryDirectory() as room:
            files = [Path(room, name) for name in ("out", "err")]
            if (child := os.fork()) == 0:
                os._exit(_child(request, *files))
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            out, err = (path.read_text() if path.exists() else "" for path in files)
        sys.stdout.write(json.dumps({"code": code, "out": out, "err": err}) + "\n")
        sys.stdout.flush()


def _child(request: dict[str, Any], out: Path, err: Path) -> int:
    """What ``manage.py`` does with a command and its errors."""
    from django.core.management import CommandError, call_command
    from django.db import connections
    from django.test import override_settings

    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
    sys.stdout, sys.stderr = (io.TextIOWrapper(os.fdopen(n, "wb", 0), write_through=True) for n in (1, 2))
    connections.settings["default"]["NAME"] = request["database"]
    settings = {
        name: Path(value) if name.endswith(("_DIR", "_PATH")) else value for name, value in request["settings"].items()
    }
    code = 0
    try:
        with override_settings(**settings):
            if request["script"]:
                exec(request["script"], {})
            else:
                call_command(*request["words"], stdout=sys.stdout, stderr=sys.stderr)
    except CommandError as error:
        sys.stderr.write(f"CommandError: {error}\n")
        code = error.returncode
    except SystemExit as error:
        code = int(error.code or 0)
    except BaseException:  # noqa: BLE001  told to whoever asked
        traceback.print_exc()
        code = 1
    return code


if __name__ == "__main__":
    serve()
