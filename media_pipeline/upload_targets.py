"""Where the parts of an upload go: a directory, through a signed address of ours, or a bucket, through one of its own.

Both check the CRC32 of each part on arrival. Without it, a part cut on its way has been seen to be stored as whole.
"""

import base64
import os
import secrets
import shutil
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from django.core import signing
from django.urls import reverse

from media_pipeline import storage
from media_pipeline.errors import Failed, Refused
from media_pipeline.models import Upload

PART_LINK_SECONDS = 3600
PART_SALT = "media_pipeline.upload part"


@dataclass(frozen=True, slots=True)
class Part:
    """One part: ``number`` from 1; ``crc32`` as S3 writes it, four bytes big-endian in base64, "" when unknown."""

    number: int
    bytes: int
    crc32: str


@dataclass(frozen=True, slots=True)
class SignedPart:
    """Where and how to send one part."""

    url: str
    method: str
    headers: dict[str, str]


class Readable(Protocol):
    """A request's body, or an open file."""

    def read(self, size: int, /) -> bytes: ...


class Target(Protocol):
    """Every call may be repeated. Raises Failed when the store is in trouble, Refused when the upload is gone."""

    def begin(self, upload: Upload) -> str:
        """Make room; the target's own name for this upload."""
        ...

    def sign(self, upload: Upload, part: Part) -> SignedPart: ...

    def parts(self, upload: Upload) -> list[Part]:
        """What has arrived whole, by number."""
        ...

    def complete(self, upload: Upload) -> None:
        """Make the original of the parts, all of which have arrived."""
        ...

    def abort(self, upload: Upload) -> None: ...

    def sweep(self, open_ids: Iterable[str], before: datetime) -> int:
        """Remove what no open upload (by uid or the target's own name) knows and was begun before; how many."""
        ...


class LocalTarget:
    """Parts are received aside, checked, copied to their place in one sparse file, and then marked by an empty
    file named ``<number>.<bytes>.<crc32>``. Completing is a rename, however large the file."""

    def __init__(self, store: storage.LocalStore) -> None:
        self.store = store

    def folder(self, upload: Upload) -> Path:
        return self.store.path(f"parts/{upload.uid.hex}")

    def begin(self, upload: Upload) -> str:
        folder = self.folder(upload)
        folder.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(folder).free < upload.bytes * 1.1:
            folder.rmdir()
            raise Failed("disk-full", "服务器的磁盘空间不足，暂时不能接收这个文件。", "请联系管理员。")
        with (folder / "data").open("ab") as data:
            data.truncate(upload.bytes)
        return ""

    def sign(self, upload: Upload, part: Part) -> SignedPart:
        token = signing.dumps([upload.uid.hex, part.number, part.bytes, part.crc32], salt=PART_SALT)
        return SignedPart(reverse("media_part", args=[token]), "PUT", {})

    def receive(self, upload: Upload, part: Part, stream: Readable) -> None:
        """Store one part from a request's body. Raises Refused when it arrives cut or altered, and OSError."""
        folder = self.folder(upload)
        aside = folder / f".{secrets.token_hex(8)}"
        try:
            with aside.open("xb+") as file:
                _copy_checked(stream, file, part)
                file.seek(0)
                for marker in folder.glob(f"{part.number:05}.*"):
                    marker.unlink(missing_ok=True)
                with (folder / "data").open("rb+") as data:
                    data.seek((part.number - 1) * upload.part_bytes)
                    shutil.copyfileobj(file, data, storage.CHUNK_BYTES)
                    data.flush()
                    os.fsync(data.fileno())
            crc = base64.b64decode(part.crc32).hex()
            (folder / f"{part.number:05}.{part.bytes}.{crc}").touch()
        finally:
            aside.unlink(missing_ok=True)

    def parts(self, upload: Upload) -> list[Part]:
        return sorted(self._marked(upload), key=lambda part: part.number)

    def _marked(self, upload: Upload) -> Iterator[Part]:
        for marker in self.folder(upload).glob("[0-9]*"):
            number, size, crc = marker.name.split(".")
            yield Part(int(number), int(size), base64.b64encode(bytes.fromhex(crc)).decode())

    def complete(self, upload: Upload) -> None:
        target = self.store.path(upload.key)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            (self.folder(upload) / "data").replace(target)
        except FileNotFoundError as error:
            if not self.store.exists(upload.key):
                raise _gone() from error
        self.abort(upload)

    def abort(self, upload: Upload) -> None:
        shutil.rmtree(self.folder(upload), ignore_errors=True)

    def sweep(self, open_ids: Iterable[str], before: datetime) -> int:
        known, removed = set(open_ids), 0
        for folder in self.store.path("parts").glob("*"):
            if folder.name not in known and folder.stat().st_mtime < before.timestamp():
                shutil.rmtree(folder, ignore_errors=True)
                removed += 1
        return removed


