"""Which family a file belongs to, by its first bytes, and whether its name says the same. Only bytes are compared."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

from media_pipeline.errors import Refused

HEAD_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Kind:
    """``family``: media, document or picture; ``container``: pdf, epub, jpeg, …; ``says``: the words for people."""

    family: str
    container: str
    says: str


MEDIA = Kind("media", "", "音视频")
_EXTENSIONS = {
    "media": "mp4 m4v mov 3gp mkv webm avi ts mts m2ts mpg mpeg vob flv wmv asf mxf dv ogv mp3 m4a m4b aac ogg oga "
    "opus wav flac wma aiff aif caf ac3 amr mka",
    "document": "pdf epub",
    "picture": "jpg jpeg jpe png webp gif heic heif avif tif tiff bmp",
}
FAMILY_OF = {extension: family for family, names in _EXTENSIONS.items() for extension in names.split()}
_PICTURES = (
    (b"\xff\xd8\xff", "jpeg", "JPEG 图片"),
    (b"\x89PNG\r\n\x1a\n", "png", "PNG 图片"),
    (b"GIF87a", "gif", "GIF 图片"),
    (b"GIF89a", "gif", "GIF 图片"),
    (b"II*\0", "tiff", "TIFF 图片"),
    (b"MM\0*", "tiff", "TIFF 图片"),
)
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1"}
# Lists that name other files: opening one would read what the uploader has no right to.
_PLAYLISTS = (b"#EXTM3U", b"ffconcat", b"[playlist]", b"v=0\r", b"v=0\n", b"[Reference]")
_REFUSED = (
    (b"\xd0\xcf\x11\xe0", "旧版 Office 文档", "请在 Office 或 WPS 中另存为 PDF 后上传。"),
    (b"{\\rtf", "RTF 文档", "请另存为 PDF 后上传。"),
    (b"Rar!", "RAR 压缩包", "请解压后上传里面的文件。"),
    (b"7z\xbc\xaf", "7z 压缩包", "请解压后上传里面的文件。"),
    (b"\x1f\x8b", "gzip 压缩包", "请解压后上传里面的文件。"),
    (b"MZ", "Windows 程序", "课程资料里不能有程序。"),
    (b"\x7fELF", "Linux 程序", "课程资料里不能有程序。"),
    (b"AT&TFORM", "DjVu 文档", "请另存为 PDF 后上传。"),
    (b"FWS", "Flash 动画", "请导出为 MP4 后上传。"),
    (b"CWS", "Flash 动画", "请导出为 MP4 后上传。"),
)
_MARKUP = (b"<svg", b"<mpd", b"<html", b"<!doctype html", b"<smil", b"<asx", b"<?xml")
_OFFICE = {"word/": "Word 文档", "ppt/": "PowerPoint 演示文稿", "xl/": "Excel 表格"}
ACCEPTED = "可以上传视频、音频、PDF、EPUB 和图片。"


def sniff(source: Path, name: str) -> Kind:
    """The family of a file. Raises Refused for what the library cannot hold and for a name that says otherwise."""
    with source.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        raise Refused("empty", f"“{name}”是空文件（0 字节）。", "请确认原文件能打开，再重新上传。")
    if not any(head) and source.stat().st_size <= HEAD_BYTES:
        raise Refused("empty", f"“{name}”里只有零字节，没有内容。", "请确认原文件能打开，再重新上传。")
    kind = _picture(head) or _document(head, source, name) or _media(head, name)
    claimed = FAMILY_OF.get(Path(name).suffix.lower().lstrip("."))
    if claimed and claimed != kind.family:
        extension = Path(name).suffix
        raise Refused(
            "wrong-extension",
            f"“{name}”的扩展名是 {extension}，内容却是{kind.says}。",
            "请确认选对了文件；若内容无误，请改正扩展名后重新上传。",
        )
    return kind


def _picture(head: bytes) -> Kind | None:
    for magic, container, says in _PICTURES:
        if head.startswith(magic):
            return Kind("picture", container, says)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return Kind("picture", "webp", "WebP 图片")
    if head[:2] == b"BM" and head[6:10] == b"\0\0\0\0":
        return Kind("picture", "bmp", "BMP 图片")
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS:
        return Kind("picture", "heic", "HEIC 图片")
    if head[4:8] == b"ftyp" and head[8:12] in (b"avif", b"avis"):
        return Kind("picture", "avif", "AVIF 图片")
    return None


def _document(head: bytes, source: Path, name: str) -> Kind | None:
    # Readers accept a PDF whose mark stands anywhere in the first kilobyte.
    if b"%PDF-" in head[:1024]:
        return Kind("document", "pdf", " PDF 文档")
    if head.startswith(b"PK\x03\x04"):
        return _archive(source, name)
    return None


def _archive(source: Path, name: str) -> Kind:
    try:
        with zipfile.ZipFile(source) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise Refused("damaged", f"“{name}”是损坏或不完整的压缩包，无法打开。", "请重新导出后再上传。") from error
    if "META-INF/container.xml" in names:
        return Kind("document", "epub", " EPUB 电子书")
    for prefix, says in _OFFICE.items():
        if any(member.startswith(prefix) for member in names):
            raise Refused("not-accepted", f"“{name}”是{says}。", "请在 Office 或 WPS 中另存为 PDF 后上传。")
    raise Refused("not-accepted", f"“{name}”是 ZIP 压缩包，里面不是 EPUB 电子书。", "请解压后上传里面的文件。")


def _media(head: bytes, name: str) -> Kind:
    for magic, says, remedy in _REFUSED:
        if head.startswith(magic):
            raise Refused("not-accepted", f"“{name}”是{says}，不能作为课程资料。", remedy)
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(_PLAYLISTS):
        raise _playlist(name)
    lowered = text[:1024].lower()
    if lowered.startswith(_MARKUP):
        if b"<mpd" in lowered or b"<smil" in lowered or b"<asx" in lowered:
            raise _playlist(name)
        says = "SVG 矢量图" if b"<svg" in lowered else "网页或 XML 文本"
        raise Refused("not-accepted", f"“{name}”是{says}，不能作为课程资料。", ACCEPTED)
    return MEDIA


def _playlist(name: str) -> Refused:
    return Refused("playlist", f"“{name}”是播放列表，只写着别的文件的地址，本身没有音视频。", "请上传音视频文件本身。")
