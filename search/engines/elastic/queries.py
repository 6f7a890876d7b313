"""Questions as Elasticsearch puts them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from elasticsearch_dsl import Q

from search import analysis
from search.ask import Ask, Clause, Word, tokens
from search.engines.contract import INSIDE_WEIGHT, POPULARITY_WEIGHT, SOUND_WEIGHTS

FIELDS = ["title_text^5", "names_text^2", "body_text"]
"""Weights of ``combined_fields`` multiply how often a token occurs, so they are lower than those of the embedded
engine for the same order."""

TITLE_PHRASE, NAMES_PHRASE, TITLE_START, TITLE_WHOLE = 0.6, 0.2, 0.3, 0.6
SOUND_FIELDS = {"py": ("title_py", "names_py"), "near": ("title_near",), "init": ("title_init", "names_init")}
LOOSE_LEAST = "3<15%"
"""Tokens a loose answer must have: all of up to three, else three in twenty."""

ORDERS: dict[str, list[Any]] = {
    "relevance": ["_score", {"id": "asc"}],
    "newest": [{"published": "desc"}, {"id": "desc"}],
    "popular": [{"views": "desc"}, {"published": "desc"}, {"id": "desc"}],
    "title": [{"sort_key": "asc"}, {"id": "asc"}],
}


def phrase(field: str, words: Iterable[str], boost: float, prefix: bool = False) -> Any:
    kind = "match_phrase_prefix" if prefix else "match_phrase"
    return Q(kind, **{field: {"query": " ".join(words), "boost": boost}})


def _written(clause: Clause, text: str) -> list[Any]:
    """A word in one field group with all its tokens; the phrases only add to the score."""
    whole = (analysis.BREAK, *analysis.text_tokens(text), analysis.BREAK)
    ways = [
        phrase("title_text", clause.tokens, TITLE_PHRASE, clause.prefix),
        phrase("names_text", clause.tokens, NAMES_PHRASE, clause.prefix),
        phrase("title_text", (analysis.BREAK, *clause.tokens), TITLE_START, clause.prefix),
        phrase("title_text", whole, TITLE_WHOLE),
        phrase("inside_text", clause.tokens, INSIDE_WEIGHT, clause.prefix),
    ]
    if clause.prefix:
        return [*ways, phrase("body_text", clause.tokens, 1.0, True)]
    every = {"query": " ".join(clause.tokens), "fields": FIELDS, "operator": "and"}
    return [*ways, Q("combined_fields", **every)]


def _spoken(clause: Clause) -> list[Any]:
    weight = SOUND_WEIGHTS[clause.form]
    whole = (analysis.BREAK, *clause.tokens, analysis.BREAK)
    return [
        query
        for field, share in zip(SOUND_FIELDS[clause.form], (1.0, 0.3), strict=False)
        for query in (
            phrase(field, clause.tokens, weight * share, clause.prefix),
            phrase(field, whole, weight * share),
        )
    ]


def word_query(word: Word) -> Any:
    """A word as it is written or by its sound."""
    ways = [
        query
        for clause in word.clauses
        if clause.tokens
        for query in (_written(clause, word.text) if clause.form == "text" else _spoken(clause))
    ]
    return Q("bool", should=ways, minimum_should_match=1)


def loose_query(words: Sequence[Word]) -> Any:
    """Many of the tokens, wherever they stand."""
    text = " ".join(token for token, _prefix in tokens(words))
    core = {"query": text, "fields": FIELDS, "operator": "or", "minimum_should_match": LOOSE_LEAST}
    inside = {"query": text, "boost": INSIDE_WEIGHT, "minimum_should_match": "2<60%"}
    ways = [Q("combined_fields", **core), Q("match", inside_text=inside)]
    return Q("bool", should=ways, minimum_should_match=1)


def sound_query(clauses: Iterable[Clause], fields: Mapping[str, str]) -> Any:
    ways = [phrase(fields[clause.form], clause.tokens, 1.0, clause.prefix) for clause in clauses]
    return Q("bool", should=ways, minimum_should_match=1)


def course_query(ask: Ask) -> Any:
    """Everything of a question but its filters, which come after counting."""
    shown = [Q("range", until={"gte": ask.today.isoformat()})]
    hidden = [Q("term", id=ask.without)] if ask.without is not None else []
    if not ask.words:
        return Q("bool", filter=shown, must_not=hidden)
    must = [loose_query(ask.words)] if ask.loose else [word_query(word) for word in ask.words]
    watched = {"field_value_factor": {"field": "views", "modifier": "log1p", "missing": 0}, "weight": POPULARITY_WEIGHT}
    return Q(
        "function_score",
        query=Q("bool", must=must, filter=shown, must_not=hidden),
        functions=[{"weight": 1}, watched],
        score_mode="sum",
        boost_mode="multiply",
    )


def filter_queries(ask: Ask, but: str = "") -> list[Any]:
    return [Q("terms", **{f"facet_{name}": list(values)}) for name, values in ask.filters.items() if name != but]
