"""How both commands tell where they are, what they found, and what went wrong."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, OutputWrapper
from django.db import Error
from django.template.defaultfilters import filesizeformat

from cms.backups.manifest import Head
from cms.backups.vault import Trouble
from media_pipeline.errors import MediaError


class Progress:
    """A vault's Report: one line that is written over, at most twice a second and only where somebody looks."""

    def __init__(self, out: OutputWrapper) -> None:
        self._out = out if out.isatty() else None
        self._told = 0.0

    def __call__(self, step: str, done: int) -> None:
        if self._out is not None and time.monotonic() - self._told > 0.5:
            self._told = time.monotonic()
            self._out.write(f"\r{step} {filesizeformat(done)}\033[K", ending="")


@contextmanager
def explained(directory: Path) -> Iterator[None]:
    """Everything that can be amiss around a backup, as a sentence."""
    try:
        yield
    except MediaError as error:
        raise CommandError(error.reason) from error
    except Trouble as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        where = error.filename or directory
        raise CommandError(f"{where}：{error.strerror or error}。请检查磁盘和权限。") from error
    except Error as error:
        raise CommandError(f"数据库没有回应：{str(error).strip()}。请检查 DATABASE_URL。") from error


def whole(head: Head) -> dict[str, Any]:
    """What is in a backup, as JSON."""
    told = {"time": head.time, "rows": sum(head.rows.values()), "files": head.files, "bytes": head.bytes}
    return told | {"missing": head.missing, "damaged": head.damaged}


def size(head: Head) -> str:
    return f"{sum(head.rows.values())} 行，{head.files} 个文件，{filesizeformat(head.bytes)}"
