"""Books of the demo library, made from the lessons' texts: PDF pages with words that can be searched, and EPUBs."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from PIL import Image, ImageDraw, ImageFont

from cms.demo.motifs import draw
from cms.demo.sheet import drawable, font, still

PAGE = (1240, 1754)  # A4 at 150 dots an inch
MARGIN = 150
POINT = 72 / 150  # PDF points a pixel
BODY, LEADING = 42, 78
PAPER, INK, QUIET, CELADON, SEAL = "#faf8f3", "#1d2420", "#56605a", "#2f6f62", "#a8392c"
STAMP = (2020, 1, 1, 0, 0, 0)  # the same book is the same file, byte for byte

Section = tuple[str, str]
Line = tuple[float, float, int, str]
"""x, y of the line's top in pixels, size, words."""


def wrap(text: str, width: int) -> list[str]:
    """Lines of at most ``width`` characters; a line does not begin with a closing mark."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for sign in ("　　" + paragraph) if paragraph else "":
            if len(line) >= width and sign not in "，。；：？！、”’）》":
                lines.append(line)
                line = ""
            line += sign
        lines.append(line)
    return lines


def pdf(path: Path, *, title: str, by: str, sections: Sequence[Section], motif: str) -> None:
    """Writes a cover, then a page a section. Words are drawn into the page and lie on it unseen, for search."""
    pages = [_cover(title, by, motif)]
    pages += [_page(number, title, *section) for number, section in enumerate(sections, 2)]
    path.write_bytes(_pdf_file(pages, title))


def _cover(title: str, by: str, motif: str) -> tuple[Image.Image, list[Line]]:
    page = Image.new("RGB", PAGE, PAPER)
    page.paste(still(draw(motif, title), (PAGE[0], 698)), (0, 0))
    size = 92 if len(title) < 11 else 64
    lines: list[Line] = [(MARGIN, 860, size, title), (MARGIN, 1040, 40, by), (MARGIN, 1560, 34, "文澜 演示读本")]
    pen = ImageDraw.Draw(page)
    pen.rectangle((MARGIN, 1000, MARGIN + 90, 1006), fill=SEAL)
    for (x, y, high, words), colour in zip(lines, (INK, QUIET, QUIET), strict=True):
        _write(pen, (x, y), words, high, colour)
    return page, lines


def _page(number: int, book: str, heading: str, text: str) -> tuple[Image.Image, list[Line]]:
    page = Image.new("RGB", PAGE, PAPER)
    pen = ImageDraw.Draw(page)
    lines: list[Line] = [(MARGIN, 90, 28, book), (MARGIN, 210, 66, heading)]
    pen.line((MARGIN, 142, PAGE[0] - MARGIN, 142), fill="#ddd8ca", width=2)
    pen.rectangle((MARGIN - 40, 214, MARGIN - 30, 286), fill=CELADON)
    per_line = (PAGE[0] - 2 * MARGIN) // BODY
    lines += [(MARGIN, 360 + row * LEADING, BODY, words) for row, words in enumerate(wrap(text, per_line))]
    lines.append((PAGE[0] / 2 - 10, 1650, 28, str(number)))
    for x, y, high, words in lines:
        _write(pen, (x, y), words, high, QUIET if high == 28 else INK)
    return page, lines


def _write(pen: ImageDraw.ImageDraw, at: tuple[float, float], words: str, size: int, colour: str) -> None:
    face: ImageFont.FreeTypeFont | None = font(size)
    if face:
        pen.text(at, drawable(words), font=face, fill=colour)


def _pdf_file(pages: list[tuple[Image.Image, list[Line]]], title: str) -> bytes:
    """A PDF 1.4 whose words use a font that every reader knows by name and none has to show (render mode 3)."""
    objects: list[bytes] = [b"<< /Type /Catalog /Pages 2 0 R /Lang (zh-CN) >>", b""]
    objects.append(
        b"<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light /Encoding /UniGB-UTF16-H /DescendantFonts [4 0 R] >>"
    )
    objects.append(
        b"<< /Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light /DW 1000 /FontDescriptor 5 0 R"
        b" /CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) /Supplement 4 >> >>"
    )
    objects.append(
        b"<< /Type /FontDescriptor /FontName /STSong-Light /Flags 6 /FontBBox [-25 -254 1000 880] /ItalicAngle 0"
        b" /Ascent 752 /Descent -271 /CapHeight 737 /StemV 58 >>"
    )
    kids = []
    for picture, lines in pages:
        number = len(objects) + 1
        objects += [_image_object(picture), _text_object(lines), _page_object(number)]
        kids.append(f"{number + 2} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>".encode()
    name = title.encode("utf-16-be").hex()
    objects.append(f"<< /Title <feff{name}> /Creator (Wenlan) >>".encode())
    return _with_table(objects)


def _image_object(picture: Image.Image) -> bytes:
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=82)
    head = (
        f"<< /Type /XObject /Subtype /Image /Width {picture.width} /Height {picture.height} /ColorSpace /DeviceRGB"
        f" /BitsPerComponent 8 /Filter /DCTDecode /Length {data.tell()} >>\nstream\n"
    )
    return head.encode() + data.getvalue() + b"\nendstream"


def _text_object(lines: list[Line]) -> bytes:
    height = PAGE[1] * POINT
    parts = [f"q {PAGE[0] * POINT} 0 0 {height} 0 0 cm /Im Do Q BT 3 Tr"]
    for x, y, size, words in lines:
        base = height - (y + size * 0.88) * POINT
        code = words.replace("　", "").encode("utf-16-be").hex()
        indent = words.count("　") * size
        parts.append(f"/F {size * POINT:.2f} Tf 1 0 0 1 {(x + indent) * POINT:.2f} {base:.2f} Tm <{code}> Tj")
    data = zlib.compress("\n".join([*parts, "ET"]).encode())
    return f"<< /Length {len(data)} /Filter /FlateDecode >>\nstream\n".encode() + data + b"\nendstream"


def _page_object(number: int) -> bytes:
    return (
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {PAGE[0] * POINT} {PAGE[1] * POINT}] /Contents {number + 1} 0 R"
        f" /Resources << /XObject << /Im {number} 0 R >> /Font << /F 3 0 R >> >> >>"
    ).encode()


def _with_table(objects: list[bytes]) -> bytes:
    out, places = bytearray(b"%PDF-1.4\n%\xe6\x96\x87\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{place:010d} 00000 n \n".encode() for place in places)
    out += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R /Info {len(objects)} 0 R >>\n".encode()
    return bytes(out + f"startxref\n{start}\n%%EOF\n".encode())


CONTAINER = (
    '<?xml version="1.0"?><container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">'
    '<rootfiles><rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles>'
    "</container>"
)
STYLE = (
    "body{line-height:1.8;margin:5%}h1{font-size:1.5em;border-left:.2em solid #2f6f62;padding-left:.6em}"
    "p{text-indent:2em}"
)


def epub(path: Path, *, title: str, by: str, sections: Sequence[Section], motif: str) -> None:
    """Writes an EPUB 3: a drawn cover, then a chapter a section."""
    cover = io.BytesIO()
    still(draw(motif, title), (1200, 675)).save(cover, "JPEG", quality=85)
    files: list[tuple[str, bytes]] = [
        ("META-INF/container.xml", CONTAINER.encode()),
        ("OEBPS/book.opf", _package(title, by, len(sections)).encode()),
        ("OEBPS/nav.xhtml", _contents(title, sections).encode()),
        ("OEBPS/style.css", STYLE.encode()),
        ("OEBPS/cover.jpg", cover.getvalue()),
    ]
    for number, (heading, text) in enumerate(sections, 1):
        figure = '<img src="cover.jpg" alt=""/>' if number == 1 else ""
        body = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in text.split("\n"))
        files.append(
            (f"OEBPS/{number}.xhtml", _document(heading, f"{figure}<h1>{escape(heading)}</h1>{body}").encode())
        )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr(zipfile.ZipInfo("mimetype", STAMP), "application/epub+zip", zipfile.ZIP_STORED)
        for name, data in files:
            book.writestr(zipfile.ZipInfo(name, STAMP), data, zipfile.ZIP_DEFLATED)


def _document(title: str, body: str) -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml"'
        ' xmlns:epub="http://www.idpf.org/2007/ops" xml:lang="zh-Hans"><head>'
        f'<title>{escape(title)}</title><link rel="stylesheet" href="style.css"/></head><body>{body}</body></html>'
    )


def _contents(title: str, sections: Sequence[Section]) -> str:
    entries = "".join(f'<li><a href="{n}.xhtml">{escape(h)}</a></li>' for n, (h, _) in enumerate(sections, 1))
    return _document(title, f'<nav epub:type="toc"><h1>目录</h1><ol>{entries}</ol></nav>')


def _package(title: str, by: str, count: int) -> str:
    items = "".join(
        f'<item id="c{n}" href="{n}.xhtml" media-type="application/xhtml+xml"/>' for n in range(1, count + 1)
    )
    spine = "".join(f'<itemref idref="c{n}"/>' for n in range(1, count + 1))
    return (
        '<?xml version="1.0" encoding="utf-8"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0"'
        ' unique-identifier="id" xml:lang="zh-Hans"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f'<dc:identifier id="id">urn:wenlan:demo:{escape(title)}</dc:identifier><dc:title>{escape(title)}</dc:title>'
        f"<dc:creator>{escape(by)}</dc:creator><dc:language>zh-Hans</dc:language>"
        '<meta property="dcterms:modified">2020-01-01T00:00:00Z</meta></metadata><manifest>'
        '<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>'
        '<item id="cover" href="cover.jpg" media-type="image/jpeg" properties="cover-image"/>'
        f'<item id="css" href="style.css" media-type="text/css"/>{items}</manifest><spine>{spine}</spine></package>'
    )
