"""``rebuild_index [--engine NAME]``: builds the index beside the live one and swaps them."""

import json
import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from search import index
from search.engines.choose import COURSES, DESK, NAMES, engine
from search.engines.contract import EngineAway
from search.leases import LeaseLost, RebuildRunning


class Command(BaseCommand):
    help = "Builds the search index anew beside the live one, then swaps them; searches go on meanwhile."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--engine", default="", help=f"{' or '.join(NAMES)}; default as configured")
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        begun = time.perf_counter()
        try:
            done = {
                name: index.rebuild(engine(name, options["engine"]), name, _report(name)) for name in (COURSES, DESK)
            }
            name = engine(COURSES, options["engine"]).name
        except (EngineAway, RebuildRunning, LeaseLost, ValueError) as error:
            raise CommandError(f"索引没有重建：{error}") from error
        result = {"engine": name, **done, "seconds": round(time.perf_counter() - begun, 2)}
        self.stdout.write(json.dumps(result) if options["json"] else f"{name}: {result}")


def _report(name: str) -> index.Report:
    def report(done: int, total: int) -> None:
        sys.stderr.write(f"\r{name} {done}/{total}" + ("\n" if done >= total else ""))

    return report
