"""``audit [--mend] [--deep] [--json]``: whether database, store and index agree."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cms import auditing


class Command(BaseCommand):
    help = "Compares database, store and index; succeeds only when nothing is left amiss."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--mend", action="store_true", help="puts right what can be put right")
        parser.add_argument("--deep", action="store_true", help="also reads every byte and compares hashes")
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, mend: bool, deep: bool, **options: Any) -> None:
        found = auditing.run(deep=deep, mend=mend)
        clean = auditing.is_clean(found)
        if options["json"]:
            self.stdout.write(json.dumps({"agrees": clean, "found": found}, ensure_ascii=False))
        else:
            self._tell(found)
        if not clean:
            raise CommandError(
                "还有没有处理的问题，见上。" if mend else "有不一致的地方。可以处理的用 audit --mend 处理。"
            )

    def _tell(self, found: list[dict[str, Any]]) -> None:
        if not found:
            self.stdout.write("数据库、存储和索引一致。")
        for row in found:
            self.stdout.write(f"{row['label']}：{row['count']}，已处理 {row['mended']}。{row['remedy']}")
            for one in row["examples"]:
                self.stdout.write(f"  {one['where']}  {one['says']}")
