"""``evaluate_search DIR [--engine NAME]``: how well and how fast the search finds on sets with known answers."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from search import evaluate
from search.engines.choose import engine
from search.engines.contract import EngineAway


class Command(BaseCommand):
    help = "Measures the search on SET.corpus.jsonl, SET.queries.jsonl and SET.qrels.jsonl; prints one JSON object."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--engine", default="", help="embedded or elastic; default as configured")
        parser.add_argument("--set", action="append", default=[], help="only this set; may be given again")
        parser.add_argument("--json", action="store_true", help="the output is JSON in any case")

    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["folder"]
        names = options["set"] or evaluate.sets(folder)
        if not names:
            raise CommandError(f"{folder} 里没有评测集（SET.corpus.jsonl）。")
        result: dict[str, Any] = {"engine": "", "sets": {}}
        for name in names:
            try:
                library = engine(f"evaluation-{name}", options["engine"]).fresh()
                result["engine"] = library.name
                result["sets"][name] = evaluate.evaluate(library, folder, name)
                library.drop()
            except (EngineAway, ValueError, FileNotFoundError) as error:
                raise CommandError(str(error)) from error
            self._tell(name, result["sets"][name])
        self.stdout.write(json.dumps(result, ensure_ascii=False))

    @staticmethod
    def _tell(name: str, kinds: dict[str, dict[str, float]]) -> None:
        for kind, row in kinds.items():
            line = " ".join(f"{key} {value:g}" for key, value in row.items())
            sys.stderr.write(f"{name:10} {kind:10} {line}\n")
