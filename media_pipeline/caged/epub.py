"""EPUB sections as cleaned HTML, text and pictures."""

import posixpath
import re
import zipfile
from dataclasses import dataclass, field
from html.entities import html5
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import nh3
from lxml import etree

from media_pipeline.caged import picture
from media_pipeline.caged.pdf import MAX_DEPTH, Entry, clean, nested
from media_pipeline.caged.pdf import MAX_ENTRIES as MAX_LINES
from media_pipeline.errors import Refused
from media_pipeline.product import Report

MAX_ENTRIES, MAX_SECTIONS, MAX_PICTURES = 10_000, 2000, 2000
MAX_BYTES = 400 * 1024**2  # unpacked
MAX_SECTION_BYTES = 20 * 1024**2
NS = {
    "c": "urn:oasis:names:tc:opendocument:xmlns:container",
    "o": "http://www.idpf.org/2007/opf",
    "x": "http://www.w3.org/1999/xhtml",
    "n": "http://www.daisy.org/z3986/2005/ncx/",
    "d": "http://purl.org/dc/elements/1.1/",
}
FONT_SCRAMBLING = {"http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"}
BLOCKS = {
    "p",
    "div",
    "li",
    "tr",
    "br",
    "section",
    "article",
    "blockquote",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "dt",
    "dd",
}
BLOCKS |= {"figure", "figcaption", "pre", "header", "footer", "table", "ul", "ol", "dl", "hr"}
INLINE = (
    "a abbr b bdi bdo cite code dfn em i img ins kbd mark q rb rp rt rtc ruby s small span strong sub sup time u var"
)
TABLE_PARTS = "caption col colgroup tbody td tfoot th thead"
TAGS = (BLOCKS - {"header", "footer"}) | {
    *INLINE.split(),
    *TABLE_PARTS.split(),
}
ATTRIBUTES = {
    "*": {"lang", "dir", "title"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "ol": {"start", "reversed"},
}
_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]*);")
_XML_ENTITIES = {"amp", "lt", "gt", "quot", "apos"}


@dataclass(slots=True)
class _Book:
    """An open book: ``spine`` are the paths of its sections in reading order, ``contents`` the lines of its contents
    page as (level, title, path)."""

    archive: zipfile.ZipFile
    name: str
    spine: list[str] = field(default_factory=list)
    contents: list[tuple[int, str, str]] = field(default_factory=list)
    cover: str = ""
    pictures: dict[str, str] = field(default_factory=dict)


def inspect(source: str, name: str) -> dict[str, Any]:
    """Raises Refused when locked, broken or of a size no book has."""
    with zipfile.ZipFile(source) as archive:
        return {"pages": len(_open(archive, name).spine)}


def make(source: str, name: str, out: str, sides: list[int], report: Report) -> dict[str, Any]:
    """Write ``pictures/0001.webp`` … and ``poster.jpg``, whose long sides are at most ``sides``. Answers ``pages``, for
    each section its number, title, text, pictures and html, in which pictures are named relative to the package and
    links inside the book are ``#page-N``, and ``outline`` as ``pdf.nested`` gives it."""
    long_side, poster_side = sides
    with zipfile.ZipFile(source) as archive:
        book = _open(archive, name)
        sections = []
        for number, path in enumerate(book.spine, 1):
            sections.append(_section(book, path, number, Path(out), long_side))
            report("encode", number / len(book.spine))
        _write_poster(book, Path(out), poster_side)
        return {"pages": sections, "outline": nested(_outline(book))}


# Opening


def _open(archive: zipfile.ZipFile, name: str) -> _Book:
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES or sum(entry.file_size for entry in entries) > MAX_BYTES:
        raise Refused("too-large", f"“{name}”解压后过大（超过 400 MB 或一万个文件）。", "请缩小书中的图片后上传。")
    book = _Book(archive, name)
    _refuse_locked(book)
    container = _xml(book, "META-INF/container.xml")
    package = next(iter(container.xpath("//c:rootfile/@full-path", namespaces=NS)), "")
    if package not in archive.namelist():
        raise _broken(name)
    _read_package(book, package)
    if not 0 < len(book.spine) <= MAX_SECTIONS:
        raise Refused(
            "page-count", f"“{name}”有 {len(book.spine)} 节，可接受 1 到 {MAX_SECTIONS} 节。", "请检查电子书。"
        )
    return book


