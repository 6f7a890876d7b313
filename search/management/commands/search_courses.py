"""``search_courses QUERY [--engine NAME] [--filter facet=value]… [--limit N]``."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from search import find
from search.api import results_out
from search.engines.choose import COURSES, NAMES, engine
from search.facets import FACETS
from search.query import Query


class Command(BaseCommand):
    help = "Finds courses as the search page does."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("query")
        parser.add_argument("--engine", default="", help=f"{' or '.join(NAMES)}; default as configured")
        parser.add_argument("--filter", action="append", default=[], metavar="FACET=VALUE")
        parser.add_argument("--limit", type=int, default=10)
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        params: dict[str, Any] = {"q": options["query"], "per_page": options["limit"]}
        for chosen in options["filter"]:
            name, equals, value = chosen.partition("=")
            if not equals or name not in FACETS:
                raise CommandError(f"--filter {chosen}：应写成 名称=值，名称可用：{'、'.join(FACETS)}。")
            params.setdefault(name, []).append(value)
        query = Query.from_params(params)
        if query.problems:
            raise CommandError(" ".join(query.problems))
        try:
            library = engine(COURSES, options["engine"])
        except ValueError as error:
            raise CommandError(str(error)) from error
        results = find.search(query, library=library)
        if options["json"]:
            self.stdout.write(json.dumps(results_out(results), ensure_ascii=False))
            return
        self.stdout.write(f"{results.total} · {results.ms:.1f} ms {results.why}")
        for hit in results.hits:
            places = "; ".join(f"{place.lesson} @ {place.seconds or place.page}" for place in hit.passages)
            self.stdout.write(f"{hit.id:>8}  {hit.title}  {places}")
