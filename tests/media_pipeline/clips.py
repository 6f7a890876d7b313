"""Films, recordings and readings of a second, made with ffmpeg once a session; and bad files made by hand."""

import hashlib
import io
import struct
import subprocess
import tempfile
import zipfile
import zlib
from functools import cache
from pathlib import Path

import m3u8
from PIL import Image

from media_pipeline import ffmpeg
from media_pipeline.produce import produce
from media_pipeline.product import Product

_PLACE = tempfile.TemporaryDirectory(prefix="wenlan-clips-")
PICTURE = "testsrc2=s={size}:r={rate}:d={seconds}"
SOUND = "sine=f=440:d={seconds}"
FAST = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac")


def place(name: str) -> Path:
    return Path(_PLACE.name) / name


def encode(name: str, *arguments: str) -> Path:
    """Run ffmpeg with arguments of ours; the file it wrote, apart from files of that name made otherwise."""
    path = place(hashlib.sha256("\0".join(arguments).encode()).hexdigest()[:12]) / name
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        command = [ffmpeg.binary(), "-v", "error", "-y", *arguments, str(path)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=120)
    return path


@cache
def film(name: str = "film.mp4", *extra: str, size: str = "320x240", rate: str = "25", seconds: float = 1) -> Path:
    """A picture that moves, with a tone."""
    inputs = [PICTURE.format(size=size, rate=rate, seconds=seconds), SOUND.format(seconds=seconds)]
    lavfi = [word for source in inputs for word in ("-f", "lavfi", "-i", source)]
    return encode(name, *lavfi, *FAST, *extra)


@cache
def silent(name: str = "silent.mp4", *extra: str, size: str = "320x240", rate: str = "25", seconds: float = 1) -> Path:
    source = PICTURE.format(size=size, rate=rate, seconds=seconds)
    return encode(name, "-f", "lavfi", "-i", source, *FAST, *extra)


@cache
def recording(name: str = "tone.wav", *extra: str, seconds: float = 1) -> Path:
    return encode(name, "-f", "lavfi", "-i", SOUND.format(seconds=seconds), *extra)


@cache
def produced(source: Path) -> tuple[Product, Path]:
    """A file gone through the whole pipeline once a session: what came out, and where."""
    out = Path(tempfile.mkdtemp(dir=_PLACE.name))
    return produce(source, out, report=lambda step, fraction: None), out


def written(name: str, data: bytes) -> Path:
    path = place(name)
    path.write_bytes(data)
    return path


def track(out: Path, spec: str) -> Path:
    """One track of a package as a file of its own, cut out where its playlist says."""
    playlist = m3u8.load(str(out / f"{spec}.m3u8"))
    start = int(playlist.segment_map[0].byterange.split("@")[1])
    size, last = map(int, playlist.segments[-1].byterange.split("@"))
    alone = out.with_name(f"{out.name}-{spec}.mp4")
    alone.write_bytes((out / playlist.segments[0].uri).read_bytes()[start : last + size])
    return alone


def decoded_frames(path: Path) -> list[str]:
    """One checksum for each frame, by ffmpeg."""
    command = [ffmpeg.binary(), "-v", "error", "-i", str(path), "-f", "framemd5", "-"]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    return [line for line in answer.stdout.splitlines() if not line.startswith("#")]


def pdf(pages: int = 2, *, encrypted: bool = False, text: str = "Miao embroidery") -> bytes:
    """A PDF written by hand: Helvetica on A5, one line a page."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>"]
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(pages))
    objects.append(f"<< /Type /Pages /Kids [{kids}] /Count {pages} >>".encode())
    objects.append(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    for number in range(1, pages + 1):
        content = f"BT /F1 24 Tf 40 300 Td ({text} {number}) Tj ET".encode()
        resources = f"/Resources << /Font << /F1 3 0 R >> >> /Contents {3 + 2 * number} 0 R"
        objects.append(f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 420 595] {resources} >>".encode())
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
    trailer = "/Root 1 0 R"
    if encrypted:
        lock = "41" * 32
        objects.append(f"<< /Filter /Standard /V 1 /R 2 /O <{lock}> /U <{lock}> /P -64 >>".encode())
        trailer += f" /Encrypt {len(objects)} 0 R /ID [<{'42' * 16}> <{'42' * 16}>]"
    return pdf_file(objects, trailer)


def pdf_file(objects: list[bytes], trailer: str) -> bytes:
    data, places = bytearray(b"%PDF-1.4\n"), []
    for number, content in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(data)
    data += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    data += b"".join(b"%010d 00000 n \n" % at for at in places)
    size = len(objects) + 1
    return bytes(data) + f"trailer << /Size {size} {trailer} >>\nstartxref\n{start}\n%%EOF\n".encode()


CONTAINER = """<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" version="1.0"><rootfiles>
<rootfile full-path="OEBPS/content.opf" media-type="application/oebps-package+xml"/></rootfiles></container>"""
OPF = """<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><manifest>
<item id="nav" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>
<item id="a" href="a.xhtml" media-type="application/xhtml+xml"/>
<item id="b" href="b.xhtml" media-type="application/xhtml+xml"/>
<item id="p" href="p.png" media-type="image/png" properties="cover-image"/></manifest>
<spine><itemref idref="a"/><itemref idref="b"/></spine></package>"""
NAV = """<html xmlns="http://www.w3.org/1999/xhtml"><body><nav><ol><li><a href="a.xhtml">第一章 针法</a></li></ol></nav>
</body></html>"""
SECTION_A = """<!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml"><body><h1>针法</h1>
<p>平绣与<ruby>打籽<rt>dǎ zǐ</rt></ruby>绣。&nbsp;<a href="b.xhtml#x">下一章</a></p>
<img src="p.png" alt="花样"/></body></html>"""
SECTION_B = """<html xmlns="http://www.w3.org/1999/xhtml"><body><h2>配色</h2><p>红与黑</p></body></html>"""


def epub(**parts: str | bytes) -> bytes:
    """An EPUB of two sections and a picture; ``parts`` (a, b, nav, opf, encryption) replace those files."""
    files: dict[str, str | bytes] = {
        "META-INF/container.xml": CONTAINER,
        "OEBPS/content.opf": parts.get("opf", OPF),
        "OEBPS/nav.xhtml": parts.get("nav", NAV),
        "OEBPS/a.xhtml": parts.get("a", SECTION_A),
        "OEBPS/b.xhtml": parts.get("b", SECTION_B),
        "OEBPS/p.png": picture(60, 40, "PNG"),
    }
    if "encryption" in parts:
        files["META-INF/encryption.xml"] = parts["encryption"]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def picture(width: int, height: int, kind: str, **options) -> bytes:
    """A picture whose left half is red and whose right half is blue."""
    image = Image.new("RGB", (width, height), (220, 30, 30))
    image.paste((30, 30, 220), (width // 2, 0, width, height))
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png_bomb(side: int) -> bytes:
    """A PNG of ``side`` × ``side`` white pixels in a few kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress((b"\0" + b"\xff" * (side // 8)) * side, 9)
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
