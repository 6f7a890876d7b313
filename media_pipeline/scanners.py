"""A look for malware before anything is made of a file: a plug point, and what is shipped for it.

``MEDIA_SCANNER`` names a callable by its dotted path; empty means none.
"""

import shlex
import subprocess
from pathlib import Path
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from media_pipeline.errors import Failed, Refused

SECONDS = 900
REMEDY = "请联系管理员检查 MEDIA_SCANNER_COMMAND。"


class Scanner(Protocol):
    def __call__(self, source: Path) -> str:
        """What was found in the file, by name; "" for nothing. Raises Failed when it could not look."""


def scan(source: Path, name: str) -> None:
    """Raises Refused when the scanner finds something, Failed when it cannot tell: what was not looked at is not let
    through."""
    if not settings.MEDIA_SCANNER:
        return
    scanner: Scanner = import_string(settings.MEDIA_SCANNER)
    found = scanner(source)
    if found:
        raise Refused(
            "malware",
            f"“{name}”里查出恶意代码（{found[:100]}），没有收下。",
            "请在自己的电脑上杀毒，从原处重新导出后再上传。",
        )


def command(source: Path) -> str:
    """Run ``MEDIA_SCANNER_COMMAND`` with ``{file}`` as the file's absolute path. It answers as virus scanners do: 0 for
    nothing, 1 for a find, named in its first line; anything else is trouble. It is the operator's own program and
    runs outside the cage, since a scanner asks its daemon over a socket."""
    arguments = [word.replace("{file}", str(source.resolve())) for word in shlex.split(settings.MEDIA_SCANNER_COMMAND)]
    try:
        done = subprocess.run(
            arguments, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False, errors="replace"
        )
    except (OSError, subprocess.TimeoutExpired, IndexError) as error:
        raise Failed("scanner", f"病毒扫描程序没有运行成功（{error}）。", REMEDY) from error
    if done.returncode == 1:
        first = (done.stdout.strip().splitlines() or ["?"])[0]
        return first.removeprefix(f"{source.resolve()}: ").removesuffix(" FOUND")
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or done.stdout.strip().splitlines() or ["?"])[-1]
        raise Failed("scanner", f"病毒扫描程序出错（{done.returncode}：{last[:200]}）。", REMEDY)
    return ""
