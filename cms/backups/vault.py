"""The directory of a backup: files that appear whole or not at all, sealed with age where there is a key.

Layout::

    manifest.jsonl[.age]       what there is; written last, so what it names is whole
    files/3f/3fa9…[.age]       one file for each version of an object; the name tells nothing without the key

age (https://age-encryption.org/v1) seals a file under a key of its own, in chunks of 64 KiB by ChaCha20-Poly1305 with a
counter and a mark on the last one (STREAM, Hoang, Reyhanitabar, Rogaway, Vizár, CRYPTO 2015): a chunk that is changed,
moved or cut off is noticed, and a film of any length takes the memory of a chunk. ``age -d`` opens it without Wenlan.
"""

import fcntl
import hashlib
import hmac
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pyrage
from django.conf import settings
from pyrage.x25519 import Identity

from media_pipeline.storage import CHUNK_BYTES

SEALED = ".age"
MANIFEST = "manifest.jsonl"
MAKE_KEY = "python -c 'from pyrage.x25519 import Identity; print(Identity.generate())'"

Report = Callable[[str, int], None]
"""Told which step goes on, and how many bytes of it are done."""


class Trouble(Exception):
    """A backup that cannot be made or used. The text is for the operator: thing, place, remedy."""


class Damaged(Exception):
    """A file of the backup is not what was written; the text says how."""


class Writable(Protocol):
    def write(self, data: bytes, /) -> int | None: ...


@dataclass(frozen=True, slots=True)
class Measure:
    """Of the plain bytes: how many, and their SHA-256 in hex."""

    bytes: int
    sha256: str


