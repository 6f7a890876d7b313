"""Questions as Elasticsearch puts them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from elasticsearch_dsl import Q

from search import analysis
from search.ask import Ask, Clause, Word, look_alike_tokens, tokens
from search.engines.contract import (
    FRESHNESS_DAYS,
    FRESHNESS_WEIGHT,
    INSIDE_WEIGHT,
    POPULARITY_WEIGHT,
    SOUND_WEIGHTS,
    midnight,
)

FIELDS = {"title": "title_text^5", "names": "names_text^2", "body": "body_text"}
"""Weights of ``combined_fields`` multiply how often a token occurs, so they are lower than those of the embedded
engine for the same order."""

TITLE_PHRASE, NAMES_PHRASE, TITLE_START, TITLE_WHOLE = 0.6, 0.2, 0.3, 0.6
SOUND_FIELDS = {
    "py": (("title", "title_py"), ("names", "names_py")),
    "near": (("title", "title_near"),),
    "init": (("title", "title_init"), ("names", "names_init")),
}
SHAPE_SCORE = 6.0
"""Of a title with a look-alike, in which no token is weighed: about that of a name found by its near sound."""

INSIDE = "inside "
"""What the names of queries begin with that matched in what is said and printed."""

PINNED_ABOVE = 10_000
"""Above any score of words, and small enough that steps of it are exact in the 32 bits of a score."""

LOOSE_LEAST = "15%"
"""Tokens a loose answer must have: three in twenty, and one at least."""

ORDERS: dict[str, list[Any]] = {
    "relevance": ["_score", {"id": "asc"}],
    "newest": [{"published": "desc"}, {"id": "desc"}],
    "popular": [{"views": "desc"}, {"published": "desc"}, {"id": "desc"}],
    "title": [{"sort_key": "asc"}, {"id": "asc"}],
}


def phrase(field: str, words: Iterable[str], boost: float, prefix: bool = False, **more: str) -> Any:
    kind = "match_phrase_prefix" if prefix else "match_phrase"
    return Q(kind, **{field: {"query": " ".join(words), "boost": boost, **more}})


def _as_text(word: Word, clause: Clause, scored: bool) -> list[Any]:
    """A word with all its tokens in one group of fields or over several; what is said inside, as a phrase. The other
    phrases match nothing more, they only add to the score: without them counting takes half the time."""
    whole = (analysis.BREAK, *analysis.text_tokens(clause.text), analysis.BREAK)
    start = (analysis.BREAK, *clause.tokens)
    ways = {
        "title": [
            phrase("title_text", clause.tokens, TITLE_PHRASE, clause.prefix),
            phrase("title_text", start, TITLE_START, clause.prefix),
            phrase("title_text", whole, TITLE_WHOLE),
        ],
        "names": [phrase("names_text", clause.tokens, NAMES_PHRASE, clause.prefix)],
        "body": [phrase("body_text", clause.tokens, 1.0, True)] if clause.prefix else [],
        "inside": [phrase("inside_text", clause.tokens, INSIDE_WEIGHT, clause.prefix, _name=f"{INSIDE}{clause.text}")],
    }
    fields = [FIELDS[group] for group in word.groups if group in FIELDS]
    needed = word.groups if scored or clause.prefix else [group for group in word.groups if group not in FIELDS]
    chosen = [way for group in needed for way in ways[group]]
    if not fields or clause.prefix:
        return chosen
    tokens_ = " ".join(clause.tokens)
    if word.exact:
        return [*chosen, Q("multi_match", query=tokens_, fields=fields, type="phrase")]
    return [*chosen, Q("combined_fields", query=tokens_, fields=fields, operator="and")]


def _as_heard(word: Word, clause: Clause) -> list[Any]:
    weight = SOUND_WEIGHTS[clause.form]
    (title, title_field), *names = SOUND_FIELDS[clause.form]
    whole = (analysis.BREAK, *clause.tokens, analysis.BREAK)
    ways = {title: [phrase(title_field, clause.tokens, weight, clause.prefix), phrase(title_field, whole, weight)]}
    ways |= {group: [phrase(field, clause.tokens, 0.3 * weight, clause.prefix)] for group, field in names}
    return [way for group, found in ways.items() if group in word.groups for way in found]


def _as_seen(word: Word) -> list[Any]:
    """Titles with a look-alike, by sets of whole terms (``typed`` holds no positions)."""
    if "title" not in word.groups:
        return []
    ways = [[Q("terms", typed=list(tokens_)) for tokens_ in places] for places in look_alike_tokens(word)]
    return [Q("constant_score", filter=Q("bool", filter=places), boost=SHAPE_SCORE) for places in ways]


def word_query(word: Word, *, scored: bool = True) -> Any:
    """A word as it is written, by its sound or shape; what only adds to the score is left out when nobody asks it."""
    ways = [
        query
        for clause in word.clauses
        if clause.tokens and clause.form != "shape"
        for query in (_as_text(word, clause, scored) if clause.form == "text" else _as_heard(word, clause))
    ]
    ways += _as_seen(word)
    return Q("bool", should=ways, minimum_should_match=1) if ways else Q("match_none")


def loose_query(words: Sequence[Word]) -> Any:
    """Many of the tokens, wherever they stand."""
    text = " ".join(token for token, _prefix in tokens(words))
    core = {"query": text, "fields": list(FIELDS.values()), "operator": "or", "minimum_should_match": LOOSE_LEAST}
    inside = {"query": text, "boost": INSIDE_WEIGHT, "minimum_should_match": "2<60%"}
    ways = [Q("combined_fields", **core), Q("match", inside_text=inside)]
    return Q("bool", should=ways, minimum_should_match=1)


def course_query(ask: Ask, *, scored: bool = True) -> Any:
    """Everything of a question but its filters. Pinned courses match in any case and come first, in their order."""
    shown = [Q("range", until={"gte": ask.today.isoformat()})]
    shown += [Q("terms", **{f"facet_{name}": list(values)}) for name, values in ask.within]
    shown += [Q("terms", id=list(ask.only))] if ask.only else []
    hidden = [Q("terms", id=list(ask.without))] if ask.without else []
    hidden += [word_query(word, scored=False) for word in ask.excluded]
    if not ask.words:
        return Q("bool", filter=shown, must_not=hidden)
    must = [loose_query(ask.words)] if ask.loose else [word_query(word, scored=scored) for word in ask.words]
    found = Q("bool", must=must)
    if scored:
        lifts = [{"weight": 1}, _watched(), _fresh(ask)]
        found = Q("function_score", query=found, functions=lifts, score_mode="sum", boost_mode="multiply")
    if not ask.pinned:
        return Q("bool", must=[found], filter=shown, must_not=hidden)
    above = enumerate(reversed(ask.pinned), 1)
    pins = [Q("constant_score", filter=Q("term", id=course), boost=n * PINNED_ABOVE) for n, course in above]
    return Q("bool", should=[found, *pins], minimum_should_match=1, filter=shown, must_not=hidden)


def _watched() -> dict:
    """``boost`` of the contract, its part for views."""
    return {"field_value_factor": {"field": "views", "modifier": "log1p", "missing": 0}, "weight": POPULARITY_WEIGHT}


def _fresh(ask: Ask) -> dict:
    """``boost`` of the contract, its part for days."""
    halved = {"origin": midnight(ask.today), "scale": FRESHNESS_DAYS * 86_400, "decay": 0.5}
    return {"exp": {"published": halved}, "weight": FRESHNESS_WEIGHT}


def filter_queries(ask: Ask) -> dict[str, dict]:
    """By facet name."""
    return {name: Q("terms", **{f"facet_{name}": list(values)}).to_dict() for name, values in ask.filters.items()}
