"""Where a worker works: a directory for each attempt, and one copy of an original for all on this machine."""

import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from uuid import UUID

from django.conf import settings

from media_pipeline import storage
from media_pipeline.errors import Refused
from media_pipeline.models import MediaAsset

COPIES = "originals"
KEPT_SECONDS = 1800  # an unused copy waits so long for the next part of the same film


@contextmanager
def work_dir(uid: UUID) -> Iterator[Path]:
    """A directory for one attempt, removed at its end. It is locked while in use, so that ``sweep`` knows which ones
    were left behind by a killed worker."""
    root = Path(settings.MEDIA_WORK_DIR)
    root.mkdir(parents=True, exist_ok=True)
    path = Path(tempfile.mkdtemp(prefix=f"{uid.hex}-", dir=root))
    with (path / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)


@contextmanager
def original(asset: MediaAsset) -> Iterator[Path]:
    """A file to read the original from: the stored file itself on a directory; from a bucket a copy that all jobs of
    this machine share, fetched once. Raises Refused when the store has no original."""
    store = storage.store()
    if not asset.original_key or not store.exists(asset.original_key):
        raise Refused("original-missing", "找不到原文件。", "请重新上传。")
    if isinstance(store, storage.LocalStore):
        yield store.path(asset.original_key)
        return
    with _shared_copy(store, asset.original_key) as copy:
        yield copy


def drop_copy(asset: MediaAsset) -> None:
    """Remove this machine's copy of an original whose work is done, unless somebody reads it."""
    _removed(_place_of(asset.original_key) / ".lock", 0.0)


def _place_of(key: str) -> Path:
    return Path(settings.MEDIA_WORK_DIR) / COPIES / hashlib.sha256(key.encode()).hexdigest()[:24]


@contextmanager
def _shared_copy(store: storage.S3Store, key: str) -> Iterator[Path]:
    """Held by a shared lock while it is read; fetched aside under an exclusive one, so it is whole or absent."""
    folder = _place_of(key)
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ".lock").open("w") as lock:
            copy = folder / f"source{PurePosixPath(key).suffix}"
            fcntl.flock(lock, fcntl.LOCK_SH if copy.exists() else fcntl.LOCK_EX)
            if not _is_same(lock.fileno(), folder / ".lock"):
                continue  # swept away between opening and locking
            if not copy.exists():
                aside = folder / ".aside"
                store.download(key, aside)
                aside.replace(copy)
            fcntl.flock(lock, fcntl.LOCK_SH)
            os.utime(folder / ".lock")
            yield copy
            os.utime(folder / ".lock")
            return


def _is_same(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def sweep() -> int:
    """Remove directories of the dead, and copies that nobody reads any more. How many."""
    root = Path(settings.MEDIA_WORK_DIR)
    dead = [lock for lock in root.glob("*/.lock") if _removed(lock, 60)]  # its owner may be about to lock it
    unused = [lock for lock in root.glob(f"{COPIES}/*/.lock") if _removed(lock, KEPT_SECONDS)]
    return len(dead) + len(unused)


def _removed(lock_path: Path, seconds: float) -> bool:
    """Remove the directory of a lock that nobody holds and nobody touched for so long; whether it was."""
    try:
        if time.time() - lock_path.stat().st_mtime < seconds:
            return False
        with lock_path.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock_path.parent, ignore_errors=True)
            return True
    except (BlockingIOError, FileNotFoundError):
        return False
