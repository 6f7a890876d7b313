"""``import_courses FILE``: a table of courses into the catalogue."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from catalog.errors import FileRefused
from catalog.importers import Report, load, read
from catalog.importers.checking import Problem
from catalog.importers.media import MediaSource
from catalog.models import Institution
from catalog.signals import import_ended

SHOWN = 50  # problems printed on a terminal; --json has all


class Command(BaseCommand):
    help = (
        "Imports courses from csv, xlsx or jsonl. Running it again changes nothing; docs/importing.md has the columns."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--media", default="", metavar="DIR|FILE.zip|s3://…", help="where the files that rows name are"
        )
        parser.add_argument("--institution", default="", metavar="CODE", help="where rows without one belong")
        parser.add_argument("--dry-run", action="store_true", help="say what would happen, change nothing")
        parser.add_argument("--publish", action="store_true", help="make public what is complete")
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = self._import(options)
        except FileRefused as refused:
            raise CommandError(str(refused)) from refused
        if not options["dry_run"]:
            import_ended.send(type(self))
        if options["json"]:
            self.stdout.write(json.dumps(asdict(report), ensure_ascii=False))
        else:
            self._tell(report, options["dry_run"])
        if report.rejected:
            raise SystemExit(1)

    def _import(self, options: dict[str, Any]) -> Report:
        institution = None
        if code := options["institution"]:
            institution = Institution.objects.filter(code=code).first()
            if institution is None:
                raise FileRefused(
                    "institution-unknown", f"没有代码为 {code} 的机构。", "请先建立机构，或检查 --institution。"
                )
        media = MediaSource.at(options["media"]) if options["media"] else None
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}"), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), disable=not self.stderr.isatty()) as bar:
            task = bar.add_task(options["file"].name, total=None)
            return load(
                read(options["file"]),
                institution,
                publish=options["publish"],
                dry_run=options["dry_run"],
                media=media,
                progress=lambda rows: bar.update(task, completed=rows),
            )

    def _tell(self, report: Report, dry_run: bool) -> None:
        for title, problems in (("错误", report.rejected), ("提醒", report.warnings)):
            for problem in problems[:SHOWN]:
                self.stderr.write(f"{title} {_sentence(problem)}")
            if len(problems) > SHOWN:
                self.stderr.write(f"{title} 还有 {len(problems) - SHOWN} 条，用 --json 查看全部")
        self.stdout.write(
            f"{'试运行：' if dry_run else ''}共 {report.rows} 行，新增 {report.created}，更新 {report.updated}，"
            f"未变 {report.unchanged}，退回 {report.rejected_rows}；公开 {report.published} 门"
        )


def _sentence(problem: Problem) -> str:
    value = f"“{problem.value}”" if problem.value else ""
    return f"第 {problem.row} 行 {problem.column} {value}：{problem.reason}。{problem.remedy}"
