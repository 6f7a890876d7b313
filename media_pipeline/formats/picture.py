"""Pictures in the sizes pages show: WebP, and one JPEG for what reads no WebP."""

from dataclasses import dataclass, replace
from typing import Any

from media_pipeline.cage import READING
from media_pipeline.probe import Facts
from media_pipeline.work import Work

LONG_SIDES = (480, 960, 1920)
FALLBACK_SIDE = 1280
FALLBACK = "poster.jpg"
ZOOM_FROM = 2500  # pixels of the long side; below, the largest size shows nearly all there is
TILE = 512
TILE_NAME = "zoom/{level}/{column}_{row}.webp"
# A picture of the largest size allowed takes 300 MB unpacked, and turning it upright takes as much again.
TILING = replace(READING, resident_bytes=2 * READING.resident_bytes)


@dataclass(frozen=True, slots=True)
class PictureStep:
    spec: str
    name: str
    long_side: int
    format: str

    @property
    def content_type(self) -> str:
        return f"image/{self.format.lower()}"


def steps(facts: Facts) -> tuple[PictureStep, ...]:
    """Never larger than the source; the source's own size where it is smaller than the largest."""
    longest = max(facts.width or 0, facts.height or 0)
    sides = [side for side in LONG_SIDES if side < longest]
    sides += [longest] if longest <= LONG_SIDES[-1] else []
    webp = [PictureStep(f"picture-{side}-webp", f"picture-{side}.webp", side, "WEBP") for side in sides]
    side = min(longest, FALLBACK_SIDE)
    return (*webp, PictureStep(f"picture-{side}-jpeg", FALLBACK, side, "JPEG"))


def zoom(facts: Facts) -> dict[str, Any] | None:
    """The pyramid of a large picture: levels of half the size each, the smallest first, cut into tiles without overlap.
    It ends above the largest of the plain sizes, which lies beneath all tiles, so few objects are stored."""
    width, height = facts.width or 0, facts.height or 0
    if max(width, height) <= ZOOM_FROM:
        return None
    levels: list[dict[str, int]] = []
    while max(width, height) > LONG_SIDES[-1]:
        columns, rows = -(-width // TILE), -(-height // TILE)
        levels.insert(0, {"width": width, "height": height, "columns": columns, "rows": rows})
        width, height = -(-width // 2), -(-height // 2)
    return {"tile": TILE, "overlap": 0, "levels": levels, "name": TILE_NAME}


def make(
    work: Work, wanted: tuple[PictureStep, ...], pyramid: dict[str, Any] | None = None
) -> dict[str, tuple[int, int]]:
    """Write the files and tiles; width and height of each name."""
    written = work.cage.call(
        "media_pipeline.caged.picture:make",
        limits=TILING if pyramid else READING,
        source=str(work.source.resolve()),
        name=work.facts.name,
        out=str(work.out.resolve()),
        sizes=[{"name": step.name, "long_side": step.long_side, "format": step.format} for step in wanted],
        zoom=pyramid,
    )
    return {entry["name"]: (entry["width"], entry["height"]) for entry in written}
