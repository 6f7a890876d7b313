"""Whether database and store tell the same: every asset beside its objects, both read in the order of their ids.

``look`` only reads. What it finds may change while it reads, so each mender looks once more, under the asset's lock,
before it touches anything, and may be repeated.
"""

import hashlib
import heapq
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, Min, OuterRef, Prefetch, Q, QuerySet
from django.utils import timezone

from media_pipeline import leases, packages, storage, tasks
from media_pipeline.models import AssetState, DocumentPage, Job, MediaAsset, Package, Upload
from media_pipeline.storage import Stored

BATCH = 200
SETTLED = timedelta(hours=1)  # a row and its job are written together; what is older and has none lost it
HELD = storage.OF_ASSETS
CHANGED = "original-changed"  # as the job says it, when it reads such a file


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing amiss. ``where`` names it (a key, a prefix, an asset's uid); ``asset`` is the primary key of the asset
    it belongs to. ``mendable``: whether a mender of its ``kind`` may be asked."""

    kind: str
    where: str
    says: str
    remedy: str
    asset: int | None = None
    mendable: bool = False


def look(*, deep: bool = False) -> Iterator[Finding]:
    """All that is amiss between database and store. ``deep`` also reads the bytes of originals and of renditions whose
    hash is known. Raises errors.Failed when the store does not answer."""
    before = _in_flight_since()
    for uid, asset, objects in _side_by_side():
        if asset is None:
            yield from _of_nobody(uid, objects, before)
        else:
            yield from _original(asset, objects, deep=deep)
            yield from _package(asset, objects, deep=deep)
            yield from _unmentioned(asset, objects, before)
    yield from _unserved()
    yield from _jobs_of_nobody()


def mend(finding: Finding) -> bool:
    """Put right what ``finding`` says, or find that it is so no more. Whether anything was done."""
    return MENDERS[finding.kind](finding) if finding.mendable and finding.kind in MENDERS else False


def _in_flight_since() -> datetime:
    """What was written before belongs to nothing that is still on its way."""
    stale = timezone.now() - timedelta(hours=settings.UPLOAD_STALE_HOURS)
    upload = Upload.objects.filter(state=Upload.State.OPEN).aggregate(at=Min("created_at"))["at"]
    job = Job.objects.filter(state__in=leases.OPEN).aggregate(at=Min("created_at"))["at"]
    return min(at for at in (stale, upload, job) if at is not None)


# Both sides in step --------------------------------------------------------------------------------------------------
def _side_by_side() -> Iterator[tuple[str, MediaAsset | None, list[Stored]]]:
    rows = _assets().iterator(chunk_size=BATCH)
    asset = next(rows, None)
    for uid, objects in _by_uid():
        while asset is not None and asset.uid.hex < uid:
            yield asset.uid.hex, asset, []
            asset = next(rows, None)
        if asset is not None and asset.uid.hex == uid:
            yield uid, asset, objects
            asset = next(rows, None)
        else:
            yield uid, None, objects
    while asset is not None:
        yield asset.uid.hex, asset, []
        asset = next(rows, None)


def _assets() -> QuerySet[MediaAsset]:
    pictures = DocumentPage.objects.exclude(picture_key="").only("asset_id", "picture_key").order_by()
    return MediaAsset.objects.order_by("uid").prefetch_related(
        Prefetch("packages"), Prefetch("renditions"), Prefetch("pages", pictures)
    )


def _by_uid() -> Iterator[tuple[str, list[Stored]]]:
    store = storage.store()
    merged = heapq.merge(*(store.walk(folder) for folder in HELD), key=_uid)
    return ((uid, list(objects)) for uid, objects in groupby(merged, key=_uid))


def _uid(item: Stored) -> str:
    return item.key.split("/")[1]


# Of one asset --------------------------------------------------------------------------------------------------------
def _original(asset: MediaAsset, objects: list[Stored], *, deep: bool) -> Iterator[Finding]:
    key = asset.original_key
    found = next((item for item in objects if item.key == key), None)
    if found is None:
        if key and _still_missing(asset, key):
            yield _told(asset, "original-missing", key, "原文件不在存储里。", FROM_BACKUP)
    elif asset.bytes and found.bytes != asset.bytes:
        says = f"原文件应有 {asset.bytes} 字节，存储里是 {found.bytes} 字节。"
        yield _told(asset, "original-size", key, says, FROM_BACKUP, mendable=True)
    elif deep and asset.sha256 and _hash(key) not in ("", asset.sha256):
        yield _told(asset, "original-hash", key, "原文件的内容与上传时不同。", FROM_BACKUP, mendable=True)
    elif deep and asset.sha256 and asset.reason_code == CHANGED:
        MediaAsset.objects.filter(pk=asset.pk, reason_code=CHANGED).update(reason_code="", reason="")
    elif asset.reason_code == CHANGED:
        yield _told(asset, "original-hash", key, "原文件的内容与上传时不同。", FROM_BACKUP)


def _package(asset: MediaAsset, objects: list[Stored], *, deep: bool) -> Iterator[Finding]:
    """What players open now. What an open job is making again is not looked at."""
    package = next((one for one in asset.packages.all() if one.current), None)
    if package is None or asset.state != AssetState.PUBLISHED:
        return
    sizes = {item.key: item.bytes for item in objects}
    gone = sorted(_expected(asset, package) - sizes.keys())
    made = [r for r in asset.renditions.all() if r.key.startswith(package.prefix) and r.key in sizes]
    held = Counter[str]()  # the tracks of a film lie in one file
    for rendition in made:
        held[rendition.key] += rendition.bytes
    cut = [key for key, size in held.items() if sizes[key] < size]
    hashes = {r.key: r.sha256 for r in made if r.sha256 and r.key not in cut} if deep else {}
    wrong = [key for key, known in hashes.items() if _hash(key) not in ("", known)]
    if not (gone or cut or wrong) or asset.jobs.filter(kind__in=leases.ROUND, state__in=leases.OPEN).exists():
        return
    whole = bool(asset.original_key in sizes)
    remedy = "会由原文件重新制作。" if whole else FROM_BACKUP
    if gone := [key for key in gone if not storage.store().exists(key)]:
        says = f"可播放的文件缺 {len(gone)} 个，例如 {gone[0]}。"
        yield _told(asset, "package-missing", package.prefix, says, remedy, mendable=whole)
    if cut:
        yield _told(asset, "package-size", cut[0], "可播放的文件大小不对。", remedy, mendable=whole)
    for key in wrong:
        yield _told(asset, "package-hash", key, "可播放的文件内容与制作时不同。", remedy, mendable=whole)


def _expected(asset: MediaAsset, package: Package) -> set[str]:
    """The keys of the package that the database names."""
    named = {package.hls_key, package.dash_key, package.storyboard_key, asset.poster_key}
    named |= {r.key for r in asset.renditions.all()} | {page.picture_key for page in asset.pages.all()}
    named |= {f"{package.prefix}{one['name']}" for one in package.manifest.get("pictures", ())}
    named |= {f"{package.prefix}{name}" for name in (package.manifest.get("hls") or {}).values() if name}
    return {key for key in named if key.startswith(package.prefix)}


def _unmentioned(asset: MediaAsset, objects: list[Stored], before: datetime) -> Iterator[Finding]:
    places = {_place(item.key) for item in objects if item.modified < before}
    prefixes = {package.prefix for package in asset.packages.all()}
    for place in sorted(places - prefixes - {asset.original_key}):
        if not _is_needed(asset, place):
            yield _told(asset, "orphan", place, "存储里有数据库不认识的文件。", SWEPT, mendable=True)


def _place(key: str) -> str:
    """An original is alone; what was made lies together under the first folder of its asset."""
    folder, uid, *rest = key.split("/")
    return key if folder == "originals" or len(rest) < 2 else f"{folder}/{uid}/{rest[0]}/"


def _is_needed(asset: MediaAsset, place: str) -> bool:
    if asset.original_key == place or asset.packages.filter(prefix=place).exists():
        return True
    coming = Upload.objects.filter(key=place, state=Upload.State.OPEN).exists()
    parts = Job.objects.filter(place=place).exclude(state__in=["done", "cancelled"]).exists()
    return coming or parts or asset.jobs.filter(state__in=leases.OPEN).exists()


def _of_nobody(uid: str, objects: list[Stored], before: datetime) -> Iterator[Finding]:
    if all(item.modified < before for item in objects) and not _is_known(uid, objects):
        for folder in sorted({item.key.split("/")[0] for item in objects}):
            yield Finding("orphan", f"{folder}/{uid}/", "存储里有数据库不认识的文件。", SWEPT, mendable=True)


def _is_known(uid: str, objects: list[Stored]) -> bool:
    keys = [item.key for item in objects if item.key.startswith("originals/")]
    coming = Upload.objects.filter(key__in=keys, state=Upload.State.OPEN)
    return coming.exists() or _asset_of(uid) is not None


def _asset_of(uid: str) -> MediaAsset | None:
    hexadecimal = len(uid) == 32 and set(uid) <= set("0123456789abcdef")
    return MediaAsset.objects.filter(uid=uid).first() if hexadecimal else None


def _still_missing(asset: MediaAsset, key: str) -> bool:
    """The listing and the row were read at different moments."""
    now = MediaAsset.objects.filter(pk=asset.pk, original_key=key).exists()
    return now and not storage.store().exists(key)


def _hash(key: str) -> str:
    """SHA-256 of an object; "" when it went meanwhile."""
    digest, store = hashlib.sha256(), storage.store()
    try:
        with store.open(key, patient=True) as file:
            while chunk := file.read(storage.CHUNK_BYTES):
                digest.update(chunk)
    except FileNotFoundError:
        return ""
    return digest.hexdigest()


# Work that nobody does -----------------------------------------------------------------------------------------------
def unserved() -> QuerySet[MediaAsset]:
    """Assets that wait for a job which is not there: not playable yet, without a package, or with a new original."""
    open_jobs = Job.objects.filter(asset=OuterRef("pk"), state__in=leases.OPEN)
    shown = Package.objects.filter(asset=OuterRef("pk"), current=True)
    half = Package.objects.filter(asset=OuterRef("pk"), current=True, complete=False)
    unfinished = Q(state__in=[AssetState.RECEIVED, AssetState.CHECKED, AssetState.PROCESSING])
    broken = Q(state=AssetState.PUBLISHED) & (~Exists(shown) | Exists(half) | Q(sha256=""))
    return MediaAsset.objects.filter(
        ~Exists(open_jobs), unfinished | broken, reason_code="", created_at__lt=timezone.now() - SETTLED
    ).exclude(original_key="")


def _unserved() -> Iterator[Finding]:
    for asset in unserved().order_by("pk").iterator(chunk_size=BATCH):
        says = f"“{asset}”的状态是“{asset.get_state_display()}”，但没有任务在做。"
        yield _told(asset, "unserved", asset.uid.hex, says, "会重新排队。", mendable=True)


def _jobs_of_nobody() -> Iterator[Finding]:
    gone = Job.objects.filter(~Exists(MediaAsset.objects.filter(pk=OuterRef("asset_id"))))
    for pk in gone.values_list("pk", flat=True).iterator():
        yield Finding("job-of-nobody", str(pk), "任务所属的媒体已不存在。", "会删除这个任务。", mendable=True)


# Menders -------------------------------------------------------------------------------------------------------------
def _make_again(finding: Finding) -> bool:
    with transaction.atomic():
        asset = packages.lock(finding.asset or 0)
        if asset is None:
            return False
        tasks.enqueue(asset)
    return True


def _drop_and_make_again(finding: Finding) -> bool:
    """The bytes are wrong and the size is right, so the file would be taken for whole."""
    storage.store().delete(finding.where)
    return _make_again(finding)


def _mark(finding: Finding) -> bool:
    """Tell whoever opens the asset. What can be played goes on; nothing can be made of the original any more."""
    says = "原文件与上传时不一致，可能已损坏。请从备份恢复，或重新上传。"
    rows = MediaAsset.objects.filter(pk=finding.asset or 0).exclude(reason_code=CHANGED)
    return bool(rows.update(reason_code=CHANGED, reason=says))


def _remove_orphan(finding: Finding) -> bool:
    uid = finding.where.split("/")[1]
    with transaction.atomic():
        found = _asset_of(uid)
        asset = packages.lock(found.pk) if found else None
        if asset is None and Upload.objects.filter(key__startswith=finding.where, state=Upload.State.OPEN).exists():
            return False
        if asset is not None and (_is_needed(asset, finding.where) or finding.where == f"originals/{uid}/"):
            return False
        store = storage.store()
        if finding.where.endswith("/"):
            store.delete_prefix(finding.where)
        else:
            store.delete(finding.where)
    return True


def _remove_job(finding: Finding) -> bool:
    return bool(Job.objects.filter(pk=int(finding.where))._raw_delete("default"))


MENDERS: dict[str, Callable[[Finding], bool]] = {
    "original-size": _mark,
    "original-hash": _mark,
    "package-missing": _make_again,
    "package-size": _make_again,
    "package-hash": _drop_and_make_again,
    "orphan": _remove_orphan,
    "unserved": _make_again,
    "job-of-nobody": _remove_job,
}

FROM_BACKUP = "请从备份恢复这个文件，或者重新上传。"
SWEPT = "会被删除；要留下它，请先复制到别处。"


def _told(  # noqa: PLR0913  a finding in the asset's name
    asset: MediaAsset, kind: str, where: str, says: str, remedy: str, *, mendable: bool = False
) -> Finding:
    return Finding(kind, where, f"“{asset}”：{says}", remedy, asset.pk, mendable)