class S3Target:
    """S3's multipart upload; the checksum is part of each signature, so a part without it is not accepted."""

    def __init__(self, store: storage.S3Store) -> None:
        self.store = store

    def _where(self, upload: Upload) -> dict[str, str]:
        return {**self.store.where(upload.key), "UploadId": upload.target_id}

    @contextmanager
    def _asking(self, key: str) -> Iterator[Any]:
        """The bucket's client; a multipart upload that is gone is Refused."""
        try:
            with self.store.asking(key) as client:
                yield client
        except FileNotFoundError as error:
            raise _gone() from error

    def begin(self, upload: Upload) -> str:
        where = self.store.where(upload.key)
        with self._asking(upload.key) as client:
            made = client.create_multipart_upload(
                **where, ChecksumAlgorithm="CRC32", ContentType="application/octet-stream"
            )
        return made["UploadId"]

    def sign(self, upload: Upload, part: Part) -> SignedPart:
        url = self.store.signing_client.generate_presigned_url(
            "upload_part",
            Params={
                **self._where(upload),
                "PartNumber": part.number,
                "ContentLength": part.bytes,
                "ChecksumCRC32": part.crc32,
            },
            ExpiresIn=PART_LINK_SECONDS,
        )
        return SignedPart(url, "PUT", {"x-amz-checksum-crc32": part.crc32})

    def _listed(self, upload: Upload) -> list[dict]:
        with self._asking(upload.key) as client:
            pages = client.get_paginator("list_parts").paginate(**self._where(upload))
            return [part for page in pages for part in page.get("Parts", ())]

    def parts(self, upload: Upload) -> list[Part]:
        return [Part(p["PartNumber"], p["Size"], p.get("ChecksumCRC32", "")) for p in self._listed(upload)]

    def complete(self, upload: Upload) -> None:
        try:
            named = [
                {key: part[key] for key in ("PartNumber", "ETag", "ChecksumCRC32") if part.get(key)}
                for part in self._listed(upload)
            ]
            with self.store.working(upload.key) as client:
                client.complete_multipart_upload(**self._where(upload), MultipartUpload={"Parts": named})
        except (Refused, FileNotFoundError) as error:
            if not self.store.exists(upload.key):  # else an earlier call got as far as this
                raise _gone() from error
        if self.store.size(upload.key) != upload.bytes:
            raise Failed("store", "存储合并出的文件大小不符。", "请重试。")

    def abort(self, upload: Upload) -> None:
        self._abort(self.store.full(upload.key), upload.target_id)

    def _abort(self, name: str, target_id: str) -> None:
        try:
            with self._asking(name) as client:
                client.abort_multipart_upload(Bucket=self.store.bucket.name, Key=name, UploadId=target_id)
        except Refused:
            return  # aborted before

    def sweep(self, open_ids: Iterable[str], before: datetime) -> int:
        known, removed = set(open_ids), 0
        with self.store.working("originals/") as client:
            pages = client.get_paginator("list_multipart_uploads")
            found = [
                item
                for folder in ("originals/", "archives/")
                for page in pages.paginate(Bucket=self.store.bucket.name, Prefix=self.store.full(folder))
                for item in page.get("Uploads", ())
            ]
        for item in found:
            if item["UploadId"] not in known and item["Initiated"] < before:
                self._abort(item["Key"], item["UploadId"])
                removed += 1
        return removed


def _copy_checked(stream: Readable, file: BinaryIO, part: Part) -> None:
    """Copy exactly ``part.bytes`` and compare the checksum, never holding more than one chunk."""
    left, crc = part.bytes, 0
    while left > 0 and (chunk := stream.read(min(storage.CHUNK_BYTES, left))):
        crc = zlib.crc32(chunk, crc)
        left -= len(chunk)
        file.write(chunk)
    if left:
        raise Refused("part-cut", f"第 {part.number} 块没有传完，还差 {left} 字节。", "请重传这一块。")
    if base64.b64encode(crc.to_bytes(4, "big")).decode() != part.crc32:
        raise Refused("part-corrupt", f"第 {part.number} 块在传输中损坏。", "请重传这一块。")


def _gone() -> Refused:
    return Refused("upload-gone", "这次上传已经过期或被取消。", "请重新上传这个文件。")


def target() -> LocalTarget | S3Target:
    """The target that belongs to the store of the settings."""
    where = storage.store()
    return LocalTarget(where) if isinstance(where, storage.LocalStore) else S3Target(where)
