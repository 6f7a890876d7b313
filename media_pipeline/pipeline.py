"""From an original to something one can open: the story on one page.

A short film is made in one go. A long one is looked at and cut; its parts are made by whoever is free, meet under a
prefix of their own in the store, and whoever ends last has them joined. Before either, a first rung is shown where that
takes little.

Every step may be repeated: names are deterministic, files are written before the rows that mention them, and the rows
are written in one transaction together with the end of the job. Killed anywhere, the next attempt ends the same.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction

from media_pipeline import (
    chunks,
    film,
    first,
    leases,
    packages,
    produce,
    profiles,
    scanners,
    storage,
    tracks,
    transcribers,
    workplace,
)
from media_pipeline.cage import Cage
from media_pipeline.chunks import Sheet
from media_pipeline.errors import Failed, Refused
from media_pipeline.film import Made, Part
from media_pipeline.formats import cmaf, poster
from media_pipeline.models import AssetState, Job, JobKind, MediaAsset, Package
from media_pipeline.product import Product, Report
from media_pipeline.signals import asset_ready, tell
from media_pipeline.work import Work

Confirm = Callable[[float | None], None]
"""Called with the CPU seconds spent, inside the transaction that ends the work; may raise to undo it."""

PROFILE = "default"
FETCHED, SHOWN, STORED = 0.05, 0.10, 0.95  # of the whole; what lies between is making
SHEET, DONE = "sheet.json", "done.json"


@dataclass(frozen=True, slots=True)
class Errand:
    """One attempt at one job, in a directory of its own."""

    job: Job
    asset: MediaAsset
    room: Path
    report: Report
    confirm: Confirm


def process(job: Job, report: Report, confirm: Confirm = lambda cpu_seconds: None) -> None:
    """Do what ``job`` asks for. Raises Refused when the file is to blame and Failed when something around it is;
    whatever ``report`` and ``confirm`` raise passes through."""
    with workplace.work_dir(job.asset.uid) as room:
        try:
            DO[job.kind](Errand(job, job.asset, room, report, confirm))
        except OSError as error:
            raise Failed("disk", f"读写文件失败（{error.strerror or error}）。", "请检查磁盘和存储。") from error


# A file in one go, or looked at and cut -----------------------------------------------------------------------------
def _make(errand: Errand) -> None:
    asset, started = errand.asset, time.monotonic()
    errand.report("fetch", 0.0)
    with workplace.original(asset) as source:
        identify(errand, source)
        scanners.scan(source, asset.filename)
        out = errand.room / "out"
        report = _part(errand.report, SHOWN, STORED)
        work = produce.begin(source, out, profile=PROFILE, report=report, name=asset.filename, sha256=asset.sha256)
        if errand.job.kind == JobKind.MAKE and chunks.is_long(work.facts, settings.MEDIA_WHOLE_SECONDS):
            _cut(errand, work)
            return
        _show_first(errand, work, settings.MEDIA_FIRST_SECONDS)
        product = produce.MAKERS[work.facts.media_type](work)
        product = produce.finish(work, product, time.monotonic() - started)
    _publish(errand, product, out)


def identify(errand: Errand, source: Path) -> None:
    """Fix the identity of the original: its hash and size, before anything is made of it. Raises LeaseLost when the job
    is somebody else's by now, who may have published it already."""
    asset = errand.asset
    with source.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if asset.sha256 and asset.sha256 != sha256:
        raise Refused("original-changed", "原文件与上传时不一致，可能已损坏。", "请重新上传。")
    with transaction.atomic():
        now = packages.lock(asset.pk)
        if now is None or not leases.is_open(errand.job):
            raise leases.LeaseLost(f"job {errand.job.pk}")
        asset.sha256, asset.bytes = sha256, source.stat().st_size
        asset.state, asset.reason_code, asset.reason = _while_working(now), "", ""
        asset.save(update_fields=["sha256", "bytes", "state", "reason_code", "reason"])
    errand.report("check", FETCHED)


