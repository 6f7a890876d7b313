"""Where bytes live: the layout of keys, and two stores that hold them (a directory, or a bucket that speaks S3).

Layout, all in one namespace:

``originals/<uid>/source.<ext>``
    the upload, never altered, never public
``packages/<uid>/<digest>/…``
    one immutable playable set; ``digest`` names source and plan, so equal work has an equal address
``work/<uid>/<digest>/…``
    parts of a long film on their way; gone once they are joined
``archives/<uid>/source.zip``
    a ZIP sent for an import, until nobody has asked for it for a while
``parts/<uid>/…``
    an upload on its way in, on the directory only (S3 keeps its own parts)

``uid`` is the asset's, 32 hex digits. Write media first, manifests last, and the row after them.
"""

import logging
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Protocol
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, SuspiciousFileOperation
from django.core.files.storage import FileSystemStorage
from prometheus_client import Histogram
from storages.backends.s3 import S3Storage

from media_pipeline.breaker import Breaker
from media_pipeline.errors import Failed

logger = logging.getLogger(__name__)

SECONDS = Histogram(
    "wenlan_storage_seconds",
    "Seconds of one call to the bucket",
    ["outcome"],
    buckets=(0.005, 0.025, 0.1, 0.25, 1, 2.5, 10, 60),
)
for _outcome in ("done", "missing", "failed"):  # shown as 0 until it happens
    SECONDS.labels(_outcome)

AGAIN = "请稍后重试；一直这样时，请管理员检查存储服务是否在运行。"
CHUNK_BYTES = 256 * 1024
FOLDERS = ("packages", "work", "originals", "archives", "parts")
OF_ASSETS = ("originals", "packages", "work")  # what rows of assets and jobs name; the others are on their way in

CONTENT_TYPES = {
    ".m3u8": "application/vnd.apple.mpegurl",
    ".mpd": "application/dash+xml",
    ".mp4": "video/mp4",
    ".m4s": "video/iso.segment",
    ".m4a": "audio/mp4",
    ".vtt": "text/vtt; charset=utf-8",
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".png": "image/png",
    ".json": "application/json",
    ".pdf": "application/pdf",
    ".epub": "application/epub+zip",
    ".mp3": "audio/mpeg",
}


def content_type(key: str) -> str:
    """The type a key is served with. Only what the pipeline writes has one; nothing is ever served as a web page."""
    return CONTENT_TYPES.get(PurePosixPath(key).suffix.lower(), "application/octet-stream")


def original_key(uid: UUID, filename: str, name: str = "source") -> str:
    """Only the extension of the uploader's name survives, and only when it is plain. ``name`` tells an original from
    the one that it replaces."""
    suffix = PurePosixPath(filename).suffix.lower()
    plain = suffix if suffix[1:].isascii() and suffix[1:].isalnum() and len(suffix) <= 8 else ""
    return f"originals/{uid.hex}/{name}{plain}"


def archive_key(uid: UUID) -> str:
    return f"archives/{uid.hex}/source.zip"


def package_prefix(uid: UUID, digest: str) -> str:
    return f"packages/{uid.hex}/{digest}/"


def work_prefix(uid: UUID, digest: str) -> str:
    return f"work/{uid.hex}/{digest}/"


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as a listing tells it; ``modified`` is when it was written, by the store's clock."""

    key: str
    bytes: int
    modified: datetime


