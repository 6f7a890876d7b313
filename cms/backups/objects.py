"""What the database names in the stores, and what the stores hold of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connection, models

from cms.backups.databases import select
from cms.backups.manifest import MEDIA, UPLOADS
from media_pipeline import leases, storage
from media_pipeline.models import Job, MediaAsset, Package
from media_pipeline.storage import LocalStore, S3Store, Stored

FOLDERS = storage.OF_ASSETS
Place = tuple[str, str]
"""Area and key."""


@dataclass(frozen=True, slots=True)
class Named:
    """Keys and prefixes (they end with ``/``) that a database names, each of which the stores must hold, and the
    SHA-256 of the originals where it is known."""

    places: set[Place]
    hashes: dict[Place, str]

    def names(self, place: Place) -> bool:
        area, key = place
        return place in self.places or (area, prefix(key)) in self.places

    def absent(self, there: set[Place]) -> list[str]:
        """What is named and not ``there``. Parts of a film that are gone are made again."""
        found = there | {(area, prefix(key)) for area, key in there}
        return sorted(key for _, key in self.places - found if not key.startswith("work/"))


def prefix(key: str) -> str:
    """The package, or the parts of a film, that an object lies in."""
    return "/".join(key.split("/")[:3]) + "/"


def named(cursor: Any) -> Named:
    """Of packages only what is played now: what was replaced is removed within a day anyway."""
    hashes, places = {}, set()
    for key, sha256 in _column(cursor, MediaAsset, "original_key, sha256", "original_key <> ''"):
        places.add((MEDIA, key))
        if sha256:
            hashes[MEDIA, key] = sha256
    for row in _column(cursor, Package, "prefix, hls_key, dash_key, storyboard_key", "current"):
        places |= {(MEDIA, key) for key in row if key}
    states = ", ".join(f"'{state}'" for state in leases.OPEN)
    places |= {(MEDIA, row[0]) for row in _column(cursor, Job, "place", f"place <> '' AND state IN ({states})")}
    for model in apps.get_models():
        for field in model._meta.local_fields:
            if isinstance(field, models.FileField):
                name = connection.ops.quote_name(str(field.column))
                places |= {(UPLOADS, row[0]) for row in _column(cursor, model, name, f"{name} <> ''")}
    return Named(places, hashes)


def _column(cursor: Any, model: type[models.Model], columns: str, where: str) -> list[Any]:
    table = connection.ops.quote_name(model._meta.db_table)
    return select(cursor, f"SELECT {columns} FROM {table} WHERE {where}")  # noqa: S608  our own names


def stores() -> dict[str, LocalStore | S3Store]:
    """By area."""
    return {MEDIA: storage.store(), UPLOADS: LocalStore(Path(settings.MEDIA_ROOT))}


def walk() -> Iterator[tuple[str, Stored]]:
    """Every object of both areas, in the order of the keys of each folder; not what is on its way in."""
    where = stores()
    uploads = Path(settings.MEDIA_ROOT)
    folders = sorted(path.name for path in uploads.iterdir() if path.is_dir()) if uploads.is_dir() else []
    for area, names in ((MEDIA, FOLDERS), (UPLOADS, folders)):
        for name in names:
            yield from ((area, item) for item in where[area].walk(name))


def read(area: str, key: str, size: int) -> Iterator[bytes]:
    """The first ``size`` bytes of an object. Raises FileNotFoundError and errors.Failed."""
    return stores()[area].read_range(key, 0, size - 1, patient=True) if size else iter(())


def content_type(area: str, key: str) -> str:
    """As the object was stored with: originals are never shown."""
    return "application/octet-stream" if key.startswith("originals/") else storage.content_type(key)
