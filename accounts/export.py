"""Everything the library holds about one person, as a ZIP file: a page for people, JSON for other programs (GDPR,
art. 15 and 20; Personal Information Protection Law of the PRC, art. 45)."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZipFile

from django.core.serializers.json import DjangoJSONEncoder
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import deeds, personal
from accounts.models import User

SHOWN = 1000
"""Rows of one table on the page for people; the JSON has all."""

IN_MEMORY = 2 * 1024**2  # bytes; more goes to a temporary file


@dataclass(frozen=True, slots=True)
class Table:
    """The first ``SHOWN`` of ``number`` rows, as people read them."""

    rows: personal.Rows
    number: int
    first: list[list[str]]


def make(person: User) -> IO[bytes]:
    """The ZIP file, open at its beginning."""
    made: IO[bytes] = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115  whoever gets it closes it
    write(person, made)
    made.seek(0)
    return made


def write(person: User, to: IO[bytes]) -> dict[str, int]:
    """Writes the ZIP file and answers how many rows there are by the keys of its JSON."""
    deeds.note("export", person)
    told = tables(person)
    page = render_to_string("account/export.html", {"person": person, "tables": told, "now": timezone.now()})
    with ZipFile(to, "w", ZIP_DEFLATED) as archive:
        archive.writestr(_("我的数据") + ".html", page)
        with archive.open("data.json", "w") as binary, io.TextIOWrapper(binary, "utf-8") as text:
            text.writelines(_json(person))
    return {table.rows.key: table.number for table in told}


def tables(person: User) -> list[Table]:
    """What there is, without what is empty."""
    found = []
    for rows in _told():
        if number := rows.of(person).count():
            first = [[_readable(value) for value in row.values()] for row in islice(rows.told(person), SHOWN)]
            found.append(Table(rows, number, first))
    return found


def _told() -> Iterator[personal.Rows]:
    return (rows for rows in personal.rows() if rows.fields)


def _readable(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return _("是") if value else _("否")
    if isinstance(value, datetime):
        return f"{timezone.localtime(value):%Y-%m-%d %H:%M}"
    return str(value)


def _json(person: User) -> Iterator[str]:
    """``{"made": time, "held": {key: [row]}}``, written as it is read; times with their offset (ISO 8601)."""
    yield f'{{"made": "{timezone.now().isoformat()}", "held": {{'
    for place, rows in enumerate(_told()):
        yield (",\n" if place else "\n") + json.dumps(rows.key) + ": ["
        for number, row in enumerate(rows.told(person)):
            yield (",\n  " if number else "\n  ") + json.dumps(row, ensure_ascii=False, cls=DjangoJSONEncoder)
        yield "]"
    yield "\n}}\n"