class Store(Protocol):
    """What the pipeline asks of a store. Keys are relative, with ``/``. Reading a missing key raises FileNotFoundError;
    a store that does not answer raises errors.Failed. ``patient``: for work for which no page waits."""

    def put_file(self, path: Path, key: str, content_type: str) -> None: ...

    def put_bytes(self, data: bytes, key: str, content_type: str) -> None: ...

    def open(self, key: str, *, patient: bool = False) -> BinaryIO: ...

    def read_range(self, key: str, start: int, end: int, *, patient: bool = False) -> Iterator[bytes]:
        """Bytes ``start`` to ``end``, the last included, as HTTP counts them."""
        ...

    def size(self, key: str) -> int: ...

    def exists(self, key: str) -> bool: ...

    def download(self, key: str, path: Path) -> None: ...

    def delete(self, key: str) -> None: ...

    def delete_prefix(self, prefix: str) -> None: ...

    def list(self, prefix: str) -> Iterator[str]: ...

    def walk(self, prefix: str) -> Iterator[Stored]:
        """What lies below ``prefix`` ("": everywhere) in the order of the keys, never all of it in memory."""
        ...

    def folders(self, prefix: str) -> Iterator[str]:
        """Names of what lies directly below ``prefix`` and holds something."""
        ...

    def prepare(self, origins: Sequence[str]) -> None:
        """Make the store ready for use: the directory or bucket, and leave for ``origins`` to send parts to it."""
        ...

    def answers(self) -> None:
        """Ask for a key that need not be there. Raises errors.Failed when there is no answer within two seconds."""
        ...


class LocalStore:
    """A directory. Every write appears whole or not at all: written aside, synced, renamed."""

    def __init__(self, root: Path) -> None:
        self.files = FileSystemStorage(location=root)

    def path(self, key: str) -> Path:
        """The file of a key. Raises SuspiciousFileOperation for a key that climbs."""
        _must_stay(key)
        return Path(self.files.path(key))

    @contextmanager
    def _aside(self, key: str) -> Iterator[Path]:
        target = self.path(key)
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = target.with_name(f".{target.name}.{secrets.token_hex(6)}")
        try:
            yield aside
            aside.replace(target)
        finally:
            aside.unlink(missing_ok=True)

    def put_file(self, path: Path, key: str, content_type: str) -> None:
        with self._aside(key) as aside, path.open("rb") as source, aside.open("wb") as target:
            shutil.copyfileobj(source, target, CHUNK_BYTES)
            target.flush()
            os.fsync(target.fileno())

    def put_bytes(self, data: bytes, key: str, content_type: str) -> None:
        with self._aside(key) as aside, aside.open("wb") as target:
            target.write(data)
            target.flush()
            os.fsync(target.fileno())

    def open(self, key: str, *, patient: bool = False) -> BinaryIO:
        return self.path(key).open("rb")

    def read_range(self, key: str, start: int, end: int, *, patient: bool = False) -> Iterator[bytes]:
        with self.open(key) as file:
            file.seek(start)
            left = end - start + 1
            while left > 0 and (chunk := file.read(min(CHUNK_BYTES, left))):
                left -= len(chunk)
                yield chunk

    def size(self, key: str) -> int:
        if not self.exists(key):
            raise FileNotFoundError(key)
        return self.path(key).stat().st_size

    def exists(self, key: str) -> bool:
        return self.path(key).is_file()

    def download(self, key: str, path: Path) -> None:
        shutil.copyfile(self.path(key), path)

    def delete(self, key: str) -> None:
        self.path(key).unlink(missing_ok=True)

    def delete_prefix(self, prefix: str) -> None:
        shutil.rmtree(self.path(_as_prefix(prefix)), ignore_errors=True)

    def list(self, prefix: str) -> Iterator[str]:
        root = self.path(_as_prefix(prefix))
        for folder, _, names in os.walk(root):
            inside = Path(folder).relative_to(self.files.location)
            yield from ((inside / name).as_posix() for name in names if not name.startswith("."))

    def walk(self, prefix: str) -> Iterator[Stored]:
        yield from self._walk(prefix and _as_prefix(prefix))

    def _walk(self, prefix: str) -> Iterator[Stored]:
        """A folder sorts with its slash, as it does among the keys of a bucket."""
        try:
            found = sorted(
                (f"{entry.name}/" if entry.is_dir() else entry.name)
                for entry in os.scandir(self.path(prefix) if prefix else self.files.location)
                if not entry.name.startswith(".")
            )
        except FileNotFoundError:
            return
        for name in found:
            if name.endswith("/"):
                yield from self._walk(prefix + name)
                continue
            with suppress(FileNotFoundError):  # removed meanwhile
                stat = self.path(prefix + name).stat()
                yield Stored(prefix + name, stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC))

    def folders(self, prefix: str) -> Iterator[str]:
        root = self.path(_as_prefix(prefix))
        if root.is_dir():
            yield from (path.name for path in root.iterdir() if path.is_dir())

    def prepare(self, origins: Sequence[str]) -> None:
        Path(self.files.location).mkdir(parents=True, exist_ok=True)

    def answers(self) -> None:
        self.exists("health")


