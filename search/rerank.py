"""The first courses of an answer in a finer order than an engine's: what bag-of-words scores do not see. Pure.

An engine weighs each token by itself. For the first courses the text is at hand, so it is looked at whether
the words of a sentence stand together, whether a course is about its keywords or only mentions them, and which title
initials most likely mean. Figures: docs/decisions/search-ranking.md.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from search import analysis, highlight
from search.ask import Word
from search.engines.contract import Row

SENTENCE_WINDOW, WINDOW = 100, 40
"""Courses looked at, of a sentence and else; later ones keep the engine's order behind them. A sentence has few words
that tell, and the right course may be far down."""

TEXT_CHARACTERS = 2_000
"""Characters of a course's text that are looked at."""

TOGETHER = 60
"""Characters within which the words of a sentence count as standing together."""

TITLE_COPIES, NAME_COPIES = 0.1, 0.02
"""How much each doubling of the courses with the same title, and with the same name in their titles, counts."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A course as it is compared: folded. ``text`` is the description and, where there is one, the best passage."""

    row: Row
    title: str
    text: str


def rerank(rows: Sequence[Row], words: Sequence[Word], *, loose: bool, inside: Mapping[int, str]) -> list[Row]:
    """The same rows, finer ordered; scores are those it went by, 1 for the engine's best. ``inside``: the best
    passage's text by course."""
    if not rows or not words:
        return list(rows)
    if loose:
        weigh = _sentence_weights
    elif len(words) > 1:
        weigh = _keyword_weights
    elif words[0].spoken:
        weigh = _name_weights
    else:
        return list(rows)
    best = max(row.score for row in rows) or 1.0
    read = [_read(row, inside.get(row.id, "")) for row in rows]
    weighed = [
        replace(one.row, score=one.row.score / best + more) for one, more in zip(read, weigh(read, words), strict=True)
    ]
    return sorted(weighed, key=lambda row: -row.score)


def _read(row: Row, passage: str) -> _Read:
    source = row.source
    title = analysis.fold(" ".join(source["titles"]))
    text = "\n".join((" ".join(source["names"]), source["body"][:TEXT_CHARACTERS], passage))
    return _Read(row, title, analysis.fold(text))


# Sentences ------------------------------------------------------------------------------------------


def _sentence_weights(read: Sequence[_Read], words: Sequence[Word]) -> list[float]:
    """How much of a sentence stands in a title, in a text, and within ``TOGETHER`` characters of it, by single
    characters and by pairs, each counted by how few of the courses have it."""
    sentence = " ".join(word.text for word in words)
    weights = [_Weights.of(_grams(sentence, length), read) for length in (1, 2)]
    return [sum(weight.of_course(one) for weight in weights) + _named(one, sentence, weights[1]) for one in read]


def _grams(text: str, length: int) -> list[str]:
    """Pieces of ``length`` Han characters; words of other scripts as they are."""
    found: list[str] = []
    for run in analysis.runs(text):
        han = analysis.is_han(run)
        found += [run[at : at + length] for at in range(len(run) - length + 1)] if han else [run]
    return list(dict.fromkeys(found))


def _named(one: _Read, sentence: str, pairs: _Weights) -> float:
    """What the sentence says of the title: pairs it has in common with it, and whether it names it as a whole."""
    title = analysis.fold(one.row.source["titles"][0])
    return 1.5 * pairs.share(pair for pair in pairs.weight if pair in one.title) + 0.5 * (title in sentence)


@dataclass(frozen=True, slots=True)
class _Weights:
    """Inverse document frequencies of grams among the courses found."""

    weight: Mapping[str, float]
    total: float
    pattern: re.Pattern[str]

    @classmethod
    def of(cls, grams: Sequence[str], read: Sequence[_Read]) -> _Weights:
        """Robertson and Spärck Jones's weight, plus one inside the logarithm so that none is below zero (as Lucene)."""
        weight = {}
        for gram in grams:
            having = sum(gram in one.text or gram in one.title for one in read)
            weight[gram] = math.log(1 + (max(len(read), SENTENCE_WINDOW) - having + 0.5) / (having + 0.5))
        # a look-ahead finds grams that overlap
        pattern = re.compile(f"(?=({'|'.join(map(re.escape, grams))}))" if grams else r"(?!)")
        return cls(weight, sum(weight.values()) or 1.0, pattern)

    def share(self, grams) -> float:
        return sum(self.weight[gram] for gram in grams) / self.total

    def of_course(self, one: _Read) -> float:
        found = [(match.start(), match[1]) for match in self.pattern.finditer(one.text)]
        said = dict.fromkeys(gram for _at, gram in found)
        covered = self.share(gram for gram in self.weight if gram in said or gram in one.title)
        return self._together(found) + 0.5 * covered

    def _together(self, found: Sequence[tuple[int, str]]) -> float:
        """The largest share within ``TOGETHER`` characters."""
        held: Counter[str] = Counter()
        first, sum_, best = 0, 0.0, 0.0
        for at, gram in found:
            held[gram] += 1
            sum_ += self.weight[gram] if held[gram] == 1 else 0.0
            while found[first][0] < at - TOGETHER:
                gone = found[first][1]
                held[gone] -= 1
                sum_ -= self.weight[gone] if held[gone] == 0 else 0.0
                first += 1
            best = max(best, sum_)
        return best / self.total


# Keywords and names ---------------------------------------------------------------------------------


def _keyword_weights(read: Sequence[_Read], words: Sequence[Word]) -> list[float]:
    """Whether a course is about the words that are not in its title: how often its text has the rarest of them, how
    densely, and how early the last of them comes. A title that ends with a word is about it (水彩画 is a 画)."""
    return [_about(one, words) for one in read]


def _about(one: _Read, words: Sequence[Word]) -> float:
    outside = [word.text for word in words if word.text not in one.title]
    times = min((one.text.count(word) for word in outside), default=0)
    density = times / (len(one.text) / 100 + 1)
    places = [one.text.find(word) for word in outside]
    early = 1 / (1 + max(places) / 100) if places and min(places) >= 0 else 0.0
    main = analysis.fold(one.row.source["titles"][0])
    ends = any(main.endswith(word.text) for word in words)
    return 0.5 * math.log1p(times) + 0.5 * density + 0.3 * early + 0.5 * ends


def _name_weights(read: Sequence[_Read], words: Sequence[Word]) -> list[float]:
    """What sounds alike fits several names equally well. One that more courses bear is more likely meant, and one with
    more of the characters that were typed, where they were characters."""
    (word,) = words
    named = [_heard(one, word) for one in read]
    titles, names = Counter(one.title for one in read), Counter(named)
    return [
        TITLE_COPIES * math.log2(titles[one.title]) + NAME_COPIES * math.log2(names[name]) + _kept(word.text, name)
        for one, name in zip(read, named, strict=True)
    ]


def _heard(one: _Read, word: Word) -> str:
    """What in the first title sounds like a word, as it is compared; the title where nothing does."""
    title = analysis.fold(one.row.source["titles"][0])
    spans = highlight.heard_spans(title, word.spoken)
    return title[slice(*max(spans, key=lambda span: span[1] - span[0]))] if spans else title


def _kept(typed: str, name: str) -> float:
    """The share of the typed characters that a name has; 0 for letters."""
    return sum(char in name for char in typed) / len(typed) if analysis.is_han(typed) else 0.0
