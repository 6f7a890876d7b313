"""Where the embedded engine keeps a library: one SQLite file, swapped as a whole, shared by threads and processes.

``<index>.current`` holds the name of the live file. A writer takes ``<index>.lock`` before it looks that name up, and
so does the swap: nothing is ever written into a file that was just retired.
"""

from __future__ import annotations

import fcntl
import sqlite3
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from search.documents import VERSION
from search.engines.contract import EngineAway, Entry

SCHEMA = """
CREATE TABLE course (
    id INTEGER PRIMARY KEY, version INTEGER NOT NULL, source TEXT NOT NULL, facets TEXT NOT NULL,
    views INTEGER NOT NULL, published REAL NOT NULL, sort_key TEXT NOT NULL, digest TEXT NOT NULL
);
CREATE INDEX course_views ON course (views DESC, published DESC, id DESC);
CREATE INDEX course_published ON course (published DESC, id DESC);
CREATE INDEX course_sort_key ON course (sort_key, id);
CREATE TABLE gone (id INTEGER PRIMARY KEY, version INTEGER NOT NULL);
CREATE TABLE facet (name TEXT, value TEXT, bits BLOB NOT NULL, PRIMARY KEY (name, value)) WITHOUT ROWID;
CREATE TABLE name (id INTEGER PRIMARY KEY, facet TEXT, value TEXT, text TEXT, rank INTEGER, UNIQUE (facet, value));
CREATE TABLE passage_source (id INTEGER PRIMARY KEY, source TEXT NOT NULL);
CREATE VIRTUAL TABLE core USING fts5 (
    title_text, names_text, body_text, title_py, title_near, title_init, names_py, names_init, scope,
    tokenize = "ascii tokenchars '+#'"
);
CREATE VIRTUAL TABLE passage USING fts5 (text, scope, tokenize = "ascii tokenchars '+#'");
INSERT INTO passage (passage, rank) VALUES ('rank', 'bm25(1.0, 0.0)');
CREATE VIRTUAL TABLE typed USING fts5 (grams, detail = none, tokenize = "ascii tokenchars '+#.-'");
CREATE VIRTUAL TABLE name_typed USING fts5 (grams, detail = none, tokenize = "ascii tokenchars '+#.-'");
"""
PRAGMAS = """
PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA mmap_size = 268435456; PRAGMA cache_size = -32000;
"""


GRACE_SECONDS = 60
"""How long old files stay after the swap: whoever looked up the name of one opens it long before."""

PASSAGE_BITS = 16
"""A passage's number is its course's, shifted by so many bits, and its place among the passages of the course."""

PAGE = 1000
"""Courses that are audited at a time."""


class Library:
    """The files of one index. ``path`` names a file that is being built beside the live one."""

    def __init__(self, folder: Path, index: str, path: Path | None = None) -> None:
        self.folder = folder
        self.index = index
        self._path = path
        self._local = threading.local()

    def path(self) -> Path:
        """The file in use. Raises EngineAway when there is none."""
        if self._path:
            return self._path
        try:
            path = self.folder / (self.folder / f"{self.index}.current").read_text("ascii")
        except FileNotFoundError:
            raise EngineAway(f"the index “{self.index}” was never built; run rebuild_index") from None
        return path

    def db(self) -> sqlite3.Connection:
        """This thread's connection to the file in use."""
        path = self.path()
        if getattr(self._local, "path", None) == path:
            return self._local.db
        self.close()
        if not path.exists():
            raise EngineAway(f"the index file {path.name} is missing; run rebuild_index")
        db = sqlite3.connect(path, timeout=20, isolation_level=None)
        db.executescript(PRAGMAS)
        self._local.path, self._local.db = path, db
        return db

    def close(self) -> None:
        """Closes this thread's connection."""
        if getattr(self._local, "db", None):
            self._local.db.close()
            self._local.path = self._local.db = None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Held by one writer or swap of this index at a time, over all processes."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / f"{self.index}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction of the only writer; readers see all of it or nothing. Raises EngineAway when the file does not
        take it: a full disk, a broken file, columns of another release."""
        with self.locked():
            db = self.db()
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException as error:
                db.execute("ROLLBACK")
                if type(error) in {sqlite3.OperationalError, sqlite3.DatabaseError}:
                    raise EngineAway(str(error)) from error
                raise
            generation = db.execute("PRAGMA user_version").fetchone()[0]
            db.execute(f"PRAGMA user_version = {(generation + 1) % 2**31}")
            db.execute("COMMIT")

    def fresh(self) -> Library:
        """A new empty file beside the live one."""
        self.folder.mkdir(parents=True, exist_ok=True)
        made = Library(self.folder, self.index, self.folder / f"{self.index}-{time.time_ns()}.sqlite3")
        db = sqlite3.connect(made.path())
        db.executescript(f"{PRAGMAS} PRAGMA application_id = {VERSION}; {SCHEMA}")
        db.close()
        return made

    def adopt(self, other: Library) -> None:
        """Makes another file the live one. Who still reads the old keeps it open until the next question."""
        new = other.path()
        for table in ("core", "passage", "typed", "name_typed"):
            other.db().execute(f"INSERT INTO {table} ({table}) VALUES ('optimize')")  # noqa: S608
        other.db().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        other.close()
        with self.locked():
            if not new.exists():
                raise EngineAway(f"{new.name} was overtaken by a later rebuild")
            pointer = self.folder / f"{self.index}.current"
            aside = pointer.with_suffix(".next")
            aside.write_text(new.name, "ascii")
            aside.replace(pointer)

    def sweep(self) -> None:
        """Removes the files that are not live, unless one of them was a moment ago."""
        pointer = self.folder / f"{self.index}.current"
        live = pointer.read_text("ascii") if pointer.exists() else ""
        if live and time.time() - pointer.stat().st_mtime < GRACE_SECONDS:
            return
        for path in self._files():
            if not (live and path.name.startswith(live)):
                path.unlink(missing_ok=True)

    def drop(self) -> None:
        self.close()
        for path in [self._path] if self._path else [*self._files(), self.folder / f"{self.index}.current"]:
            for name in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
                with suppress(FileNotFoundError):
                    name.unlink()

    def _files(self) -> list[Path]:
        return list(self.folder.glob(f"{self.index}-[0-9]*.sqlite3*"))

    def entries(self, db: sqlite3.Connection, ids: Collection[int] | None = None) -> Iterator[Entry]:
        """What is stored of these courses, else of all, in the order of their ids."""
        last, some = 0, "" if ids is None else f"AND id IN ({', '.join(map(str, map(int, ids)))})"
        while True:
            page = db.execute(
                "SELECT id, version, digest, (SELECT count(*) FROM passage_source AS inside WHERE inside.id"  # noqa: S608
                f" BETWEEN course.id << {PASSAGE_BITS} AND ((course.id + 1) << {PASSAGE_BITS}) - 1)"
                f" FROM course WHERE id > ? {some} ORDER BY id LIMIT ?",
                (last, PAGE),
            ).fetchall()
            yield from (Entry(*row) for row in page)
            if len(page) < PAGE:
                return
            last = page[-1][0]
