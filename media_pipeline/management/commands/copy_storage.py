"""``copy_storage FROM TO``: every object of one store into another; each is ``s3://…`` as in STORAGE_URL, or a place on
disk.

What is there already, by key and size, is left: keys never change their content. So it may be ended at any moment and
run again, before and after the site is told of the new store.
"""

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from media_pipeline import storage
from media_pipeline.errors import Failed
from media_pipeline.storage import LocalStore, S3Store, Stored

FOLDERS = tuple(folder for folder in storage.FOLDERS if folder != "parts")
"""An upload that is not complete belongs to the store that it was begun in."""

AT_ONCE, BATCH = 4, 200


class Command(BaseCommand):
    help = "Copy every object of one media store into another; may be run again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("source", metavar="FROM", help="s3://bucket?endpoint=…, or a directory")
        parser.add_argument("target", metavar="TO", help="the same")

    def handle(self, *args: Any, source: str, target: str, **options: Any) -> None:
        try:
            here, there = _store(source), _store(target)
            if isinstance(here, LocalStore) and not Path(source).is_dir():
                raise CommandError(f"{source} 不是目录，也不是 s3://…。请写现在的 STORAGE_URL 或 MEDIA_STORE_DIR。")
            there.prepare([settings.PUBLIC_URL])
            copied, size = self._copy(here, there)
        except (Failed, ImproperlyConfigured) as error:
            raise CommandError(f"{getattr(error, 'reason', error)} 已复制的保留着，再运行一次会接着复制。") from error
        self.stdout.write(self.style.SUCCESS(f"复制了 {copied} 个对象，{size / 1e6:.0f} MB；其余已经在那里。"))

    def _copy(self, here: LocalStore | S3Store, there: LocalStore | S3Store) -> tuple[int, int]:
        copied = size = 0
        with ThreadPoolExecutor(AT_ONCE) as pool, tempfile.TemporaryDirectory(dir=_place()) as place:
            lacking = (one for folder in FOLDERS for one in missing(here, there, folder))
            while some := list(islice(lacking, BATCH)):
                list(pool.map(lambda one: _carry(here, there, one, Path(place)), some))
                copied, size = copied + len(some), size + sum(one.bytes for one in some)
                self.stderr.write(f"{copied} 个对象，{size / 1e6:.0f} MB …")
        return copied, size


def _store(place: str) -> LocalStore | S3Store:
    return S3Store(storage.Bucket.from_url(place)) if "://" in place else LocalStore(Path(place))


def _place() -> Path:
    place = Path(settings.MEDIA_WORK_DIR)
    place.mkdir(parents=True, exist_ok=True)
    return place


def missing(here: LocalStore | S3Store, there: LocalStore | S3Store, folder: str) -> Iterator[Stored]:
    """What the first has and the second lacks or has in another size; both are read in the order of their keys."""
    known = there.walk(folder)
    other = next(known, None)
    for one in here.walk(folder):
        while other is not None and other.key < one.key:
            other = next(known, None)
        if other is None or (other.key, other.bytes) != (one.key, one.bytes):
            yield one


def _carry(here: LocalStore | S3Store, there: LocalStore | S3Store, one: Stored, place: Path) -> None:
    """By way of a file, which is sent in parts with a checksum each."""
    with tempfile.NamedTemporaryFile(dir=place) as file:
        try:
            here.download(one.key, Path(file.name))
        except FileNotFoundError:
            return  # removed since it was listed
        there.put_file(Path(file.name), one.key, storage.content_type(one.key))
