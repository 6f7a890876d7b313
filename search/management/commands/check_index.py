"""``check_index [--mend] [--engine NAME] [--json]``: whether the index holds what the database says."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from search import index, outbox
from search.audit import Audit, audit
from search.engines.choose import NAMES, engine
from search.engines.contract import EngineAway

SHOWN = 20
"""Ids of each kind that are printed."""


class Command(BaseCommand):
    help = "Compares the search index with the database, course by course; succeeds only when they agree."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--engine", default="", help=f"{' or '.join(NAMES)}; default as configured")
        parser.add_argument("--mend", action="store_true", help="writes what differs anew, then compares again")
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, engine: str, mend: bool, **options: Any) -> None:
        try:
            audits = _audits(engine)
            if mend and not all(one.agrees for one in audits.values()):
                index.mark_stale({course for one in audits.values() for course in one.differing})
                index.flush_stale()
                audits = _audits(engine)
        except (EngineAway, ValueError) as error:
            raise CommandError(f"索引没有检查：{error}") from error
        told = {name: _as_json(one) for name, one in audits.items()}
        refused = [asdict(one) for one in outbox.refusals()]
        if options["json"]:
            self.stdout.write(json.dumps({**told, "refused": refused}, ensure_ascii=False, default=str))
        else:
            self._tell(told, refused)
        if not all(one.agrees for one in audits.values()):
            raise CommandError("索引与数据库不一致。用 check_index --mend 修补；仍不一致时用 rebuild_index 重建。")

    def _tell(self, told: dict[str, dict], refused: list[dict]) -> None:
        for name, one in told.items():
            figures = " ".join(f"{key} {value}" for key, value in one.items())
            self.stdout.write(f"{name}: {figures}")
        for one in refused:
            self.stdout.write(f"refused: course {one['course']}, tried {one['attempts']}×: {one['reason']}")


def _audits(name: str) -> dict[str, Audit]:
    return {library: audit(engine(library, name), library) for library in index.LIBRARIES}


def _as_json(one: Audit) -> dict[str, Any]:
    kinds = {"missing": one.missing, "extra": one.extra, "different": one.different}
    return {
        "agrees": one.agrees,
        "courses": one.database.courses,
        "indexed": one.index.courses,
        "checksum": one.database.checksum,
        "indexed_checksum": one.index.checksum,
        "waiting": one.waiting,
        **{name: len(ids) for name, ids in kinds.items()},
        "ids": {name: list(ids[:SHOWN]) for name, ids in kinds.items()},
    }