QUICK = {"connect_timeout": 3, "read_timeout": 10, "retries": {"mode": "standard", "max_attempts": 2}}
"""Seconds for a question that somebody may be waiting for, and how often it is put."""

PATIENT = {"connect_timeout": 5, "read_timeout": 60, "retries": {"mode": "standard", "max_attempts": 4}}
"""The same for whole films on their way, for listings, and for a bucket that joins the parts of an upload."""

PROBING = {"connect_timeout": 2, "read_timeout": 2, "retries": {"total_max_attempts": 1}}
"""The same for whoever only asks whether the bucket is there."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """What ``STORAGE_URL`` says. ``prefix`` is empty or ends with ``/``; ``public`` is the endpoint for browsers."""

    name: str
    prefix: str = ""
    endpoint: str = ""
    public: str = ""
    region: str = ""
    access_key: str = ""
    secret_key: str = ""

    @classmethod
    def from_url(cls, url: str) -> "Bucket":
        """``s3://[key:secret@]bucket[/prefix]?endpoint=URL&region=NAME&public=URL``; key and secret percent-encoded."""
        parts = urlsplit(url)
        name = parts.netloc.rpartition("@")[2]
        if parts.scheme != "s3" or not name:
            raise ImproperlyConfigured(f"STORAGE_URL: {parts.scheme}://… 不是 s3://bucket?endpoint=…&region=… 的形式。")
        asked = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        prefix = parts.path.strip("/")
        return cls(
            name=name,
            prefix=f"{prefix}/" if prefix else "",
            endpoint=asked.get("endpoint", ""),
            public=asked.get("public", ""),
            region=asked.get("region", ""),
            access_key=unquote(parts.username or ""),
            secret_key=unquote(parts.password or ""),
        )

    def storage(self, endpoint: str, times: dict[str, Any]) -> S3Storage:
        """Path-style addresses for an endpoint of one's own, and always the newest signature: without it, a signed
        address of boto3 does not carry the checksum."""
        options = {
            "bucket_name": self.name,
            "endpoint_url": endpoint or None,
            "region_name": self.region or None,
            "access_key": self.access_key or _told("AWS_ACCESS_KEY_ID"),
            "secret_key": self.secret_key or _told("AWS_SECRET_ACCESS_KEY"),
            "client_config": Config(
                signature_version="s3v4",
                s3={"addressing_style": "path" if endpoint else "auto"},
                **times,
            ),
        }
        return S3Storage(**options)


def _told(name: str) -> str | None:
    """A key as boto3 looks for it, or as the settings have it from a file; else boto3 goes on looking."""
    return os.environ.get(name) or getattr(settings, name) or None


