"""How far the work on an asset is, for those who wait for it: in words, as a percentage that never goes back, with the
time left, each step, and what to do when something went wrong."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from media_pipeline.leases import OPEN, PARTS, ROUND
from media_pipeline.models import AssetState, Job, JobKind, JobState, MediaAsset, Package

# Shares of the whole for a film in parts; of a short one, its only job tells everything.
LOOK, JOINING = 0.05, 0.05
SIDES_WEIGHT = 0.15  # of what the pictures weigh


@dataclass(frozen=True, slots=True)
class Step:
    """One step of one attempt at one job. ``part`` is the number of the span from 1, None where there are none;
    ``seconds`` 0 while it goes on; ``note`` says what went wrong."""

    job: int
    name: str
    part: int | None
    attempt: int
    at: datetime
    seconds: float
    note: str


@dataclass(frozen=True, slots=True)
class Follow:
    """``state`` is the asset's, ``words`` a sentence about it; ``percent`` 0..100; ``seconds_left`` None when nobody
    can know; ``reason`` says what went wrong and ``remedy`` what to do; ``watchable``: there is something to play."""

    state: str
    words: str
    percent: int
    seconds_left: float | None
    steps: tuple[Step, ...]
    reason_code: str
    reason: str
    remedy: str
    watchable: bool
    busy: bool
    can_retry: bool


def follow(asset: MediaAsset) -> Follow:
    """The work on one asset, with its steps."""
    jobs = list(Job.objects.filter(asset=asset).order_by("pk"))
    package = asset.packages.filter(current=True).only("complete").first()
    return _told(asset, jobs, package.complete if package else None)


def follow_all(assets: Iterable[MediaAsset]) -> dict[int, Follow]:
    """The same for a list, by primary key, in two queries; jobs of work that is done and past are left out."""
    assets = list(assets)
    pks = [asset.pk for asset in assets]
    jobs: dict[int, list[Job]] = {pk: [] for pk in pks}
    for job in Job.objects.filter(asset__in=pks).order_by("pk").defer("log"):
        jobs[job.asset_id].append(job)
    shown = dict(Package.objects.filter(asset__in=pks, current=True).values_list("asset", "complete"))
    return {asset.pk: _told(asset, jobs[asset.pk], shown.get(asset.pk), steps=False) for asset in assets}


def _told(asset: MediaAsset, jobs: list[Job], complete: bool | None, *, steps: bool = True) -> Follow:
    latest = _latest(jobs)
    busy = [job for job in latest if job.state in OPEN]
    failed = bool(asset.reason_code) and not busy
    done = asset.state == AssetState.PUBLISHED and not busy and bool(complete or not latest)
    sentence, stop, remedy = asset.reason.partition("。")
    over = done or asset.state == AssetState.REJECTED
    return Follow(
        state=asset.state,
        words=_words(asset, latest, busy, complete, alone=steps),
        percent=100 if over else min(99, int(100 * progress(latest))),
        seconds_left=_seconds_left(latest) if busy else None,
        steps=tuple(step for job in jobs for step in _steps(job)) if steps else (),
        reason_code=asset.reason_code,
        reason=sentence + stop,
        remedy=remedy,
        watchable=complete is not None and asset.state == AssetState.PUBLISHED,
        busy=bool(busy),
        can_retry=not busy and (asset.state == AssetState.FAILED or (failed and asset.state == AssetState.PUBLISHED)),
    )


def _latest(jobs: list[Job]) -> list[Job]:
    """The latest round; a film that turned out not to be divisible goes on where its parts were given up."""
    mine = [job for job in jobs if job.kind in ROUND]
    begins = max((n for n, job in enumerate(mine) if job.kind == JobKind.MAKE), default=0)
    return mine[begins:]


def progress(latest: list[Job]) -> float:
    """0..1 over the jobs of one round. Each job's own never goes back, and the shares do not change on the way."""
    parts = [job for job in latest if job.kind in PARTS]
    whole = next((job for job in latest if job.kind == JobKind.WHOLE), None)
    if not parts:
        return max((job.progress for job in latest), default=0.0)
    reached = LOOK + (1 - LOOK - JOINING) * _parts_progress(parts)
    reached += JOINING * sum(job.progress for job in latest if job.kind == JobKind.JOIN)
    return max(reached, whole.progress) if whole else reached


