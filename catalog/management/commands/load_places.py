"""``load_places [--level N] [--villages CODE]``: the division tree."""

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from catalog.errors import FileRefused
from catalog.place_loading import load_places


class Command(BaseCommand):
    help = "Loads the tree of administrative divisions; running it again changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--level", type=int, default=4, choices=range(1, 5), help="1 province … 4 street, town")
        parser.add_argument("--villages", default="", metavar="CODE", help="also the villages below this code")
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["villages"] and not options["villages"].isdecimal():
            raise CommandError(f"--villages {options['villages']}：应为区划代码，例如 36 或 3601。")
        try:
            loaded = load_places(options["level"], options["villages"])
        except FileRefused as refused:
            raise CommandError(str(refused)) from refused
        if options["json"]:
            self.stdout.write(json.dumps(asdict(loaded)))
        else:
            self.stdout.write(f"新增 {loaded.created}，更新 {loaded.updated}，未变 {loaded.unchanged}")