def _refuse_locked(book: _Book) -> None:
    if "META-INF/encryption.xml" in book.archive.namelist():
        methods = _xml(book, "META-INF/encryption.xml").xpath("//*[local-name()='EncryptionMethod']/@Algorithm")
        if set(methods) - FONT_SCRAMBLING:
            raise Refused("encrypted", f"“{book.name}”受数字版权保护（DRM），无法打开。", "请上传没有加密的电子书。")
    if any(entry.flag_bits & 1 for entry in book.archive.infolist()):
        raise Refused("encrypted", f"“{book.name}”设有密码。", "请去掉密码后上传。")


def _read_package(book: _Book, path: str) -> None:
    package, names = _xml(book, path), set(book.archive.namelist())
    items = {item.get("id"): item for item in package.xpath("//o:manifest/o:item", namespaces=NS)}
    for reference in package.xpath("//o:spine/o:itemref/@idref", namespaces=NS):
        item = items.get(reference)
        target = _join(path, item.get("href", "")) if item is not None else ""
        if target in names and target not in book.spine:
            book.spine.append(target)
    for item in items.values():
        properties, target = (item.get("properties") or "").split(), _join(path, item.get("href", ""))
        if target not in names:
            continue
        if "nav" in properties:
            book.contents = _contents(book, target, _NAV)
        elif item.get("media-type") == "application/x-dtbncx+xml" and not book.contents:
            book.contents = _contents(book, target, _NCX)
        elif "cover-image" in properties or "cover" in (item.get("id") or "").lower():
            book.cover = target if _is_picture(target) else book.cover


# Where a contents page keeps its lines, and in a line its address and its words: EPUB 3, then EPUB 2.
_NAV = ("//x:nav[1]//x:li", "x:a/@href", "x:a | x:span", "x:li")
_NCX = ("//n:navPoint", "n:content/@src", "n:navLabel/n:text", "n:navPoint")


def _contents(book: _Book, path: str, places: tuple[str, str, str, str]) -> list[tuple[int, str, str]]:
    lines, address, label, above = places
    found = []
    for line in _xml(book, path).xpath(lines, namespaces=NS)[:MAX_LINES]:
        words = "".join(node for part in line.xpath(label, namespaces=NS) for node in part.itertext())
        # A heading without a page of its own opens where its first line does.
        target = next(iter(line.xpath(f"{address} | .//{address}", namespaces=NS)), "")
        level = int(line.xpath(f"count(ancestor::{above})", namespaces=NS))
        if target and words.strip() and level < MAX_DEPTH:
            found.append((level, clean(" ".join(words.split()))[:255], _join(path, target)))
    return found


def _outline(book: _Book) -> list[Entry]:
    numbers = {path: number for number, path in enumerate(book.spine, 1)}
    return [(level, title, numbers[path]) for level, title, path in book.contents if path in numbers]


def _xml(book: _Book, path: str) -> etree._Element:
    """The root of an XML file; entities are not expanded and nothing is fetched."""
    try:
        if book.archive.getinfo(path).file_size > MAX_SECTION_BYTES:
            raise Refused("too-large", f"“{book.name}”的 {path} 超过 20 MB。", "请拆分章节后上传。")
        data = book.archive.read(path)
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, recover=True)
        root = etree.fromstring(_named_characters(data), parser)
    except (KeyError, zipfile.BadZipFile, etree.XMLSyntaxError, EOFError, NotImplementedError, ValueError) as error:
        raise _broken(book.name) from error
    if root is None:
        raise _broken(book.name)
    return root


def _named_characters(data: bytes) -> bytes:
    """``&nbsp;`` and its kin as characters: their definitions live in a file on the net that is never fetched."""
    text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig", "replace")
    text = re.sub(r"^\s*<\?xml[^>]*\?>", "", text)
    return _ENTITY.sub(lambda m: m[0] if m[1] in _XML_ENTITIES else html5.get(f"{m[1]};", ""), text).encode(
        "utf-8", "replace"
    )


def _join(base: str, address: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(base), unquote(urlsplit(address).path)))


def _is_picture(path: str) -> bool:
    return path.lower().endswith((".jpg", ".jpeg", ".png", ".gif", ".webp", ".avif"))


# Sections


