"""ZIP archives that somebody sent: what lies in them, and one entry at a time as a stream; never all of it unpacked.

Nothing that an archive says of itself is believed. Entries that would climb out, link, hide behind a password, lie
about their size, share bytes with others (https://www.bamsoftware.com/hacks/zipbomb/) or unpack to far more than they
take are left out and named with the reason; the others can be read. No more is unpacked than an entry declares.
"""

import re
import stat
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from django.conf import settings

from media_pipeline.errors import Refused
from media_pipeline.storage import CHUNK_BYTES, Store

BLOCK_BYTES = 4 * 1024**2
"""Read at a time from the store."""
MOST_AT_ONCE = 8 * 1024**2
"""Of the directory of an archive, which is read in one piece: 400 bytes an entry."""
MOST_ENTRIES = 20_000
MOST_TIMES = 2
"""``UPLOAD_MAX_BYTES`` that all entries together may unpack to."""
RATIO, RATIO_FROM = 100, 10 * 1024**2
"""Unpacked to packed bytes of an entry that unpacks to ``RATIO_FROM`` or more. Films come to 1, silence to 50."""

_LITTER = re.compile(r"(^|/)(__MACOSX/|\.DS_Store$|\._|Thumbs\.db$|desktop\.ini$)", re.IGNORECASE)
_DRIVE = re.compile(r"[A-Za-z]:")
_ARCHIVES = frozenset({".zip", ".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".cab", ".iso"})
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_UTF8 = 0x800
_UNICODE_PATH = 0x7075
_AGAIN = "请重新打包后再上传。"


@dataclass(frozen=True, slots=True)
class Entry:
    """A file within an archive. ``name`` with ``/``, in Unicode form C."""

    name: str
    bytes: int
    info: zipfile.ZipInfo


@dataclass(frozen=True, slots=True)
class Left:
    """An entry that is left out: its name, why, and what to do."""

    name: str
    reason: str
    remedy: str


class Archive:
    """A ZIP of the store. ``entries`` can be read; ``left_out`` cannot. Raises Refused where there is no reading it at
    all, FileNotFoundError and Failed as stores do."""

    def __init__(self, store: Store, key: str) -> None:
        self._file = _Stored(store, key)
        try:
            # The names of old programs come as cp437, which loses no byte of them.
            self._zip = zipfile.ZipFile(self._file)
        except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError) as error:
            raise Refused("archive-damaged", "压缩包损坏或不完整，打不开。", _AGAIN) from error
        infos = [info for info in self._zip.infolist() if not info.is_dir()]
        if len(infos) > MOST_ENTRIES:
            raise Refused("archive-many", f"压缩包里有 {len(infos)} 个文件，最多 {MOST_ENTRIES} 个。", "请分成几个。")
        if sum(info.file_size for info in infos) > MOST_TIMES * settings.UPLOAD_MAX_BYTES:
            limit = MOST_TIMES * settings.UPLOAD_MAX_BYTES / 1024**3
            raise Refused("archive-large", f"压缩包解开后超过 {limit:.3g} GB。", "请分成几个。")
        self.entries, self.left_out = self._sorted_out(infos)

    def _sorted_out(self, infos: list[zipfile.ZipInfo]) -> tuple[list[Entry], list[Left]]:
        named = [(_name(info), info) for info in infos]
        named = [(name, info) for name, info in named if not _LITTER.search(name)]
        times = Counter(name for name, _info in named)
        shared = _overlapping(infos, self._zip.start_dir)
        entries, left = [], []
        for name, info in named:
            if wrong := _wrong(name, info, twice=times[name] > 1, shared=info.header_offset in shared):
                left.append(Left(_printable(name), *wrong))
            else:
                entries.append(Entry(name, info.file_size, info))
        return entries, left

    def read(self, entry: Entry) -> Iterator[bytes]:
        """The bytes of an entry, exactly as many as it declares. Raises Refused where there are fewer or more, or not
        those whose CRC32 the archive names."""
        came = 0
        try:
            with self._zip.open(entry.info) as file:
                while chunk := file.read(CHUNK_BYTES):
                    came += len(chunk)
                    yield chunk
        except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
            raise _damaged(entry.name) from error
        if came != entry.bytes:
            raise _damaged(entry.name)


def _damaged(name: str) -> Refused:
    return Refused("entry-damaged", f"压缩包里的“{name}”损坏，或与它写明的大小不符。", _AGAIN)


# Names ------------------------------------------------------------------------------------------------
def _name(info: zipfile.ZipInfo) -> str:
    """The name as it was meant. Programs that do not say UTF-8 write it all the same, or the code page of their
    country: GB18030 here. The field 0x7075 of Info-ZIP has it in UTF-8."""
    name = info.orig_filename
    if not info.flag_bits & _UTF8:
        raw = name.encode("cp437", errors="replace")
        name = _unicode_path(info.extra, raw) or _decoded(raw) or name
    return unicodedata.normalize("NFC", name.replace("\\", "/"))


def _decoded(raw: bytes) -> str:
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return ""


def _unicode_path(extra: bytes, raw: bytes) -> str:
    while len(extra) >= 4:
        kind, size = int.from_bytes(extra[:2], "little"), int.from_bytes(extra[2:4], "little")
        body, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind == _UNICODE_PATH and body[:1] == b"\1" and body[1:5] == zlib.crc32(raw).to_bytes(4, "little"):
            return body[5:].decode("utf-8", errors="replace")
    return ""


def _printable(name: str) -> str:
    return "".join(letter if letter.isprintable() else "�" for letter in name)[:200]


# What is wrong with an entry --------------------------------------------------------------------------
def _wrong(name: str, info: zipfile.ZipInfo, *, twice: bool, shared: bool) -> tuple[str, str] | None:
    """Reason and remedy, None for an entry that may be read."""
    return _wrong_name(name, twice=twice) or _wrong_kind(name, info) or _wrong_size(info, shared=shared)


def _wrong_name(name: str, *, twice: bool) -> tuple[str, str] | None:
    parts = name.split("/")
    if name.startswith("/") or _DRIVE.match(name) or ".." in parts:
        return "路径指向压缩包之外", "请用相对的文件名重新打包。"
    if not name.isprintable() or not parts[-1].strip():
        return "文件名里有不能显示的字符", "请改名后重新打包。"
    if len(name) > 255:
        return "路径超过 255 个字符", "请缩短文件夹和文件的名字。"
    if twice:
        return "压缩包里有几个同名的文件，分不清是哪一个", "请改名后重新打包。"
    return None


def _wrong_kind(name: str, info: zipfile.ZipInfo) -> tuple[str, str] | None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in {0, stat.S_IFREG}:
        return "是链接或特殊文件，不是文件本身", "请把文件本身放进压缩包。"
    if info.flag_bits & _ENCRYPTED:
        return "有密码", "请去掉密码后重新打包。"
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        return "压缩方法不是“存储”或“Deflate”", "请用普通的 ZIP 方式重新打包；视频可以选“仅存储”。"
    if PurePosixPath(name).suffix.lower() in _ARCHIVES:
        return "是压缩包里的压缩包，不再打开", "请把里面的文件直接放进压缩包。"
    return None


def _wrong_size(info: zipfile.ZipInfo, *, shared: bool) -> tuple[str, str] | None:
    if shared:
        return "与压缩包里别的内容重叠，压缩包被改动过", _AGAIN
    if info.compress_type == zipfile.ZIP_STORED and info.file_size != info.compress_size:
        return "写明的大小与内容不符", _AGAIN
    if info.file_size >= RATIO_FROM and info.file_size > RATIO * info.compress_size:
        return (
            f"解开后是压缩时的 {info.file_size // max(info.compress_size, 1)} 倍，像是压缩炸弹",
            "请不压缩，直接上传这个文件。",
        )
    return None


def _overlapping(infos: list[zipfile.ZipInfo], end: int) -> set[int]:
    """Offsets of the entries that share bytes with another or with the directory, which begins at ``end``. A local
    header has at least 30 bytes and the name."""
    shared, reach, last = set(), -1, -1
    for info in sorted(infos, key=lambda one: one.header_offset):
        start = info.header_offset
        stop = start + 30 + len(info.orig_filename.encode("utf-8" if info.flag_bits & _UTF8 else "cp437", "replace"))
        stop += info.compress_size
        if start < reach:
            shared |= {start, last}
        if stop > end:
            shared.add(start)
        if stop > reach:
            reach, last = stop, start
    return shared


class _Stored:
    """What ``zipfile`` needs of a file, out of ranges of an object: one block is kept."""

    def __init__(self, store: Store, key: str) -> None:
        self._store, self._key, self._size = store, key, store.size(key)
        self._at, self._block, self._start = 0, b"", 0

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        at = offset + (0, self._at, self._size)[whence]
        if at < 0:
            raise ValueError(at)  # as files say it
        self._at = at
        return at

    def read(self, count: int = -1) -> bytes:
        left = max(0, self._size - self._at)
        left = left if count < 0 else min(count, left)
        if left > MOST_AT_ONCE:
            raise Refused("archive-directory", "压缩包的目录大得不合常理。", _AGAIN)
        parts = []
        while left:
            if not self._start <= self._at < self._start + len(self._block):
                self._fetch()
            part = self._block[self._at - self._start :][:left]
            parts.append(part)
            self._at += len(part)
            left -= len(part)
        return b"".join(parts)

    def _fetch(self) -> None:
        self._start = self._at - self._at % BLOCK_BYTES
        stop = min(self._size, self._start + BLOCK_BYTES)
        self._block = b"".join(self._store.read_range(self._key, self._start, stop - 1, patient=True))
        if len(self._block) != stop - self._start:
            raise EOFError(self._key)

    def close(self) -> None:
        self._block = b""
