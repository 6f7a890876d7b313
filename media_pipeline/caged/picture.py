"""Pictures: read by Pillow, turned upright, in standard colours, in sizes for the web, without their metadata."""

import io
import warnings
from pathlib import Path
from typing import Any

import pillow_heif
from PIL import Image, ImageCms, ImageOps

from media_pipeline.errors import Refused

MAX_PIXELS = 100_000_000  # the largest camera picture; 300 MB once unpacked
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "HEIF", "AVIF", "TIFF", "BMP")
QUALITY = {"WEBP": {"quality": 80, "method": 4}, "JPEG": {"quality": 82, "optimize": True, "progressive": True}}
# Pillow's own alarm would come at another number and as a warning; the limit above is asked before a pixel is read.
Image.MAX_IMAGE_PIXELS = None
pillow_heif.register_heif_opener()


def inspect(source: str, name: str) -> dict[str, Any]:
    """Size as shown. Raises Refused for what is no picture, is broken or has too many pixels."""
    with opened(source, name) as image:
        turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
        width, height = image.size[::-1] if turned else image.size
        return {"width": width, "height": height}


def make(source: str, name: str, out: str, sizes: list[dict], zoom: dict | None = None) -> list[dict[str, Any]]:
    """Write ``sizes`` (``{"name", "long_side", "format"}``) into ``out``, largest first, and the tiles of ``zoom`` (see
    ``formats.picture.zoom``); the measures of the sizes."""
    largest = max(size["long_side"] for size in sizes)
    if zoom:
        largest = max(zoom["levels"][-1]["width"], zoom["levels"][-1]["height"])
    with opened(source, name) as image:
        picture = upright(image, largest, name)
    if zoom:
        _write_tiles(picture, zoom, Path(out))
    written = []
    for size in sorted(sizes, key=lambda size: -size["long_side"]):
        made = save(picture, size["long_side"], Path(out) / size["name"], size["format"])
        written.append({"name": size["name"], "width": made[0], "height": made[1]})
    return written


def _write_tiles(picture: Image.Image, zoom: dict, out: Path) -> None:
    tile = zoom["tile"]
    for number, level in enumerate(zoom["levels"]):
        size = (level["width"], level["height"])
        scaled = picture if size == picture.size else picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
        for row in range(level["rows"]):
            for column in range(level["columns"]):
                corner = (column * tile, row * tile)
                end = (min(corner[0] + tile, size[0]), min(corner[1] + tile, size[1]))
                name = zoom["name"].format(level=number, column=column, row=row)
                save(scaled.crop((*corner, *end)), tile, out / name, "WEBP")


def opened(source: Any, name: str) -> Image.Image:
    """An image whose pixels are not read yet. ``source``: path or binary file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(source, formats=FORMATS)
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError) as error:
        raise _broken(name) from error
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise Refused(
            "too-many-pixels",
            f"“{name}”有 {width}×{height} 像素，超过 {MAX_PIXELS // 10_000} 万像素的上限。",
            "请缩小到长边 8000 像素以内后上传。",
        )
    return image


def upright(image: Image.Image, long_side: int, name: str) -> Image.Image:
    """The picture at most ``long_side`` pixels long, turned as its EXIF says, sRGB, RGB or RGBA."""
    try:
        image.draft("RGB", (long_side, long_side))
        profile = image.info.get("icc_profile")
        if image.mode not in ("RGB", "RGBA", "L", "CMYK"):
            image = image.convert("RGBA" if _transparent(image) else "RGB")
        image.thumbnail((long_side, long_side), Image.Resampling.LANCZOS, reducing_gap=3.0)
        image = ImageOps.exif_transpose(image)
        return _standard_colours(image, profile)
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, Image.DecompressionBombError) as error:
        raise _broken(name) from error


def _transparent(image: Image.Image) -> bool:
    return "transparency" in image.info or image.mode in ("LA", "PA", "La")


def _standard_colours(image: Image.Image, profile: bytes | None) -> Image.Image:
    if profile and image.mode in ("RGB", "CMYK"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            turned = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError):
            turned = None  # a broken profile: the plain numbers are the better guess
        image = turned or image
    return image if image.mode in ("RGB", "RGBA") else image.convert("RGB")


def save(picture: Image.Image, long_side: int, path: Path, format_: str) -> tuple[int, int]:
    """Write one size without metadata; its measures in pixels."""
    copy = picture.copy()
    copy.thumbnail((long_side, long_side), Image.Resampling.LANCZOS)
    if format_ == "JPEG" and copy.mode == "RGBA":
        paper = Image.new("RGB", copy.size, "white")
        paper.paste(copy, mask=copy.getchannel("A"))
        copy = paper
    # A fresh image carries no EXIF, no position, no maker's notes.
    clean = Image.frombytes(copy.mode, copy.size, copy.tobytes())
    path.parent.mkdir(parents=True, exist_ok=True)
    clean.save(path, format_, **QUALITY[format_])
    return clean.size


def _broken(name: str) -> Refused:
    return Refused("damaged", f"“{name}”不是能识别的图片，或已损坏。", "请用看图软件另存为 JPEG 或 PNG 后上传。")