def _section(book: _Book, path: str, number: int, out: Path, long_side: int) -> dict[str, Any]:
    root = _xml(book, path)
    bodies = root.xpath("//x:body", namespaces=NS) or [root]
    body = bodies[0]
    shown: dict[str, None] = {}
    for node in body.iter(etree.Element):
        node.tag = etree.QName(node).localname.lower()
        if node.tag in ("img", "image"):
            shown[_place_picture(book, node, path, out, long_side)] = None
        elif node.tag == "a":
            _place_link(book, node, path)
    etree.cleanup_namespaces(body)
    text = clean(_text(body))
    markup = etree.tostring(body, encoding="unicode", method="html")
    kept = nh3.clean(
        markup, tags=TAGS, attributes=ATTRIBUTES, clean_content_tags={"script", "style"}, link_rel="noopener nofollow",
        url_schemes={"http", "https", "mailto"},
    )  # fmt: skip
    named = next((title for _, title, target in book.contents if target == path), "")
    title = named or _heading(body) or f"第 {number} 节"
    pictures = [file for file in shown if file]
    return {"number": number, "title": title, "text": text, "html": kept.strip(), "pictures": pictures}


def _place_picture(book: _Book, node: etree._Element, path: str, out: Path, long_side: int) -> str:
    """Name the package's copy of a picture, or put its description in its place; that copy's name, or ""."""
    address = node.get("src") or node.get("href") or node.get("{http://www.w3.org/1999/xlink}href") or ""
    file = _picture(book, _join(path, address), out, long_side)
    node.tag = "img"
    node.attrib.pop("{http://www.w3.org/1999/xlink}href", None)
    node.set("src", file)
    if not file:
        node.tag = "span"
        node.text = node.get("alt", "")
    return file


def _picture(book: _Book, path: str, out: Path, long_side: int) -> str:
    """The package's name of a picture of the book; empty for what is none. Written once, however often it is shown."""
    if path in book.pictures:
        return book.pictures[path]
    file = ""
    if _is_picture(path) and path in book.archive.namelist() and len(book.pictures) < MAX_PICTURES:
        try:
            with book.archive.open(path) as stream, picture.opened(stream, path) as image:
                file = f"pictures/{len(book.pictures) + 1:04d}.webp"
                picture.save(picture.upright(image, long_side, path), long_side, out / file, "WEBP")
        except (Refused, zipfile.BadZipFile):
            file = ""  # one broken picture does not take the book's words away
    book.pictures[path] = file
    return file


def _place_link(book: _Book, node: etree._Element, path: str) -> None:
    address = node.get("href") or ""
    if urlsplit(address).scheme:
        return
    target = _join(path, address) if urlsplit(address).path else path
    if target in book.spine:
        node.set("href", f"#page-{book.spine.index(target) + 1}")
    else:
        node.attrib.pop("href", None)


def _text(body: etree._Element) -> str:
    """The words, a line for each block; ruby annotations are left out, so that 汉字 stays one word."""
    parts: list[str] = []

    def walk(node: etree._Element) -> None:
        if not isinstance(node.tag, str) or node.tag in ("script", "style", "rt", "rp"):
            return
        block = node.tag in BLOCKS
        parts.append("\n" if block else "")
        parts.append(node.text or "")
        for child in node:
            walk(child)
            parts.append(child.tail or "")
        parts.append("\n" if block else "")

    walk(body)
    lines = (" ".join(line.split()) for line in "".join(parts).split("\n"))
    return "\n".join(line for line in lines if line)


def _heading(body: etree._Element) -> str:
    for node in body.iter("h1", "h2", "h3"):
        words = " ".join("".join(node.itertext()).split())
        if words:
            return clean(words)[:255]
    return ""


def _write_poster(book: _Book, out: Path, side: int) -> None:
    """The cover, or the first picture of the book; none when the book has no pictures."""
    first = next((path for path, file in book.pictures.items() if file), "")
    for path in (book.cover, first):
        if not path:
            continue
        try:
            with book.archive.open(path) as stream, picture.opened(stream, path) as image:
                picture.save(picture.upright(image, side, path), side, out / "poster.jpg", "JPEG")
                return
        except (Refused, zipfile.BadZipFile, KeyError):
            continue


def _broken(name: str) -> Refused:
    return Refused("damaged", f"“{name}”不是完整的 EPUB，或已损坏。", "请重新导出电子书后上传。")
