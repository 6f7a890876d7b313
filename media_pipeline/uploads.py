"""Uploads that survive a bad line: create, send parts in any order, list what has arrived, complete or abort.

The server decides the size of the parts. Each part is sent to a signed address that accepts only its length and CRC32.
Creating an upload again with the same fingerprint finds the open one, or the finished one: nothing is sent twice.
Completing may be repeated and answers with the same asset, whose ``uid`` is the upload's. A ZIP sent for an import
comes the same way and becomes no asset; files that the site fetches itself (``take``) count as uploads too.
"""

import base64
import binascii
import logging
import unicodedata
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path, PurePosixPath
from tempfile import NamedTemporaryFile
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from prometheus_client import Counter

from media_pipeline import pipeline, storage, tasks
from media_pipeline.errors import MediaError, Refused
from media_pipeline.models import AssetState, MediaAsset, Upload
from media_pipeline.sniff import ACCEPTED, FAMILY_OF, HEAD_BYTES, sniff
from media_pipeline.upload_targets import LocalTarget, Part, Readable, SignedPart, target

logger = logging.getLogger(__name__)

RECEIVED = Counter("wenlan_upload_bytes", "Bytes of uploads that arrived whole")

MOST_PARTS = 10_000  # what S3 allows
TURNED_DOWN = (AssetState.REJECTED, AssetState.FAILED)


class Incomplete(MediaError):
    """Completing was asked for before everything had arrived. ``missing``: numbers of the parts."""

    def __init__(self, missing: list[int]) -> None:
        super().__init__("incomplete", f"还有 {len(missing)} 块没有传完。", "请继续上传。")
        self.missing = missing


