"""The filters as a page shows them: each value with the address that chooses it or gives it up. Pure; no database.

A list shows its first values and folds the rest away; places are a tree of which one way down is open; lengths and
levels are ranges, in which a second choice takes what lies between along.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from search import ask, highlight
from search.facets import FACETS, LENGTHS, place_ancestors
from search.query import Query
from search.results import Facet, FacetValue
from search.suggest import typed

FIRST = 8
"""Values of a filter that stand open; the others are behind "more"."""

MANY = 12
"""From this many values behind "more", a field looks through them."""

OPEN = 3
"""Filters that are unfolded on a page without any in use."""

WITHIN = "within-"
"""Beginning of the parameter that looks through one filter's values: ``within-institution=杭州``. It changes what is
listed, never what is found, so it is no part of a ``Query``."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A value, the address after ``?`` that chooses it or gives it up, and the values below it in a tree."""

    value: FacetValue
    url: str
    below: tuple[Choice, ...] = ()
    rest: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True)
class Filter:
    """``first`` stand open, ``rest`` behind "more". ``shape``: list, tree or range. ``within``: what was asked of the
    field that looks through the values; None where they are too few to need one."""

    name: str
    label: str
    shape: str
    first: tuple[Choice, ...]
    rest: tuple[Choice, ...] = ()
    within: str | None = None
    open: bool = False

    @property
    def total(self) -> int:
        return len(self.first) + len(self.rest)


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter in use: its name, its value or range in words, and the address without it."""

    name: str
    label: str
    url: str


def filters(query: Query, facets: Sequence[Facet], within: Mapping[str, str]) -> list[Filter]:
    """What the page shows of each filter that has values. ``within``: by filter what its values are looked through
    for."""
    shown = [_filter(query, facet, within.get(facet.name, "")) for facet in facets if facet.values]
    used = any(facet.selected for facet in facets)
    return [
        _unfolded(one, bool(within.get(one.name)) or bool(query.filters.get(one.name)) or (not used and n < OPEN))
        for n, one in enumerate(shown)
    ]


def _unfolded(one: Filter, unfolded: bool) -> Filter:
    return Filter(one.name, one.label, one.shape, one.first, one.rest, one.within, unfolded)


def _filter(query: Query, facet: Facet, within: str) -> Filter:
    if FACETS[facet.name].tree:
        roots = _tree(query, facet)
        first, rest = _folded(roots)
        return Filter(facet.name, facet.label, "tree", first, rest)
    choices = [Choice(value, _address(query, facet, value)) for value in facet.values]
    if FACETS[facet.name].range:
        return Filter(facet.name, facet.label, "range", tuple(choices))
    if within:
        found = tuple(choice for choice in choices if matches(choice.value.label, within))
        return Filter(facet.name, facet.label, "list", found, within=within)
    first, rest = _folded(choices)
    return Filter(facet.name, facet.label, "list", first, rest, "" if len(rest) >= MANY else None)


def matches(label: str, text: str) -> bool:
    """Whether a value's name has a text in it, by characters, pinyin or initials, in either script."""
    word = typed(text)
    return bool(word.clauses and highlight.spans_of(label, [word], parts=False))


def _folded(choices: Sequence[Choice]) -> tuple[tuple[Choice, ...], tuple[Choice, ...]]:
    """The chosen and the largest first, the rest behind them; one alone is not worth folding away."""
    if len(choices) <= FIRST + 1:
        return tuple(choices), ()
    kept = {choice.value.value for choice in choices if choice.value.selected or choice.below}
    room = max(0, FIRST - len(kept))
    kept |= {choice.value.value for choice in choices if choice.value.value not in kept and (room := room - 1) >= 0}
    first = tuple(choice for choice in choices if choice.value.value in kept)
    return first, tuple(choice for choice in choices if choice.value.value not in kept)


# Addresses --------------------------------------------------------------------------------------


