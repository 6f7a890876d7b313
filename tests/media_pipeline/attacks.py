"""Hostile files, made on the spot: what each is called, how it is built, and the ends it may come to."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from tests.media_pipeline import clips

SECRET = "the words of another user"
PLAYS = "plays"


@dataclass(frozen=True, slots=True)
class Ground:
    """Where an attack takes place: what it wants to read, and whom it wants to call."""

    film: Path  # of another user
    text: Path  # of another user
    beside: Path  # a film in the upload's own directory
    port: int  # somebody listens here

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/film.ts"


@dataclass(frozen=True, slots=True)
class Attack:
    name: str  # what the uploader calls it
    build: Callable[[Ground], bytes]
    ends: frozenset[str]  # codes of a refusal, or PLAYS


ATTACKS: dict[str, Attack] = {}


def _attack(name: str, *ends: str) -> Callable[[Callable[[Ground], bytes]], Callable[[Ground], bytes]]:
    def keep(build: Callable[[Ground], bytes]) -> Callable[[Ground], bytes]:
        ATTACKS[build.__name__] = Attack(name, build, frozenset(ends))
        return build

    return keep


def _add(kind: str, name: str, build: Callable[[Ground], bytes | str], *ends: str) -> None:
    def bytes_of(ground: Ground) -> bytes:
        data = build(ground)
        return data if isinstance(data, bytes) else data.encode()

    ATTACKS[kind] = Attack(name, bytes_of, frozenset(ends))


# Lists that name other files --------------------------------------------------------------------------------
def hls(address: str, more: str = "") -> str:
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n{more}#EXTINF:1,\n{address}\n#EXT-X-ENDLIST\n"


def concat(address: object) -> str:
    return f"ffconcat version 1.0\nfile '{address}'\n"


_LISTS: dict[str, Callable[[Ground], str]] = {
    "hls file": lambda g: hls(str(g.film)),
    "hls beside": lambda g: hls(g.beside.name),
    "hls http": lambda g: hls(g.url),
    "hls crypto": lambda g: hls(f"crypto:{g.film}"),
    "hls concat protocol": lambda g: hls(f"concat:{g.film}|{g.text}"),
    "hls subfile": lambda g: hls(f"subfile,,start,0,end,999,,:{g.film}"),
    "hls data": lambda g: hls("data:video/mp4;base64,AAAA"),
    "hls key": lambda g: hls(g.beside.name, f'#EXT-X-KEY:METHOD=AES-128,URI="{g.text}"\n'),
    "hls map": lambda g: hls(g.beside.name, f'#EXT-X-MAP:URI="{g.film}"\n'),
    "hls after a mark and blanks": lambda g: "\ufeff\r\n  \n" + hls(str(g.film)),
    "concat file": lambda g: concat(g.film),
    "concat beside": lambda g: concat(g.beside.name),
    "concat http": lambda g: concat(g.url),
    "pls": lambda g: f"[playlist]\nFile1={g.url}\nNumberOfEntries=1\n",
    "asx reference": lambda g: f"[Reference]\nRef1={g.url}\n",
    "sdp": lambda g: f"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {g.port} RTP/AVP 96\n",
    "dash": lambda g: f'<?xml version="1.0"?><MPD><Period><BaseURL>{g.film}</BaseURL></Period></MPD>',
    "smil": lambda g: f'<smil><body><video src="{g.film}"/></body></smil>',
    "asx": lambda g: f'<asx version="3.0"><entry><ref href="{g.url}"/></entry></asx>',
}
for _kind, _build in _LISTS.items():
    _add(_kind, "课.mp4", _build, "playlist")


def _svg(ground: Ground) -> str:
    href = f'xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="file://{ground.text}"'
    images = f'<image {href}/><image href="{ground.url}"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">{images}</svg>'


# Words where a film should be -------------------------------------------------------------------------------
_add("list without a heading", "课.m3u", lambda g: f"{g.film}\n{g.url}\n", "unreadable")
_add("strm", "课.strm", lambda g: g.url, "unreadable")
_add("rtsp address", "课.mp4", lambda g: f"rtsp://127.0.0.1:{g.port}/x", "unreadable")
_add("internet shortcut", "课.url", lambda g: f"[InternetShortcut]\nURL={g.url}\n", "unreadable")
_add(
    "xspf",
    "课.mp4",
    lambda g: f'<?xml version="1.0"?><playlist><location>{g.url}</location></playlist>',
    "not-accepted",
)
_add(
    "smooth streaming", "课.ism", lambda g: '<?xml version="1.0"?><SmoothStreamingMedia Duration="1"/>', "not-accepted"
)
_add(
    "imf list",
    "课.mxf",
    lambda g: f'<?xml version="1.0"?><CompositionPlaylist><Id>{g.film}</Id></CompositionPlaylist>',
    "not-accepted",
)
_add("list behind an ID3 tag", "课.mp3", lambda g: b"ID3\4\0\0\0\0\0\0" + hls(str(g.film)).encode(), "unreadable")
_add("ass", "课.mp4", lambda g: f"[Script Info]\n[Fonts]\nfontname: {g.text}\n[Events]\n", "unreadable")
_add("svg", "图.png", _svg, "not-accepted")
_add("svg after a comment", "图.png", lambda g: f"<?xml version='1.0'?><!-- {'x' * 2000} -->{_svg(g)}", "not-accepted")


# Containers that name other files ---------------------------------------------------------------------------
def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + kind + body


def with_reference(entry: bytes) -> bytes:
    """A film whose tables say that its pictures lie elsewhere: the index stands last, so it may grow."""
    data = clips.silent("tiny.mp4", size="64x48").read_bytes()
    start = data.index(b"moov") - 4
    return data[:start] + _grown(data[start:], entry)


def _grown(box: bytes, entry: bytes) -> bytes:
    kind = box[4:8]
    if kind == b"dref":
        return _box(b"dref", bytes(4), struct.pack(">I", 1), entry)
    if kind not in (b"moov", b"trak", b"mdia", b"minf", b"dinf"):
        return box
    children, at = [], 8
    while at < len(box):
        size = struct.unpack(">I", box[at : at + 4])[0]
        children.append(_grown(box[at : at + size], entry))
        at += size
    return _box(kind, *children)


def alias(path: Path | str) -> bytes:
    """A Macintosh alias as QuickTime writes it, with its full path in a record of type 2 and its depth."""
    folder, name = str(path).rsplit("/", 1) if "/" in str(path) else ("", str(path))
    record = bytearray(150)
    record[10:11] = bytes([min(27, len("disk"))])
    record[11:15] = b"disk"
    short = name.encode()[:63]
    record[50:51] = bytes([len(short)])
    record[51 : 51 + len(short)] = short
    record[130:134] = struct.pack(">hh", 1, 1)  # levels up from the film, and down to the target
    more = b""
    for kind, text in (
        (2, f"disk:{str(path).lstrip('/').replace('/', ':')}"),
        (18, str(path)),
        (0, folder.rsplit("/", 1)[-1]),
    ):
        raw = text.encode()
        more += struct.pack(">hh", kind, len(raw)) + raw + b"\0" * (len(raw) % 2)
    return _box(b"alis", bytes(4), bytes(record), more, struct.pack(">hh", -1, 0))


def _url(address: str) -> bytes:
    return _box(b"url ", bytes(4), address.encode() + b"\0")


_OUTSIDE = ("undecodable", "unreadable", "truncated", "damaged", PLAYS)
_add("mov alias", "课.mov", lambda g: with_reference(alias(g.film)), *_OUTSIDE)
_add("mov alias beside", "课.mov", lambda g: with_reference(alias(g.beside.name)), *_OUTSIDE)
_add("mov alias upward", "课.mov", lambda g: with_reference(alias(f"../../other/{g.film.name}")), *_OUTSIDE)
_add("mov file address", "课.mov", lambda g: with_reference(_url(f"file://{g.film}")), *_OUTSIDE)
_add("mov http address", "课.mov", lambda g: with_reference(_url(g.url)), *_OUTSIDE)


@_attack("课.mkv", PLAYS)
def mkv_next_segment(ground: Ground) -> bytes:
    """A segment that names the next one, in the place of a title of the same length."""
    words = str(ground.film).encode()
    plain, title = clips.silent("tiny.mp4", size="64x48"), f"title={'x' * (len(words) + 1)}"
    film = clips.encode(f"linked-{len(words)}.mkv", "-i", str(plain), "-c", "copy", "-metadata", title)
    data = film.read_bytes()
    title = b"\x7b\xa9" + bytes([0x80 | (len(words) + 1)]) + b"x" * (len(words) + 1)
    assert title in data
    return data.replace(title, b"\x3e\x83\xbb" + bytes([0x80 | len(words)]) + words)


@_attack("课.mkv", PLAYS)
def mkv_attachments(ground: Ground) -> bytes:
    page = clips.written("page.html", b"<script>x()</script>")
    font = clips.written("font.ttf", b"\0\1\0\0" + bytes(2000))
    attach = (
        "-attach",
        str(page),
        "-attach",
        str(font),
        "-metadata:s:t:0",
        "mimetype=text/html",
        "-metadata:s:t:1",
        "mimetype=font/ttf",
    )
    return clips.encode(
        "attached.mkv", "-i", str(clips.silent("tiny.mp4", size="64x48")), "-c", "copy", *attach
    ).read_bytes()


@_attack("课.mkv", PLAYS)
def mkv_vector_picture_as_cover(ground: Ground) -> bytes:
    page = clips.written("cover.svg", _svg(ground).encode())
    attach = (
        "-attach",
        str(page),
        "-metadata:s:t:0",
        "mimetype=image/svg+xml",
        "-metadata:s:t:0",
        "filename=cover.svg",
    )
    return clips.encode(
        f"cover-{ground.port}.mkv", "-i", str(clips.silent("tiny.mp4", size="64x48")), "-c", "copy", *attach
    ).read_bytes()


@_attack("课.mkv", PLAYS)
def mkv_many_chapters(ground: Ground) -> bytes:
    chapters = "".join(
        f"[CHAPTER]\nTIMEBASE=1/1000000\nSTART={n}\nEND={n + 1}\ntitle=<b>{n}</b>\n" for n in range(5000)
    )
    facts = clips.written("chapters.txt", f";FFMETADATA1\n{chapters}".encode())
    film = clips.silent("tiny.mp4", size="64x48")
    return clips.encode(
        "chapters.mkv", "-i", str(film), "-i", str(facts), "-map_metadata", "1", "-c", "copy"
    ).read_bytes()


@_attack("课.mkv", PLAYS)
def mkv_scripts_in_captions(ground: Ground) -> bytes:
    lines = clips.written(
        "script.srt", b"1\n00:00:00,000 --> 00:00:01,000\n<script src=x></script><font face='/etc/passwd'>a</font>\n"
    )
    film = clips.silent("tiny.mp4", size="64x48")
    return clips.encode("script.mkv", "-i", str(film), "-i", str(lines), "-c", "copy", "-c:s", "srt").read_bytes()


@_attack("课.mkv", PLAYS)
def mkv_hundreds_of_streams(ground: Ground) -> bytes:
    lines = clips.written("one.srt", b"1\n00:00:00,000 --> 00:00:01,000\na\n")
    maps = [word for _ in range(400) for word in ("-map", "1")]
    film = clips.silent("tiny.mp4", size="64x48")
    return clips.encode("streams.mkv", "-i", str(film), "-i", str(lines), "-map", "0", *maps, "-c", "copy").read_bytes()


# AVI, written by hand ---------------------------------------------------------------------------------------
def _chunk(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def avi(frames: list[bytes], *, rate: int = 10, size: tuple[int, int] = (64, 48), text: bytes = b"") -> bytes:
    """Motion JPEG, with ``text`` as a subtitle stream when there is any."""
    streams = 2 if text else 1
    avih = struct.pack("<14I", 100_000, 0, 0, 0x10, len(frames), 0, streams, 0, *size, 0, 0, 0, 0)
    strh = b"vidsMJPG" + struct.pack("<10I4H", 0, 0, 0, 1, rate, 0, len(frames), 0, 0xFFFFFFFF, 0, 0, 0, *size)
    strf = struct.pack("<IiiHH4sIiiII", 40, *size, 1, 24, b"MJPG", 0, 0, 0, 0, 0)
    lists = [_chunk(b"LIST", b"strl", _chunk(b"strh", strh), _chunk(b"strf", strf))]
    if text:
        words = b"txts\0\0\0\0" + struct.pack("<10I4H", 0, 0, 0, 1, 1, 0, 1, 0, 0xFFFFFFFF, 0, 0, 0, 0, 0)
        lists.append(_chunk(b"LIST", b"strl", _chunk(b"strh", words), _chunk(b"strf", b"")))
    movi = b"".join(_chunk(b"00dc", frame) for frame in frames)
    movi += (
        _chunk(b"01tx", b"GAB2\0", struct.pack("<HI", 2, 2), b"x\0", struct.pack("<HI", 4, len(text)), text)
        if text
        else b""
    )
    index = b"".join(struct.pack("<4sIII", b"00dc", 0x10, 0x7FFFFFF0, 0x7FFFFFF0) for _ in frames)
    header = _chunk(b"LIST", b"hdrl", _chunk(b"avih", avih), *lists)
    return _chunk(b"RIFF", b"AVI ", header, _chunk(b"LIST", b"movi", movi), _chunk(b"idx1", index))


_FRAME = clips.picture(64, 48, "JPEG")
_add("avi gab2 playlist", "课.avi", lambda g: avi([_FRAME] * 10, text=hls(str(g.film)).encode()), PLAYS)
_add(
    "avi gab2 styles",
    "课.avi",
    lambda g: avi([_FRAME] * 10, text=f"[Script Info]\n[Fonts]\nfontname: {g.text}\n".encode()),
    PLAYS,
)
_add("avi index beyond the end", "课.avi", lambda g: avi([_FRAME] * 10), PLAYS)
_add("avi million frames a second", "课.avi", lambda g: avi([_FRAME] * 10, rate=1_000_000), "broken-times")
_add(
    "avi size changes with each frame",
    "课.avi",
    lambda g: avi([clips.picture(32 + 16 * n, 48 + 16 * (n % 5), "JPEG") for n in range(20)]),
    PLAYS, "damaged", "undecodable",
)  # fmt: skip
_add(
    "avi header of 65535 lines",
    "课.avi",
    lambda g: avi([_FRAME] * 10, size=(65535, 65535)),
    PLAYS,
    "unreadable",
    "undecodable",
)


# Lies about size and time -----------------------------------------------------------------------------------
@_attack("课.mp4", "unreadable", "undecodable", "damaged", "too-many-pixels", PLAYS)
def mp4_header_of_65535_lines(ground: Ground) -> bytes:
    data = bytearray(clips.silent("tiny.mp4", size="64x48").read_bytes())
    at = data.index(b"avc1") + 28
    data[at : at + 4] = b"\xff\xff\xff\xff"
    return bytes(data)


@_attack("课.mp4", "truncated", PLAYS)
def mp4_says_it_lasts_a_week(ground: Ground) -> bytes:
    data = bytearray(clips.silent("tiny.mp4", size="64x48").read_bytes())
    for kind, place in ((b"mvhd", 20), (b"mdhd", 20), (b"tkhd", 24)):
        at = data.index(kind) + place
        data[at : at + 4] = struct.pack(">I", 0x7FFFFFFF)
    return bytes(data)


@_attack("课.mp4", "unreadable", "undecodable", "damaged", "truncated", "nothing-playable")
def mp4_tables_without_end(ground: Ground) -> bytes:
    data = bytearray(clips.silent("tiny.mp4", size="64x48").read_bytes())
    for kind in (b"stsz", b"stts", b"stco"):
        at = data.index(kind) + (12 if kind == b"stsz" else 8)
        data[at : at + 4] = b"\xff\xff\xff\xf0"
    return bytes(data)


@_attack("课.mp4", "unreadable", "damaged", "nothing-playable")
def mp4_boxes_in_boxes(ground: Ground) -> bytes:
    box = b""
    for _ in range(20_000):
        box = _box(b"moov", box) if len(box) < 400_000 else box
    return _box(b"ftyp", b"isom", bytes(4)) + box


@_attack("课.wav", "truncated", PLAYS)
def wav_says_four_gigabytes(ground: Ground) -> bytes:
    data = bytearray(clips.recording().read_bytes())
    at = data.index(b"data") + 4
    data[at : at + 4] = b"\xff\xff\xff\xf0"
    return bytes(data)


_MP3 = ("-c:a", "libmp3lame", "-b:a", "64k")
_add(
    "id3 of 256 MB",
    "课.mp3",
    lambda g: b"ID3\4\0\0\x7f\x7f\x7f\x7f" + clips.recording("tone.mp3", *_MP3).read_bytes(),
    "unreadable",
    PLAYS,
)


@_attack("课.ogg", PLAYS)
def ogg_comments_of_4_mb(ground: Ground) -> bytes:
    facts = clips.written("comments.txt", f";FFMETADATA1\ncomment={'字' * 1_300_000}\n".encode())
    return clips.encode(
        "comments.ogg", "-i", str(clips.recording()), "-i", str(facts), "-map_metadata", "1", "-c:a", "libvorbis"
    ).read_bytes()


# Several things at once -------------------------------------------------------------------------------------
_add(
    "film that begins as a PDF",
    "课.mp4",
    lambda g: _box(b"free", b"%PDF-1.4") + clips.film().read_bytes(),
    "wrong-extension",
)
_add(
    "zip that ends a film",
    "课.mp4",
    lambda g: clips.silent("tiny.mp4", size="64x48").read_bytes() + clips.epub(),
    PLAYS,
)
_add("script that begins as a GIF", "图.gif", lambda g: b"GIF89a/*" + bytes(5) + b"*/=1;alert(1)", "damaged")
_add("page that begins as a JPEG", "图.jpg", lambda g: clips.picture(8, 8, "JPEG") + b"<script>x()</script>", PLAYS)
_add("one byte", "课.mp4", lambda g: b"\0\1", "unreadable")


# Pictures ---------------------------------------------------------------------------------------------------
def _png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(width: int, height: int, *more: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + bytes(3 * min(width, 64))) * min(height, 64))
    return (
        b"\x89PNG\r\n\x1a\n"
        + _png_chunk(b"IHDR", header)
        + b"".join(more)
        + _png_chunk(b"IDAT", rows)
        + _png_chunk(b"IEND", b"")
    )


def _patched(data: bytes, mark: bytes, skip: int, value: bytes) -> bytes:
    at = data.index(mark) + skip
    return data[:at] + value + data[at + len(value) :]


def _many_frames(kind: str) -> bytes:
    frames = [Image.new("P", (500, 500), n % 256) for n in range(600)]
    buffer = io.BytesIO()
    frames[0].save(buffer, kind, save_all=True, append_images=frames[1:])
    return buffer.getvalue()


_HUGE = ("too-many-pixels",)
_BOMB = zlib.compress(bytes(300 * 1024**2), 9)
_add("png 65535", "图.png", lambda g: _png(65535, 65535), *_HUGE)
_add("png words of 300 MB", "图.png", lambda g: _png(64, 64, _png_chunk(b"zTXt", b"a\0\0" + _BOMB)), "damaged", PLAYS)
_add("png profile of 300 MB", "图.png", lambda g: _png(64, 64, _png_chunk(b"iCCP", b"a\0\0" + _BOMB)), "damaged", PLAYS)
_add("gif 65535", "图.gif", lambda g: _patched(clips.picture(8, 8, "GIF"), b"GIF87a", 6, b"\xff\xff\xff\xff"), *_HUGE)
_add("gif of 600 frames", "图.gif", lambda g: _many_frames("GIF"), PLAYS)
_add(
    "jpeg 65535", "图.jpg", lambda g: _patched(clips.picture(8, 8, "JPEG"), b"\xff\xc0", 5, b"\xff\xff\xff\xff"), *_HUGE
)
_add(
    "bmp a million wide",
    "图.bmp",
    lambda g: _patched(clips.picture(8, 8, "BMP"), b"BM", 18, struct.pack("<ii", 10**6, 10**6)),
    *_HUGE,
)
_add(
    "webp 16384",
    "图.webp",
    lambda g: b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xff\x3f\0\xff\x3f\0" + bytes(8),
    *_HUGE,
    "damaged",
)


@_attack("图.tif", "too-many-pixels", "damaged")
def tiff_a_million_wide(ground: Ground) -> bytes:
    data = clips.picture(8, 8, "TIFF")
    for tag in (256, 257):
        data = (
            _patched(data, struct.pack("<HHI", tag, 4, 1), 8, struct.pack("<I", 10**6))
            if struct.pack("<HHI", tag, 4, 1) in data
            else _patched(data, struct.pack("<HHI", tag, 3, 1), 2, struct.pack("<HII", 4, 1, 10**6))
        )
    return data


@_attack("图.heic", "damaged", "too-many-pixels", "unreadable")
def heif_of_nothing(ground: Ground) -> bytes:
    return _box(b"ftyp", b"heic", bytes(4), b"mif1heic") + _box(
        b"meta", bytes(4), _box(b"iloc", b"\xff" * 40), _box(b"iinf", b"\xff" * 40)
    )


# Books ------------------------------------------------------------------------------------------------------
XHTML = '<html xmlns="http://www.w3.org/1999/xhtml"><body>{}</body></html>'


def _book(words: str, doctype: str = "") -> bytes:
    return clips.epub(a=doctype + XHTML.format(words))


def _zip_with(*more: tuple[zipfile.ZipInfo | str, bytes]) -> bytes:
    buffer = io.BytesIO(clips.epub())
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive:
        for info, data in more:
            archive.writestr(info, data)
    return buffer.getvalue()


_add(
    "epub entity of a file",
    "书.epub",
    lambda g: _book("<p>&s;</p>", f'<!DOCTYPE x [<!ENTITY s SYSTEM "file://{g.text}">]>'),
    PLAYS,
)
_add(
    "epub entity of an address",
    "书.epub",
    lambda g: _book("<p>&s;</p>", f'<!DOCTYPE x [<!ENTITY s SYSTEM "{g.url}">]>'),
    PLAYS,
)
_add("epub definitions elsewhere", "书.epub", lambda g: _book("<p>&s;</p>", f'<!DOCTYPE html SYSTEM "{g.url}">'), PLAYS)
_add(
    "epub parameter entity",
    "书.epub",
    lambda g: _book("<p>a</p>", f'<!DOCTYPE x [<!ENTITY % s SYSTEM "{g.url}"> %s;]>'),
    PLAYS,
)
_add(
    "epub remote parts",
    "书.epub",
    lambda g: _book(
        f'<link href="{g.url}" rel="stylesheet"/><img src="{g.url}"/><p style="background:url({g.url})">a</p>'
    ),
    PLAYS,
)
_add(
    "epub pictures of others",
    "书.epub",
    lambda g: _book(f'<img src="file://{g.text}"/><img src="../../../../{g.text}"/>'),
    PLAYS,
)
_add("epub elements in elements", "书.epub", lambda g: _book("<div>" * 100_000), PLAYS, "damaged", "page-count")
_add(
    "epub path upward", "书.epub", lambda g: _zip_with(("../../../outside.html", b"x"), ("/outside.html", b"x")), PLAYS
)
_add(
    "epub inside an epub",
    "书.epub",
    lambda g: _zip_with(("OEBPS/inner.epub", clips.epub(b=b" " * 50 * 1024**2))),
    PLAYS,
)
_add("epub picture bomb", "书.epub", lambda g: _zip_with(("OEBPS/bomb.png", clips.png_bomb(16_000))), PLAYS)
_add(
    "epub with a million words of 300 MB",
    "书.epub",
    lambda g: _zip_with(("OEBPS/x.xhtml", bytes(401 * 1024**2))),
    "too-large",
)


@_attack("书.epub", "damaged")
def epub_link_as_chapter(ground: Ground) -> bytes:
    link = zipfile.ZipInfo("OEBPS/link.xhtml")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    opf = clips.OPF.replace('href="b.xhtml"', 'href="link.xhtml"')
    buffer = io.BytesIO(clips.epub(opf=opf))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(link, str(ground.text))
    return buffer.getvalue()


@_attack("书.epub", "too-large", "damaged")
def epub_entries_over_one_another(ground: Ground) -> bytes:
    """Thousands of names for one compressed block: small on disk, endless when unpacked."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/container.xml", clips.CONTAINER)
        archive.writestr("OEBPS/content.opf", clips.OPF)
        archive.writestr("OEBPS/a.xhtml", bytes(8 * 1024**2))
        block = archive.getinfo("OEBPS/a.xhtml")
        for number in range(2000):
            copy = zipfile.ZipInfo(f"OEBPS/{number}.xhtml")
            for fact in ("compress_type", "CRC", "compress_size", "file_size", "header_offset"):
                setattr(copy, fact, getattr(block, fact))
            archive.filelist.append(copy)
            archive.NameToInfo[copy.filename] = copy
    return buffer.getvalue()


