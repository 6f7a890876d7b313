"""Short pieces of titles and names, so that whatever is typed so far is a few whole terms of the index. Pure.

==========  ==========================================================  =====================================
piece       of                                                          ``苗绣C`` gives
==========  ==========================================================  =====================================
written     characters and pairs of a Han run; beginnings of a word     ``苗`` ``绣`` ``苗绣`` ``c``
spoken      beginnings of a syllable, and of one behind another         ``m`` ``mi`` … ``x`` … ``miao.x`` …
initials    two and three first letters in a row                        ``-mx`` ``-xc`` ``-mxc``
==========  ==========================================================  =====================================

A phrase of the index needs positions, and a beginning needs every term that begins so; both read more the larger the
library is. Here each is a term, and several terms together are the phrase, but for the rare text that has them apart:
whoever asks looks at the text itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, pairwise

from search import analysis
from search.ask import Clause

BEGINNING = 8
"""Letters of a word that are told apart; syllables have at most six."""

SPELLED = 3
"""A word of up to so many letters is spelled when it is shortened (``5g``, ``app``), a longer one has one initial."""


def stored(texts: Iterable[str]) -> str:
    """All grams of some titles or names, each once, blank-separated."""
    return " ".join(dict.fromkeys(chain.from_iterable((*_written(text), *_spoken(text)) for text in texts)))


def _written(text: str) -> Iterator[str]:
    for run in analysis.runs(analysis.fold(text)):
        if analysis.is_han(run):
            yield from run
            yield from (run[n : n + 2] for n in range(len(run) - 1))
        else:
            yield from _beginnings(run)


def _spoken(text: str) -> list[str]:
    found: list[str] = []
    for units in analysis.readings(text):
        for before, unit in pairwise(("", *units)):
            found += _behind(before, unit)
        letters = [letter for unit in units for letter in initials(unit)]
        found += (*_rows(letters, 2), *_rows(letters, 3))
    return found


@lru_cache(maxsize=50_000)
def _behind(before: str, unit: str) -> tuple[str, ...]:
    """The beginnings of a syllable, by themselves and behind another; kept, for syllables are few."""
    beginnings = _beginnings(unit)
    return (*beginnings, *(f"{before[:BEGINNING]}.{beginning}" for beginning in beginnings if before))


@lru_cache(maxsize=5_000)
def _beginnings(unit: str) -> tuple[str, ...]:
    return tuple(unit[:end] for end in range(1, min(len(unit), BEGINNING) + 1))


def initials(unit: str) -> str:
    """What a syllable or a word is shortened to: ``miao`` → ``m``, ``embroidery`` → ``e``, ``5g`` → ``5g``."""
    return unit[:1] if unit in analysis.SYLLABLES or len(unit) > SPELLED else unit


def _rows(letters: Sequence[str], length: int) -> Iterator[str]:
    return (f"-{''.join(letters[n : n + length])}" for n in range(len(letters) - length + 1))


def wanted(clause: Clause) -> tuple[str, ...]:
    """The grams a text must have, if a clause of ``text``, ``py`` or ``init`` matches in it."""
    tokens = clause.tokens
    match clause.form:
        case "text":
            return tuple(token[:BEGINNING] for token in tokens)
        case "py":
            return tuple(f"{a[:BEGINNING]}.{b[:BEGINNING]}" for a, b in pairwise(tokens)) or tokens
        case "init":
            return tuple(_rows(tokens, 3)) or tuple(_rows(tokens, 2)) or tokens
    raise ValueError(f"nobody types {clause.form}")
