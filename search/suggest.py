"""Completions while someone types: names and titles by characters, pinyin, initials, mixed, in either script."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from itertools import chain, islice
from urllib.parse import urlencode

from django.urls import reverse

from search import analysis, ask, highlight
from search.ask import Clause, Word
from search.engines.contract import Engine, Named
from search.results import Suggestion

SPARE = 2
"""Times as many titles are asked for as are shown: some are alike, some have the parts of what is typed apart."""


def typed(text: str) -> Word:
    """What is being typed as one word: ``miao x`` → ``miaox``, its last part only begun."""
    parts = ask.split(text)
    joined = "".join(parts) if all(part.isascii() for part in parts) else " ".join(parts)
    written = ask.written(joined)
    clauses = [replace(clause, prefix=clause.prefix or joined.isascii()) for clause in written.clauses]
    clauses += [Clause("py", units, True) for units in analysis.sounds(joined, True) if len("".join(units)) > 1]
    if joined.isascii() and joined.isalpha():
        clauses.append(Clause("init", tuple(joined)))
    return Word(joined, tuple(dict.fromkeys(clause for clause in clauses if clause.tokens)))


def suggestions(
    engine: Engine, text: str, today: date, limit: int, asked: Sequence[tuple[str, int]] = ()
) -> list[Suggestion]:
    """At most ``limit``: names of themes, places, people before titles. ``asked``: queries that many people put and
    that begin like this one, with the number of courses each finds; a few stand between names and titles. Raises
    EngineAway."""
    word = typed(text)
    if not word.clauses:
        return []
    found = engine.completions(word.clauses, today.isoformat(), limit * SPARE)
    names = (_name(word, named) for named in found.names)
    titles = (_title(word, row.source["titles"], row.source["slug"]) for row in found.titles)
    queries = (_query(word, query, count) for query, count in asked[: limit // 4])
    ordered = chain(islice(_told(names), limit // 2), _told(queries), _told(titles), _told(names))
    return _first(ordered, limit)


def _told(found: Iterable[Suggestion | None]) -> Iterator[Suggestion]:
    return (one for one in found if one is not None)


def _first(found: Iterable[Suggestion], limit: int) -> list[Suggestion]:
    """The first that differ; no more are made than are needed."""
    unlike: dict[tuple[str, str], Suggestion] = {}
    for one in found:
        unlike.setdefault((one.kind, one.text), one)
        if len(unlike) == limit:
            break
    return list(unlike.values())


# One suggestion, or None where what is typed is not in its text ---------------------------------


def _name(word: Word, named: Named) -> Suggestion | None:
    name = named.name
    marked, url = _marked(name.text, word), reverse(name.facet, args=[name.value])
    return Suggestion(name.text, name.facet, url, marked, named.count) if marked else None


def _query(word: Word, query: str, count: int) -> Suggestion | None:
    marked, url = _marked(query, word), f"{reverse('search')}?{urlencode({'q': query})}"
    return Suggestion(query, "query", url, marked, count) if marked else None


def _title(word: Word, titles: Sequence[str], slug: str) -> Suggestion | None:
    """The first of a course's titles that matches."""
    for title in titles:
        if marked := _marked(title, word):
            return Suggestion(title, "course", reverse("course", args=[slug]), marked)
    return None


def _marked(text: str, word: Word) -> str:
    """The text with what is typed marked; "" when it is not there."""
    spans = highlight.spans_of(text, [word], parts=False) or _begun(text, word)
    return highlight.mark(text, spans) if spans and _agrees(word.text, text) else ""


def _begun(text: str, word: Word) -> list[highlight.Span]:
    """Where words of other scripts begin as typed: ``embr`` in ``Miao embroidery``."""
    if not word.text.isascii():
        return []
    folded, offsets = analysis.fold_with_offsets(text)
    begun = re.finditer(rf"(?<![a-z0-9]){re.escape(word.text)}", folded)
    return [(offsets[match.start()], offsets[match.end() - 1] + 1) for match in begun]


def _agrees(typed_text: str, text: str) -> bool:
    """Of mixed input the characters must be there as typed: ``miao绣`` does not mean 苗秀."""
    if not ask.has_letters(typed_text):
        return True
    folded = analysis.fold(text)
    return all(char in folded for char in typed_text if analysis.is_han(char))
