"""Restoring a backup, and checking one.

Nothing is touched before every file of the backup was read and its SHA-256 compared. Then objects are put, then the
database, as whoever uploads does it: a restore that is killed is begun again, and an object that is there already is
only compared. At the end rows are counted, every object is read back, and the search index is built anew.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from io import StringIO
from pathlib import Path
from uuid import uuid4

from django.core.management import CommandError, call_command
from django.db import connection

from cms.backups import databases, manifest, objects
from cms.backups.manifest import Entry, Head, Manifest
from cms.backups.vault import Damaged, Measure, Report, Trouble, Vault, Writable
from media_pipeline import workplace
from media_pipeline.models import Upload

SHOWN = 10  # of many files that are amiss
AGAIN = "请换一个备份。删去坏的文件再运行 backup，它们会重新复制。"


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore came to. ``put`` objects were written, the others were there as they should be; ``rows`` by table:
    how many the manifest tells, how many there are; ``differ``: keys that are not as the manifest tells; ``index``:
    why it was not built, or ""."""

    manifest: Manifest
    put: int
    rows: dict[str, tuple[int, int]]
    differ: list[str] = field(default_factory=list)
    index: str = ""

    @property
    def wrong_rows(self) -> dict[str, tuple[int, int]]:
        return {table: both for table, both in self.rows.items() if both[0] != both[1]}

    @property
    def agrees(self) -> bool:
        return not (self.wrong_rows or self.differ or self.index)


def check(root: Path, *, report: Report) -> Manifest:
    """Read every file of a backup and compare it with the manifest. Raises Trouble."""
    vault = Vault.to_read(root)
    with vault.locked(alone=False):
        return _checked(vault, _manifest(vault), report)


def restore(root: Path, *, replace: bool = False, report: Report) -> Restored:
    """Put a backup in the place of an empty site, or with ``replace`` of one that is not. Raises Trouble,
    errors.Failed, OSError."""
    vault = Vault.to_read(root)
    with vault.locked(alone=False):
        made = _manifest(vault)
        _must_fit(made.head, replace=replace)
        _checked(vault, made, report)
        call_command("prepare_storage", stdout=StringIO())
        put = sum(_put(vault, entry) for entry in _told("写入文件", made.objects, report))
        with databases.restoring() as target:
            _read(vault, made.database, target)
    rows = _compared(made.head.rows, databases.current_rows())
    differ = [entry.key for entry in _told("核对文件", made.objects, report) if _there(entry) != _of(entry)]
    if databases.is_behind():
        call_command("migrate", verbosity=0, interactive=False)
    Upload.objects.filter(state=Upload.State.OPEN).update(state=Upload.State.ABORTED)  # their parts are not in a backup
    Upload.objects.filter(archive=True).delete()  # nor are the tables' archives, which are sent again
    return Restored(made, put, rows, differ, _rebuilt_index())


def _manifest(vault: Vault) -> Manifest:
    made = manifest.read(vault)
    if made is None:  # removed since it was looked for
        raise Trouble(f"{vault.root} 里没有完整的备份。")
    return made


def _must_fit(head: Head, *, replace: bool) -> None:
    """Raises Trouble when this database cannot or should not take the backup."""
    if head.vendor != connection.vendor:
        remedy = f"请让 DATABASE_URL 指向一个空的 {head.vendor} 数据库。"
        raise Trouble(f"备份是 {head.vendor} 的，DATABASE_URL 指向 {connection.vendor}。{remedy}")
    if unknown := databases.unknown_migrations(head.migrations):
        raise Trouble(f"备份来自更新的版本（这里没有迁移 {unknown[0]}）。请装上那个版本再恢复。")
    if not replace and databases.holds_work():
        raise Trouble(
            "数据库不是空的。请让 DATABASE_URL 指向一个空的数据库；确实要用备份代替它的内容时，加 --replace。"
        )
    if connection.vendor == "postgresql":
        databases.program("pg_restore")


def _checked(vault: Vault, made: Manifest, report: Report) -> Manifest:
    wrong = [told for entry in _told("检查备份", made.entries, report) if (told := _amiss(vault, entry))]
    if wrong:
        more = f"……共 {len(wrong)} 个" if len(wrong) > SHOWN else ""
        raise Trouble("\n".join(["备份有文件不对：", *wrong[:SHOWN], f"{more}{AGAIN}"]))
    return made


def _amiss(vault: Vault, entry: Entry) -> str:
    """What is wrong with a file of the backup, or ""."""
    try:
        size = vault.size(entry.file)
        if 0 <= size < entry.stored:
            raise Damaged(f"文件被截断，应有 {entry.stored} 字节，只有 {size} 字节")
        if vault.read(entry.file) != _of(entry):
            raise Damaged("内容与清单不符")
    except Damaged as error:
        return f"  {entry.file}（{entry.area} {entry.key}）：{error}"
    return ""


def _read(vault: Vault, entry: Entry, target: Writable) -> None:
    try:
        vault.read(entry.file, target)
    except Damaged as error:  # since it was checked
        raise Trouble(f"{entry.file}：{error}。{AGAIN}") from error


# Objects --------------------------------------------------------------------------------------------------------------
def _put(vault: Vault, entry: Entry) -> bool:
    """Put an object into its store, unless it is there. Whether it was put."""
    if _there(entry) == _of(entry):
        return False
    store, kind = objects.stores()[entry.area], objects.content_type(entry.area, entry.key)
    if vault.key is None:
        store.put_file(vault.root / entry.file, entry.key, kind)
        return True
    with workplace.work_dir(uuid4()) as room:
        with (room / "object").open("wb") as file:
            _read(vault, entry, file)
        store.put_file(room / "object", entry.key, kind)
    return True


def _there(entry: Entry) -> Measure | None:
    """What the store holds, read as a whole only where the size is right."""
    try:
        size = objects.stores()[entry.area].size(entry.key)
        if size != entry.bytes:
            return Measure(size, "")
        digest = sha256()
        for chunk in objects.read(entry.area, entry.key, size):
            digest.update(chunk)
    except FileNotFoundError:
        return None
    return Measure(size, digest.hexdigest())


def _of(entry: Entry) -> Measure:
    return Measure(entry.bytes, entry.sha256)


def _told(step: str, entries: list[Entry], report: Report) -> Iterator[Entry]:
    done = 0
    for entry in entries:
        yield entry
        done += entry.bytes
        report(step, done)


# After it -------------------------------------------------------------------------------------------------------------
def _compared(told: dict[str, int], now: dict[str, int]) -> dict[str, tuple[int, int]]:
    return {table: (told.get(table, 0), now.get(table, 0)) for table in sorted(told | now)}


def _rebuilt_index() -> str:
    try:
        call_command("rebuild_index", stdout=StringIO())
    except CommandError as error:
        return f"{error}。检索就绪后请运行 rebuild_index"
    return ""
