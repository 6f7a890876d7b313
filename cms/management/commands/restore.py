"""``restore DIR [--check] [--replace] [--json]``: a backup into an empty site, or only checked."""

import json
from argparse import ArgumentParser
from pathlib import Path
from time import perf_counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cms.backups import telling
from cms.backups.restoring import Restored, check, restore


class Command(BaseCommand):
    help = "Puts a backup into an empty database and store, and compares them with it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("directory", type=Path, metavar="DIR")
        parser.add_argument("--check", action="store_true", help="reads and compares every file of it, no more")
        parser.add_argument("--replace", action="store_true", help="also in the place of a database that is not empty")
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, directory: Path, replace: bool, **options: Any) -> None:
        begun, report = perf_counter(), telling.Progress(self.stderr)
        with telling.explained(directory):
            if options["check"]:
                head = check(directory, report=report).head
                told, lines = telling.whole(head), [f"{head.time} 的备份完好：{telling.size(head)}。"]
            else:
                done = restore(directory, replace=replace, report=report)
                told, lines = _told(done), _sentences(done)
        told["seconds"] = round(perf_counter() - begun, 2)
        self.stdout.write(json.dumps(told, ensure_ascii=False) if options["json"] else "\n".join(lines))
        if not told.get("agrees", True):
            raise CommandError("恢复后与备份不一致，或索引没有重建，见上。")


def _told(done: Restored) -> dict[str, Any]:
    told = {"agrees": done.agrees, "put": done.put, "differ": done.differ, "index": done.index}
    return telling.whole(done.manifest.head) | told | {"wrong_rows": done.wrong_rows}


def _sentences(done: Restored) -> list[str]:
    total = len(done.manifest.objects)
    same = [f"  {table}：{now}" for table, (told, now) in done.rows.items() if told == now and now]
    wrong = [f"  {table}：备份里 {told}，现在 {now}" for table, (told, now) in done.wrong_rows.items()]
    return [
        "行数与备份相同的表：",
        *same,
        *(["行数与备份不同的表：", *wrong] if wrong else []),
        f"文件：写入 {done.put} 个，其余 {total - done.put} 个原已在。",
        f"SHA-256 与备份相同：{total - len(done.differ)} / {total}。",
        *(f"  与备份不同：{key}" for key in done.differ),
        f"检索索引：{done.index or '已重建'}。",
        f"已恢复 {done.manifest.head.time} 的备份：{telling.size(done.manifest.head)}。",
    ]
