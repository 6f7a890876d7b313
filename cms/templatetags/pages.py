"""Cards of places and collections for the editors' blocks, whose templates get the bare objects."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import template

from cms.pages_context import Counted, Exhibit, counted_places, exhibits

register = template.Library()


@register.simple_tag
def place_rows(items: Iterable[Any]) -> list[Counted]:
    """Places with counts and covers; those that already have them stay as they are."""
    chosen = list(items)
    return chosen if chosen and isinstance(chosen[0], Counted) else counted_places(chosen)


@register.simple_tag
def exhibits_of(pages: Iterable[Any]) -> list[Exhibit]:
    return exhibits(pages)