# PDF --------------------------------------------------------------------------------------------------------
def pdf_of(page: str, *objects: bytes, catalogue: str = "", box: str = "0 0 420 595") -> bytes:
    """One page: object 3 is the page, ``objects`` follow from 4 on."""
    return clips.pdf_file(
        [
            f"<< /Type /Catalog /Pages 2 0 R {catalogue} >>".encode(),
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            f"<< /Type /Page /Parent 2 0 R /MediaBox [{box}] {page} >>".encode(),
            *objects,
        ],
        "/Root 1 0 R",
    )


def stream(data: bytes, words: str = "") -> bytes:
    return f"<< /Length {len(data)} {words} >>\nstream\n".encode() + data + b"\nendstream"


_FLATE = "/Filter /FlateDecode"
_add(
    "pdf script",
    "书.pdf",
    lambda g: pdf_of("", catalogue=f"/OpenAction << /S /JavaScript /JS (app.launchURL\\('{g.url}'\\)) >>"),
    PLAYS,
)
_add("pdf launch", "书.pdf", lambda g: pdf_of("", catalogue=f"/OpenAction << /S /Launch /F ({g.text}) >>"), PLAYS)
_add("pdf address", "书.pdf", lambda g: pdf_of("", catalogue=f"/OpenAction << /S /URI /URI ({g.url}) >>"), PLAYS)
_add(
    "pdf form sent home",
    "书.pdf",
    lambda g: pdf_of("", catalogue=f"/OpenAction << /S /SubmitForm /F ({g.url}) >>"),
    PLAYS,
)
_add("pdf words in another file", "书.pdf", lambda g: pdf_of("/Contents 4 0 R", stream(b"", f"/F ({g.text})")), PLAYS)
_add(
    "pdf picture in another file",
    "书.pdf",
    lambda g: pdf_of(
        "/Contents 4 0 R /Resources << /XObject << /X 5 0 R >> >>",
        stream(b"/X Do"),
        stream(b"", f"/Subtype /Image /Width 9 /Height 9 /F << /FS /URL /F ({g.url}) >>"),
    ),
    PLAYS,
)
_add(
    "pdf file inside",
    "书.pdf",
    lambda g: pdf_of(
        "",
        stream(b"MZ program", "/Type /EmbeddedFile"),
        catalogue="/Names << /EmbeddedFiles << /Names [(a.exe) << /EF << /F 4 0 R >> >>] >> >>",
    ),
    PLAYS,
)
_add(
    "pdf form in itself",
    "书.pdf",
    lambda g: pdf_of(
        "/Contents 4 0 R /Resources << /XObject << /X 5 0 R >> >>",
        stream(b"/X Do"),
        stream(b"/X Do /X Do", "/Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X 5 0 R >> >>"),
    ),
    "too-large",
    "too-slow",
    "damaged",
)
_add("pdf page of a billion points", "书.pdf", lambda g: pdf_of("", box="0 0 1000000000 1000000000"), PLAYS, "damaged")
_add("pdf page as a thread", "书.pdf", lambda g: pdf_of("", box="0 0 0.001 100000"), PLAYS, "damaged")
_add(
    "pdf words of 300 MB",
    "书.pdf",
    lambda g: pdf_of("/Contents 4 0 R", stream(_BOMB, _FLATE)),
    PLAYS,
    "damaged",
    "too-large",
)
_add(
    "pdf picture of 60000",
    "书.pdf",
    lambda g: pdf_of(
        "/Contents 4 0 R /Resources << /XObject << /X 5 0 R >> >>",
        stream(b"/X Do"),
        stream(
            _BOMB, f"{_FLATE} /Subtype /Image /Width 60000 /Height 60000 /BitsPerComponent 1 /ColorSpace /DeviceGray"
        ),
    ),
    PLAYS,
    "damaged",
    "too-large",
)
_add(
    "pdf pages in a ring",
    "书.pdf",
    lambda g: clips.pdf_file(
        [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [2 0 R] /Count 5 >>"], "/Root 1 0 R"
    ),
    "damaged",
    "page-count",
)
_add(
    "pdf that counts a billion pages",
    "书.pdf",
    lambda g: clips.pdf_file(
        [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [] /Count 1000000000 >>"], "/Root 1 0 R"
    ),
    "damaged",
    "page-count",
)
_add(
    "pdf outline in a ring",
    "书.pdf",
    lambda g: pdf_of(
        "",
        b"<< /First 5 0 R >>",
        b"<< /Title (a) /Next 5 0 R /First 5 0 R /Dest [3 0 R /Fit] >>",
        catalogue="/Outlines 4 0 R",
    ),
    PLAYS,
)
