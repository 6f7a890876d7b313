"""PDF pages as pictures and text, by PDFium."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_raw

from media_pipeline.caged import picture
from media_pipeline.errors import Refused
from media_pipeline.product import Report

MAX_PAGES = 2000
MAX_TEXT = 200_000  # characters of a page; a page of print has three thousand
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def inspect(source: str, name: str) -> dict[str, Any]:
    """Raises Refused when encrypted, broken, empty or of too many pages."""
    document = _opened(source, name)
    try:
        pages = len(document)
        if not 0 < pages <= MAX_PAGES:
            raise Refused("page-count", f"“{name}”有 {pages} 页，可接受 1 到 {MAX_PAGES} 页。", "请拆分成几册后上传。")
        width, height = document.get_page_size(0)
        return {"pages": pages, "width": round(width), "height": round(height)}
    finally:
        document.close()


def make(source: str, name: str, out: str, sides: list[int], report: Report) -> list[dict[str, Any]]:
    """Write ``pages/0001.webp`` … and ``poster.jpg``, whose long sides are ``sides``; for each page its number, title,
    text, picture and measures."""
    document = _opened(source, name)
    try:
        titles = _titles(document)
        pages = []
        for number in range(1, len(document) + 1):
            page = _page(document, number, name, Path(out), sides)
            pages.append({**page, "title": titles.get(number, "")})
            report("encode", number / len(document))
        return pages
    finally:
        document.close()


def _opened(source: str, name: str) -> pdfium.PdfDocument:
    try:
        return pdfium.PdfDocument(source)
    except pdfium.PdfiumError as error:
        if error.err_code == pdfium_raw.FPDF_ERR_PASSWORD:
            raise Refused("encrypted", f"“{name}”设有打开密码。", "请去掉密码后上传。") from error
        raise _broken(name) from error


def _page(document: pdfium.PdfDocument, number: int, name: str, out: Path, sides: list[int]) -> dict[str, Any]:
    long_side, poster_side = sides
    try:
        page = document[number - 1]
        longest = max(page.get_size())
        if longest <= 0:
            raise _broken(name)
        image = page.render(scale=long_side / longest, rev_byteorder=True).to_pil().convert("RGB")
        text = page.get_textpage().get_text_range()
    except pdfium.PdfiumError as error:
        raise Refused("damaged", f"“{name}”的第 {number} 页已损坏，无法显示。", "请重新导出 PDF 后上传。") from error
    file = f"pages/{number:04d}.webp"
    width, height = picture.save(image, long_side, out / file, "WEBP")
    if number == 1:
        picture.save(image, poster_side, out / "poster.jpg", "JPEG")
    return {"number": number, "text": clean(text), "picture": file, "width": width, "height": height}


def _titles(document: pdfium.PdfDocument) -> dict[int, str]:
    """The first entry of the outline for each page."""
    titles: dict[int, str] = {}
    for number, title in _outline(document):
        titles.setdefault(number, title)
    return titles


def _outline(document: pdfium.PdfDocument) -> Iterator[tuple[int, str]]:
    try:
        for count, bookmark in enumerate(document.get_toc(max_depth=5)):
            if count >= 5000:  # an outline may point at itself
                return
            target = bookmark.get_dest()
            index = target.get_index() if target else None
            if index is not None and bookmark.get_title():
                yield index + 1, clean(bookmark.get_title())[:255]
    except pdfium.PdfiumError:
        return


def clean(text: str) -> str:
    """Text that every database takes: no control characters, one kind of line end."""
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))[:MAX_TEXT].strip()


def _broken(name: str) -> Refused:
    return Refused("damaged", f"“{name}”不是完整的 PDF，或已损坏。", "请重新导出 PDF 后上传。")
