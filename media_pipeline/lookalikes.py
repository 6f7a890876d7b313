"""Files that differ and show the same pictures: each is looked at once its package is made, and compared with what is
as long as it. Little by little, by whichever worker is free; two at once only do the same twice."""

import io
import time
from collections import Counter
from collections.abc import Iterator

from django.db import transaction
from django.db.models import Q, QuerySet
from django_tasks import task
from PIL import Image

from media_pipeline import leases, looks, storage
from media_pipeline.formats import storyboard
from media_pipeline.models import AssetState, Look, Lookalike, MediaAsset, MediaType, Package, Worker
from media_pipeline.periodic import every

TURN = 5.0  # seconds of one task
AT_ONCE = 100  # looks read or compared between two looks at the clock
MOST = 20  # found for one file; a jingle that came in a thousand times makes no million of rows


def waiting() -> QuerySet[Package]:
    """What players open and nobody has looked at."""
    made = Package.objects.filter(current=True, complete=True, look=None, asset__state=AssetState.PUBLISHED)
    return made.filter(asset__media_type__in=[MediaType.VIDEO, MediaType.PICTURE])


@every(seconds=60, name="lookalikes")
def ring() -> None:
    """The worker that has lived longest rings for all, so that there is one turn a minute however many they are."""
    eldest = Worker.objects.alive().order_by("started_at", "pk").values_list("name", flat=True).first()
    if eldest not in (None, leases.process_name()):
        return
    if waiting().exists() or _current().filter(compared=False).exists():
        look_and_compare.enqueue()


@task(queue_name="default")
def look_and_compare() -> None:
    """A turn of both."""
    ends = time.monotonic() + TURN
    for package in waiting().select_related("asset").order_by("pk")[: AT_ONCE * 10]:
        look(package)
        if time.monotonic() > ends:
            return
    while compare() and time.monotonic() < ends:
        pass


def look(package: Package) -> Look:
    """Keep what ``package`` looks like; what was found for an earlier file of the asset holds no more. Raises
    errors.Failed when the store is away."""
    bits = _bits(package)
    with transaction.atomic():
        pairs = Lookalike.objects.filter(Q(first=package.asset_id) | Q(second=package.asset_id))
        pairs.filter(different=False).delete()
        seconds = package.asset.duration or 0.0
        made, _new = Look.objects.update_or_create(
            package=package, defaults={"bits": bits, "seconds": seconds, "compared": not bits}
        )
    return made


def _bits(package: Package) -> bytes:
    try:
        if package.asset.media_type == MediaType.PICTURE:
            with _picture(package.asset.poster_key) as picture:
                return looks.of_picture(picture)
        if not package.storyboard_key:
            return b""
        areas = storyboard.areas(_read(package.storyboard_key).decode())
        with _picture(f"{package.prefix}{storyboard.SPRITE}") as board:
            return looks.of_film(board, areas)
    except (OSError, ValueError):  # gone, cut short or spoiled: the nightly audit tells of it and has it made anew
        return b""


def _picture(key: str) -> Image.Image:
    return Image.open(io.BytesIO(_read(key)), formats=("JPEG", "WEBP"))


def _read(key: str) -> bytes:
    with storage.store().open(key) as file:
        return file.read()


def compare() -> int:
    """Compare the next looks with all of their length; how many there were."""
    new = list(_current().filter(compared=False).order_by("seconds", "pk")[:AT_ONCE])
    if not new:
        return 0
    found = set(_resembling(new))
    with transaction.atomic():
        Lookalike.objects.bulk_create(
            [Lookalike(first_id=first, second_id=second) for first, second in sorted(found)], ignore_conflicts=True
        )
        Look.objects.filter(pk__in=[one.pk for one in new]).update(compared=True)
    return len(new)


def _current() -> QuerySet[Look]:
    return Look.objects.filter(package__current=True).select_related("package__asset")


def _resembling(new: list[Look]) -> Iterator[tuple[int, int]]:
    """Pairs of assets, the smaller key first, whose files differ. The others pass by one at a time."""
    lengths = [one.seconds for one in new]
    reach = (min(lengths) - looks.tolerance(min(lengths)), max(lengths) + looks.tolerance(max(lengths)))
    rows = _current().exclude(bits=b"").filter(seconds__range=reach).order_by()
    columns = ("seconds", "bits", "package__asset", "package__asset__sha256")
    asked = [
        (one.seconds, looks.tolerance(one.seconds), bytes(one.bits), looks.outline(bytes(one.bits)), one.package.asset)
        for one in new
    ]
    times: Counter[int] = Counter()
    for seconds, bits, asset, sha256 in rows.values_list(*columns).iterator(chunk_size=2000):
        look = bytes(bits)
        number = looks.outline(look)
        for length, within, its, its_number, other in asked:
            if abs(length - seconds) > within or looks.far(number, its_number, len(its)):
                continue
            if asset == other.pk or sha256 == other.sha256 or times[other.pk] >= MOST:
                continue
            if looks.resemble(look, its):
                times[other.pk] += 1
                yield min(asset, other.pk), max(asset, other.pk)


def pairs_among(assets: QuerySet[MediaAsset]) -> QuerySet[Lookalike]:
    """What looks the same, nobody has said that it differs, and both sides belong to ``assets``."""
    return Lookalike.objects.filter(different=False, first__in=assets, second__in=assets)
