"""Words as editors write them: what cuts a query, what means the same, what is read in its own way."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError

from search import analysis
from search.models import Term, as_compared
from search.snapshot import Marks, Snapshot, marks


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All texts are folded. ``words``: what an unbroken query is cut at. ``same``: by a word that is typed what is
    also looked for, the nearest first. ``readings``: pinyin syllables of a word, one a character.
    ``苗绣`` same as ``花绣`` and ``绣花``: ``{"苗绣": ("花绣", "绣花"), "花绣": ("苗绣", "绣花"), …}``."""

    words: frozenset[str] = frozenset()
    same: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    readings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def current(seen: Marks | None = None) -> Vocabulary:
    """The vocabulary in force, with what was saved before this call, or before ``seen``, by any process."""
    return _snapshot.current(marks() if seen is None else seen)


def vocabulary_of(terms: Iterable[Term]) -> Vocabulary:
    """What terms say together. Words that two terms share gather what both say; nothing is inferred further: from
    a = b and b = c does not follow a = c."""
    words: set[str] = set()
    same: dict[str, dict[str, None]] = {}
    readings: dict[str, tuple[str, ...]] = {}
    for term in terms:
        group = list(dict.fromkeys(filter(None, map(as_compared, term.words))))
        words.update(word for word in group if len(word) > 1)
        for word in group[:1] if term.one_way else group:
            same.setdefault(word, {}).update(dict.fromkeys(other for other in group if other != word))
        if term.spelling:
            readings[group[0]] = tuple(term.spelling.split())
    return Vocabulary(frozenset(words), {word: tuple(others) for word, others in same.items() if others}, readings)


_snapshot = Snapshot("vocabulary", lambda: vocabulary_of(Term.objects.order_by("pk")), Vocabulary())


# Readings as they are typed -----------------------------------------------------------------------

_TONES = re.compile("[\u0300\u0301\u0304\u030c1-5]")


def syllables(word: str, typed: str) -> tuple[str, ...]:
    """Pinyin syllables of a word, one a character, from what an editor types, with tones or without, with blanks or in
    one piece: ``鸭通``, ``yā tóng`` → ``("ya", "tong")``. Raises ValidationError with what to do."""
    characters = analysis.runs(as_compared(word))
    if len(characters) != 1 or not analysis.is_han(characters[0]):
        raise ValidationError(f"“{word}”不全是汉字：读音只能写给全是汉字的词，请留空。")
    plain = unicodedata.normalize("NFD", typed.lower()).replace("u\u0308", "v")
    parts = re.split(r"[\s'’·-]+", _TONES.sub("", plain).strip())
    count = len(characters[0])
    if len(parts) == 1 != count:
        parts = next((list(way) for way in analysis.spellings(parts[0]) if len(way) == count), parts)
    wrong = [part for part in parts if part not in analysis.SYLLABLES]
    if wrong:
        raise ValidationError(f"“{wrong[0]}”不是拼音音节：请检查拼写，音节之间用空格隔开，如“ya tong”。")
    if len(parts) != count:
        raise ValidationError(f"“{word}”有 {count} 个字，读音却有 {len(parts)} 个音节：请一个字写一个音节。")
    return tuple(parts)
