"""Questions as SQLite FTS5 puts them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from search import analysis
from search.ask import Clause, Word, tokens

SOUND_COLUMNS = {"py": "{title_py names_py}", "near": "{title_near}", "init": "{title_init names_init}"}


def phrase(words: Iterable[str], prefix: bool = False) -> str:
    """Tokens next to each other; they hold no quotation mark, for ``analysis`` knows none."""
    return f'"{" ".join(words)}"' + (" *" if prefix else "")


def word_expression(word: Word) -> str:
    """A word in one field group, with all its tokens, or by its sound; the phrases in it only add to the score."""
    ways = []
    for clause in word.clauses:
        if clause.form != "text":
            columns = SOUND_COLUMNS[clause.form]
            whole = phrase((analysis.BREAK, *clause.tokens, analysis.BREAK))
            ways += [f"{columns} : {phrase(clause.tokens, clause.prefix)}", f"{columns} : {whole}"]
        elif clause.tokens:
            last = len(clause.tokens) - 1
            every = " AND ".join(phrase([t], clause.prefix and n == last) for n, t in enumerate(clause.tokens))
            ways += [
                f"{{title_text names_text body_text}} : ({every})",
                f"{{title_text names_text}} : {phrase(clause.tokens, clause.prefix)}",
                f"title_text : {phrase((analysis.BREAK, *clause.tokens), clause.prefix)}",
                f"title_text : {phrase((analysis.BREAK, *analysis.text_tokens(word.text), analysis.BREAK))}",
            ]
    return f"({' OR '.join(ways)})"


def any_token(words: Iterable[Word]) -> str:
    return " OR ".join(phrase([token], prefix) for token, prefix in tokens(words))


def inside_expression(word: Word) -> str:
    return phrase(word.written.tokens, word.written.prefix) if word.written and word.written.tokens else ""


def sound_expression(clauses: Iterable[Clause], columns: Mapping[str, str]) -> str:
    return " OR ".join(f"{columns[clause.form]} : {phrase(clause.tokens, clause.prefix)}" for clause in clauses)
