"""PDF pages as pictures and text, by PDFium."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_raw

from media_pipeline.caged import picture
from media_pipeline.errors import Refused
from media_pipeline.product import Report

MAX_PAGES = 2000
MAX_TEXT = 200_000  # characters of a page; a page of print has three thousand
MAX_DEPTH, MAX_ENTRIES = 5, 5000  # of an outline
Entry = tuple[int, str, int]
"""A line of an outline: its level, its title, the number of its page."""
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
    except pdfium.PdfiumError as error:
        raise _broken(name) from error
    finally:
        document.close()


def make(source: str, name: str, out: str, sides: list[int], report: Report) -> dict[str, Any]:
    """Write ``pages/0001.webp`` … and ``poster.jpg``, whose long sides are ``sides``. Answers ``pages``, for each its
    number, title, text, picture and measures, and ``outline`` as ``nested`` gives it."""
    document = _opened(source, name)
    try:
        entries = _outline(document)
        titles = {number: title for _, title, number in reversed(entries)}
        pages = []
        for number in range(1, len(document) + 1):
            page = _page(document, number, name, Path(out), sides)
            pages.append({**page, "title": titles.get(number, "")})
            report("encode", number / len(document))
        return {"pages": pages, "outline": nested(entries)}
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
    except (pdfium.PdfiumError, ValueError) as error:
        raise Refused("damaged", f"“{name}”的第 {number} 页已损坏，无法显示。", "请重新导出 PDF 后上传。") from error
    file = f"pages/{number:04d}.webp"
    width, height = picture.save(image, long_side, out / file, "WEBP")
    if number == 1:
        picture.save(image, poster_side, out / "poster.jpg", "JPEG")
    return {"number": number, "text": clean(text), "picture": file, "width": width, "height": height}


def _outline(document: pdfium.PdfDocument) -> list[Entry]:
    entries: list[Entry] = []
    try:
        for count, bookmark in enumerate(document.get_toc(max_depth=MAX_DEPTH)):
            if count >= MAX_ENTRIES:  # an outline may point at itself
                break
            target = bookmark.get_dest()
            index = target.get_index() if target else None
            title = clean(bookmark.get_title())[:255]
            if index is not None and title:
                entries.append((bookmark.level, title, index + 1))
    except pdfium.PdfiumError:
        return entries
    return entries


def nested(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """The tree of an outline: ``{"title", "page", "children"}``. A level that is skipped is not filled in."""
    top: list[dict[str, Any]] = []
    path: list[tuple[int, list[dict[str, Any]]]] = [(-1, top)]
    for level, title, page in entries:
        while path[-1][0] >= level:
            path.pop()
        node: dict[str, Any] = {"title": title, "page": page, "children": []}
        path[-1][1].append(node)
        path.append((level, node["children"]))
    return top


def clean(text: str) -> str:
    """Text that every database takes: no control characters, one kind of line end."""
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))[:MAX_TEXT].strip()


def _broken(name: str) -> Refused:
    return Refused("damaged", f"“{name}”不是完整的 PDF，或已损坏。", "请重新导出 PDF 后上传。")
