"""What the library holds about people: one list, to which each room adds its own.

The list is the only place that knows it. The export (``accounts.export``) tells every row of it, the closing of an
account (``accounts.leaving``) takes every row away or takes the person out of it, the page 隐私 and docs/privacy.md
say what it says. ``tests/accounts/test_personal.py`` walks all models: what points at a person, or has a column for an
address or a number, and is not here, fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Field, Model, QuerySet
from django.utils.functional import Promise
from django.utils.translation import ngettext

from accounts.models import User

Words = str | Promise


@dataclass(frozen=True)
class Rows:
    """Rows of one model that have to do with a person.

    ``model``: "app.Model". ``by``: the lookup that leads from a row to its person, or a function from the person to a
    query. ``fields``: lookup → what people call it, for the export; without them ``untold`` says why. What becomes of
    the rows when the person leaves: nothing of them stays, unless ``stays`` says why they do; then ``by`` becomes the
    heir, or the fields take the values of ``after``."""

    model: str
    by: str | Callable[[User], QuerySet]
    title: Words
    fields: Mapping[str, Words] = field(default_factory=dict)
    untold: str = ""
    stays: Words = ""
    after: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Its name in the export: a model may lead to a person in two ways."""
        return f"{self.model}.{self.by if isinstance(self.by, str) else 'own'}"

    @property
    def kind(self) -> type[Model]:
        return apps.get_model(self.model)

    def of(self, person: User) -> QuerySet:
        """The person's rows."""
        if not isinstance(self.by, str):
            return self.by(person)
        return self.kind._base_manager.filter(**{self.by: person.pk}).order_by("pk")

    def told(self, person: User) -> Iterator[dict[str, Any]]:
        """The person's rows as ``fields`` name them: numbers, texts, truths, times (aware), None."""
        for values in self.of(person).values_list(*self.fields).iterator(chunk_size=500):
            yield {name: self._plain(name, value) for name, value in zip(self.fields, values, strict=True)}

    def _plain(self, name: str, value: Any) -> Any:
        if value in self._choices.get(name, ()):
            return str(self._choices[name][value])
        return value if value is None or isinstance(value, (bool, int, float, str, datetime)) else str(value)

    @cached_property
    def _choices(self) -> dict[str, dict[Any, Any]]:
        """The words of the fields that have choices."""
        found = {name: _field(self.kind, name) for name in self.fields}
        return {name: dict(one.flatchoices) for name, one in found.items() if one is not None and one.choices}


def _field(model: type[Model], lookup: str) -> Field | None:
    """The field at the end of a lookup; None where it ends in a transformation."""
    found: Any = None
    for name in lookup.split("__"):
        try:
            found = model._meta.get_field(name)
        except FieldDoesNotExist:
            return None
        model = found.related_model or model
    return found


@dataclass(frozen=True)
class Holding:
    """One thing that is kept, as people are told of it: what, why, how long (``lasts``; a function where a number
    is told). ``remover``: who takes it away when the time is over, for docs/privacy.md: the name of a turn of
    ``media_pipeline.periodic``, or words. ``rows``: where it stands; none where it names nobody. ``staff``: only of
    people who work in the desk."""

    name: str
    title: Words
    purpose: Words
    lasts: Words | Callable[[], Words]
    remover: str
    rows: tuple[Rows, ...] = ()
    staff: bool = False

    @property
    def how_long(self) -> Words:
        return self.lasts() if callable(self.lasts) else self.lasts


def days(number: int) -> str:
    """So many days, in words of the language that is spoken now; whole years as years."""
    years, rest = divmod(number, 365)
    if years and not rest:
        return ngettext("%(years)d 年", "%(years)d 年", years) % {"years": years}
    return ngettext("%(days)d 天", "%(days)d 天", number) % {"days": number}


_holdings: dict[str, Holding] = {}


def hold(holdings: Iterable[Holding]) -> None:
    """Adds a room's part to the list. A name that is there already is replaced."""
    _holdings.update({one.name: one for one in holdings})


def holdings() -> list[Holding]:
    """Everything, in the order of the rooms, the lowest first."""
    return list(_holdings.values())


def rows() -> list[Rows]:
    return [one for holding in holdings() for one in holding.rows]
