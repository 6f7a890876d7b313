"""The database out and in: PostgreSQL through its own programs, SQLite through its online backup.

Both give a dump together with a cursor that sees exactly what the dump holds: on PostgreSQL a transaction whose
snapshot pg_dump takes over (``pg_export_snapshot``), on SQLite the copy itself. Writers are not kept from writing.
"""

import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db import Error, OperationalError, connection, transaction
from django.db.backends.postgresql.client import DatabaseClient
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

from cms.backups.vault import Trouble
from media_pipeline import workplace
from media_pipeline.storage import CHUNK_BYTES

PROGRAMS = Path("/usr/lib/postgresql")  # Debian keeps one directory a version
WAIT = "10s"  # for locks of a site that was not stopped
WORK = ("accounts.User", "catalog.Institution", "catalog.Course", "media_pipeline.MediaAsset")
"""Models without a row in a database that ``migrate`` and ``load_places`` have just made."""

USED = "数据库正被使用。请先停下网页和工作进程，再恢复。"


# Out ------------------------------------------------------------------------------------------------------------------
@contextmanager
def dumping() -> Iterator[tuple[Iterator[bytes], Any]]:
    """A dump in chunks, and a cursor on what is in it. The chunks must be read to their end. Raises Trouble."""
    with _dumping_postgres() if connection.vendor == "postgresql" else _dumping_sqlite() as dump:
        yield dump


@contextmanager
def _dumping_postgres() -> Iterator[tuple[Iterator[bytes], Any]]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SELECT pg_export_snapshot()")
        arguments, env = _target()
        command = [program("pg_dump"), "-Fc", f"--snapshot={cursor.fetchone()[0]}", *arguments]
        yield _output(command, env), cursor


def _output(command: list[str], env: dict[str, str]) -> Iterator[bytes]:
    """What a program prints. Raises Trouble with its last words when it fails."""
    with (
        tempfile.TemporaryFile() as words,
        subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=words) as running,
    ):
        out = running.stdout
        assert out  # noqa: S101  asked for above
        try:
            yield from iter(lambda: out.read(CHUNK_BYTES), b"")
        except GeneratorExit:
            running.kill()
            raise
        if running.wait():
            raise Trouble(f"pg_dump 没有完成：{_last(words)}。请检查 DATABASE_URL 和数据库的权限。")


@contextmanager
def _dumping_sqlite() -> Iterator[tuple[Iterator[bytes], Any]]:
    connection.ensure_connection()
    with workplace.work_dir(uuid4()) as room:
        path = room / "database.sqlite3"
        with closing(sqlite3.connect(path)) as copy:
            connection.connection.backup(copy)
            with path.open("rb") as file:
                yield iter(lambda: file.read(CHUNK_BYTES), b""), copy.cursor()


# In -------------------------------------------------------------------------------------------------------------------
@contextmanager
def restoring() -> Iterator[IO[bytes]]:
    """Takes a dump and puts it in the place of what the database holds. Raises Trouble; PostgreSQL is then empty,
    SQLite as before."""
    try:
        with _restoring_postgres() if connection.vendor == "postgresql" else _restoring_sqlite() as target:
            yield target
    except (OperationalError, sqlite3.OperationalError) as error:
        locked = "lock" in str(error)
        raise Trouble(USED if locked else f"数据库没有恢复：{str(error).strip()}。请检查 DATABASE_URL。") from error
    connection.close()
    ContentType.objects.clear_cache()


@contextmanager
def _restoring_postgres() -> Iterator[IO[bytes]]:
    arguments, env = _target()
    options = [
        "--no-owner",
        "--no-privileges",
        "--single-transaction",
        "--exit-on-error",
        f"--dbname={arguments.pop()}",
    ]
    command = [program("pg_restore"), *options, *arguments]
    _drop_tables()
    with tempfile.TemporaryFile() as words:
        with subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stderr=words) as running:
            assert running.stdin  # noqa: S101  asked for above
            try:
                yield running.stdin
                running.stdin.close()
            except BrokenPipeError:
                pass  # it has ended, and its words tell why
            except BaseException:
                running.kill()
                raise
        if running.returncode:
            raise Trouble(f"pg_restore 没有完成：{_last(words)}。数据库现在是空的，改正后再运行 restore。")


