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
from itertools import pairwise

from search import analysis
from search.ask import Clause

BEGINNING = 8
"""Letters of a word that are told apart; syllables have at most six."""

SPELLED = 3
"""A word of up to so many letters is spelled when it is shortened (``5g``, ``app``), a longer one has one initial."""


def stored(texts: Iterable[str]) -> str:
    """All grams of some titles or names, each once, blank-separated."""
    return " ".join(dict.fromkeys(gram for text in texts for gram in (*_written(text), *_spoken(text))))


def _written(text: str) -> Iterator[str]:
    for run in analysis.runs(analysis.fold(text)):
        if analysis.is_han(run):
            yield from run
            yield from (run[n : n + 2] for n in range(len(run) - 1))
        else:
            yield from _beginnings(run)


def _spoken(text: str) -> Iterator[str]:
    for units in analysis.readings(text):
        for number, unit in enumerate(units):
            beginnings = _beginnings(unit)
            yield from beginnings
            if number:
                before = units[number - 1][:BEGINNING]
                yield from (f"{before}.{beginning}" for beginning in beginnings)
        letters = [letter for unit in units for letter in initials(unit)]
        yield from _rows(letters, 2)
        yield from _rows(letters, 3)


def _beginnings(unit: str) -> list[str]:
    return [unit[:end] for end in range(1, min(len(unit), BEGINNING) + 1)]


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
