"""What a backup tells of itself: JSON lines, the first of the whole, then one for each file."""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from cms.backups.vault import Damaged, Trouble, Vault

FORMAT = 1
SMALL = 64 * 1024**2  # bytes of a manifest held in memory while it is opened

DATABASE, MEDIA, UPLOADS = "database", "media", "uploads"
"""Areas: the dump, the store of originals and packages, and Wagtail's pictures and documents (``MEDIA_ROOT``)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file. ``key`` names it in its area, ``file`` in the backup, where it takes ``stored`` bytes; ``bytes`` and
    ``sha256`` are of the plain content. ``modified`` is when it was written there, ISO 8601."""

    area: str
    key: str
    bytes: int
    sha256: str
    modified: str
    file: str
    stored: int

    @property
    def place(self) -> tuple[str, str]:
        return self.area, self.key


@dataclass(frozen=True, slots=True)
class Head:
    """The whole: when its dump began (ISO 8601), of which database (Django's ``vendor``), the last migration of each
    app, rows by table, and what could not be had: keys that the database names and the store has lost (``missing``) or
    changed (``damaged``)."""

    time: str
    vendor: str
    migrations: dict[str, str]
    rows: dict[str, int]
    files: int
    bytes: int
    missing: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class Manifest:
    head: Head
    entries: list[Entry]

    @property
    def database(self) -> Entry:
        return next(entry for entry in self.entries if entry.area == DATABASE)

    @property
    def objects(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.area != DATABASE]


def write(vault: Vault, manifest: Manifest) -> None:
    """Last of all: from now on this is the backup."""

    def lines() -> Iterator[bytes]:
        yield _line(asdict(manifest.head))
        yield from (_line(asdict(entry)) for entry in manifest.entries)

    vault.write(vault.manifest.name, lines())


def _line(row: dict[str, Any]) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode() + b"\n"


def read(vault: Vault) -> Manifest | None:
    """None when there is none yet. Raises Trouble for another key and for one that is damaged."""
    if not vault.manifest.exists():
        return None
    with tempfile.SpooledTemporaryFile(max_size=SMALL) as file:
        try:
            vault.read(vault.manifest.name, file)
            file.seek(0)
            head = Head(**json.loads(file.readline()))
            entries = [Entry(**json.loads(line)) for line in file]
            _must_be_whole(head, entries)
        except Damaged as error:
            remedy = "请用当时的 BACKUP_KEY；要换密钥，请备份到一个新目录。" if "密钥" in str(error) else OTHER
            raise Trouble(f"打不开 {vault.manifest}：{error}。{remedy}") from error
        except (ValueError, TypeError) as error:
            raise Trouble(f"{vault.manifest} 已损坏，或来自另一个版本。{OTHER}") from error
    return Manifest(head, entries)


def _must_be_whole(head: Head, entries: list[Entry]) -> None:
    """Raises ValueError. A sealed one cannot be cut unseen, a plain one can."""
    dumps = [entry for entry in entries if entry.area == DATABASE]
    if head.format != FORMAT or len(entries) != head.files or len(dumps) != 1 or not _is_time(head.time):
        raise ValueError(head.format)


def _is_time(text: Any) -> bool:
    return bool(datetime.fromisoformat(text))


OTHER = "请换一个备份；它里面的文件仍可用 age 和 pg_restore 取出。"
