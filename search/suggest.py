"""Completions while someone types: names and titles by characters, pinyin, initials, mixed, in either script."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from urllib.parse import urlencode

from django.urls import reverse

from search import analysis, ask, highlight
from search.ask import Clause, Word
from search.engines.contract import Engine
from search.results import Suggestion

ADDRESSES = {"theme": "theme", "place": "place"}
"""Names that have a page of their own; the others lead to a search."""


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


def suggestions(engine: Engine, text: str, today: date, limit: int) -> list[Suggestion]:
    """At most ``limit``, names of themes, places, people before titles. Raises EngineAway."""
    word = typed(text)
    if not word.clauses:
        return []
    day = today.isoformat()
    names = [_name(word, *found) for found in engine.names(word.clauses, day, limit)]
    titles = [
        _title(word, row.source["titles"], row.source["slug"]) for row in engine.titles(word.clauses, day, limit * 3)
    ]
    found = [one for one in [*names[: limit // 2], *titles, *names[limit // 2 :]] if _agrees(word.text, one.text)]
    return list({(one.kind, one.text): one for one in reversed(found)}.values())[::-1][:limit]


def _agrees(typed_text: str, text: str) -> bool:
    """Of mixed input the characters must be there as typed: ``miao绣`` does not mean 苗秀."""
    if not ask.has_letters(typed_text):
        return True
    folded = analysis.fold(text)
    return all(char in folded for char in typed_text if analysis.is_han(char))


def _name(word: Word, facet: str, value: str, text: str, count: int) -> Suggestion:
    address = reverse(ADDRESSES[facet], args=[value]) if facet in ADDRESSES else _search(facet, value)
    return Suggestion(text, facet, address, _marked(text, word), count)


def _search(facet: str, value: str) -> str:
    return f"{reverse('search')}?{urlencode({facet: value})}"


def _title(word: Word, titles: list[str], slug: str) -> Suggestion:
    """The title that matched, the main one unless only another did."""
    best = next((title for title in titles if highlight.spans_of(title, [word], parts=False)), titles[0])
    return Suggestion(best, "course", reverse("course", args=[slug]), _marked(best, word))


def _marked(text: str, word: Word) -> str:
    return highlight.mark(text, highlight.spans_of(text, [word], parts=False))