def _parts_progress(parts: list[Job]) -> float:
    weights = [SIDES_WEIGHT * len(parts) if job.kind == JobKind.SIDES else 1.0 for job in parts]
    done = sum(weight * job.progress for weight, job in zip(weights, parts, strict=True))
    return done / sum(weights)


def _seconds_left(latest: list[Job]) -> float | None:
    """By the speed so far: of the one job's attempt, or of all parts together since the first began."""
    parts = [job for job in latest if job.kind in PARTS]
    if not parts or any(job.kind == JobKind.WHOLE for job in latest):
        running = [job for job in latest if job.state == JobState.RUNNING]
        return running[-1].seconds_left if running else None
    began = min((job.started_at for job in parts if job.started_at), default=None)
    done = _parts_progress(parts)
    if began is None or done < LOOK:
        return None
    return (timezone.now() - began).total_seconds() * (1 - done) / done


def _words(asset: MediaAsset, latest: list[Job], busy: list[Job], complete: bool | None, *, alone: bool) -> str:
    watchable = complete is not None and asset.state == AssetState.PUBLISHED
    if watchable and busy:
        return _("可先观看，其余画质制作中") if not complete else _("可观看，新的版本制作中")
    if watchable and asset.reason_code:
        return _("可先观看，其余画质没有做成") if not complete else _("可观看，新的版本没有做成")
    if busy and all(job.state == JobState.QUEUED and not job.started_at for job in busy):
        return _ahead(busy[0]) if alone else _("排队中")
    if busy and all(job.state == JobState.QUEUED for job in busy) and any(job.failures for job in busy):
        return _("遇到问题，稍后自动重试")
    if busy:
        return _working(latest, busy)
    return asset.get_state_display()


def _ahead(job: Job) -> str:
    waiting = Job.objects.filter(state=JobState.QUEUED, queue=job.queue).exclude(asset=job.asset_id)
    before = Q(priority__gt=job.priority) | Q(priority=job.priority, rank__lt=job.rank)
    count = waiting.filter(before).values("asset").distinct().count()
    return _("排队中，前面还有 %(count)s 个") % {"count": count} if count else _("排队中，马上开始")


def _working(latest: list[Job], busy: list[Job]) -> str:
    pictures = [job for job in latest if job.kind == JobKind.PICTURES]
    made = sum(job.state == JobState.DONE for job in pictures)
    if pictures and made < len(pictures) and not any(job.kind == JobKind.WHOLE for job in busy):
        return _("分段制作中，已完成 %(made)s/%(all)s 段") % {"made": made, "all": len(pictures)}
    running = [job for job in busy if job.state == JobState.RUNNING]
    return step_name(running[0].step) if running and running[0].step else _("等待继续")


def step_name(step: str) -> str:
    """What a step is called; one that has no name of its own is the work as such."""
    names = {
        "fetch": _("读取原文件"),
        "check": _("核对原文件"),
        "scan": _("安全检查"),
        "probe": _("检查格式"),
        "tune": _("分析画面"),
        "encode": _("转码中"),
        "pages": _("制作页面"),
        "pictures": _("制作图片"),
        "verify": _("核对结果"),
        "package": _("整理文件"),
        "join": _("合并分段"),
        "store": _("保存结果"),
    }
    return names.get(step, _("处理中"))


def _steps(job: Job) -> Iterable[Step]:
    part = job.span + 1 if job.kind == JobKind.PICTURES else None
    for line in job.log:
        at = datetime.fromisoformat(line["at"])
        kind = "" if job.kind in (JobKind.MAKE, JobKind.WHOLE) else f"{job.get_kind_display()} · "
        name = f"{kind}{step_name(line['step'])}"
        yield Step(job.pk, name, part, line["attempt"], at, line["seconds"], line["note"])
