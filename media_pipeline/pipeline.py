"""From an original to something one can open: the story on one page.

Every step may be repeated: names are deterministic, files are written before the rows that mention them, and the rows
are written in one transaction together with the end of the job. Killed anywhere, the next attempt ends the same.
"""

import fcntl
import hashlib
import logging
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.dispatch import Signal

from media_pipeline import storage
from media_pipeline.errors import Failed, Refused
from media_pipeline.models import AssetState, DocumentPage, MediaAsset, Package, Rendition, TextTrack
from media_pipeline.produce import produce
from media_pipeline.product import Product, Report
from media_pipeline.signals import asset_ready

logger = logging.getLogger(__name__)

Confirm = Callable[[float | None], None]
"""Called with the CPU seconds spent, inside the transaction that publishes; may raise to undo it."""

FETCHED, STORED = 0.05, 0.95  # of the whole; what lies between is making


def process(asset: MediaAsset, report: Report, confirm: Confirm = lambda cpu_seconds: None) -> Package:
    """Make ``asset`` playable. Raises Refused when the file is to blame and Failed when something around it is;
    whatever ``report`` and ``confirm`` raise passes through."""
    with work_dir(asset.uid) as work:
        try:
            report("fetch", 0.0)
            if not storage.store().exists(asset.original_key or "none"):
                raise Refused("original-missing", "找不到原文件。", "请重新上传。")
            with storage.local_copy(asset.original_key, work) as source:
                identify(asset, source, report)
                out = work / "out"
                out.mkdir()
                product = produce(source, out, report=_part(report, FETCHED, STORED), name=asset.filename)
                prefix = store_files(asset, product, out, _part(report, STORED, 1.0))
            with transaction.atomic():
                package = publish_rows(asset, product, prefix)
                confirm(product.cpu_seconds)
                transaction.on_commit(partial(tell, asset_ready, asset))
        except OSError as error:
            raise Failed("disk", f"读写文件失败（{error.strerror or error}）。", "请检查磁盘和存储。") from error
    return package


def identify(asset: MediaAsset, source: Path, report: Report) -> None:
    """Fix the identity of the original: its hash and size, before anything is made of it."""
    with source.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if asset.sha256 and asset.sha256 != sha256:
        raise Refused("original-changed", "原文件与上传时不一致，可能已损坏。", "请重新上传。")
    asset.sha256, asset.bytes = sha256, source.stat().st_size
    asset.state, asset.reason_code, asset.reason = _while_working(asset), "", ""
    asset.save(update_fields=["sha256", "bytes", "state", "reason_code", "reason"])
    report("check", FETCHED)


def store_files(asset: MediaAsset, product: Product, out: Path, report: Report) -> str:
    """Put the files under the prefix of their digest, media first and manifests last. Keys are immutable: what a
    package already points to is left alone."""
    prefix = storage.package_prefix(asset.uid, product.digest)
    if Package.objects.filter(prefix=prefix).exists():
        return prefix
    store, total, stored = storage.store(), sum(file.bytes for file in product.files) or 1, 0
    for file in product.files:
        store.put_file(out / file.name, f"{prefix}{file.name}", file.content_type)
        stored += file.bytes
        report("store", stored / total)
    return prefix


def publish_rows(asset: MediaAsset, product: Product, prefix: str) -> Package:
    """Say in the database what was made. Inside a transaction."""

    def key(name: str) -> str:
        return f"{prefix}{name}" if name else ""

    asset.renditions.exclude(source_sha256=asset.sha256, spec__in=[r.spec for r in product.renditions]).delete()
    for r in product.renditions:
        Rendition.objects.update_or_create(
            asset=asset,
            spec=r.spec,
            source_sha256=asset.sha256,
            defaults={"key": key(r.name), "bytes": r.bytes, "bitrate": r.bitrate, "width": r.width}
            | {"height": r.height, "codecs": r.codecs},
        )
    asset.packages.exclude(prefix=prefix).update(current=False)
    package, _made = Package.objects.update_or_create(
        prefix=prefix,
        defaults={"asset": asset, "current": True, "hls_key": key(product.hls), "dash_key": key(product.dash)}
        | {"storyboard_key": key(product.storyboard), "manifest": product.manifest},
    )
    _publish_text(asset, product, key)
    asset.media_type, asset.facts, asset.poster_key = product.media_type, product.facts, key(product.poster)
    asset.duration, asset.width, asset.height = product.duration, product.width, product.height
    asset.state, asset.reason_code, asset.reason = AssetState.PUBLISHED, "", ""
    asset.save(
        update_fields=[
            *("media_type", "facts", "poster_key", "duration", "width", "height"),
            *("state", "reason_code", "reason"),
        ]
    )
    return package


def _publish_text(asset: MediaAsset, product: Product, key: Callable[[str], str]) -> None:
    """Pages are the file's own and replaced; a track that a person set stays before one found inside the film."""
    asset.pages.all().delete()
    DocumentPage.objects.bulk_create(
        DocumentPage(
            asset=asset,
            number=page.number,
            title=page.title[:255],
            text=page.text,
            html=page.html,
            picture_key=key(page.picture),
            width=page.width,
            height=page.height,
        )
        for page in product.pages
    )
    for kind, language, cues in product.tracks:
        TextTrack.objects.get_or_create(asset=asset, kind=kind, language=language, defaults={"cues": cues})


def tell(signal: Signal, asset: MediaAsset) -> None:
    """Send news upward. A receiver in trouble does not undo what was done here."""
    for receiver, answer in signal.send_robust(sender=MediaAsset, asset=asset):
        if isinstance(answer, Exception):
            logger.error("%s after asset %s", receiver, asset.pk, exc_info=answer)


@contextmanager
def work_dir(uid: UUID) -> Iterator[Path]:
    """A directory for one attempt, removed at its end. It is locked while in use, so that ``sweep_work_dirs`` knows
    which ones were left behind by a killed worker."""
    root = Path(settings.MEDIA_WORK_DIR)
    root.mkdir(parents=True, exist_ok=True)
    path = Path(tempfile.mkdtemp(prefix=f"{uid.hex}-", dir=root))
    with (path / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)


def sweep_work_dirs() -> int:
    """Remove working directories that nobody holds. How many."""
    removed = 0
    for lock_path in Path(settings.MEDIA_WORK_DIR).glob("*/.lock"):
        try:
            if time.time() - lock_path.stat().st_mtime < 60:  # its owner may be about to lock it
                continue
            with lock_path.open() as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock_path.parent, ignore_errors=True)
                removed += 1
        except (BlockingIOError, FileNotFoundError):
            continue
    return removed


def forget(uid: UUID) -> None:
    """Remove every object of an asset that is gone."""
    for folder in ("packages", "originals", "parts"):
        storage.store().delete_prefix(f"{folder}/{uid.hex}")


def _while_working(asset: MediaAsset) -> str:
    """What can be played stays playable while it is made anew."""
    return asset.state if asset.state == AssetState.PUBLISHED else AssetState.PROCESSING


def _part(report: Report, start: float, end: float) -> Report:
    """A report for one part of the work, on the scale of the whole."""
    return lambda step, progress: report(step, start + (end - start) * progress)
