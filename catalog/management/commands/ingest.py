"""``ingest FILE…``: files on this machine become courses."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import Progress

from catalog.ingesting import Ingested, ingest
from catalog.models import Institution
from media_pipeline.models import AssetState, MediaAsset
from media_pipeline.playback import playback


class Command(BaseCommand):
    help = "Takes files in, makes them playable and makes a course of each."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=Path)
        parser.add_argument("--title", default="", help="of the course; without it the file's name")
        parser.add_argument("--institution", default="", metavar="CODE", help="whose course it is")
        parser.add_argument("--publish", action="store_true", help="make it public")
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        institution = None
        if code := options["institution"]:
            institution = Institution.objects.filter(code=code).first()
            if institution is None:
                raise CommandError(f"没有代码为 {code} 的机构。请先建立机构，或检查 --institution。")
        with Progress(console=Console(stderr=True), disable=not self.stderr.isatty()) as bar:
            bars: dict[int, Any] = {}

            def watch(asset: MediaAsset, step: str, progress: float) -> None:
                if asset.pk not in bars:
                    bars[asset.pk] = bar.add_task(asset.filename, total=1.0)
                bar.update(bars[asset.pk], completed=progress, description=f"{asset.filename} {step}")

            results = ingest(
                options["files"],
                title=options["title"],
                institution=institution,
                publish=options["publish"],
                watch=watch,
            )
        self._tell(results, options["json"])
        if any(one.state != AssetState.PUBLISHED or one.warnings for one in results):
            raise SystemExit(1)

    def _tell(self, results: list[Ingested], as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps({"courses": [_entry(one) for one in results]}, ensure_ascii=False))
            return
        for one in results:
            if one.course is not None:
                self.stdout.write(f"{one.path} → {one.course.get_absolute_url()}")
            else:
                self.stderr.write(f"{one.path}：{one.sentence}")
            for warning in one.warnings:
                self.stderr.write(f"{one.path}：{warning}")


def _entry(one: Ingested) -> dict[str, Any]:
    played = playback(one.asset) if one.asset is not None and one.course is not None else None
    reason = {"code": one.code, "sentence": one.sentence} if one.code else None
    asset = {
        "id": str(one.asset.uid) if one.asset is not None else None,
        "file": str(one.path),
        "state": str(one.state),
        "reason": reason,
        "hls": played.hls if played else "",
        "dash": played.dash if played else "",
    }
    return {
        "id": one.course.pk if one.course is not None else None,
        "url": one.course.get_absolute_url() if one.course is not None else "",
        "public": one.course is not None and one.course.is_public,
        "assets": [asset],
        "warnings": one.warnings,
    }
