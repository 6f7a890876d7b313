"""From what was typed to what an engine is asked: words, each with the ways it may match. No engine in here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property

from search import analysis, look_alikes, syntax
from search.vocabulary import Vocabulary

WORDS_LIMIT = 12
ALTERNATIVES_LIMIT = 6
"""Other words of the same meaning that are looked up beside a typed one."""

SOUND_UNITS = (2, 12)
"""Syllables of a word that is also looked up by its sound: one is too common, more is a sentence."""

SHAPE_CHARACTERS = (2, 8)
"""Characters of a word that is also looked up with one of them replaced by a look-alike."""

GROUPS = ("title", "names", "body", "inside")
"""Groups of fields: titles; themes, places, people, keywords, lessons; texts; what is said and printed inside."""

FIELDS: Mapping[str, tuple[str, ...]] = {
    "": GROUPS,
    **{group: (group,) for group in GROUPS},
    "text": ("body", "inside"),
}
"""Which groups a word is looked for in, by ``Word.field``."""

WORD = re.compile(rf"(?:[{analysis.HAN}]+|[^\W_{analysis.HAN}]+[+#]*)+")
_LETTERS = re.compile(r"[a-z]")
_ASKING = re.compile(
    "请问|为什么|为何|什么时候|什么样的?|是?什么|哪[一几]?[个种位年月日国场条家座部届次些里儿]|哪|"
    "多少|几[个年月日次]|如何|怎么样?|怎样|是谁|谁|是否|吗|呢"
)
"""What makes a sentence a question and says nothing of its subject, so it is not looked for."""


@dataclass(frozen=True, slots=True)
class Clause:
    """Tokens that stand next to each other in one stream: as written (``text``), by sound (``py``, ``near``,
    ``init``), or with a look-alike (``shape``, in the text stream). ``prefix``: the last is only the beginning of one.
    Text tokens also count when they stand apart in one group of fields. ``text``: what the tokens were made from."""

    form: str
    tokens: tuple[str, ...]
    prefix: bool = False
    text: str = ""


@dataclass(frozen=True)
class Word:
    """One word of the query and the clauses of which one must match, in the groups of ``FIELDS[field]``. ``exact``:
    its tokens must stand next to each other. What is looked for in every text of an answer is kept."""

    text: str
    clauses: tuple[Clause, ...]
    field: str = ""
    exact: bool = False

    @cached_property
    def spoken(self) -> tuple[Clause, ...]:
        """The ways that are not as it was typed."""
        return tuple(clause for clause in self.clauses if clause.form != "text")

    @cached_property
    def written(self) -> tuple[Clause, ...]:
        """As it was typed, and other words that mean the same."""
        return tuple(clause for clause in self.clauses if clause.form == "text")

    @property
    def groups(self) -> tuple[str, ...]:
        return FIELDS[self.field]


@dataclass(frozen=True, slots=True)
class Question:
    """What was typed. ``named``: filters chosen by a name, as (facet, typed)."""

    words: tuple[Word, ...] = ()
    excluded: tuple[Word, ...] = ()
    named: tuple[tuple[str, str], ...] = ()


Within = tuple[tuple[str, tuple[str, ...]], ...]
"""Facets, each with values of which a course has one."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One question to an engine. Every word must match, unless ``loose``: then any token counts and more is better.
    ``counted``: facets whose values are counted, each without its own filter. ``within``: filters that are no choice
    of a facet and hold for all counts. ``today``: licences that ended before are left out. ``places``: pattern of the
    place codes that are counted. ``only``, ``without``: ids. ``pinned``: ids that match in any case and come first."""

    words: tuple[Word, ...] = ()
    excluded: tuple[Word, ...] = ()
    loose: bool = False
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    within: Within = ()
    counted: tuple[str, ...] = ()
    places: str = ""
    sort: str = "relevance"
    offset: int = 0
    limit: int = 20
    today: date = date.min
    only: tuple[int, ...] = ()
    without: tuple[int, ...] = ()
    pinned: tuple[int, ...] = ()


def split(text: str) -> list[str]:
    """Words of a query as typed between blanks and signs, folded: ``苗繡, C语言`` → ``["苗绣", "c语言"]``."""
    return list(dict.fromkeys(WORD.findall(analysis.fold(text))))[:WORDS_LIMIT]


def has_letters(text: str) -> bool:
    return bool(_LETTERS.search(analysis.fold(text)))


# As written ---------------------------------------------------------------------------------------


def _text_clause(text: str) -> Clause:
    tokens, prefix = analysis.query_tokens(text)
    return Clause("text", tokens, prefix, text)


def written(text: str, vocabulary: Vocabulary | None = None) -> Word:
    """A word that must be there as it is written, or another that means the same."""
    others = alternatives(text, vocabulary)[:ALTERNATIVES_LIMIT] if vocabulary else []
    return Word(text, tuple(map(_text_clause, (text, *others))))


def alternatives(text: str, vocabulary: Vocabulary) -> list[str]:
    """What else a word is looked up as: what means the same, also of a part of it, and what is spelled like this.
    With 苗绣 = 花绣: ``苗绣针法`` → ``["花绣针法"]``."""
    found = [
        text.replace(word, other)
        for word, others in vocabulary.same.items()
        if word in text and (word == text or len(word) > 1)
        for other in others
    ]
    if text.isascii() and text.isalpha():
        spelled = vocabulary.readings.items()
        found += [word for word, units in spelled if text in ("".join(units), "".join(unit[0] for unit in units))]
    return [other for other in dict.fromkeys(found) if other != text]


def as_written(text: str, vocabulary: Vocabulary | None = None) -> Question:
    """A query as it was typed. Words with letters may also match by sound, for letters are how pinyin is typed."""
    words: list[Word] = []
    excluded: list[Word] = []
    named: list[tuple[str, str]] = []
    for part in syntax.parse(text):
        if part.field not in FIELDS:
            named.append((part.field, part.text))
        elif part.excluded:
            excluded += _words(part, None)
        else:
            words += _words(part, vocabulary)
    kept = tuple(dict.fromkeys(words))[:WORDS_LIMIT]
    return Question(kept, tuple(excluded[:WORDS_LIMIT]), tuple(named[:WORDS_LIMIT]))


def _words(part: syntax.Part, vocabulary: Vocabulary | None) -> list[Word]:
    if part.exact or part.excluded:
        text = analysis.fold(part.text)
        return [Word(text, (_text_clause(text),), part.field, exact=True)]
    found = (written(text, vocabulary) for text in split(part.text))
    return [replace(_also_spoken(word) if has_letters(word.text) else word, field=part.field) for word in found]


def as_cut(words: Sequence[Word], vocabulary: Vocabulary) -> tuple[Word, ...]:
    """Words cut where the vocabulary knows a part of them: ``苗绣教程`` → ``苗绣``, ``教程``."""
    if not vocabulary.words:
        return tuple(words)
    known = sorted(vocabulary.words, key=len, reverse=True)
    cut = re.compile("|".join(map(re.escape, known)))
    found: list[Word] = []
    for word in words:
        pieces = [word.text] if word.exact else split(cut.sub(lambda match: f" {match[0]} ", word.text))
        found += [replace(written(piece, vocabulary), field=word.field) for piece in pieces] if pieces[1:] else [word]
    return tuple(dict.fromkeys(found))[:WORDS_LIMIT]


# As heard and as seen -----------------------------------------------------------------------------


def _also_spoken(word: Word, *, near: bool = False, unfinished: bool = False) -> Word:
    """A word that may also be there by its sound: full pinyin, initials when it is letters only, and with ``near``
    sounds that are often mixed up."""
    text, clauses = word.text, list(word.clauses)
    least, most = SOUND_UNITS
    for units in analysis.sounds(text, unfinished):
        if least <= len(units) <= most or (has_letters(text) and units):
            clauses.append(Clause("py", units, unfinished))
            if near:
                clauses.append(Clause("near", tuple(map(analysis.near, units)), unfinished))
    if text.isascii() and text.isalpha() and least <= len(text) <= most:
        clauses.append(Clause("init", tuple(text)))
    return replace(word, clauses=tuple(dict.fromkeys(clauses)))


def _also_seen(word: Word) -> Word:
    """A word of which one character may be another that looks like it."""
    least, most = SHAPE_CHARACTERS
    if not (least <= len(word.text) <= most and analysis.is_han(word.text)):
        return word
    seen = [
        replace(_text_clause(word.text[:at] + other + word.text[at + 1 :]), form="shape")
        for at, char in enumerate(word.text)
        for other in look_alikes.of(char)
    ]
    return replace(word, clauses=(*word.clauses, *seen))


def look_alike_tokens(word: Word) -> list[list[tuple[str, ...]]]:
    """For each character that may be a look-alike, the tokens that may stand at each place of the word: few sets
    instead of many phrases. ``苗绣针`` with 苗 as 笛, 茁: ``[[("笛绣", "茁绣"), ("绣针",)]]``."""
    typed = word.written[0].tokens
    groups: dict[tuple[bool, ...], list[tuple[str, ...]]] = {}
    for clause in word.clauses:
        if clause.form == "shape":
            other = tuple(a != b for a, b in zip(clause.tokens, typed, strict=True))
            groups.setdefault(other, []).append(clause.tokens)
    return [[tuple(dict.fromkeys(column)) for column in zip(*ways, strict=True)] for ways in groups.values()]


def as_misspelt(words: Sequence[Word]) -> tuple[Word, ...]:
    """All words as written, by sound or with a look-alike; letters that are cut by blanks are one word:
    ``miao xiu`` → ``miaoxiu``."""
    if len(words) > 1 and all(word.text.isascii() and word.text.isalpha() for word in words):
        words = [written("".join(word.text for word in words))]
    return tuple(word if word.exact else _also_seen(_also_spoken(word, near=True)) for word in words)


# Loosely ------------------------------------------------------------------------------------------


def as_loose(words: Sequence[Word]) -> tuple[Word, ...]:
    """The words without what only makes them a question: ``苗绣的针法有哪些`` → ``苗绣的针法有``. All of them where
    nothing else is left."""
    left = [written(piece) for word in words for piece in split(_ASKING.sub(" ", word.text))]
    return tuple(dict.fromkeys(left)) or tuple(words)


def tokens(words: Iterable[Word]) -> list[tuple[str, bool]]:
    """Tokens of all words as they were typed, each once, and whether it is only a beginning."""
    found: dict[tuple[str, bool], None] = {}
    for word in words:
        for clause in word.written[:1]:
            last = len(clause.tokens) - 1
            found.update({(token, clause.prefix and n == last): None for n, token in enumerate(clause.tokens)})
    return list(found)