def _address(query: Query, facet: Facet, value: FacetValue) -> str:
    field, chosen = FACETS[facet.name], query.filters.get(facet.name, ())
    if field.tree:
        return with_values(query, facet.name, branch(chosen, value.value))
    if field.range:
        return with_values(query, facet.name, stretch(field.fixed, chosen, value.value))
    return query.toggled(facet.name, value.value)


def with_values(query: Query, name: str, values: Iterable[str]) -> str:
    """The address after ``?`` with these values of one filter, on the first page."""
    kept = {**query.filters, name: tuple(values)}
    return query.params(filters={key: value for key, value in kept.items() if value}, page=1)


def branch(chosen: Sequence[str], code: str) -> list[str]:
    """Places after one was pressed: given up when it was chosen, else chosen in place of those above and below it,
    which would make it meaningless."""
    others = [other for other in chosen if not other.startswith(code) and not code.startswith(other)]
    return others if code in chosen else [*others, code]


def stretch(order: Sequence[str], chosen: Sequence[str], value: str) -> list[str]:
    """Steps of a range after one was pressed. Outside: the range reaches to it. At an end: it is given up. Between:
    it alone is left."""
    places = [order.index(one) for one in chosen if one in order]
    here = order.index(value)
    if not places:
        return [value]
    low, high = min(places), max(places)
    if low < here < high:
        return [value]
    if here in (low, high) and here in places:
        return [one for one in order[low : high + 1] if one != value]
    return list(order[min(low, here) : max(high, here) + 1])


# Places -----------------------------------------------------------------------------------------


def _tree(query: Query, facet: Facet) -> list[Choice]:
    """Places under the places they lie in. ``facet.values`` name each before those below it."""
    shown = {value.value for value in facet.values}
    under: dict[str, list[FacetValue]] = {}
    for value in facet.values:
        above = [code for code in place_ancestors(value.value)[:-1] if code in shown]
        under.setdefault(above[-1] if above else "", []).append(value)

    def choice(value: FacetValue) -> Choice:
        below, rest = _folded([choice(one) for one in under.get(value.value, ())])
        return Choice(value, _address(query, facet, value), below, rest)

    return [choice(value) for value in under.get("", ())]


# What is in use ---------------------------------------------------------------------------------


def chips(query: Query) -> list[Chip]:
    """Each filter value in use, also one that nothing has; a range as one."""
    return [chip for name, values in query.filters.items() for chip in _chips(query, name, values)]


def _chips(query: Query, name: str, values: Sequence[str]) -> Iterable[Chip]:
    field = FACETS[name]
    labels = {value: str(label) for value, label in field.labels(values).items()}
    if field.range and len(values) > 1:
        yield Chip(str(field.label), range_label(name, values, labels), with_values(query, name, ()))
        return
    for value in values:
        others = [other for other in values if other != value]
        yield Chip(str(field.label), labels.get(value, value), with_values(query, name, others))


def range_label(name: str, values: Sequence[str], labels: Mapping[str, str]) -> str:
    """A range in words: ``10–90 分钟``, ``30 分钟以上``, ``入门–提高``; with a gap in it, its parts."""
    order = FACETS[name].fixed
    chosen = sorted(values, key=order.index)
    span = order[order.index(chosen[0]) : order.index(chosen[-1]) + 1]
    if len(span) != len(chosen):
        return "、".join(labels.get(value, value) for value in chosen)
    if name != "length":
        return f"{labels[chosen[0]]}–{labels[chosen[-1]]}"
    low, high = LENGTHS[chosen[0]][0] / 60, LENGTHS[chosen[-1]][1] / 60
    if low == 0 and high == float("inf"):
        return _("长短都有")
    if low == 0:
        return _("%(minutes)d 分钟以内") % {"minutes": high}
    if high == float("inf"):
        return _("%(minutes)d 分钟以上") % {"minutes": low}
    return _("%(low)d–%(high)d 分钟") % {"low": low, "high": high}


def only_signs(text: str) -> bool:
    """Whether a query has signs but no word to look for."""
    return bool(text) and not ask.split(text)
