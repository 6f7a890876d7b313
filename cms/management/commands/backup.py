"""``backup DIR [--plain] [--json]``: database and objects into a directory."""

import json
from argparse import ArgumentParser
from pathlib import Path
from time import perf_counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import filesizeformat

from cms.backups import telling
from cms.backups.taking import Taken, take


class Command(BaseCommand):
    help = "Brings the backup in a directory up to now; what it holds already is not copied again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("directory", type=Path, metavar="DIR")
        parser.add_argument("--plain", action="store_true", help="not encrypted, whatever BACKUP_KEY says")
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, directory: Path, plain: bool, **options: Any) -> None:
        begun = perf_counter()
        with telling.explained(directory):
            taken = take(directory, plain=plain, report=telling.Progress(self.stderr))
        told = _told(taken) | {"seconds": round(perf_counter() - begun, 2)}
        self.stdout.write(json.dumps(told, ensure_ascii=False) if options["json"] else _sentences(taken))
        if not taken.is_whole:
            raise CommandError("备份已写好，但数据库提到的文件有的不在存储里，或已损坏，见上。请运行 audit。")


def _told(taken: Taken) -> dict[str, Any]:
    counts = {"copied": taken.copied, "copied_bytes": taken.copied_bytes, "kept": taken.kept, "removed": taken.removed}
    return telling.whole(taken.manifest.head) | counts | {"rescued": taken.rescued}


def _sentences(taken: Taken) -> str:
    head = taken.manifest.head
    lines = [
        f"备份完成：{telling.size(head)}。",
        f"这次写入 {taken.copied} 个（{filesizeformat(taken.copied_bytes)}），"
        f"原有 {taken.kept} 个，清除 {taken.removed} 个。",
        *(f"存储丢失或改坏了它，备份里留着原样：{key}" for key in taken.rescued),
        *(f"不在存储里：{key}" for key in head.missing),
        *(f"内容与上传时不同：{key}" for key in head.damaged),
    ]
    return "\n".join(lines)