def _cut(errand: Errand, work: Work) -> None:
    """Write the sheet, then the jobs for the parts, with which this one ends."""
    asset = errand.asset
    _show_first(errand, work, 0.0, only_copied=True)
    planned = produce.plan_film(work)
    spans = chunks.cut(planned, work.facts, settings.MEDIA_SPAN_SECONDS)
    sheet = Sheet(work.facts, planned, work.sha256, PROFILE, spans)
    place = storage.work_prefix(asset.uid, planned.digest)
    storage.store().put_bytes(json.dumps(chunks.to_json(sheet)).encode(), place + SHEET, "application/json")
    with transaction.atomic():
        packages.lock(asset.pk)
        errand.confirm(work.cage.cpu_seconds)
        if not _is_shown(asset):
            leases.add(errand.job, JobKind.FIRST, place=place)
        seconds = work.facts.duration or 0.0
        turn = leases.rank(asset.owner, seconds)
        leases.add(errand.job, JobKind.SIDES, place=place, seconds=seconds, turn=turn)
        leases.add(errand.job, JobKind.PICTURES, place=place, seconds=seconds, turn=turn, spans=len(spans))


# A first rung, to be watched while the rest is made -----------------------------------------------------------------
def _show_first(errand: Errand, work: Work, longer_than: float, *, only_copied: bool = False) -> None:
    """Publish one rung at once, when nothing is shown yet and the film is long enough for anyone to wait for it."""
    facts, asset = work.facts, errand.asset
    if not facts.video or (facts.duration or 0.0) <= longer_than or _is_shown(asset):
        return
    out = errand.room / "first"
    report = _part(errand.report, FETCHED, SHOWN)
    product = first.make(work, out, report, only_copied=only_copied)
    if product is None:
        return
    prefix = packages.store_files(asset, product, out, lambda step, done: None)
    with transaction.atomic():
        packages.lock(asset.pk)
        if not leases.is_open(errand.job) or _is_shown(asset):
            return
        packages.publish(asset, product, prefix, complete=False)
        transaction.on_commit(partial(tell, asset_ready, asset))


def _first(errand: Errand) -> None:
    sheet = _sheet(errand)
    with workplace.original(errand.asset) as source:
        work = _work(errand, sheet, source, errand.room / "out")
        _show_first(errand, work, 0.0)
    with transaction.atomic():
        packages.lock(errand.asset.pk)
        errand.confirm(work.cage.cpu_seconds)


def _is_shown(asset: MediaAsset) -> bool:
    """Whether people can already watch what this original holds."""
    return asset.packages.filter(current=True).exists() and asset.renditions.filter(source_sha256=asset.sha256).exists()


# The parts of a long film -------------------------------------------------------------------------------------------
def _sides(errand: Errand) -> None:
    _make_part(errand, film.Sides(), "sides")


def _pictures(errand: Errand) -> None:
    number = errand.job.span
    _make_part(errand, _sheet(errand).spans[number], _span_name(number))


def _make_part(errand: Errand, part: Part, name: str) -> None:
    """Make one part unless it is there; whoever ends the last one has them joined."""
    sheet, asset, cpu_seconds = _sheet(errand), errand.asset, 0.0
    if not _is_made(errand.job.place, name, sheet):
        with workplace.original(asset) as source:
            out = errand.room / "out"
            work = _work(errand, sheet, source, out)
            made = film.encode(work, sheet.planned, part)
            _store_part(errand.job.place, name, out, sheet, made)
            cpu_seconds = work.cage.cpu_seconds
    with transaction.atomic():
        packages.lock(asset.pk)
        errand.confirm(cpu_seconds)
        if not leases.open_parts(asset).exists():
            job = errand.job
            leases.add(job, JobKind.JOIN, place=job.place, seconds=job.seconds, turn=job.rank)


def _store_part(place: str, name: str, out: Path, sheet: Sheet, made: Made) -> None:
    """Files first, then the mark that they are there and of which sheet."""
    store = storage.store()
    files = sorted(path for path in out.iterdir() if path.is_file())
    for path in files:
        store.put_file(path, f"{place}{name}/{path.name}", storage.content_type(path.name))
    mark = {"sheet": _fingerprint(sheet), "made": film.to_json(made), "files": [path.name for path in files]}
    store.put_bytes(json.dumps(mark).encode(), f"{place}{name}/{DONE}", "application/json")


def _is_made(place: str, name: str, sheet: Sheet) -> bool:
    try:
        return _mark(place, name)["sheet"] == _fingerprint(sheet)
    except FileNotFoundError:
        return False