class S3Store:
    """A bucket. An object appears whole or not at all; boto3 sends a checksum with each write. While the bucket does
    not answer, quick questions fail at once instead of holding the threads of the site; work that takes its time is
    tried whatever they heard."""

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket
        self._quick = bucket.storage(bucket.endpoint, QUICK)
        self._patient = bucket.storage(bucket.endpoint, PATIENT)
        self._public = bucket.storage(bucket.public, QUICK) if bucket.public else self._quick
        self._breaker = Breaker()

    @contextmanager
    def asking(self, key: str) -> Iterator[Any]:
        """A boto3 client for one quick question about ``key``; django-storages keeps one a thread. Raises
        FileNotFoundError for what is not there, and errors.Failed for whatever keeps the bucket from answering."""
        if not self._breaker.admits():
            raise Failed("store", "存储刚才没有回应。", AGAIN)
        try:
            with _s3_errors(key):
                yield self._quick.connection.meta.client
        except FileNotFoundError:
            self._breaker.answered()
            raise
        except Failed as error:
            if isinstance(error.__cause__, BotoCoreError):
                self._breaker.failed()
            else:
                self._breaker.answered()
            raise
        self._breaker.answered()

    @contextmanager
    def working(self, key: str) -> Iterator[Any]:
        """The same for work that may take its time."""
        with _s3_errors(key):
            yield self._patient.connection.meta.client

    @cached_property
    def _probing_client(self) -> Any:
        """One for all threads: making a client costs more than its question."""
        return self.bucket.storage(self.bucket.endpoint, PROBING).connection.meta.client

    @property
    def signing_client(self) -> Any:
        """Signs addresses for the endpoint that browsers reach."""
        return self._public.connection.meta.client

    def full(self, key: str) -> str:
        """The name of ``key`` within the bucket."""
        _must_stay(key)
        return self.bucket.prefix + key

    def where(self, key: str) -> dict[str, str]:
        return {"Bucket": self.bucket.name, "Key": self.full(key)}

    def put_file(self, path: Path, key: str, content_type: str) -> None:
        with self.working(key) as client, path.open("rb") as source:
            client.upload_fileobj(source, **self.where(key), ExtraArgs=_headers(content_type))

    def put_bytes(self, data: bytes, key: str, content_type: str) -> None:
        with self.asking(key) as client:
            client.put_object(**self.where(key), Body=data, **_headers(content_type))

    def open(self, key: str, *, patient: bool = False) -> BinaryIO:
        with (self.working if patient else self.asking)(key) as client:
            return client.get_object(**self.where(key))["Body"]

    def read_range(self, key: str, start: int, end: int, *, patient: bool = False) -> Iterator[bytes]:
        with (self.working if patient else self.asking)(key) as client:
            body = client.get_object(**self.where(key), Range=f"bytes={start}-{end}")["Body"]
        # who reads on decides how long it takes, and may leave; that says nothing about the bucket
        with _s3_errors(key):
            yield from body.iter_chunks(CHUNK_BYTES)

    def size(self, key: str) -> int:
        with self.asking(key) as client:
            return client.head_object(**self.where(key))["ContentLength"]

    def exists(self, key: str) -> bool:
        try:
            self.size(key)
        except FileNotFoundError:
            return False
        return True

    def download(self, key: str, path: Path) -> None:
        with self.working(key) as client, path.open("wb") as target:
            client.download_fileobj(self.bucket.name, self.full(key), target)

    def delete(self, key: str) -> None:
        with self.asking(key) as client:
            client.delete_object(**self.where(key))

    def delete_prefix(self, prefix: str) -> None:
        keys = [{"Key": self.full(key)} for key in self.list(prefix)]
        with self.working(prefix) as client:
            for start in range(0, len(keys), 1000):  # the most one request may name
                batch = {"Objects": keys[start : start + 1000], "Quiet": True}
                client.delete_objects(Bucket=self.bucket.name, Delete=batch)

    def _pages(self, prefix: str, **more: str) -> Iterator[dict[str, Any]]:
        with self.working(prefix) as client:
            below = self.full(_as_prefix(prefix)) if prefix else self.bucket.prefix
            where = {"Bucket": self.bucket.name, "Prefix": below, **more}
            yield from client.get_paginator("list_objects_v2").paginate(**where)

    def list(self, prefix: str) -> Iterator[str]:
        for page in self._pages(prefix):
            yield from (item["Key"][len(self.bucket.prefix) :] for item in page.get("Contents", ()))

    def walk(self, prefix: str) -> Iterator[Stored]:
        for page in self._pages(prefix):
            for item in page.get("Contents", ()):
                if not item["Key"].endswith("/"):  # a folder that some servers show as an object
                    key = item["Key"][len(self.bucket.prefix) :]
                    yield Stored(key, item["Size"], item["LastModified"])

    def folders(self, prefix: str) -> Iterator[str]:
        for page in self._pages(prefix, Delimiter="/"):
            yield from (item["Prefix"].split("/")[-2] for item in page.get("CommonPrefixes", ()))

    def signed_address(self, key: str, seconds: int) -> str:
        """An address that reads ``key`` for so long, for a front server."""
        client = self._quick.connection.meta.client
        return client.generate_presigned_url("get_object", Params=self.where(key), ExpiresIn=seconds)

    def prepare(self, origins: Sequence[str]) -> None:
        rule = {
            "AllowedOrigins": [*origins],
            "AllowedMethods": ["PUT"],
            "AllowedHeaders": ["*"],
            "ExposeHeaders": ["ETag"],
            "MaxAgeSeconds": 3600,
        }
        with self.working(self.bucket.name) as client:
            if not any(found["Name"] == self.bucket.name for found in client.list_buckets().get("Buckets", ())):
                client.create_bucket(Bucket=self.bucket.name)
            self._let_browsers_in(client, rule)

    def _let_browsers_in(self, client: Any, rule: dict[str, Any]) -> None:
        """Some servers have one rule for all buckets, in their own settings, and no call for it."""
        try:
            client.put_bucket_cors(Bucket=self.bucket.name, CORSConfiguration={"CORSRules": [rule]})
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "NotImplemented":
                raise
            logger.warning(
                "%s: allow %s and expose %s in the store's own settings",
                self.bucket.name,
                rule["AllowedOrigins"],
                rule["ExposeHeaders"],
            )

    def answers(self) -> None:
        """What others heard a moment ago does not count."""
        try:
            with _s3_errors("health"):
                self._probing_client.head_object(**self.where("health"))
        except FileNotFoundError:
            return


