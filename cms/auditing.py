"""One audit of everything that must agree: database, store, index, and what follows from them. The rooms below know
their own part; here the parts are joined, mended, counted, and kept for the desk.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from catalog import audit as catalogue
from cms.models import NightlyAudit
from media_pipeline import audit as media
from media_pipeline.audit import Finding
from media_pipeline.errors import MediaError
from media_pipeline.periodic import every
from media_pipeline.sweeper import most_by_chance
from search import audit as searching
from search import index
from search.engines.choose import engine
from search.engines.contract import EngineAway

EXAMPLES = 5
MOST = 10_000  # of one kind mended in one run; the next goes on
NIGHT = range(2, 6)  # hours, by the clock of the site
KEPT = timedelta(days=30)

LABELS = {
    "original-missing": "原文件不见了",
    "original-size": "原文件大小不对",
    "original-hash": "原文件内容变了",
    "package-missing": "可播放的文件不全",
    "package-size": "可播放的文件大小不对",
    "package-hash": "可播放的文件内容变了",
    "orphan": "存储里的无主文件",
    "unserved": "没有任务在做的媒体",
    "job-of-nobody": "无主的任务",
    "too-open": "不公开的媒体可被打开",
    "too-closed": "公开课程的媒体打不开",
    "index-missing": "索引里缺的课程",
    "index-extra": "索引里多的课程",
    "index-different": "索引里过时的课程",
    "away": "没有回应的部件",
}

Sources = dict[str, tuple[Callable[[], Iterator[Finding]], Callable[[Finding], bool]]]


@dataclass(slots=True)
class Kind:
    """What was found of one kind: how much, how much of it was mended, what is to be done, and the first few."""

    kind: str
    remedy: str
    count: int = 0
    mended: int = 0
    examples: list[dict[str, Any]] = field(default_factory=list)
    mendable: list[Finding] = field(default_factory=list)

    def take(self, finding: Finding) -> None:
        self.count += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(asdict(finding))
        if finding.mendable and len(self.mendable) < MOST:
            self.mendable.append(finding)

    def told(self) -> dict[str, Any]:
        """As JSON."""
        label = LABELS.get(self.kind, self.kind)
        told = {"kind": self.kind, "label": label, "remedy": self.remedy, "count": self.count, "mended": self.mended}
        return told | {"examples": self.examples}


def run(*, deep: bool = False, mend: bool = False, cautious: bool = False) -> list[dict[str, Any]]:
    """Look at everything, and mend what can be mended when ``mend``. ``cautious``: a loss too large for chance is only
    told, as in a night when an empty disk is mounted. A part that does not answer is a finding too."""
    kinds: dict[str, Kind] = {}
    most = most_by_chance() if cautious else float("inf")
    sources: Sources = {
        "store": (lambda: media.look(deep=deep), media.mend),
        "catalogue": (catalogue.look, catalogue.mend),
        "index": (_index, _mend_index),
    }
    for name, (look, mender) in sources.items():
        found: dict[str, Kind] = {}
        try:
            for finding in look():
                found.setdefault(finding.kind, Kind(finding.kind, finding.remedy)).take(finding)
            for kind in found.values() if mend else ():
                _mend(kind, mender, most)
        except (MediaError, EngineAway) as error:
            away = Finding("away", name, str(error), "请检查这个部件是否在运行，然后再核对一次。")
            kinds.setdefault("away", Kind("away", away.remedy)).take(away)
        kinds |= found
    return [kind.told() for kind in kinds.values()]


def _mend(kind: Kind, mender: Callable[[Finding], bool], most: float) -> None:
    if kind.count > most and not kind.kind.startswith("index-"):
        kind.remedy = "数量异常，没有自动处理。请先确认存储和数据库是对的，再运行 manage.py audit --mend。"
        return
    kind.mended = sum(mender(finding) for finding in kind.mendable)
    kind.mendable.clear()
    if kind.kind.startswith("index-"):
        index.flush_stale()


def _index() -> Iterator[Finding]:
    for library in index.LIBRARIES:
        compared = searching.audit(engine(library), library)
        by_kind = {"missing": compared.missing, "extra": compared.extra, "different": compared.different}
        for kind, courses in by_kind.items():
            for pk in courses:
                says = f"“{library}”：课程 {pk}"
                yield Finding(f"index-{kind}", str(pk), says, "会重新写入索引。", mendable=True)


def _mend_index(finding: Finding) -> bool:
    index.mark_stale([int(finding.where)])
    return True


def is_clean(found: list[dict[str, Any]]) -> bool:
    """Whether nothing is left to do."""
    return all(row["mended"] == row["count"] for row in found)


# Every night ----------------------------------------------------------------------------------------------------------
def last_night() -> NightlyAudit | None:
    """The latest audit, for the desk."""
    return NightlyAudit.objects.first()


_auditing = threading.Lock()


@every(seconds=900, name="nightly audit")
def audit_at_night() -> None:
    """In a thread of its own, by one worker of all: it reads the whole listing of the store."""
    due = timezone.localtime().hour in NIGHT and not NightlyAudit.objects.filter(night=timezone.localdate()).exists()
    if due and _auditing.acquire(blocking=False):
        threading.Thread(target=_audit, name="nightly audit", daemon=True).start()


def _audit() -> None:
    try:
        keep()
    finally:
        connection.close()
        _auditing.release()


def keep() -> NightlyAudit | None:
    """Audit this night, mend, and keep what was found; None when another worker has begun it."""
    try:
        with transaction.atomic():
            night = NightlyAudit.objects.create(night=timezone.localdate())
    except IntegrityError:
        return None
    night.found = run(mend=True, cautious=True)
    night.finished_at = timezone.now()
    night.save()
    NightlyAudit.objects.filter(night__lt=timezone.localdate() - KEPT).delete()
    return night
