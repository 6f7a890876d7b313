"""Uploads and assets over HTTP: the protocol of ``media_pipeline.uploads`` with the rights of ``catalog.policy``.

Signed in by a token, or by session with CSRF. What is not yours is 404. Errors are ``{"code", "message"}``, the message
in Chinese.
"""

import base64
import binascii
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from functools import partial, wraps
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from ninja import Router, Schema, Status
from prometheus_client import Counter
from pydantic import Field

from accounts import limits
from catalog import policy, quotas
from catalog.machines import Scope
from catalog.models import Institution
from catalog.tokens import needs
from media_pipeline import follow, pipeline, uploads
from media_pipeline.errors import Failed, MediaError, Refused
from media_pipeline.models import MediaAsset, Upload

router = Router(auth=needs(Scope.UPLOAD), tags=["uploads"])


class NewUpload(Schema):
    """``fingerprint`` names the file on the client's side, so that it is found again; ``head`` is its first 4 KiB in
    base64; ``institution`` may be left out by people who have only one; ``replaces`` is the asset whose original the
    file is to become; ``archive`` says that it is a ZIP of files for an import."""

    institution: str = ""
    filename: str = Field(max_length=1000)
    bytes: int
    fingerprint: str = Field("", max_length=128)
    head: str = Field("", max_length=8192)
    replaces: UUID | None = None
    archive: bool = False


class PartOut(Schema):
    number: int
    bytes: int
    crc32: str


class UploadOut(Schema):
    """``parts`` are those that have arrived; ``asset`` is set once the upload is complete, unless it is an archive."""

    uid: UUID
    institution: str
    filename: str
    bytes: int
    part_bytes: int
    state: str
    archive: bool
    fingerprint: str
    parts: list[PartOut]
    asset: UUID | None


class NewPart(Schema):
    """``crc32``: four bytes, big-endian, base64, as S3 writes it."""

    number: int
    crc32: str = Field(max_length=16)


class SignedPartOut(Schema):
    url: str
    method: str
    headers: dict[str, str]


class StepOut(Schema):
    """``part`` is the span of a long film, from 1; ``seconds`` 0 while it goes on; ``note`` says what went wrong."""

    name: str
    part: int | None
    attempt: int
    at: datetime
    seconds: float
    note: str


class AssetOut(Schema):
    """``progress`` 0..1 over the whole work, never going back; ``words`` says where it is; ``seconds_left`` by the
    speed so far; ``reason`` says what is wrong and what to do; ``watchable``: there is something to play already."""

    uid: UUID
    title: str
    filename: str
    institution: str
    bytes: int
    media_type: str
    duration: float | None
    state: str
    state_label: str
    progress: float
    words: str
    seconds_left: float | None
    watchable: bool
    can_retry: bool
    steps: list[StepOut]
    reason_code: str
    reason: str


REFUSED = Counter("wenlan_upload_refused", "Answers to uploaders that their file or request was refused")


def _told(call: Callable[..., Any]) -> Callable[..., Any]:
    """Turn the pipeline's errors, and what is not yours, into answers."""

    @wraps(call)
    def answer(*args: Any, **kwargs: Any) -> Any:
        try:
            return call(*args, **kwargs)
        except uploads.Incomplete as error:
            return _problem(HTTPStatus.CONFLICT, error, missing=error.missing)
        except Refused as error:
            REFUSED.inc()
            gone = error.code in {"upload-gone", "upload-closed"}
            return _problem(HTTPStatus.CONFLICT if gone else HTTPStatus.UNPROCESSABLE_ENTITY, error)
        except Failed as error:
            full = error.code == "disk-full"
            return _problem(HTTPStatus.INSUFFICIENT_STORAGE if full else HTTPStatus.SERVICE_UNAVAILABLE, error)
        except Http404:
            return JsonResponse({"code": "not-found", "message": "没有找到，或者它不属于您的机构。"}, status=404)

    return answer


def _problem(status: HTTPStatus, error: MediaError, **more: Any) -> JsonResponse:
    return JsonResponse({"code": error.code, "message": error.reason, **more}, status=status)


@router.post("/uploads", response=UploadOut)
@_told
def create_upload(request: HttpRequest, asked: NewUpload) -> dict[str, Any] | HttpResponse:
    """Begin an upload, or find the one of the same file."""
    if refused := limits.refusal(request, "upload"):
        return refused
    replaced = _changeable(request, asked.replaces) if asked.replaces else None
    archive = asked.archive and replaced is None
    code = replaced.owner if replaced else _institution(request, asked.institution).code
    with transaction.atomic():
        # one at a time for each institution, or two at once would both have the last place
        house = Institution.objects.select_for_update().filter(code=code).first()
        upload = uploads.create(
            owner=code,
            filename=asked.filename,
            size=asked.bytes,
            fingerprint=asked.fingerprint,
            head=_decoded(asked.head),
            user=request.user,  # type: ignore[arg-type]
            replaces=replaced,
            archive=archive,
            allow=partial(quotas.check, house, asked.bytes, archive=archive) if house else None,
        )
    return _told_of(upload)


