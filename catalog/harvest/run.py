"""One harvest: records into the importer, and a report of what came, changed and vanished.

New courses are drafts, and changes of public ones wait as drafts, since only a reviewer makes public. What a provider
tells as deleted is flagged in the report and stays as it is: to withdraw is a reviewer's right as well, and a faulty
server elsewhere must not empty our shelves overnight.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone
from django_tasks import task

from catalog.exchange import HarvestSource
from catalog.harvest import feeds
from catalog.harvest.fetch import CannotHarvest
from catalog.harvest.oai import Provider
from catalog.importers import CourseRecord, load
from catalog.importers.loading import Fate
from catalog.models import Course
from media_pipeline import periodic

logger = logging.getLogger(__name__)

LEASE = timedelta(hours=2)
TOLD = 200
"""Entries of each list that a report keeps; the counts are whole."""


@dataclass(slots=True)
class Report:
    """What one harvest did. ``entries``: kind (created, updated, rejected, vanished), the provider's id, title, and
    what was wrong. ``error``: why it did not come to its end, "" when it did."""

    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    vanished: int = 0
    error: str = ""
    entries: list[dict[str, str]] = field(default_factory=list)

    def tell(self, fates: Iterable[Fate]) -> None:
        for fate in fates:
            self.rows += 1
            setattr(self, fate.kind, getattr(self, fate.kind) + 1)
            if fate.kind != "unchanged":
                why = "；".join(f"{problem.column} {problem.reason}".strip() for problem in fate.problems)
                self.note(fate.kind, fate.id, fate.title, why)

    def note(self, kind: str, key: str, title: str, why: str = "") -> None:
        if sum(entry["kind"] == kind for entry in self.entries) < TOLD:
            self.entries.append({"kind": kind, "id": key[:200], "title": title[:255], "why": why[:300]})


def harvest(source: HarvestSource) -> Report | None:
    """Harvests one source now; None when another process is at it. A harvest that breaks off keeps what came, and the
    next one asks from the same moment again: the importer knows each record by its id."""
    now = timezone.now()
    free = HarvestSource.objects.filter(Q(lease_until=None) | Q(lease_until__lt=now), pk=source.pk)
    if not free.update(lease_until=now + LEASE):
        return None
    report, since = Report(), source.since
    try:
        since = _bring(source, report)
    except CannotHarvest as error:
        report.error = str(error)
    except Exception:  # what one catalogue sends must not hold up the others
        logger.exception("harvest of source %s", source.pk)
        report.error = "读取时出错，已记入日志。请把网址告诉管理员。"
    HarvestSource.objects.filter(pk=source.pk).update(
        since=since,
        report=asdict(report),
        ended_at=timezone.now(),
        due_at=now + timedelta(hours=max(source.hours, 1)),
        lease_until=None,
    )
    return report


def _bring(source: HarvestSource, report: Report) -> str:
    """Raises CannotHarvest. Returns what to ask since the next time."""
    if source.kind == HarvestSource.Kind.FEED:
        _load(feeds.records(source.address, source.source), source, report)
        return ""
    provider = Provider(source.address, source.source, source.spec, source.since)
    _load(provider.records(), source, report)
    _flag(provider.gone, source, report)
    return provider.until[:20]


def _load(records: Iterable[CourseRecord], source: HarvestSource, report: Report) -> None:
    load(records, source.institution, only={source.institution_id}, tell=report.tell)


def _flag(gone: list[str], source: HarvestSource, report: Report) -> None:
    ours = Course.objects.filter(institution=source.institution_id, external_source=source.source)
    for start in range(0, len(gone), 500):
        part = ours.filter(external_id__in=gone[start : start + 500])
        for key, title in part.values_list("external_id", "title"):
            report.vanished += 1
            report.note("vanished", key, title)


# From time to time ------------------------------------------------------------------------------------


@task(queue_name="default")
def harvest_source(pk: int) -> None:
    if source := HarvestSource.objects.filter(pk=pk, active=True, due_at__lte=timezone.now()).first():
        harvest(source)


@periodic.every(seconds=60, name="harvests")
def ring() -> int:
    """Queues what is due; asked again while it waits, it is done once."""
    now = timezone.now()
    waiting = HarvestSource.objects.filter(Q(lease_until=None) | Q(lease_until__lt=now), active=True, due_at__lte=now)
    keys = list(waiting.values_list("pk", flat=True)[:20])
    for key in keys:
        harvest_source.enqueue(key)
    return len(keys)
