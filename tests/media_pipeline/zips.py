"""ZIP archives as friends and enemies send them. ``zipfile`` writes no lies, so those are written into its bytes."""

import struct
import zipfile
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

CENTRAL = b"PK\x01\x02"


def zipped(path: Path, files: Iterable[tuple[str | zipfile.ZipInfo, bytes]], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return path


def with_raw_names(path: Path, names: dict[str, bytes]) -> Path:
    """Each ASCII name, in both headers, becomes bytes of the same length, as programs write them that know no UTF-8."""
    data = path.read_bytes()
    for name, raw in names.items():
        assert len(raw) == len(name)
        assert data.count(name.encode()) == 2
        data = data.replace(name.encode(), raw)
    path.write_bytes(data)
    return path


def changed(path: Path, name: str, **fields: int) -> Path:
    """What the directory says of an entry is changed: ``flags``, ``method``, ``packed``, ``size`` or ``offset``."""
    where = {"flags": ("<H", 8), "method": ("<H", 10), "packed": ("<I", 20), "size": ("<I", 24), "offset": ("<I", 42)}
    data = bytearray(path.read_bytes())
    start = -1
    while (start := data.find(CENTRAL, start + 1)) >= 0:
        length = int.from_bytes(data[start + 28 : start + 30], "little")
        if data[start + 46 : start + 46 + length] == name.encode():
            for field, value in fields.items():
                form, offset = where[field]
                struct.pack_into(form, data, start + offset, value)
            path.write_bytes(data)
            return path
    raise AssertionError(name)


def inner() -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.mp4", b"film")
    return out.getvalue()
