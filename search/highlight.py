"""Marks what matched, on the text as it was written, as safe HTML. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from django.utils.html import escape

from search import analysis, grams
from search.ask import Clause, Word

SNIPPET_CHARACTERS = 90
LEAD_CHARACTERS = 24

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Unit:
    """A character with the ways it is read, or a word, and where it stands in the original."""

    start: int
    end: int
    sounds: frozenset[str]


@lru_cache(maxsize=1024)
def _folded(text: str) -> tuple[str, Sequence[int]]:
    """As ``fold_with_offsets``. No character folds to nothing, so at equal length each stays in its place."""
    folded = analysis.fold(text)
    return (folded, range(len(text) + 1)) if len(folded) == len(text) else analysis.fold_with_offsets(text)


def _units(text: str) -> list[_Unit]:
    folded, offsets = _folded(text)
    units: list[_Unit] = []
    for start, end in analysis.run_spans(folded):
        run = folded[start:end]
        if analysis.is_han(run):
            context = analysis.readings(run)[0]
            for n, char in enumerate(run):
                original = analysis.readings(text[offsets[start + n]])[0]
                heard = frozenset(
                    (context[n] if len(context) == len(run) else char, *original, *analysis.ways_to_read(char))
                )
                units.append(_Unit(offsets[start + n], offsets[start + n] + 1, heard))
        else:
            units.append(_Unit(offsets[start], offsets[end - 1] + 1, frozenset([run])))
    return units


def _shortened(units: Iterable[_Unit]) -> list[_Unit]:
    """With short words letter by letter, for initials: ``appkf`` is APP开发."""
    return [
        part
        for unit in units
        for part in (
            [unit]
            if len(unit.sounds) > 1
            else [_Unit(unit.start, unit.end, frozenset([letter])) for letter in grams.initials(*unit.sounds)]
        )
    ]


def heard_spans(text: str, clauses: Iterable[Clause]) -> list[Span]:
    """Where a text sounds like one of the clauses."""
    clauses = list(clauses)
    read = _units(text) if clauses else []
    spans: list[Span] = []
    for clause in clauses:
        if clause.form == "shape":
            spans += _in_original(text, clause.text)
            continue
        units = _shortened(read) if clause.form == "init" else read
        length = len(clause.tokens)
        for first in range(len(units) - length + 1):
            if all(_sounds(units[first + n], clause, n) for n in range(length)):
                spans.append((units[first].start, units[first + length - 1].end))
    return spans


def _sounds(unit: _Unit, clause: Clause, position: int) -> bool:
    token = clause.tokens[position]
    if clause.form == "init":
        return any(sound.startswith(token) for sound in unit.sounds)
    heard = {analysis.near(sound) for sound in unit.sounds} if clause.form == "near" else unit.sounds
    if clause.prefix and position == len(clause.tokens) - 1:
        return any(sound.startswith(token) for sound in heard)
    return token in heard


def mentions(texts: Sequence[str], words: Sequence[Word]) -> bool:
    """Whether one of the words may stand in one of the texts: sooner told of all texts than found in each."""
    folded = analysis.fold("\n".join(texts))
    return any(word.spoken or any(clause.text in folded for clause in word.written) for word in words)


def written_spans(text: str, word: Word, *, parts: bool = True) -> list[Span]:
    """Where a word, or another that means the same, is written in a text, in either script; with ``parts``, else where
    its pairs of characters are."""
    spans = [span for clause in word.written for span in _in_original(text, clause.text)]
    if not spans and parts:
        tokens = [token for clause in word.written[:1] for token in clause.tokens]
        spans = [span for token in tokens if len(token) > 1 or word.text == token for span in _in_original(text, token)]
    return spans


def _in_original(text: str, word: str) -> list[Span]:
    folded, offsets = _folded(text)
    return [(offsets[start], offsets[end - 1] + 1) for start, end in _occurrences(folded, word)]


def _occurrences(folded: str, word: str) -> list[Span]:
    """Latin words only as whole words: no ``c`` in ``science``."""
    if not word or word not in folded:
        return []
    before = r"(?<![a-z0-9])" if word[:1].isascii() else ""
    after = r"(?![a-z0-9])" if word[-1:].isascii() else ""
    return [match.span() for match in re.finditer(before + re.escape(word) + after, folded)]


def spans_of(text: str, words: Sequence[Word], *, parts: bool = True) -> list[Span]:
    """Where the words stand in a text: as written, else by their sound; sorted, joined where they touch."""
    spans: list[Span] = []
    for word in words:
        found = written_spans(text, word, parts=False)
        found = found or heard_spans(text, word.spoken)
        spans += found or (written_spans(text, word) if parts else [])
    return join(spans)


def join(spans: Iterable[Span]) -> list[Span]:
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def mark(text: str, spans: Iterable[Span]) -> str:
    """The text as safe HTML, spans in ``<mark>``."""
    pieces: list[str] = []
    position = 0
    for start, end in spans:
        pieces += [escape(text[position:start]), "<mark>", escape(text[start:end]), "</mark>"]
        position = end
    return "".join([*pieces, escape(text[position:])])


def snippet(text: str, spans: Sequence[Span], length: int = SNIPPET_CHARACTERS) -> str:
    """About ``length`` characters around the densest matches, marked; the beginning when there is no match."""
    start = max(0, _densest(spans, length) - LEAD_CHARACTERS) if spans else 0
    end = min(len(text), start + length)
    start = max(0, min(start, end - length))
    kept = [(max(a, start) - start, min(b, end) - start) for a, b in spans if a < end and b > start]
    return ("…" if start else "") + mark(text[start:end], kept) + ("…" if end < len(text) else "")


def _densest(spans: Sequence[Span], length: int) -> int:
    """The start of the span after which the most is matched within ``length``."""
    room = length - LEAD_CHARACTERS
    return max(spans, key=lambda first: (sum(b - a for a, b in spans if first[0] <= a < first[0] + room), -first[0]))[0]
