"""Readings: a PDF becomes page pictures and text, an EPUB cleaned sections, pictures and text."""

from dataclasses import dataclass
from typing import Any

from media_pipeline.cage import READING, longer
from media_pipeline.product import ProducedPage
from media_pipeline.work import Work

LONG_SIDE = 1600  # pixels; a page of print is readable on a large screen
POSTER_SIDE = 960
SPEC = {"pdf": f"pages-{LONG_SIDE}-webp", "epub": f"sections-{LONG_SIDE}-webp"}
NO_TEXT = "这份文件里只有图像，没有文字：能阅读，但搜索不到内容。请用文字识别（OCR）处理后重新上传。"
SECONDS_A_PAGE = 5  # the dearest honest page, a large scan, takes one


@dataclass(frozen=True, slots=True)
class Reading:
    """``manifest`` is what a reader shows: ``pages`` as ``{"number", "title", "picture", "pictures", "width",
    "height"}`` and ``outline`` as a tree of ``{"title", "page", "children"}``."""

    pages: tuple[ProducedPage, ...]
    manifest: dict[str, Any]
    warnings: tuple[str, ...]


def make(work: Work) -> Reading:
    facts = work.facts
    found: dict[str, Any] = work.cage.call(
        f"media_pipeline.caged.{facts.container}:make",
        limits=longer(READING, 120 + SECONDS_A_PAGE * (facts.pages or 1)),
        report=work.report,
        source=str(work.source.resolve()),
        name=facts.name,
        out=str(work.out.resolve()),
        sides=[LONG_SIDE, POSTER_SIDE],
    )
    pictures = [page.pop("pictures", []) for page in found["pages"]]
    pages = tuple(ProducedPage(**page) for page in found["pages"])
    shown = [_shown(page, names) for page, names in zip(pages, pictures, strict=True)]
    readable = any(page.text for page in pages)
    return Reading(pages, {"pages": shown, "outline": found["outline"]}, () if readable else (NO_TEXT,))


def _shown(page: ProducedPage, pictures: list[str]) -> dict[str, Any]:
    return {
        "number": page.number,
        "title": page.title,
        "picture": page.picture,
        "pictures": pictures,
        "width": page.width,
        "height": page.height,
    }