@router.get("/uploads", response=list[UploadOut])
@_told
def open_uploads(request: HttpRequest) -> list[dict[str, Any]]:
    """Your own uploads that wait to be continued, newest first."""
    mine = _scoped(request, "change").filter(state=Upload.State.OPEN, created_by=request.user.pk)
    return [_told_of(upload) for upload in mine[:50]]


@router.get("/uploads/{uuid:uid}", response=UploadOut)
@_told
def read_upload(request: HttpRequest, uid: UUID) -> dict[str, Any]:
    return _told_of(_upload(request, uid, "view"))


@router.post("/uploads/{uuid:uid}/parts", response=SignedPartOut)
@_told
def sign_part(request: HttpRequest, uid: UUID, asked: NewPart) -> dict[str, Any]:
    """Where to send one part. The address is good for an hour and for these very bytes."""
    signed = uploads.sign_part(_upload(request, uid), asked.number, asked.crc32)
    return {"url": signed.url, "method": signed.method, "headers": signed.headers}


@router.post("/uploads/{uuid:uid}/complete", response=AssetOut | UploadOut)
@_told
def complete_upload(request: HttpRequest, uid: UUID) -> dict[str, Any]:
    """Make the asset; an archive is kept as the upload it is. May be repeated. 409 with ``missing`` while parts are
    missing."""
    upload = _upload(request, uid)
    asset = uploads.complete(upload)
    if asset is not None:
        return _told_of_asset(asset)
    upload.refresh_from_db()
    return _told_of(upload)


@router.delete("/uploads/{uuid:uid}", response={204: None})
@_told
def abort_upload(request: HttpRequest, uid: UUID) -> Status:
    uploads.abort(_upload(request, uid))
    return Status(204, None)


@router.get("/assets/{uuid:uid}", response=AssetOut)
@_told
def read_asset(request: HttpRequest, uid: UUID) -> dict[str, Any]:
    """How far the work on an asset is."""
    asset = policy.scope(MediaAsset.objects.all(), request.user).filter(uid=uid).first()
    if asset is None:
        raise Http404
    return _told_of_asset(asset)


@router.post("/assets/{uuid:uid}/retry", response=AssetOut)
@_told
def retry_asset(request: HttpRequest, uid: UUID) -> dict[str, Any]:
    """Take up again what failed; nothing happens when there is nothing to take up."""
    asset = _changeable(request, uid)
    pipeline.retry(asset)
    asset.refresh_from_db()
    return _told_of_asset(asset)


def _changeable(request: HttpRequest, uid: UUID) -> MediaAsset:
    asset = policy.scope(MediaAsset.objects.all(), request.user, "change").filter(uid=uid).first()
    if asset is None:
        raise Http404
    return asset


def _institution(request: HttpRequest, code: str) -> Institution:
    """The institution uploaded for: one where the person may, or the only one there is."""
    own = policy.institutions_of(request.user, policy.roles_for(Upload, "add"))
    if code:
        chosen = own.filter(code=code).first()
        if chosen is None:
            raise Http404
        return chosen
    several = list(own[:2])
    if len(several) != 1:
        raise Refused("no-institution", "没有说明为哪个机构上传。", "请先选择机构。")
    return several[0]


def _scoped(request: HttpRequest, action: str) -> Any:
    return policy.scope(Upload.objects.select_related("asset"), request.user, action)


def _upload(request: HttpRequest, uid: UUID, action: str = "change") -> Upload:
    upload = _scoped(request, action).filter(uid=uid).first()
    if upload is None:
        raise Http404
    return upload


def _told_of(upload: Upload) -> dict[str, Any]:
    return {
        "uid": upload.uid,
        "institution": upload.owner,
        "filename": upload.filename,
        "bytes": upload.bytes,
        "part_bytes": upload.part_bytes,
        "state": upload.state,
        "archive": upload.archive,
        "fingerprint": upload.fingerprint,
        "parts": [PartOut(number=p.number, bytes=p.bytes, crc32=p.crc32) for p in uploads.parts(upload)],
        "asset": made.uid if (made := upload.replaces or upload.asset) and upload.state == "complete" else None,
    }


def _told_of_asset(asset: MediaAsset) -> dict[str, Any]:
    told = follow.follow(asset)
    return {
        "uid": asset.uid,
        "title": asset.title,
        "filename": asset.filename,
        "institution": asset.owner,
        "bytes": asset.bytes,
        "media_type": asset.media_type,
        "duration": asset.duration,
        "state": asset.state,
        "state_label": asset.get_state_display(),
        "progress": told.percent / 100,
        "words": told.words,
        "seconds_left": told.seconds_left,
        "watchable": told.watchable,
        "can_retry": told.can_retry,
        "steps": [asdict(step) for step in told.steps],
        "reason_code": asset.reason_code,
        "reason": asset.reason,
    }


def _decoded(head: str) -> bytes:
    try:
        return base64.b64decode(head, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused("bad-head", "head 应是文件开头的 Base64。") from error
