"""Packages in the store and in the database: what players open, and how the next one takes the place of the last."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from django.db.models.functions import Now

from media_pipeline import storage
from media_pipeline.models import AssetState, DocumentPage, MediaAsset, Package, Rendition, TextTrack
from media_pipeline.product import Product, Report

LAYOUT_SUFFIXES = {".m3u8", ".mpd"}


def store_files(asset: MediaAsset, product: Product, out: Path, report: Report) -> str:
    """Put the files under a prefix of their own, media first and manifests last. Keys are immutable: what a package
    already points to is left alone, and what it has lost is put back."""
    prefix = storage.package_prefix(asset.uid, f"{product.digest}{_layout(product, out)}")
    known = Package.objects.filter(prefix=prefix).exists()
    store, total, stored = storage.store(), sum(file.bytes for file in product.files) or 1, 0
    for file in product.files:
        if not (known and _is_whole(f"{prefix}{file.name}", file.bytes)):
            store.put_file(out / file.name, f"{prefix}{file.name}", file.content_type)
        stored += file.bytes
        report("store", stored / total)
    return prefix


def _is_whole(key: str, size: int) -> bool:
    try:
        return storage.store().size(key) == size
    except FileNotFoundError:
        return False


def _layout(product: Product, out: Path) -> str:
    """A name for where the bytes of each segment lie. Machines with other numbers of cores encode the same plan into
    other bytes, and manifests of one must never meet media of another."""
    names = sorted(file.name for file in product.files if Path(file.name).suffix in LAYOUT_SUFFIXES)
    if not names:
        return ""
    return "-" + hashlib.sha256(b"".join((out / name).read_bytes() for name in names)).hexdigest()[:8]


def lock(asset_id: int) -> MediaAsset | None:
    """The asset as it is now, kept from other writers until the transaction ends; None when it is gone. Whoever writes
    about several jobs of one asset locks it first, so that no two wait for each other."""
    return MediaAsset.objects.select_for_update().filter(pk=asset_id).first()


def publish(asset: MediaAsset, product: Product, prefix: str, *, complete: bool = True) -> Package:
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
            | {"height": r.height, "codecs": r.codecs, "sha256": r.sha256},
        )
    asset.packages.filter(current=True).exclude(prefix=prefix).update(current=False, replaced_at=Now())
    package, _made = Package.objects.update_or_create(
        prefix=prefix,
        defaults={"asset": asset, "current": True, "complete": complete, "replaced_at": None}
        | {"hls_key": key(product.hls), "dash_key": key(product.dash), "storyboard_key": key(product.storyboard)}
        | {"manifest": product.manifest},
    )
    if complete:
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
