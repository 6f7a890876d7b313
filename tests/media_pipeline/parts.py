"""Pieces for the tests of this room: stores, clips and uploads."""

import base64
import subprocess
import zlib
from pathlib import Path

import imageio_ffmpeg

from media_pipeline.models import MediaAsset


def crc(data: bytes) -> str:
    """CRC32 as the upload protocol writes it."""
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def make_clip(path: Path, seconds: float = 1.0, size: str = "320x240") -> Path:
    """A small real film with sound."""
    inputs = ("-f", "lavfi", "-i", f"testsrc2=s={size}:r=25:d={seconds}", "-f", "lavfi", "-i", f"sine=d={seconds}")
    codecs = ("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac")
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-v", "error", *inputs, *codecs, str(path)]
    subprocess.run(command, check=True)
    return path


def mp4_bytes(size: int) -> bytes:
    """Bytes that begin as an MP4 does; what follows differs everywhere, so that a misplaced part shows."""
    head = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"
    body = b"".join(n.to_bytes(4, "big") for n in range(size // 4 + 1))
    return (head + body)[:size]


def asset_with(**facts) -> MediaAsset:
    return MediaAsset.objects.create(**{"owner": "a", "title": "一", "filename": "a.mp4"} | facts)
