"""``run_worker [--queue NAME]``: claims and runs jobs until told to stop."""

import logging
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from rich.console import Console
from rich.logging import RichHandler
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn

from media_pipeline import storage, worker
from media_pipeline.errors import Failed
from media_pipeline.models import MediaAsset
from media_pipeline.signals import asset_ready, asset_refused, job_moved

logger = logging.getLogger("media_pipeline.worker")


class Command(BaseCommand):
    help = "Run media jobs and light tasks until told to stop (SIGTERM hands running jobs back)."

    def add_arguments(self, parser: CommandParser) -> None:
        queues = settings.TASKS["default"]["QUEUES"]
        parser.add_argument("--queue", choices=queues, help="only this queue (default: all of them)")

    def handle(self, *args: Any, queue: str | None, **options: Any) -> None:
        logging.getLogger().setLevel(logging.INFO)
        try:
            storage.store().prepare([settings.PUBLIC_URL])
        except Failed as error:
            logger.warning("%s", error)
        queues = [queue] if queue else list(settings.TASKS["default"]["QUEUES"])
        with _view():
            logger.info("worker started: %s", ", ".join(queues))
            worker.run(queues)
            logger.info("worker stopped")


def _view() -> AbstractContextManager[object]:
    """A bar for each job on a terminal; elsewhere a line each ten per cent."""
    console = Console(stderr=True)
    if not console.is_terminal:
        if not logging.getLogger().handlers:
            logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
        _connect(Lines())
        return nullcontext()
    logging.getLogger().handlers[:] = [RichHandler(console=console, show_path=False)]
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    progress = Progress(*columns, console=console)
    _connect(Bars(progress))
    return progress


def _connect(view: "Lines | Bars") -> None:
    job_moved.connect(view.moved, weak=False)
    asset_ready.connect(view.ended, weak=False)
    asset_refused.connect(view.ended, weak=False)


class Lines:
    def __init__(self) -> None:
        self._last: dict[int, int] = {}

    def moved(self, asset: MediaAsset, step: str, progress: float, **kwargs: Any) -> None:
        tenth = int(progress * 10)
        if self._last.get(asset.pk) != tenth:
            self._last[asset.pk] = tenth
            logger.info("%s: %s %d %%", asset, step, progress * 100)

    def ended(self, asset: MediaAsset, **kwargs: Any) -> None:
        self._last.pop(asset.pk, None)
        logger.info("%s: %s %s", asset, asset.get_state_display(), asset.reason)


class Bars:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._bars: dict[int, TaskID] = {}

    def moved(self, asset: MediaAsset, step: str, progress: float, **kwargs: Any) -> None:
        if asset.pk not in self._bars:
            self._bars[asset.pk] = self._progress.add_task(str(asset), total=1.0)
        self._progress.update(self._bars[asset.pk], completed=progress, description=f"{asset} · {step}")

    def ended(self, asset: MediaAsset, **kwargs: Any) -> None:
        bar = self._bars.pop(asset.pk, None)
        if bar is not None:
            self._progress.remove_task(bar)
        logger.info("%s: %s %s", asset, asset.get_state_display(), asset.reason)