def _mark(place: str, name: str) -> dict:
    with storage.store().open(f"{place}{name}/{DONE}") as file:
        return json.load(file)


def _join(errand: Errand) -> None:
    """Put the spans of each rung behind one another, and go on as if the film had been made in one go."""
    sheet, started = _sheet(errand), time.monotonic()
    names = [_span_name(number) for number in range(len(sheet.spans))]
    out = errand.room / "out"
    with workplace.original(errand.asset) as source:
        work = _work(errand, sheet, source, out)
        marks = [_mark(errand.job.place, name) for name in names]
        for done, file in enumerate(marks[0]["files"], 1):
            with _copies(errand, [f"{name}/{file}" for name in names]) as spans:
                cmaf.splice(spans, out / file)
            work.report("join", 0.5 * done / len(marks[0]["files"]))
        side = _mark(errand.job.place, "sides")
        for file in side["files"]:
            storage.store().download(f"{errand.job.place}sides/{file}", out / file)
        made = chunks.merge(film.from_json(side["made"]), [film.from_json(mark["made"]) for mark in marks], sheet.facts)
        product = produce.package_film(work, sheet.planned, made)
        product = produce.finish(work, product, time.monotonic() - started)
    _publish(errand, product, out)


@contextmanager
def _copies(errand: Errand, names: list[str]) -> Iterator[list[Path]]:
    """The same file of every span, to be read: as it lies in the store, or fetched for a while."""
    store = storage.store()
    keys = [f"{errand.job.place}{name}" for name in names]
    if isinstance(store, storage.LocalStore):
        yield [store.path(key) for key in keys]
        return
    fetched = [errand.room / f"span-{number:04}" for number in range(len(keys))]
    for key, path in zip(keys, fetched, strict=True):
        store.download(key, path)
    yield fetched
    for path in fetched:
        path.unlink()


def _sheet(errand: Errand) -> Sheet:
    try:
        with storage.store().open(errand.job.place + SHEET) as file:
            return chunks.from_json(json.load(file))
    except FileNotFoundError as error:
        raise Failed("parts-gone", "已完成的分段不见了。", "请点“重试”，从头处理。") from error


def _fingerprint(sheet: Sheet) -> str:
    return hashlib.sha256(json.dumps(chunks.to_json(sheet), sort_keys=True).encode()).hexdigest()


def _work(errand: Errand, sheet: Sheet, source: Path, out: Path) -> Work:
    out.mkdir()
    cage = Cage(out, readable=(source,))
    return Work(source, out, sheet.facts, profiles.load(sheet.profile), sheet.sha256, cage, errand.report)


def _span_name(number: int) -> str:
    return f"pictures-{number:04}"


# The end ------------------------------------------------------------------------------------------------------------
def _publish(errand: Errand, product: Product, out: Path) -> None:
    """Files, then rows with the end of the job, then the news."""
    asset = errand.asset
    prefix = packages.store_files(asset, product, out, _part(errand.report, STORED, 1.0))
    with transaction.atomic():
        packages.lock(asset.pk)
        packages.publish(asset, product, prefix)
        errand.confirm(product.cpu_seconds)
        if asset.poster_seconds is not None:
            leases.enqueue(asset, kind=JobKind.POSTER)
        if transcribers.wanted(asset):
            leases.enqueue(asset, kind=JobKind.CAPTIONS)
        transaction.on_commit(partial(tell, asset_ready, asset))
        transaction.on_commit(partial(workplace.drop_copy, asset), robust=True)
        if errand.job.place:
            transaction.on_commit(partial(storage.store().delete_prefix, errand.job.place), robust=True)


def _poster(errand: Errand) -> None:
    """Take the chosen frame from the original and show it instead."""
    asset = errand.asset
    seconds, package = asset.poster_seconds, asset.package
    if seconds is not None and package is not None:
        with workplace.original(asset) as source:
            work = produce.begin(
                source, errand.room / "out", report=errand.report, name=asset.filename, sha256=asset.sha256
            )
            file = work.out / f"poster-{round(seconds * 1000)}.jpg"
            film.still(work, seconds, file)
        key = f"{package.prefix}{file.name}"
        storage.store().put_file(file, key, storage.content_type(file.name))
    with transaction.atomic():
        now = packages.lock(asset.pk)
        errand.confirm(None)
        if now is None or seconds is None or package is None:
            return
        if now.poster_seconds == seconds and Package.objects.filter(pk=package.pk, current=True).exists():
            MediaAsset.objects.filter(pk=asset.pk).update(poster_key=key)
            now.poster_key = key
            transaction.on_commit(partial(tell, asset_ready, now))
        else:
            leases.enqueue(now, kind=JobKind.POSTER)


