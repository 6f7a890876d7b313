"""Questions as SQLite FTS5 puts them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from search import analysis, grams
from search.ask import Clause, Word, look_alike_tokens, tokens

SOUND_FIELDS = {
    "py": (("title", "py"), ("names", "py")),
    "near": (("title", "near"),),
    "init": (("title", "init"), ("names", "init")),
}
"""Group and stream in which a clause by sound is looked up, by its form."""

SCOPE_LIMIT = 30
"""Institutions that are named in a question."""

NEVER = f'"{analysis.BREAK}{analysis.BREAK}"'
"""What stands nowhere."""


def phrase(words: Iterable[str], prefix: bool = False) -> str:
    """Tokens next to each other; they hold no quotation mark, for ``analysis`` knows none."""
    return f'"{" ".join(words)}"' + (" *" if prefix else "")


def word_expression(word: Word) -> str:
    """A word in one field group, with all its tokens, by its sound or shape; the phrases in it only add to the
    score."""
    groups = [group for group in word.groups if group != "inside"]
    ways = [
        way
        for clause in word.clauses
        if clause.tokens and clause.form != "shape"
        for way in (_as_text(word, clause, groups) if clause.form == "text" else _as_heard(clause, groups))
    ]
    ways += _as_seen(word) if "title" in groups else []
    return f"({' OR '.join(ways or [NEVER])})"


def _as_text(word: Word, clause: Clause, groups: Sequence[str]) -> list[str]:
    named = [f"{group}_text" for group in groups if group != "body"]
    fields = [f"{group}_text" for group in groups]
    last = len(clause.tokens) - 1
    every = " AND ".join(phrase([t], clause.prefix and n == last) for n, t in enumerate(clause.tokens))
    ways = [(fields, phrase(clause.tokens, clause.prefix) if word.exact else f"({every})")]
    ways += [(named, phrase(clause.tokens, clause.prefix))]
    if "title" in groups:
        start = phrase((analysis.BREAK, *clause.tokens), clause.prefix)
        whole = phrase((analysis.BREAK, *analysis.text_tokens(clause.text), analysis.BREAK))
        ways += [(["title_text"], start), (["title_text"], whole)]
    return [f"{{{' '.join(columns)}}} : {way}" for columns, way in ways if columns]


def _as_heard(clause: Clause, groups: Sequence[str]) -> list[str]:
    columns = [f"{group}_{form}" for group, form in SOUND_FIELDS[clause.form] if group in groups]
    whole = phrase((analysis.BREAK, *clause.tokens, analysis.BREAK))
    return [f"{{{' '.join(columns)}}} : {way}" for way in (phrase(clause.tokens, clause.prefix), whole) if columns]


def _as_seen(word: Word) -> list[str]:
    """Titles with a look-alike, by sets of tokens."""
    sets = (
        " AND ".join(f"({' OR '.join(phrase([token]) for token in tokens_)})" for tokens_ in places)
        for places in look_alike_tokens(word)
    )
    return [f"{{title_text}} : ({places})" for places in sets]


def scope_token(institution: str) -> str:
    """An institution's code as the one token by which its rows are met without reading all others."""
    return f"+{institution.encode().hex()}"


def scoped(expression: str, institutions: Collection[str]) -> str:
    """``expression`` among the rows of these institutions, if they are few; more save nothing and are left to the
    filters."""
    if not 0 < len(institutions) <= SCOPE_LIMIT:
        return expression
    return f"scope : ({' OR '.join(phrase([scope_token(one)]) for one in institutions)}) AND ({expression})"


def any_token(words: Iterable[Word]) -> str:
    return " OR ".join(phrase([token], prefix) for token, prefix in tokens(words))


def inside_expression(word: Word) -> str:
    """A word as a phrase of what is said and printed; "" when it is not looked for there."""
    ways = [phrase(clause.tokens, clause.prefix) for clause in word.written if clause.tokens]
    return " OR ".join(ways) if "inside" in word.groups else ""


def typed_expression(clauses: Iterable[Clause]) -> str:
    return " OR ".join(f"({' AND '.join(phrase([gram]) for gram in grams.wanted(clause))})" for clause in clauses)
