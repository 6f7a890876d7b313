"""Pictures in the sizes pages show: WebP, and one JPEG for what reads no WebP."""

from dataclasses import dataclass

from media_pipeline.cage import READING
from media_pipeline.probe import Facts
from media_pipeline.work import Work

LONG_SIDES = (480, 960, 1920)
FALLBACK_SIDE = 1280
FALLBACK = "poster.jpg"


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


def make(work: Work, wanted: tuple[PictureStep, ...]) -> dict[str, tuple[int, int]]:
    """Write the files; width and height of each name."""
    written = work.cage.call(
        "media_pipeline.caged.picture:make",
        limits=READING,
        source=str(work.source.resolve()),
        name=work.facts.name,
        out=str(work.out.resolve()),
        sizes=[{"name": step.name, "long_side": step.long_side, "format": step.format} for step in wanted],
    )
    return {entry["name"]: (entry["width"], entry["height"]) for entry in written}
