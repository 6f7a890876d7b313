"""What a reader asks: the words, the filters, the order and the page, cleaned once for pages, API and commands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from search.ask import Within
from search.facets import FACETS

TEXT_LIMIT = 200
"""Characters of a query that are used. The longest question of the evaluation sets has 60."""

PAGE_LIMIT = 5_000
PER_PAGE, PER_PAGE_LIMIT = 20, 100
VALUES_LIMIT = 50
"""Values of one filter that may be chosen at once."""

SORTS = ("relevance", "newest", "popular", "title")
PARAMS = frozenset({"q", "sort", "page", "per_page", *FACETS})


@dataclass(frozen=True, slots=True)
class Query:
    """``filters``: by facet name the chosen values; values of one filter widen, filters narrow. ``page`` from 1.
    ``within``: what holds whatever is chosen, and stands in no address. ``problems``: sentences about what was wrong in
    the address and was left out."""

    text: str = ""
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sort: str = "relevance"
    page: int = 1
    per_page: int = PER_PAGE
    within: Within = ()
    problems: tuple[str, ...] = ()

    @classmethod
    def from_params(cls, params: Any) -> Query:
        """Reads a QueryDict, or a mapping of names to one value or a list of them. Never raises: what cannot be
        used is left out and named in ``problems``."""
        problems: list[str] = []
        return cls(
            text=_clean_text(_last(params, "q"), problems),
            filters=_filters(params, problems),
            sort=_sort(_last(params, "sort"), problems),
            page=_number(params, "page", 1, PAGE_LIMIT, problems),
            per_page=_number(params, "per_page", PER_PAGE, PER_PAGE_LIMIT, problems),
            problems=tuple(problems),
        )

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.per_page

    def params(self, **changes: Any) -> str:
        """The address after ``?`` that leads to this query, with some of its fields changed; defaults are left out."""
        query = replace(self, **changes)
        pairs = [("q", query.text)] if query.text else []
        pairs += [(name, value) for name in FACETS for value in query.filters.get(name, ())]
        pairs += [("sort", query.sort)] if query.sort != "relevance" else []
        pairs += [("page", str(query.page))] if query.page > 1 else []
        pairs += [("per_page", str(query.per_page))] if query.per_page != PER_PAGE else []
        return urlencode(pairs)

    def toggled(self, name: str, value: str) -> str:
        """The address after ``?`` with one filter value chosen or given up, on the first page."""
        chosen = self.filters.get(name, ())
        values = tuple(other for other in chosen if other != value) if value in chosen else (*chosen, value)
        filters = {**self.filters, name: values}
        return self.params(filters={key: kept for key, kept in filters.items() if kept}, page=1)


def _values(params: Any, name: str) -> list[str]:
    if hasattr(params, "getlist"):
        return list(params.getlist(name))
    value = params.get(name, [])
    if isinstance(value, (str, int)):
        return [str(value)]
    return [str(item) for item in value] if isinstance(value, Iterable) else []


def _last(params: Any, name: str) -> str:
    values = _values(params, name)
    return values[-1] if values else ""


def _clean_text(text: str, problems: list[str]) -> str:
    text = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    if len(text) > TEXT_LIMIT:
        problems.append(
            _("搜索词太长（%(length)d 个字），只用了前 %(limit)d 个字。") % {"length": len(text), "limit": TEXT_LIMIT}
        )
        text = text[:TEXT_LIMIT].rstrip()
    return text


def _filters(params: Any, problems: list[str]) -> dict[str, tuple[str, ...]]:
    filters: dict[str, tuple[str, ...]] = {}
    for name, facet in FACETS.items():
        values = [value for value in dict.fromkeys(_values(params, name)) if value]
        if facet.fixed:
            for value in [value for value in values if value not in facet.fixed]:
                values.remove(value)
                problems.append(
                    _("筛选“%(facet)s”没有“%(value)s”这一项，可用的有：%(known)s。")
                    % {"facet": facet.label, "value": value[:40], "known": "、".join(facet.fixed)}
                )
        if len(values) > VALUES_LIMIT:
            problems.append(
                _("筛选“%(facet)s”最多选 %(limit)d 项，其余的没有用上。")
                % {"facet": facet.label, "limit": VALUES_LIMIT}
            )
        if values:
            filters[name] = tuple(value[:120] for value in values[:VALUES_LIMIT])
    return filters


def _sort(value: str, problems: list[str]) -> str:
    if value in SORTS:
        return value
    if value:
        problems.append(
            _("没有“%(value)s”这种排序，可用的有：%(known)s。") % {"value": value[:40], "known": "、".join(SORTS)}
        )
    return "relevance"


def _number(params: Any, name: str, default: int, limit: int, problems: list[str]) -> int:
    """A whole number from 1 to ``limit``; ``default`` when it is missing or is none."""
    text = _last(params, name)
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) >= 1):
        problems.append(_("%(name)s 应是从 1 开始的整数，不能是“%(value)s”。") % {"name": name, "value": text[:40]})
        return default
    if int(text) > limit:
        problems.append(_("%(name)s 最大是 %(limit)d。") % {"name": name, "limit": limit})
        return limit
    return int(text)