class _Source:
    """Chunks as a file to read from; counts and hashes them on the way. What the chunks raise is kept, for pyrage only
    hands on its text."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.error: BaseException | None = None
        self._chunks, self._rest, self._at = chunks, b"", 0
        self._bytes, self._digest = 0, hashlib.sha256()

    def read(self, size: int) -> bytes:
        if self._at >= len(self._rest):
            self._rest, self._at = self.chunk(), 0
        piece = self._rest[self._at : self._at + size]
        self._at += len(piece)
        return piece

    def chunk(self) -> bytes:
        try:
            chunk = next(self._chunks, b"")
        except BaseException as error:
            self.error = error
            raise
        self._bytes += len(chunk)
        self._digest.update(chunk)
        return chunk

    def measure(self) -> Measure:
        return Measure(self._bytes, self._digest.hexdigest())


class _Sink:
    """Hands bytes on, counted and hashed. What the target raises is kept."""

    def __init__(self, target: Writable | None) -> None:
        self.error: BaseException | None = None
        self._target = target
        self._bytes, self._digest = 0, hashlib.sha256()

    def write(self, data: bytes) -> int:
        self._bytes += len(data)
        self._digest.update(data)
        try:
            if self._target is not None:
                self._target.write(data)
        except BaseException as error:
            self.error = error
            raise
        return len(data)

    def flush(self) -> None:
        """Asked for by pyrage; the target is flushed by whoever closes it."""

    def measure(self) -> Measure:
        return Measure(self._bytes, self._digest.hexdigest())


class Vault:
    """A directory of backups under one key, or under none. ``key`` is an age identity; it opens and seals."""

    def __init__(self, root: Path, key: Identity | None) -> None:
        self.root = root
        self.key = key
        self.manifest = root / f"{MANIFEST}{SEALED if key else ''}"

    @classmethod
    def to_write(cls, root: Path, *, plain: bool) -> "Vault":
        """Made if it is not there. Raises Trouble for a directory of another kind, or when production has no key."""
        key = None if plain else configured_key()
        if key is None and settings.PRODUCTION and not plain:
            raise Trouble(
                f"没有 BACKUP_KEY，备份不会加密。用 {MAKE_KEY} 生成一个并另外保管；确实不要加密时加 --plain。"
            )
        vault = cls(root, key)
        for other in (f"{MANIFEST}{SEALED}", MANIFEST):
            if (root / other).exists() and other != vault.manifest.name:
                kind = "加密的" if other.endswith(SEALED) else "没有加密的"
                raise Trouble(f"{root} 里已有{kind}备份，一个目录只放一种。请换一个目录，或改 BACKUP_KEY、--plain。")
        (root / "files").mkdir(parents=True, exist_ok=True, mode=0o700)
        return vault

    @classmethod
    def to_read(cls, root: Path) -> "Vault":
        """Raises Trouble when there is no whole backup, or no key for it."""
        if (root / MANIFEST).exists():
            return cls(root, None)
        if not (root / f"{MANIFEST}{SEALED}").exists():
            raise Trouble(f"{root} 里没有完整的备份（找不到 {MANIFEST}）。请检查目录，或先运行 backup。")
        key = configured_key()
        if key is None:
            raise Trouble(f"{root} 里的备份是加密的。请把当时的密钥放进 BACKUP_KEY 或 BACKUP_KEY_FILE。")
        return cls(root, key)

    @contextmanager
    def locked(self, *, alone: bool) -> Iterator[None]:
        """One writer, or several readers. Raises Trouble when somebody else is at it."""
        handle = os.open(self.root, os.O_RDONLY)
        try:
            fcntl.flock(handle, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
            yield
        except BlockingIOError as error:
            raise Trouble(f"{self.root} 正被另一个备份或恢复使用。请等它结束。") from error
        finally:
            os.close(handle)

    def name(self, *words: str) -> str:
        """The file of a version of an object, below the root. The same words give the same name, so that a run that was
        killed is taken up again; whoever has no key learns nothing from it."""
        secret = str(self.key).encode() if self.key else b""
        digest = hmac.new(secret, "\0".join(words).encode(), hashlib.sha256).hexdigest()[:40]
        return f"files/{digest[:2]}/{digest}{SEALED if self.key else ''}"

    def size(self, name: str) -> int:
        """Bytes on disk; -1 when there is no such file."""
        try:
            return (self.root / name).stat().st_size
        except FileNotFoundError:
            return -1

    def write(self, name: str, chunks: Iterator[bytes]) -> Measure:
        """Written aside, synced, renamed. Whatever ``chunks`` raise passes through and leaves nothing."""
        target, source = self.root / name, _Source(chunks)
        target.parent.mkdir(exist_ok=True, mode=0o700)
        aside = target.with_name(f".{target.name}")
        try:
            with aside.open("wb") as file:
                if self.key is None:
                    while chunk := source.chunk():
                        file.write(chunk)
                else:
                    pyrage.encrypt_io(source, file, [self.key.to_public()])
                file.flush()
                os.fsync(file.fileno())
            aside.replace(target)
        except (pyrage.EncryptError, OSError):
            if source.error is not None:
                raise source.error from None
            raise
        finally:
            aside.unlink(missing_ok=True)
        _sync(target.parent)
        return source.measure()

    def read(self, name: str, target: Writable | None = None) -> Measure:
        """The plain bytes into ``target``, or only measured. Raises Damaged; what ``target`` has is then of no use."""
        sink = _Sink(target)
        try:
            with (self.root / name).open("rb") as file:
                if self.key is None:
                    while chunk := file.read(CHUNK_BYTES):
                        sink.write(chunk)
                else:
                    pyrage.decrypt_io(file, sink, [self.key])
        except FileNotFoundError as error:
            raise Damaged("文件不见了") from error
        except pyrage.DecryptError as error:
            raise Damaged("密钥不对" if "No matching keys" in str(error) else "文件开头已损坏") from error
        except OSError as error:
            if sink.error is not None:
                raise sink.error from None
            if error.errno is not None:  # the disk's own
                raise
            raise Damaged("文件被截断" if "truncated" in str(error) else "文件已损坏或被截断") from error
        return sink.measure()

    def keep_only(self, names: set[str]) -> int:
        """Remove every file that ``names`` does not hold. How many."""
        removed = 0
        for folder, _, files in os.walk(self.root / "files"):
            for file in files:
                path = Path(folder) / file
                if path.relative_to(self.root).as_posix() not in names:
                    path.unlink()
                    removed += 1
        return removed


def configured_key() -> Identity | None:
    """``BACKUP_KEY``, or what stands in ``BACKUP_KEY_FILE``, as ``age-keygen`` writes it. Raises Trouble."""
    text = settings.BACKUP_KEY
    if not text and settings.BACKUP_KEY_FILE:
        try:
            text = Path(settings.BACKUP_KEY_FILE).read_text()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "不是文本"
            raise Trouble(f"读不了 BACKUP_KEY_FILE（{settings.BACKUP_KEY_FILE}）：{reason}。") from error
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not lines:
        return None
    try:
        return Identity.from_str(lines[0])
    except pyrage.IdentityError as error:
        raise Trouble(f"BACKUP_KEY 不是 age 的密钥（AGE-SECRET-KEY-1…）。用 {MAKE_KEY} 生成一个。") from error


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