def _captions(errand: Errand) -> None:
    """Have a program write captions, for an editor to look through."""
    with workplace.original(errand.asset) as source:
        found = transcribers.transcribe(errand.asset, source, errand.room, errand.report)
    with transaction.atomic():
        now = packages.lock(errand.asset.pk)
        errand.confirm(None)
        if now is not None and found is not None:
            tracks.set_draft(now, found[1], language=found[0])


DO: dict[str, Callable[[Errand], None]] = {
    JobKind.MAKE: _make,
    JobKind.WHOLE: _make,
    JobKind.FIRST: _first,
    JobKind.SIDES: _sides,
    JobKind.PICTURES: _pictures,
    JobKind.JOIN: _join,
    JobKind.POSTER: _poster,
    JobKind.CAPTIONS: _captions,
}


# What people ask for ------------------------------------------------------------------------------------------------
def retry(asset: MediaAsset) -> bool:
    """Take up again what failed, with the parts that are already made; False when there is nothing to take up."""
    with transaction.atomic():
        now = packages.lock(asset.pk)
        if now is None or asset.jobs.filter(state__in=leases.OPEN).exists():
            return False
        again = leases.reopen(now) or leases.enqueue(now)
        now.reason_code, now.reason = "", ""
        if now.state != AssetState.PUBLISHED:
            now.state = AssetState.RECEIVED
        now.save(update_fields=["state", "reason_code", "reason"])
    return bool(again)


def replace_source(asset: MediaAsset, path: Path, *, filename: str = "") -> None:
    """Put another original in place of this one: address, captions and figures stay, the old film can be watched until
    the new one is ready. Work on the old one ends. Raises FileNotFoundError and errors.Failed."""
    name = filename or path.name
    key = storage.original_key(asset.uid, name, uuid4().hex)
    storage.store().put_file(path, key, "application/octet-stream")
    take_original(asset, key, filename=name, size=path.stat().st_size)


def take_original(asset: MediaAsset, key: str, *, filename: str, size: int) -> None:
    """Let what the store holds under ``key`` be the original of ``asset``, and make it anew."""
    with transaction.atomic():
        now = packages.lock(asset.pk)
        if now is None:
            raise Refused("asset-gone", "这个媒体已被删除。", "请作为新文件上传。")
        leases.cancel(now)
        old, now.original_key = now.original_key, key
        now.filename, now.bytes, now.sha256, now.duration = filename[-255:], size, "", None
        now.reason_code, now.reason, now.poster_seconds = "", "", None
        if now.state != AssetState.PUBLISHED:
            now.state = AssetState.RECEIVED
        now.save()
        leases.enqueue(now)
        if old and old != key:
            transaction.on_commit(partial(storage.store().delete, old), robust=True)
    asset.refresh_from_db()


def choose_poster(asset: MediaAsset, seconds: float | None) -> None:
    """Show the frame at ``seconds`` as the poster, once it is taken from the original; None for the one that the film
    came with."""
    package = asset.package
    automatic = f"{package.prefix}{poster.NAME}" if package else ""
    if seconds is None and package and storage.store().exists(automatic):
        asset.poster_key = automatic
    asset.poster_seconds = seconds
    with transaction.atomic():
        asset.save(update_fields=["poster_seconds", "poster_key"])
        if seconds is not None and package is not None:
            leases.enqueue(asset, kind=JobKind.POSTER)


def forget(uid: UUID) -> None:
    """Remove every object of an asset that is gone."""
    for folder in storage.FOLDERS:
        storage.store().delete_prefix(f"{folder}/{uid.hex}")


def _while_working(asset: MediaAsset) -> str:
    """What can be played stays playable while it is made anew."""
    return asset.state if asset.state == AssetState.PUBLISHED else AssetState.PROCESSING


def _part(report: Report, start: float, end: float) -> Report:
    """A report for one part of the work, on the scale of the whole."""
    return lambda step, progress: report(step, start + (end - start) * progress)
