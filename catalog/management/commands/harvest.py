"""``harvest [SOURCE]``: what is due from other catalogues, or one source now."""

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from catalog.exchange import HarvestSource
from catalog.harvest.run import harvest


class Command(BaseCommand):
    help = "Harvests the sources that are due, or the one named by its number, due or not."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("source", nargs="?", type=int)
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["source"]:
            sources = list(HarvestSource.objects.filter(pk=options["source"]))
            if not sources:
                raise CommandError(f"没有编号为 {options['source']} 的收割来源。请在编辑台的“收割”里查看编号。")
        else:
            sources = list(HarvestSource.objects.filter(active=True, due_at__lte=timezone.now()))
        done = []
        for source in sources:
            report = harvest(source)
            if report is None:
                self.stderr.write(f"{source}：正在收割，已跳过")
                continue
            done.append({"source": source.pk, "address": source.address, **asdict(report)})
            if not options["json"]:
                self.stdout.write(
                    f"{source}：新增 {report.created}，更新 {report.updated}，未变 {report.unchanged}，"
                    f"退回 {report.rejected}，对方已删除 {report.vanished}"
                )
                if report.error:
                    self.stderr.write(f"{source}：{report.error}")
        if options["json"]:
            self.stdout.write(json.dumps({"sources": done}, ensure_ascii=False))
        if any(one["error"] for one in done):
            raise SystemExit(1)