def _drop_tables() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{WAIT}'")
        if tables := connection.introspection.table_names(cursor):
            named = ", ".join(connection.ops.quote_name(table) for table in tables)
            cursor.execute(f"DROP TABLE {named} CASCADE")
    connection.close()


@contextmanager
def _restoring_sqlite() -> Iterator[IO[bytes]]:
    with workplace.work_dir(uuid4()) as room:
        path = room / "database.sqlite3"
        with path.open("wb") as file:
            yield file
        connection.ensure_connection()
        with closing(sqlite3.connect(path)) as copy:
            copy.backup(connection.connection)


# What is in it --------------------------------------------------------------------------------------------------------
def rows(cursor: Any) -> dict[str, int]:
    """Of every table, how many."""
    tables = sorted(connection.introspection.table_names(cursor))
    return {table: select(cursor, f"SELECT count(*) FROM {_quoted(table)}")[0][0] for table in tables}  # noqa: S608


def current_rows() -> dict[str, int]:
    with connection.cursor() as cursor:
        return rows(cursor)


def last_migrations(cursor: Any) -> dict[str, str]:
    """By app."""
    return dict(select(cursor, "SELECT app, name FROM django_migrations ORDER BY id"))


def select(cursor: Any, query: str) -> list[Any]:
    cursor.execute(query)
    return cursor.fetchall()


def holds_work() -> bool:
    """Whether somebody's work would be lost with this database. Raises Trouble when it does not answer."""
    try:
        with connection.cursor() as cursor:
            there = {apps.get_model(name)._meta.db_table for name in WORK}
            there &= set(connection.introspection.table_names(cursor))
            return any(select(cursor, f"SELECT 1 FROM {_quoted(table)} LIMIT 1") for table in there)  # noqa: S608
    except Error as error:
        raise Trouble(f"数据库没有回应：{str(error).strip()}。请检查 DATABASE_URL。") from error


def unknown_migrations(migrations: dict[str, str]) -> list[str]:
    """Those that this version of Wenlan does not have: the backup is of a newer one."""
    known = MigrationLoader(None).disk_migrations
    return [f"{app}.{name}" for app, name in migrations.items() if (app, name) not in known]


def is_behind() -> bool:
    """Whether the database waits for ``migrate``."""
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _quoted(table: str) -> str:
    return connection.ops.quote_name(table)


# PostgreSQL's programs ------------------------------------------------------------------------------------------------
def program(name: str) -> str:
    """The path of ``pg_dump`` or ``pg_restore``: of the server's major version, else the next newer one. Raises
    Trouble."""
    connection.ensure_connection()
    server = connection.pg_version // 10000  # type: ignore[attr-defined]
    folders = [*os.environ.get("PATH", "").split(os.pathsep), *map(str, PROGRAMS.glob("*/bin"))]
    found = {_major(path): path for folder in reversed(folders) if (path := shutil.which(name, path=folder))}
    if fitting := [version for version in found if version >= server]:
        return found[min(fitting)]
    have = f"只找到 {'、'.join(map(str, sorted(found)))} 版的" if found else "找不到"
    raise Trouble(
        f"数据库是 PostgreSQL {server}，这台机器上{have} {name}。请安装 postgresql-client-{server}，或把它放进 PATH。"
    )


def _major(path: str) -> int:
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
    number = re.search(r"\) (\d+)", said)
    return int(number[1]) if number else 0


def _target() -> tuple[list[str], dict[str, str]]:
    """Arguments and environment by which PostgreSQL's programs reach the database of the settings, its name last; the
    password is in the environment, where other people of the machine do not see it."""
    command, env = DatabaseClient.settings_to_cmd_args_env(connection.settings_dict, [])
    return command[1:], {**os.environ, **(env or {})}


def _last(words: IO[bytes]) -> str:
    words.seek(0)
    lines = words.read().decode(errors="replace").strip().splitlines()
    return "；".join(lines[-3:]) or "没有说明原因"