def create(  # noqa: PLR0913  each is a fact only the client knows
    *,
    owner: str,
    filename: str,
    size: int,
    fingerprint: str = "",
    head: bytes = b"",
    user: AbstractBaseUser | None = None,
    replaces: MediaAsset | None = None,
    archive: bool = False,
    allow: Callable[[], None] | None = None,
) -> Upload:
    """Begin or resume an upload of ``size`` bytes. ``head`` is the first 4 KiB of the file, where the client gives
    it: a file that is not what its name says is refused before anything is sent. ``replaces``: the asset whose
    original it is to become; ``archive``: it is a ZIP for an import. ``allow`` is asked before a new one begins, and
    raises Refused against it. Raises Refused and Failed."""
    name = check_archive(filename) if archive else check_name(filename)
    check_size(name, size)
    if head:
        (check_archive if archive else check_head)(name, size, head)
    if fingerprint and (replaces is not None or archive):  # the same file may be on its way as an asset of its own
        fingerprint = f"{replaces.uid.hex if replaces else 'zip'}:{fingerprint}"
    if found := find(owner, fingerprint, size):
        return found
    if allow:
        allow()
    upload = Upload(
        owner=owner,
        filename=name,
        bytes=size,
        part_bytes=max(settings.UPLOAD_PART_BYTES, -(-size // MOST_PARTS)),
        fingerprint=fingerprint[:128],
        replaces=replaces,
        archive=archive,
        created_by=user,  # type: ignore[misc]
    )
    upload.key = _key(upload)
    upload.target_id = target().begin(upload)
    try:
        with transaction.atomic():
            upload.save()
    except IntegrityError:  # the same file in another window was a moment earlier
        target().abort(upload)
        return Upload.objects.get(owner=owner, fingerprint=upload.fingerprint, state=Upload.State.OPEN)
    return upload


def _key(upload: Upload) -> str:
    if upload.archive:
        return storage.archive_key(upload.uid)
    asset = upload.replaces
    whose = (asset.uid, upload.filename, upload.uid.hex) if asset else (upload.uid, upload.filename)
    return storage.original_key(*whose)


def find(owner: str, fingerprint: str, size: int) -> Upload | None:
    """The upload of this very file: open, or become an asset that is not turned down, or a kept archive."""
    if not fingerprint:
        return None
    same = Upload.objects.filter(owner=owner, fingerprint=fingerprint[:128])
    for upload in same.filter(state=Upload.State.OPEN):
        if upload.bytes == size:
            return upload
        abort(upload)
    done = same.filter(Q(asset__isnull=False) | Q(archive=True), state=Upload.State.COMPLETE, bytes=size)
    found = done.exclude(asset__state__in=TURNED_DOWN).first()
    if found is None or not found.archive or storage.store().exists(found.key):
        return found
    found.delete()  # its archive went with another store
    return None


def check_name(filename: str) -> str:
    """The bare name of a file that may be uploaded; raises Refused for others."""
    name = _bare(filename)
    extension = PurePosixPath(name).suffix.lower().lstrip(".")
    if not name:
        raise Refused("no-name", "文件没有名字。", "请给文件取名后重新上传。")
    if not extension:
        raise Refused("unknown-type", f"“{name}”没有扩展名，无法判断类型。", ACCEPTED)
    if extension not in FAMILY_OF:
        raise Refused("unknown-type", f"“{name}”是 .{extension} 文件，不能作为课程资料。", ACCEPTED)
    return name


def check_archive(filename: str, size: int = 0, head: bytes = b"") -> str:
    """The bare name of a ZIP, where name and first bytes say so; raises Refused for others."""
    name = _bare(filename)
    if PurePosixPath(name).suffix.lower() != ".zip" or (head and not head.startswith((b"PK\3\4", b"PK\5\6"))):
        raise Refused("not-a-zip", f"“{name}”不是 ZIP 压缩包。", "请把文件打包成 ZIP 后上传。")
    return name


def _bare(filename: str) -> str:
    """Without folders, and without what is not seen: line ends, and marks of direction that would show ``fdp.exe`` as
    ``exe.pdf``."""
    seen = "".join(letter for letter in filename if unicodedata.category(letter) not in {"Cc", "Cf"})
    return PurePosixPath(seen.replace("\\", "/")).name.strip()[-255:]


def check_size(name: str, size: int) -> None:
    if size <= 0:
        raise Refused("empty", f"“{name}”是空文件（0 字节）。", "请确认原文件能打开，再重新上传。")
    if size > settings.UPLOAD_MAX_BYTES:
        limit = settings.UPLOAD_MAX_BYTES / 1024**3
        says = f"“{name}”有 {size / 1024**3:.1f} GB，超过单个文件 {limit:.3g} GB 的上限。"
        raise Refused("too-large", says, "请压缩或分集后上传。")


def check_head(name: str, size: int, head: bytes) -> None:
    """Whether the first bytes of a file agree with its name; raises Refused. What only the whole file can tell (which
    kind of ZIP it is, whether zeros go on to its end) is left to the job."""
    zipped = head.startswith(b"PK\x03\x04") and FAMILY_OF[PurePosixPath(name).suffix.lower()[1:]] == "document"
    if zipped or (not any(head) and size > len(head)):
        return
    with NamedTemporaryFile() as file:
        file.write(head[:HEAD_BYTES])
        file.flush()
        sniff(Path(file.name), name)


def part_count(upload: Upload) -> int:
    return -(-upload.bytes // upload.part_bytes)


def part_size(upload: Upload, number: int) -> int:
    """All parts have the same size but the last. Raises Refused for a number the file does not have."""
    if not 1 <= number <= part_count(upload):
        raise Refused("no-such-part", f"没有第 {number} 块：这个文件共 {part_count(upload)} 块。")
    return min(upload.part_bytes, upload.bytes - (number - 1) * upload.part_bytes)


def sign_part(upload: Upload, number: int, crc32: str) -> SignedPart:
    """Where to send part ``number`` whose CRC32 (four bytes, big-endian, base64) is ``crc32``."""
    _must_be_open(upload)
    if len(_decoded(crc32)) != 4:
        raise Refused("bad-crc32", "crc32 应是四个字节的 Base64，例如 “y/Q5Jg==”。")
    upload.save(update_fields=["touched_at"])
    return target().sign(upload, Part(number, part_size(upload, number), crc32))


def receive_part(uid: UUID, part: Part, stream: Readable) -> None:
    """Take one part into the directory from the signed address. A first part that is not what the name says ends the
    upload. Raises Refused, OSError."""
    upload = Upload.objects.filter(uid=uid).first()
    where = target()
    if upload is None or not isinstance(where, LocalTarget):
        raise Refused("upload-gone", "这次上传已经过期或被取消。", "请重新上传这个文件。")
    _must_be_open(upload)
    where.receive(upload, part, stream)
    if part.number == 1:
        with (where.folder(upload) / "data").open("rb") as data:
            _refuse_wrong(upload, data.read(min(HEAD_BYTES, part.bytes)))


def parts(upload: Upload) -> list[Part]:
    """What has arrived whole. Everything, for a finished upload."""
    if upload.state != Upload.State.OPEN:
        numbers = range(1, part_count(upload) + 1) if upload.state == Upload.State.COMPLETE else ()
        return [Part(n, part_size(upload, n), "") for n in numbers]
    return [part for part in target().parts(upload) if _fits(upload, part)]


def complete(upload: Upload) -> MediaAsset | None:
    """Make an asset of an upload whose parts are all there, and queue its job; None for an archive, which is only kept.
    Raises Incomplete, Refused, Failed."""
    made = upload.replaces or upload.asset
    if upload.state == Upload.State.COMPLETE and (made is not None or upload.archive):
        return made
    _must_be_open(upload)
    where = target()
    if not storage.store().exists(upload.key):  # an earlier call may have got as far as this
        there = {part.number for part in parts(upload)}
        if missing := [n for n in range(1, part_count(upload) + 1) if n not in there]:
            raise Incomplete(missing)
        where.complete(upload)
    _refuse_wrong(upload, b"".join(storage.store().read_range(upload.key, 0, min(HEAD_BYTES, upload.bytes) - 1)))
    logger.info("upload %s is whole, %d bytes", upload.uid, upload.bytes)
    RECEIVED.inc(upload.bytes)
    with transaction.atomic():
        row = Upload.objects.select_for_update().get(pk=upload.pk)
        if row.asset is not None:
            return row.asset
        row.state = Upload.State.COMPLETE
        if row.archive:
            row.save()
            return None
        if row.replaces is not None:
            row.save()
            pipeline.take_original(row.replaces, row.key, filename=row.filename, size=row.bytes)
            return row.replaces
        return _become_asset(row)


def _become_asset(upload: Upload, *, title: str = "", sha256: str = "") -> MediaAsset:
    upload.asset = MediaAsset.objects.create(
        uid=upload.uid,
        owner=upload.owner,
        title=(title or PurePosixPath(upload.filename).stem)[:255],
        filename=upload.filename,
        bytes=upload.bytes,
        sha256=sha256,
        original_key=upload.key,
        created_by=upload.created_by,
    )
    upload.save()
    tasks.enqueue(upload.asset)
    return upload.asset


def take(  # noqa: PLR0913  each is a fact only the caller knows
    path: Path,
    *,
    owner: str,
    filename: str,
    sha256: str,
    title: str = "",
    user: AbstractBaseUser | None = None,
    allow: Callable[[], None] | None = None,
) -> MediaAsset:
    """Make an asset of a file that the site fetched itself, as if it had been uploaded; the same content is the asset
    that ``owner`` has. ``filename`` may have folders before it. ``allow`` is asked in the transaction that makes the
    asset: it holds others of the owner up, and raises Refused against it. Raises Refused and Failed."""
    size = path.stat().st_size
    name = check_name(filename)
    check_size(name, size)
    with path.open("rb") as file:
        check_head(name, size, file.read(HEAD_BYTES))
    if there := same(owner, sha256):
        return there
    upload = Upload(owner=owner, filename=filename[-255:], bytes=size, part_bytes=size, created_by=user)  # type: ignore[misc]
    upload.key, upload.state = storage.original_key(upload.uid, name), Upload.State.COMPLETE
    storage.store().put_file(path, upload.key, "application/octet-stream")
    try:
        with transaction.atomic():
            if allow:
                allow()
            if (there := same(owner, sha256)) is None:
                return _become_asset(upload, title=title, sha256=sha256)
    except Refused:
        storage.store().delete(upload.key)
        raise
    storage.store().delete(upload.key)
    return there


def same(owner: str, sha256: str) -> MediaAsset | None:
    """What ``owner`` has of this content, unless it was turned down."""
    found = MediaAsset.objects.filter(owner=owner, sha256=sha256).exclude(state__in=TURNED_DOWN)
    return found.order_by("pk").first() if sha256 else None


def abort(upload: Upload) -> None:
    """Give up an open upload and remove what has arrived. Does nothing to a finished one."""
    if Upload.objects.filter(pk=upload.pk, state=Upload.State.OPEN).update(state=Upload.State.ABORTED):
        target().abort(upload)
        if upload.archive:  # which no asset would lead to, were it whole already
            storage.store().delete(upload.key)


def sweep() -> int:
    """Abort uploads that nobody has touched for ``UPLOAD_STALE_HOURS``, and remove parts that no open upload knows, and
    archives that no import asked for. How many, without the archives."""
    before = timezone.now() - timedelta(hours=settings.UPLOAD_STALE_HOURS)
    stale = list(Upload.objects.filter(state=Upload.State.OPEN, touched_at__lt=before))
    for upload in stale:
        abort(upload)
    Upload.objects.filter(state=Upload.State.ABORTED, touched_at__lt=before - timedelta(days=30)).delete()
    for archive in Upload.objects.filter(state=Upload.State.COMPLETE, archive=True, touched_at__lt=before):
        storage.store().delete(archive.key)
        archive.delete()
    still_open = Upload.objects.filter(state=Upload.State.OPEN)
    known = [name for upload in still_open.only("uid", "target_id") for name in (upload.uid.hex, upload.target_id)]
    return len(stale) + target().sweep(known, before)


def _must_be_open(upload: Upload) -> None:
    if upload.state != Upload.State.OPEN:
        says = "已经完成" if upload.state == Upload.State.COMPLETE else "已经过期或被取消"
        raise Refused("upload-closed", f"“{upload.filename}”的这次上传{says}。", "需要时请重新上传。")


def _refuse_wrong(upload: Upload, head: bytes) -> None:
    """End an upload whose content is not what its name says."""
    try:
        (check_archive if upload.archive else check_head)(upload.filename, upload.bytes, head)
    except Refused:
        abort(upload)
        storage.store().delete(upload.key)
        raise


def _fits(upload: Upload, part: Part) -> bool:
    return 1 <= part.number <= part_count(upload) and part.bytes == part_size(upload, part.number)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
