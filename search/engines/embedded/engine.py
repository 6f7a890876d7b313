"""The engine of one machine: SQLite FTS5 for words, sets of bits for filters and their counts."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from itertools import islice
from pathlib import Path

from search import analysis, grams
from search.ask import Ask, Clause, Word
from search.documents import CourseDocument, Name, PassageDocument
from search.engines.contract import (
    BODY_WEIGHT,
    INSIDE_WEIGHT,
    MOST_BOOST,
    NAMES_WEIGHED,
    NAMES_WEIGHT,
    SOUND_WEIGHTS,
    TITLE_WEIGHT,
    Completions,
    Engine,
    EngineAway,
    Entry,
    Found,
    Named,
    Row,
    boost,
)
from search.engines.embedded import bits
from search.engines.embedded.expressions import (
    any_token,
    inside_expression,
    scope_token,
    scoped,
    typed_expression,
    word_expression,
)
from search.engines.embedded.library import PASSAGE_BITS, Library

log = logging.getLogger(__name__)

WEIGHTS = (
    TITLE_WEIGHT,
    NAMES_WEIGHT,
    BODY_WEIGHT,
    *(TITLE_WEIGHT * SOUND_WEIGHTS[form] for form in ("py", "near", "init")),
    *(NAMES_WEIGHT * SOUND_WEIGHTS[form] for form in ("py", "init")),
    0.0,
)
"""For ``bm25``, in the order of the columns of ``core``."""

LOOSE_SHARE = 0.3
"""A loose answer ends where the score falls below this share of the best."""

LOOSE_PASSAGES = 200
ID_BITS = 32
LAST_ID, MOST_VIEWS = 2**ID_BITS - 1, 2**31 - 1
WRITE_BATCH = 1000
SCOPE = "institution"
"""The facet that is a token of every row too."""

EVERY, UNTIL = "", "until"
"""Names under which all courses, and courses by the last day of their licence, are kept beside the facets."""

ORDERS = {
    "newest": "published DESC, id DESC",
    "popular": "views DESC, published DESC, id DESC",
    "title": "sort_key, id",
    "relevance": "views DESC, published DESC, id DESC",
}


class Embedded(Engine):
    """A library in a file under ``folder``."""

    name = "embedded"

    def __init__(self, folder: Path, index: str, library: Library | None = None) -> None:
        self._library = library or Library(folder, index)
        self._facets: dict[Path, bits.Facets] = {}

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """One consistent state of the library."""
        try:
            db = self._library.db()
            db.execute("BEGIN")
            try:
                yield db
            finally:
                db.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            log.exception("the embedded search engine cannot answer")
            raise EngineAway(str(error)) from error

    def _state(self, db: sqlite3.Connection) -> bits.Facets:
        """The facet sets of what ``db`` reads now."""
        generation = db.execute("PRAGMA user_version").fetchone()[0]
        path = self._library.path()
        kept = self._facets.get(path)
        if kept is None or kept.generation != generation:
            kept = bits.Facets(generation)
            self._facets = {path: kept}
        return kept

    def exists(self) -> bool:
        try:
            self._library.db()
        except EngineAway:
            return False
        return True

    def version(self) -> int | None:
        try:
            with self._reading() as db:
                return db.execute("PRAGMA application_id").fetchone()[0]
        except EngineAway:
            return None

    def entries(self, ids: Collection[int] | None = None) -> Iterator[Entry]:
        with self._reading() as db:
            yield from self._library.entries(db, ids)

    def count(self) -> int:
        with self._reading() as db:
            return db.execute("SELECT count(*) FROM course").fetchone()[0]

    # Asking -------------------------------------------------------------------------------------

    def search(self, ask: Ask) -> Found:
        with self._reading() as db:
            state = self._state(db)
            shown = self._shown(db, state, ask)
            scores = self._scores(db, ask) if ask.words else None
            matched = bits.of(scores) & shown if scores is not None else shown
            chosen = {name: state.any_of(db, name, values) for name, values in ask.filters.items()}
            total = matched
            for allowed in chosen.values():
                total &= allowed
            page = self._page(db, state, ask, total, scores)
            counts = {}
            for name in ask.counted:
                among = matched
                for other, allowed in chosen.items():
                    among &= allowed if other != name else among
                counts[name] = state.counts(db, name, among, ask.places if name == "place" else "")
            return Found(total.bit_count(), tuple(self._rows(db, page)), counts, matched.bit_count())

    def _shown(self, db: sqlite3.Connection, state: bits.Facets, ask: Ask) -> int:
        """Courses that may be shown today and are not left out."""
        ended = [day for day in state.values(db, UNTIL) if day < ask.today.isoformat()]
        shown = state.any_of(db, EVERY, [EVERY]) & ~state.any_of(db, UNTIL, ended)
        for name, values in ask.within:
            shown &= state.any_of(db, name, values)
        for word in ask.excluded:
            shown &= ~bits.of(self._with(db, ask, word))
        shown &= bits.of(ask.only) if ask.only else shown
        return shown & ~bits.of(ask.without)

    def _with(self, db: sqlite3.Connection, ask: Ask, word: Word) -> set[int]:
        """Courses that have a word, in the catalogue entry or inside."""
        return self._core(db, ask, word_expression(word)).keys() | self._inside(db, ask, inside_expression(word)).keys()

    def _scores(self, db: sqlite3.Connection, ask: Ask) -> dict[int, float]:
        """Matching courses and how well they match; those that are pinned above all others, in their order."""
        scores = self._loose(db, ask) if ask.loose else self._strict(db, ask)
        above = max(scores.values(), default=0.0) * MOST_BOOST + 1
        return {**scores, **{course: above * (1 + n) for n, course in enumerate(reversed(ask.pinned))}}

    def _strict(self, db: sqlite3.Connection, ask: Ask) -> dict[int, float]:
        """Courses with every word."""
        scores = self._core(db, ask, " AND ".join(map(word_expression, ask.words)))
        inside = [self._inside(db, ask, inside_expression(word)) for word in ask.words]
        if not any(inside):
            return scores
        for course in (
            set(inside[0])
            if len(ask.words) == 1
            else set.intersection(*(self._with(db, ask, word) for word in ask.words))
        ):
            said = sum(found.get(course, 0.0) for found in inside) * INSIDE_WEIGHT
            scores[course] = scores.get(course, 0.0) + said
        return scores

    def _loose(self, db: sqlite3.Connection, ask: Ask) -> dict[int, float]:
        any_of_them = any_token(ask.words)
        if not any_of_them:
            return {}
        scores = self._core(db, ask, f"{{title_text names_text body_text}} : ({any_of_them})")
        said = self._inside(db, ask, any_of_them, LOOSE_PASSAGES)
        for course, score in said.items():
            scores[course] = scores.get(course, 0.0) + score * INSIDE_WEIGHT
        for course in ask.without:
            scores.pop(course, None)
        least = max(scores.values(), default=0.0) * LOOSE_SHARE
        return {course: score for course, score in scores.items() if score >= least}

    def _core(self, db: sqlite3.Connection, ask: Ask, expression: str) -> dict[int, float]:
        marks = ", ".join("?" * len(WEIGHTS))
        rows = db.execute(
            f"SELECT rowid, -bm25(core, {marks}) FROM core WHERE core MATCH ?",  # noqa: S608
            (*WEIGHTS, _scoped(ask, expression)),
        )
        return dict(rows.fetchall())

    def _inside(self, db: sqlite3.Connection, ask: Ask, expression: str, limit: int = -1) -> dict[int, float]:
        """The best passage's score, by course."""
        best: dict[int, float] = {}
        if expression:
            rows = db.execute(
                f"SELECT rowid >> {PASSAGE_BITS}, -rank FROM passage WHERE passage MATCH ?"  # noqa: S608
                + (" ORDER BY rank LIMIT ?" if limit > 0 else " LIMIT ?"),
                (_scoped(ask, expression), limit),
            )
            for course, score in rows:
                best[course] = max(score, best.get(course, 0.0))
        return best

    def _page(
        self, db: sqlite3.Connection, state: bits.Facets, ask: Ask, total: int, scores: dict[int, float] | None
    ) -> list[tuple[int, float]]:
        """Ids and scores of the page, in order."""
        end = ask.offset + ask.limit
        room = bits.members(total)
        if scores is not None and ask.sort == "relevance":
            boosts = self._boosts(db, state, ask.today)
            found = [
                (score * boosts.get(course, 1.0), course) for course, score in scores.items() if bits.has(room, course)
            ]
            found.sort(key=lambda pair: (-pair[0], pair[1]))
            return [(course, score) for score, course in found[ask.offset : end]]
        ordered = db.execute(f"SELECT id FROM course ORDER BY {ORDERS[ask.sort]}")  # noqa: S608
        kept = (course for (course,) in ordered if bits.has(room, course))
        return [(course, 0.0) for course in islice(kept, ask.offset, end)]

    def _boosts(self, db: sqlite3.Connection, state: bits.Facets, today: date) -> dict[int, float]:
        if state.boosts is None or state.boosts[0] != today:
            rows = db.execute("SELECT id, views, published FROM course")
            state.boosts = (today, {course: boost(views, published, today) for course, views, published in rows})
        return state.boosts[1]

    def _rows(self, db: sqlite3.Connection, page: Sequence[tuple[int, float]]) -> Iterator[Row]:
        for course, score in page:
            (source,) = db.execute("SELECT source FROM course WHERE id = ?", (course,)).fetchone()
            yield Row(course, score, json.loads(source))

    def passages(self, ids: Sequence[int], words: Sequence[Word], each: int) -> dict[int, list[dict]]:
        together = " AND ".join(filter(None, map(inside_expression, words)))
        ways = [way for way in (together, any_token(words)) if way]
        with self._reading() as db:
            found = {course: self._best_passages(db, course, ways, each) for course in ids}
        return {course: best for course, best in found.items() if best}

    def _best_passages(self, db: sqlite3.Connection, course: int, ways: Sequence[str], each: int) -> list[dict]:
        first = course << PASSAGE_BITS
        for way in ways:
            rows = db.execute(
                "SELECT source FROM passage JOIN passage_source ON passage_source.id = passage.rowid"
                " WHERE passage MATCH ? AND passage.rowid BETWEEN ? AND ? ORDER BY rank LIMIT ?",
                (way, first, first + 2**PASSAGE_BITS - 1, each),
            ).fetchall()
            if rows:
                return [json.loads(source) for (source,) in rows]
        return []

    def completions(self, clauses: Sequence[Clause], today: str, limit: int) -> Completions:
        expression = typed_expression(clauses)
        with self._reading() as db:
            state = self._state(db)
            ended = state.any_of(db, UNTIL, [day for day in state.values(db, UNTIL) if day < today])
            shown = state.any_of(db, EVERY, [EVERY]) & ~ended
            return Completions(
                tuple(self._titles(db, expression, bits.members(ended), limit)),
                tuple(self._names(db, state, expression, shown, limit)),
            )

    def _titles(self, db: sqlite3.Connection, expression: str, ended: bytes, limit: int) -> Iterator[Row]:
        """Read in the order of the table, which is that of views, and no further than needed."""
        keys = db.execute("SELECT rowid FROM typed WHERE typed MATCH ? ORDER BY rowid", (expression,))
        ids = (key & LAST_ID for (key,) in keys)
        found = islice((course for course in ids if not bits.has(ended, course)), limit)
        yield from self._rows(db, [(course, 0.0) for course in found])

    @staticmethod
    def _names(db: sqlite3.Connection, state: bits.Facets, expression: str, shown: int, limit: int) -> list[Named]:
        rows = db.execute(
            "SELECT facet, value, text FROM name_typed JOIN name ON name.id = name_typed.rowid"
            " WHERE name_typed MATCH ? ORDER BY name.rank LIMIT ?",
            (expression, NAMES_WEIGHED),
        )
        names = [Name(*row) for row in rows]
        counted = [Named(name, (state.any_of(db, name.facet, [name.value]) & shown).bit_count()) for name in names]
        return sorted((one for one in counted if one.count), key=lambda one: -one.count)[:limit]

    # Writing ------------------------------------------------------------------------------------

    def put(self, documents: Iterable[CourseDocument]) -> None:
        waiting = iter(documents)
        while batch := list(islice(waiting, WRITE_BATCH)):
            with self._library.writing() as db:
                self._write(db, {document.id: document for document in batch})

    def _write(self, db: sqlite3.Connection, batch: dict[int, CourseDocument]) -> None:
        newer = [document for document in batch.values() if not self._later(db, document.id, document.version)]
        self._erase(db, [document.id for document in newer])
        for document in newer:
            self._insert(db, document)
        sets: dict[tuple[str, str], list[int]] = defaultdict(list)
        for document in newer:
            for value in _sets(document):
                sets[value].append(document.id)
        bits.alter(db, sets, present=True)

    @staticmethod
    def _later(db: sqlite3.Connection, course: int, version: int) -> bool:
        """Whether something newer than ``version`` was already written about a course."""
        for table in ("course", "gone"):
            row = db.execute(f"SELECT version FROM {table} WHERE id = ?", (course,)).fetchone()  # noqa: S608
            if row and row[0] > version:
                return True
        return False

    def _insert(self, db: sqlite3.Connection, document: CourseDocument) -> None:
        source = json.dumps(document.source, ensure_ascii=False)
        db.execute(
            "INSERT INTO course VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                document.id,
                document.version,
                source,
                json.dumps(_sets(document)),
                document.views,
                document.published,
                document.sort_key,
                document.digest,
            ),
        )
        titles, names = analysis.streams(document.titles), analysis.streams(document.names)
        body = analysis.text_stream([document.body])
        heard = (titles.py, titles.near, titles.init, names.py, names.init)
        scope = " ".join(scope_token(value) for name, value in document.facets if name == SCOPE)
        db.execute(
            "INSERT INTO core (rowid, title_text, names_text, body_text, title_py, title_near, title_init, names_py,"
            " names_init, scope) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (document.id, titles.text, names.text, body, *heard, scope),
        )
        key = _typed_key(document.id, document.views)
        db.execute("INSERT INTO typed (rowid, grams) VALUES (?, ?)", (key, grams.stored(document.titles)))
        self._insert_passages(db, document.id, document.passages, scope)
        for name in document.known:
            made = db.execute(
                "INSERT OR IGNORE INTO name (facet, value, text, rank) VALUES (?, ?, ?, ?)",
                (name.facet, name.value, name.text, name.rank),
            )
            if made.rowcount:
                said = grams.stored([name.text])
                db.execute("INSERT INTO name_typed (rowid, grams) VALUES (?, ?)", (made.lastrowid, said))

    @staticmethod
    def _insert_passages(db: sqlite3.Connection, course: int, passages: Sequence[PassageDocument], scope: str) -> None:
        for number, passage in enumerate(passages):
            key = (course << PASSAGE_BITS) + number
            source = {name: getattr(passage, name) for name in PassageDocument.__slots__}
            db.execute("INSERT INTO passage_source VALUES (?, ?)", (key, json.dumps(source, ensure_ascii=False)))
            said = analysis.text_stream([passage.text])
            db.execute("INSERT INTO passage (rowid, text, scope) VALUES (?, ?, ?)", (key, said, scope))

    def _erase(self, db: sqlite3.Connection, courses: Iterable[int]) -> None:
        sets: dict[tuple[str, str], list[int]] = defaultdict(list)
        for course in courses:
            row = db.execute("SELECT facets, views FROM course WHERE id = ?", (course,)).fetchone()
            if row is None:
                continue
            facets, views = row
            for name, value in json.loads(facets):
                sets[name, value].append(course)
            first, last = course << PASSAGE_BITS, ((course + 1) << PASSAGE_BITS) - 1
            db.execute("DELETE FROM course WHERE id = ?", (course,))
            db.execute("DELETE FROM core WHERE rowid = ?", (course,))
            db.execute("DELETE FROM typed WHERE rowid = ?", (_typed_key(course, views),))
            db.execute("DELETE FROM passage WHERE rowid BETWEEN ? AND ?", (first, last))
            db.execute("DELETE FROM passage_source WHERE id BETWEEN ? AND ?", (first, last))
        bits.alter(db, sets, present=False)

    def remove(self, ids: Iterable[int], version: int) -> None:
        with self._library.writing() as db:
            gone = [course for course in ids if not self._later(db, course, version)]
            self._erase(db, gone)
            db.executemany("INSERT OR REPLACE INTO gone VALUES (?, ?)", [(course, version) for course in gone])

    # Libraries ----------------------------------------------------------------------------------

    def fresh(self) -> Embedded:
        library = self._library.fresh()
        return Embedded(library.folder, library.index, library)

    def adopt(self, other: Engine) -> None:
        if not isinstance(other, Embedded):
            raise TypeError("only a library of the same engine can be adopted")
        self._library.adopt(other._library)
        self._facets = {}

    def sweep(self) -> None:
        self._library.sweep()

    def drop(self) -> None:
        self._library.drop()


def _scoped(ask: Ask, expression: str) -> str:
    return scoped(expression, next((values for name, values in ask.within if name == SCOPE), ()))


def _typed_key(course: int, views: int) -> int:
    """A key that grows as views fall: a table of words gives its rows in the order of their keys."""
    return (MOST_VIEWS - min(views, MOST_VIEWS)) << ID_BITS | course


def _sets(document: CourseDocument) -> list[tuple[str, str]]:
    """Under which (facet, value) a course is counted and looked up."""
    return [(EVERY, EVERY), *document.facets, *([(UNTIL, document.until)] if document.until else [])]
