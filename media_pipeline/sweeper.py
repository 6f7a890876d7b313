"""What every worker does from time to time so that nothing is forgotten and nothing piles up."""

import logging
import time
from collections.abc import Iterable
from datetime import timedelta

from allauth.account.models import EmailConfirmation
from django.conf import settings
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

from accounts import devices
from media_pipeline import jobs, leases, packages, storage, tallies, tasks, uploads, workplace
from media_pipeline.models import Job, JobState, MediaAsset, Package, Worker
from media_pipeline.periodic import every

KEPT = timedelta(days=1)  # a package that was replaced: whoever was watching has finished
PARTS_KEPT = timedelta(days=7)  # parts of a film that failed, for a retry
FEW, SHARE = 20, 0.1  # what chance can lose: so many, or this part of all assets
RING_SECONDS, IDLE_RING_SECONDS = 60.0, 4.0
"""After which a job that nobody took is rung for again; sooner where a worker is idle, for then its bell is lost: with
a worker that was killed, or among what a busy one has fetched ahead."""
SUSPECT_SECONDS = 1800.0  # an object may be in the store a while before the row that mentions it

logger = logging.getLogger(__name__)
_suspected: dict[str, float] = {}  # prefixes that no row mentions, and when they were first seen


@every(seconds=2, name="jobs")
def tend_jobs() -> None:
    """Take jobs from dead workers, and tell the living of jobs they have not heard of."""
    leases.requeue_expired()
    for queue in leases.unheard(again_after=IDLE_RING_SECONDS if jobs.idle() else RING_SECONDS):
        tasks.ring(queue)


@every(seconds=600, name="uploads")
def tend_uploads() -> None:
    uploads.sweep()


@every(seconds=600, name="work directories")
def tend_work_dirs() -> None:
    workplace.sweep()


@every(seconds=3600, name="old packages")
def remove_old_packages() -> int:
    """Remove packages that were replaced more than a day ago, unless somebody is making that very one again. How
    many."""
    removed = 0
    for package in Package.objects.filter(current=False, replaced_at__lt=timezone.now() - KEPT):
        with transaction.atomic():
            asset = packages.lock(package.asset_id)
            still_old = Package.objects.filter(pk=package.pk, current=False).exists()
            if asset is None or not still_old or asset.jobs.filter(state__in=leases.OPEN).exists():
                continue
            storage.store().delete_prefix(package.prefix)
            package.delete()
            removed += 1
    return removed


@every(seconds=3600, name="orphaned objects")
def remove_orphans(*, suspect_seconds: float = SUSPECT_SECONDS) -> int:
    """Remove objects that no row mentions: what killed or late workers left behind. How many prefixes.

    Assets that nobody worked on since yesterday are not looked at again; of assets that are gone, everything is."""
    found = _remains_of_the_gone(suspect_seconds) + _remains_of_parts()
    recent = Job.objects.filter(finished_at__gt=timezone.now() - 2 * KEPT).values_list("asset", flat=True).distinct()
    return found + sum(_remove_unmentioned(pk) for pk in recent)


def _remains_of_the_gone(suspect_seconds: float) -> int:
    store = storage.store()
    unknown = {
        f"{folder}/{uid}"
        for folder in ("packages", "work", "originals")
        for uid in _without_rows(store.folders(folder))
    }
    for prefix in list(_suspected):
        if prefix not in unknown:
            del _suspected[prefix]
    now = time.monotonic()
    ripe = [prefix for prefix in unknown if now - _suspected.setdefault(prefix, now) >= suspect_seconds]
    if len(ripe) > most_by_chance():
        logger.error("%s folders of the store belong to no asset of this database; none was removed", len(ripe))
        return 0
    for prefix in ripe:
        store.delete_prefix(prefix)
    return len(ripe)


def most_by_chance() -> float:
    """What killed workers may leave behind. More than that is a store or a database that is not ours, or an older copy
    of one, and nothing is removed by itself: ``manage.py audit --mend`` does it when somebody is sure."""
    return max(FEW, SHARE * MediaAsset.objects.count())


def _without_rows(uids: Iterable[str]) -> list[str]:
    names, missing = list(uids), []
    for start in range(0, len(names), 500):
        some = names[start : start + 500]
        known = {uid.hex for uid in MediaAsset.objects.filter(uid__in=some).values_list("uid", flat=True)}
        missing += [name for name in some if name not in known]
    return missing


def _remains_of_parts() -> int:
    """Parts of films that are joined, made in another way, or failed long ago."""
    store, removed = storage.store(), 0
    for uid in store.folders("work"):
        for asset in MediaAsset.objects.filter(uid=uid):
            with transaction.atomic():
                packages.lock(asset.pk)  # no job can begin meanwhile
                if asset.jobs.filter(state__in=leases.OPEN).exists():
                    continue
                removed += sum(_remove_parts(f"work/{uid}/{digest}/") for digest in store.folders(f"work/{uid}"))
    return removed


def _remove_parts(place: str) -> bool:
    failed = Job.objects.filter(place=place, state=JobState.FAILED, finished_at__gt=timezone.now() - PARTS_KEPT)
    if failed.exists():
        return False
    storage.store().delete_prefix(place)
    return True


def _remove_unmentioned(pk: int) -> int:
    """Packages of one asset that no row mentions, unless somebody is working on it."""
    store, removed = storage.store(), 0
    with transaction.atomic():
        asset = packages.lock(pk)
        if asset is None or asset.jobs.filter(state__in=leases.OPEN).exists():
            return 0
        known = set(asset.packages.values_list("prefix", flat=True))
        for digest in store.folders(f"packages/{asset.uid.hex}"):
            prefix = storage.package_prefix(asset.uid, digest)
            if prefix not in known:
                store.delete_prefix(prefix)
                removed += 1
    return removed


@every(seconds=3600, name="old sessions")
def forget_sessions() -> None:
    """What people signed in with, or were on the way to, and that is over."""
    call_command("clearsessions")
    devices.sweep()
    EmailConfirmation.objects.delete_expired_confirmations()


@every(seconds=6 * 3600, name="task results")
def prune_task_results() -> None:
    """With a broker none are kept, and the command refuses."""
    if not settings.TASKS_URL:
        call_command("prune_db_task_results", verbosity=0)


@every(seconds=3600, name="past days")
def forget_past_days() -> None:
    """Sums of days long past, and workers that ended without a word."""
    tallies.sweep()
    Worker.objects.filter(seen_at__lt=timezone.now() - KEPT).delete()