@contextmanager
def _s3_errors(key: str) -> Iterator[None]:
    """One vocabulary for both stores: a missing key is FileNotFoundError, everything else is errors.Failed. Times the
    call."""
    began, outcome = time.perf_counter(), "done"
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in {"404", "NoSuchKey", "NotFound", "NoSuchUpload"}:
            outcome = "missing"
            raise FileNotFoundError(key) from error
        outcome = "failed"
        raise Failed("store", f"存储拒绝了请求（{code}）。", "请检查 STORAGE_URL 和访问密钥。") from error
    except BotoCoreError as error:
        outcome = "failed"
        raise Failed("store", f"存储没有回应（{type(error).__name__}）。", AGAIN) from error
    finally:
        SECONDS.labels(outcome).observe(time.perf_counter() - began)


def _headers(content_type: str) -> dict[str, str]:
    return {"ContentType": content_type, "CacheControl": "public, max-age=31536000, immutable"}


def is_key(name: str) -> bool:
    """Whether an object may be called so here: a path that stays in its store."""
    return bool(name) and not name.startswith("/") and ".." not in name.split("/")


def _must_stay(key: str) -> None:
    if not is_key(key):
        raise SuspiciousFileOperation(key)


def _as_prefix(prefix: str) -> str:
    """A prefix names a folder: ``packages/ab`` must not mean ``packages/abc`` too."""
    return prefix if prefix.endswith("/") else f"{prefix}/"


@lru_cache(maxsize=8)
def _store(url: str, root: Path) -> LocalStore | S3Store:
    return S3Store(Bucket.from_url(url)) if url else LocalStore(root)


def store() -> LocalStore | S3Store:
    """The store of the settings: ``STORAGE_URL``, or the directory ``MEDIA_STORE_DIR`` when that is empty."""
    return _store(settings.STORAGE_URL, Path(settings.MEDIA_STORE_DIR))


@contextmanager
def local_copy(key: str, work: Path) -> Iterator[Path]:
    """A file to read ``key`` from: the stored file itself on a directory, a copy under ``work`` from a bucket."""
    where = store()
    if isinstance(where, LocalStore):
        if not where.exists(key):
            raise FileNotFoundError(key)
        yield where.path(key)
        return
    copy = work / PurePosixPath(key).name
    where.download(key, copy)
    yield copy
