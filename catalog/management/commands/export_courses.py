"""``export_courses FILE``: the catalogue as a table that ``import_courses`` reads back."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from catalog.exporters import WRITERS, records
from catalog.models import Course


class Command(BaseCommand):
    help = "Writes courses to a csv, xlsx or jsonl file."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--institution", default="", metavar="CODE", help="only courses of this institution")
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        writer = WRITERS.get(path.suffix.lower())
        if writer is None:
            raise CommandError(f"不认识的文件格式“{path.suffix}”。请使用 {'、'.join(WRITERS)}。")
        courses = Course.objects.all()
        if options["institution"]:
            courses = courses.filter(institution__code=options["institution"])
        with path.open("wb") as out:
            count = writer(records(courses), out)
        self.stdout.write(json.dumps({"courses": count}) if options["json"] else f"已导出 {count} 门课程：{path}")
