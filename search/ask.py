"""From what was typed to what an engine is asked: words, each with the ways it may match. No engine in here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from search import analysis

WORDS_LIMIT = 12
SOUND_UNITS = (2, 12)
"""Syllables of a word that is also looked up by its sound: one is too common, more is a sentence."""

WORD = re.compile(rf"(?:[{analysis.HAN}]+|[^\W_{analysis.HAN}]+[+#]*)+")
_LETTERS = re.compile(r"[a-z]")


@dataclass(frozen=True, slots=True)
class Clause:
    """Tokens that stand next to each other in one stream (``text``, ``py``, ``near``, ``init``); ``prefix``: the last
    is only the beginning of one. Text tokens also count when they stand apart in one field group."""

    form: str
    tokens: tuple[str, ...]
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """One word of the query and the clauses of which one must match."""

    text: str
    clauses: tuple[Clause, ...]

    @property
    def spoken(self) -> tuple[Clause, ...]:
        return tuple(clause for clause in self.clauses if clause.form != "text")

    @property
    def written(self) -> Clause | None:
        return next((clause for clause in self.clauses if clause.form == "text"), None)


@dataclass(frozen=True, slots=True)
class Ask:
    """One question to an engine. Every word must match, unless ``loose``: then any token counts and more is better.
    ``counted``: facets whose values are counted, each without its own filter. ``today``: licences that ended before
    are left out. ``places``: pattern of the place codes that are counted."""

    words: tuple[Word, ...] = ()
    loose: bool = False
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    counted: tuple[str, ...] = ()
    places: str = ""
    sort: str = "relevance"
    offset: int = 0
    limit: int = 20
    today: date = date.min
    without: int | None = None


def split(text: str) -> list[str]:
    """Words of a query as typed between blanks and signs, folded: ``苗繡, C语言`` → ``["苗绣", "c语言"]``."""
    return list(dict.fromkeys(WORD.findall(analysis.fold(text))))[:WORDS_LIMIT]


def has_letters(text: str) -> bool:
    return bool(_LETTERS.search(analysis.fold(text)))


def written(text: str) -> Word:
    """A word that must be there as it is written."""
    tokens, prefix = analysis.query_tokens(text)
    return Word(text, (Clause("text", tokens, prefix),))


def spoken(text: str, *, near: bool = False, unfinished: bool = False) -> Word:
    """A word that may also be there by its sound: full pinyin, initials when it is letters only, and with ``near``
    sounds that are often mixed up."""
    clauses = list(written(text).clauses)
    least, most = SOUND_UNITS
    for units in analysis.sounds(text, unfinished):
        if least <= len(units) <= most or (has_letters(text) and units):
            clauses.append(Clause("py", units, unfinished))
            if near:
                clauses.append(Clause("near", tuple(map(analysis.near, units)), unfinished))
    if text.isascii() and text.isalpha() and least <= len(text) <= most:
        clauses.append(Clause("init", tuple(text)))
    return Word(text, tuple(dict.fromkeys(clauses)))


def as_written(text: str) -> tuple[Word, ...]:
    """All words as written; those with letters also by sound, for letters are how pinyin is typed."""
    return tuple(spoken(word) if has_letters(word) else written(word) for word in split(text))


def as_heard(text: str) -> tuple[Word, ...]:
    """All words as written or by sound; letters that are cut by blanks are one word: ``miao xiu`` → ``miaoxiu``."""
    words = split(text)
    if len(words) > 1 and all(word.isascii() and word.isalpha() for word in words):
        words = ["".join(words)]
    return tuple(spoken(word, near=True) for word in words)


def tokens(words: Iterable[Word]) -> list[tuple[str, bool]]:
    """Written tokens of all words, each once, and whether it is only a beginning."""
    found: dict[tuple[str, bool], None] = {}
    for word in words:
        clause = word.written
        if clause:
            last = len(clause.tokens) - 1
            found.update({(token, clause.prefix and n == last): None for n, token in enumerate(clause.tokens)})
    return list(found)
