"""What a course looks like on a card: its own picture, or a pattern of the craft drawn from the course itself.

``prepare`` reads everything that cards show for any number of courses in a constant number of queries; templates
then only read attributes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import prefetch_related_objects
from django.urls import reverse

from catalog.models import Course, Lesson
from catalog.patterns import HEIGHT, SEEDS, WIDTH
from media_pipeline.access import media_url
from media_pipeline.models import AssetState, MediaAsset, MediaType, Package

COLOURS = ("#2f6f62", "#3d5a7d", "#7d4a3d", "#5d6b3a", "#6a4d77", "#33484f", "#8a5a2b", "#3d7d70")
"""Celadon, azurite, sandalwood, bamboo, lotus, ink, ochre, sky: for courses whose theme gives no colour."""

PATTERNS = ("wave", "ice", "loom", "bamboo")
_SHADES = (0.0, 0.14, 0.26)
_INK = (29, 36, 32)
_SLIP_LENGTH = 6
_NOT_HAN = re.compile(r"[^\u3400-\u9fff\U00020000-\U0003ffff〇]")


@dataclass(frozen=True, slots=True)
class Cover:
    """``kind`` is ``picture`` or ``pattern``. ``slip`` is the short title written on a pattern, as on the paper slip
    of a thread-bound book; "" on pictures and for titles that are not Chinese."""

    kind: str
    url: str
    srcset: str = ""
    width: int = WIDTH
    height: int = HEIGHT
    slip: str = ""


def prepare(courses: Iterable[Course]) -> list[Course]:
    """The same courses with ``card_cover`` and ``lesson_count`` set; five queries at most, however many."""
    chosen = list(courses)
    missing = [course for course in chosen if "card_cover" not in course.__dict__]
    if not missing:
        return chosen
    prefetch_related_objects(missing, "institution", "themes", "cover")
    counts, firsts = _lessons([course.pk for course in missing])
    assets = {course.pk: course.cover or firsts.get(course.pk) for course in missing}
    packages = _packages([asset for asset in assets.values() if asset])
    for course in missing:
        course.lesson_count = counts.get(course.pk, 0)
        course.card_cover = _cover(course, assets[course.pk], packages)
    return chosen


def cover(course: Course) -> Cover:
    """The cover of one course."""
    return prepare([course])[0].card_cover


def plates(lessons: Iterable[Lesson]) -> list[tuple[Lesson, Cover, str, dict | None]]:
    """The pictures of a gallery in one query: lesson, sizes for the page, address of the largest, tiles beyond it."""
    shown = [lesson for lesson in lessons if lesson.asset is not None]
    packages = _packages([lesson.asset for lesson in shown if lesson.asset])
    rows = []
    for lesson in shown:
        asset = lesson.asset
        package = packages.get(asset.pk) if asset else None
        picture = _picture(asset, package) if asset else None
        if asset and picture:
            largest = picture.srcset.rsplit(", ", 1)[-1].split(" ")[0] or picture.url
            rows.append((lesson, picture, largest, _zoom(asset, package)))
    return rows


def _zoom(asset: MediaAsset, package: Package | None) -> dict | None:
    zoom = package.manifest.get("zoom") if package else None
    if not package or not zoom:
        return None
    url = media_url(asset, f"{package.prefix.rstrip('/')}/{zoom['name']}")
    return {"tile": zoom["tile"], "levels": zoom["levels"], "url": url}


def pattern_of(course: Course) -> Cover:
    """The drawn cover: pattern and colour from the course's first theme where it has one, the rest from its slug."""
    number = int(hashlib.sha256(course.slug.encode()).hexdigest()[:8], 16)
    theme = next(iter(course.themes.all()), None)
    name = theme.pattern if theme and number % 3 else PATTERNS[number // 7 % len(PATTERNS)]
    base = theme.colour if theme else COLOURS[number // 11 % len(COLOURS)]
    return pattern(name, _shade(base, _SHADES[number // 5 % len(_SHADES)]), number // 13, course.title)


def pattern(name: str, colour: str, number: int, title: str = "") -> Cover:
    """A drawn cover for anything that has a colour and a number."""
    url = reverse("cover", args=[name, colour.lstrip("#"), number % SEEDS])
    return Cover("pattern", url, slip=_slip(title))


def _slip(title: str) -> str:
    head = re.split("[：:·—（(|《》，, ]", title.strip("《 "), maxsplit=1)[0]
    return "" if not head or _NOT_HAN.search(head) else head[:_SLIP_LENGTH]


def _shade(colour: str, part: float) -> str:
    if not re.fullmatch("#[0-9a-fA-F]{6}", colour):
        colour = COLOURS[0]
    mixed = (
        round(int(colour[i : i + 2], 16) * (1 - part) + ink * part) for i, ink in zip((1, 3, 5), _INK, strict=True)
    )
    return "#" + "".join(f"{value:02x}" for value in mixed)


def _lessons(ids: list[int]) -> tuple[dict[int, int], dict[int, MediaAsset]]:
    """Number of lessons, and the first asset that has a poster, by course."""
    counts: dict[int, int] = {}
    first_keys: dict[int, int] = {}
    rows = Lesson.objects.filter(course__in=ids).order_by("course", "sort_order", "pk")
    for course, asset, state, poster, kind in rows.values_list(
        "course", "asset", "asset__state", "asset__poster_key", "asset__media_type"
    ):
        counts[course] = counts.get(course, 0) + 1
        shown = state == AssetState.PUBLISHED and (poster or kind == MediaType.PICTURE)
        if shown and course not in first_keys:
            first_keys[course] = asset
    assets = MediaAsset.objects.in_bulk(first_keys.values())
    return counts, {course: assets[key] for course, key in first_keys.items() if key in assets}


def _packages(assets: list[MediaAsset]) -> dict[int, Package]:
    rows = Package.objects.filter(asset__in=[asset.pk for asset in assets], current=True)
    return {package.asset_id: package for package in rows}


def _cover(course: Course, asset: MediaAsset | None, packages: dict[int, Package]) -> Cover:
    return (_picture(asset, packages.get(asset.pk)) if asset else None) or pattern_of(course)


def _picture(asset: MediaAsset, package: Package | None) -> Cover | None:
    """The asset's picture in the sizes its package has; None when there is no picture to show."""
    if asset.state != AssetState.PUBLISHED:
        return None
    sizes = sorted((package.manifest or {}).get("pictures", ()), key=lambda size: size["width"]) if package else []
    sizes = [size for size in sizes if size.get("type", "image/jpeg") == sizes[0].get("type", "image/jpeg")]
    if package and sizes:
        urls = [(media_url(asset, f"{package.prefix.rstrip('/')}/{size['name']}"), size["width"]) for size in sizes]
        middle = next((size for size in sizes if size["width"] >= WIDTH), sizes[-1])
        return Cover(
            "picture",
            urls[sizes.index(middle)][0],
            ", ".join(f"{url} {width}w" for url, width in urls if width <= 1920),
            middle["width"],
            middle["height"],
        )
    if asset.poster_key:
        return Cover("picture", media_url(asset, asset.poster_key), "", asset.width or WIDTH, asset.height or HEIGHT)
    return None
