"""Readings: a PDF becomes page pictures and text, an EPUB cleaned sections, pictures and text."""

from typing import Any

from media_pipeline.cage import READING, longer
from media_pipeline.product import ProducedPage
from media_pipeline.work import Work

LONG_SIDE = 1600  # pixels; a page of print is readable on a large screen
POSTER_SIDE = 960
SPEC = {"pdf": f"pages-{LONG_SIDE}-webp", "epub": f"sections-{LONG_SIDE}-webp"}
SECONDS_A_PAGE = 5  # the dearest honest page, a large scan, takes one


def make(work: Work) -> tuple[ProducedPage, ...]:
    facts = work.facts
    found: list[dict[str, Any]] = work.cage.call(
        f"media_pipeline.caged.{facts.container}:make",
        limits=longer(READING, 120 + SECONDS_A_PAGE * (facts.pages or 1)),
        report=work.report,
        source=str(work.source.resolve()),
        name=facts.name,
        out=str(work.out.resolve()),
        sides=[LONG_SIDE, POSTER_SIDE],
    )
    return tuple(ProducedPage(**page) for page in found)
