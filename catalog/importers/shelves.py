"""Places where the files that rows name lie: a folder, a bucket, an archive. Each tells what it holds and reads one
file at a time."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Protocol

from catalog.errors import FileRefused
from catalog.importers.files import READERS
from media_pipeline.archives import Archive, Entry, Left
from media_pipeline.errors import Refused
from media_pipeline.sniff import HEAD_BYTES
from media_pipeline.storage import Bucket, LocalStore, S3Store, Store, is_key

MOST_LISTED = 20_000


class Shelf(Protocol):
    """``listed``: name → bytes, of so many that a name which is not there need not be looked for when ``whole``.
    ``left_out``: what it holds and does not give. Reading raises Refused, FileNotFoundError and Failed."""

    listed: dict[str, int]
    whole: bool
    left_out: list[Left]

    def size(self, name: str) -> int: ...

    def head(self, name: str) -> bytes:
        """The first 4 KiB, or more."""
        ...

    def read(self, name: str) -> Iterator[bytes]: ...


class StoreShelf:
    """A folder or bucket."""

    def __init__(self, store: LocalStore | S3Store) -> None:
        self.store = store
        found = [(one.key, one.bytes) for one in islice(store.walk(""), MOST_LISTED + 1) if is_key(one.key)]
        self.listed, self.whole = dict(found[:MOST_LISTED]), len(found) <= MOST_LISTED
        self.left_out: list[Left] = []

    def size(self, name: str) -> int:
        if name in self.listed:
            return self.listed[name]
        if not is_key(name):
            raise FileNotFoundError(name)
        return self.store.size(name)

    def head(self, name: str) -> bytes:
        return b"".join(self.store.read_range(name, 0, min(HEAD_BYTES, self.size(name)) - 1))

    def read(self, name: str) -> Iterator[bytes]:
        return self.store.read_range(name, 0, self.size(name) - 1, patient=True)


class ArchiveShelf:
    """A ZIP, and perhaps the table itself in it. Raises FileRefused where it cannot be read at all."""

    whole = True

    def __init__(self, store: Store, key: str) -> None:
        try:
            self.archive = Archive(store, key)
        except Refused as refused:
            raise FileRefused(refused.code, refused.sentence, refused.remedy) from refused
        except FileNotFoundError as error:
            raise FileRefused("archive-gone", "压缩包不见了。", "请重新上传压缩包，再检查一次。") from error
        self.entries: dict[str, Entry] = {entry.name: entry for entry in self.archive.entries}
        self.listed = {entry.name: entry.bytes for entry in self.archive.entries}
        self.left_out = self.archive.left_out

    def size(self, name: str) -> int:
        return self.listed[name]

    def head(self, name: str) -> bytes:
        return next(self.read(name), b"")

    def read(self, name: str) -> Iterator[bytes]:
        return self.archive.read(self.entries[name])

    def table(self, most: int) -> tuple[str, bytes]:
        """Name and content of the one table in it, of at most so many bytes. Raises FileRefused where there is none, or
        several, or a larger one."""
        found = [name for name in self.listed if Path(name).suffix.lower() in READERS]
        if len(found) != 1:
            says = f"压缩包里有 {len(found)} 张表格：{'、'.join(found[:5])}。" if found else "压缩包里没有表格。"
            kinds = "、".join(sorted(READERS))
            raise FileRefused("no-table", says, f"请在压缩包里放一张表格（{kinds}），或在“表格”里另选一张。")
        if self.listed[found[0]] > most:
            raise FileRefused("table-large", f"“{found[0]}”超过 {most >> 20} MB。", "请拆成几个文件。")
        try:
            return found[0], b"".join(self.read(found[0]))
        except Refused as refused:
            raise FileRefused(refused.code, refused.sentence, refused.remedy) from refused


def at(address: str) -> Shelf:
    """What an operator names: a directory, a ZIP, or ``s3://bucket/prefix?endpoint=…``. Raises FileRefused."""
    if address.startswith("s3://"):
        return StoreShelf(S3Store(Bucket.from_url(address)))
    path = Path(address).absolute()
    if path.is_dir():
        return StoreShelf(LocalStore(path))
    if path.is_file() and path.suffix.lower() == ".zip":
        return ArchiveShelf(LocalStore(path.parent), path.name)
    raise FileRefused("media-missing", f"找不到文件夹或 ZIP 压缩包 {address}。", "请检查 --media。")
