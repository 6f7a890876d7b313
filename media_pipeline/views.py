"""Media over HTTP: packages by immutable key, text tracks, and the parts of uploads to the directory.

What is not public, not there or not signed is 404 alike: an address tells nothing about what exists.
"""

import hashlib
import re
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.core.exceptions import SuspiciousFileOperation
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotModified,
    JsonResponse,
    StreamingHttpResponse,
)
from django.utils.http import parse_etags, quote_etag
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from media_pipeline import storage, uploads
from media_pipeline.access import signature_holds
from media_pipeline.errors import Refused
from media_pipeline.models import MediaAsset, TextTrack
from media_pipeline.tracks import vtt
from media_pipeline.upload_targets import PART_LINK_SECONDS, PART_SALT, Part

# No part of a key begins with a dot: one asset's address must not climb into another's, or to the originals.
KEY = re.compile(r"(?P<room>packages|track)/(?P<uid>[0-9a-f]{32})/(?P<rest>[^./][^/]*(/[^./][^/]*)*)")
TRACK = re.compile(r"(?P<kind>[a-z]+)\.(?P<language>[A-Za-z0-9-]+)\.vtt")
RANGE = re.compile(r"bytes=(?P<first>\d*)-(?P<last>\d*)")
FOREVER = "max-age=31536000, immutable"


@require_safe
def media(request: HttpRequest, key: str) -> HttpResponseBase:
    """A file of a public asset."""
    uid, room, rest = _parsed(key)
    if not MediaAsset.objects.filter(uid=uid, public=True).exists():
        raise Http404
    if room == "track":
        return _track(request, uid, rest, "public, max-age=60")
    return _file(request, key, f"public, {FOREVER}")


@require_safe
def signed_media(request: HttpRequest, expiry: int, signature: str, key: str) -> HttpResponseBase:
    """A file of any asset, for the holder of a signed address."""
    uid, room, rest = _parsed(key)
    if not signature_holds(uid, expiry, signature):
        raise Http404
    if room == "track":
        return _track(request, uid, rest, "private, max-age=0")
    return _file(request, key, f"private, {FOREVER}")


@csrf_exempt  # the signed token is the right to send this one part; no cookie is looked at
@require_http_methods(["PUT"])
def part(request: HttpRequest, token: str) -> JsonResponse:
    """One part of an upload to the directory."""
    try:
        uid, number, size, crc32 = signing.loads(token, salt=PART_SALT, max_age=PART_LINK_SECONDS)
    except signing.BadSignature:
        return _problem(HTTPStatus.FORBIDDEN, "link-expired", "这个上传地址已失效，请重新申请。")
    if request.headers.get("Content-Length") != str(size):
        return _problem(HTTPStatus.BAD_REQUEST, "part-size", f"这一块应有 {size} 字节。")
    try:
        uploads.receive_part(UUID(uid), Part(number, size, crc32), request)
    except Refused as error:
        broken = error.code in {"part-cut", "part-corrupt"}
        status = HTTPStatus.BAD_REQUEST if broken else HTTPStatus.UNPROCESSABLE_ENTITY
        return _problem(status, error.code, error.reason)
    except OSError:
        return _problem(HTTPStatus.INSUFFICIENT_STORAGE, "disk", "服务器暂时写不下这一块，请稍后继续。")
    return JsonResponse({"number": number, "bytes": size, "crc32": crc32})


def _parsed(key: str) -> tuple[UUID, str, str]:
    found = KEY.fullmatch(key)
    if found is None:
        raise Http404
    return UUID(found["uid"]), found["room"], found["rest"]


def _track(request: HttpRequest, uid: UUID, name: str, cache: str) -> HttpResponseBase:
    named = TRACK.fullmatch(name)
    track = (
        named
        and TextTrack.objects.filter(
            asset__uid=uid, kind=named["kind"], language=named["language"], draft=False
        ).first()
    )
    if not track:
        raise Http404
    text = vtt(track).encode()
    etag = quote_etag(hashlib.sha256(text).hexdigest()[:24])
    headers = _headers(etag, cache)
    if _unchanged(request, etag):
        return HttpResponseNotModified(headers=headers)
    return HttpResponse(text, content_type=storage.content_type(name), headers=headers)


def _file(request: HttpRequest, key: str, cache: str) -> HttpResponseBase:
    if settings.MEDIA_ACCEL:
        return _handed_to_nginx(key, cache)
    try:
        size = storage.store().size(key)
    except (FileNotFoundError, SuspiciousFileOperation) as error:
        raise Http404 from error
    etag = quote_etag(hashlib.sha256(f"{key} {size}".encode()).hexdigest()[:24])
    headers = {**_headers(etag, cache), "Accept-Ranges": "bytes"}
    if _unchanged(request, etag):
        return HttpResponseNotModified(headers=headers)
    span = _span(request, etag, size)
    if span is None:
        headers["Content-Range"] = f"bytes */{size}"
        return HttpResponse(status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=headers)
    return _stream(request, key, span, headers)


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes ``first`` to ``last``, the last included, of ``size``; ``partial`` when they were asked for as a range."""

    first: int
    last: int
    size: int
    partial: bool


def _span(request: HttpRequest, etag: str, size: int) -> Span | None:
    """What part of a file a request asks for; None when it lies outside. A range that cannot be understood, has several
    parts, or belongs to another version of the file means the whole (RFC 9110 §14.2)."""
    whole = Span(0, size - 1, size, False)
    asked = RANGE.fullmatch(request.headers.get("Range", "").replace(" ", ""))
    if asked is None or request.headers.get("If-Range", etag) != etag:
        return whole
    first, last = asked["first"], asked["last"]
    if not first and not last:
        return whole
    if not first:
        return Span(max(0, size - int(last)), size - 1, size, True) if int(last) and size else None
    if last and int(last) < int(first):
        return whole
    if int(first) >= size:
        return None
    return Span(int(first), min(int(last or size), size - 1), size, True)


def _stream(request: HttpRequest, key: str, span: Span, headers: dict[str, str]) -> HttpResponseBase:
    length = span.last - span.first + 1
    headers["Content-Length"] = str(length)
    if span.partial:
        headers["Content-Range"] = f"bytes {span.first}-{span.last}/{span.size}"
    status = HTTPStatus.PARTIAL_CONTENT if span.partial else HTTPStatus.OK
    kind = storage.content_type(key)
    if request.method == "HEAD" or not length:
        return HttpResponse(status=status, content_type=kind, headers=headers)
    content = storage.store().read_range(key, span.first, span.last)
    return StreamingHttpResponse(content, status=status, content_type=kind, headers=headers)


def _handed_to_nginx(key: str, cache: str) -> HttpResponse:
    """Let the front server send the file (docs/delivery.md): it does ranges, and has no Python in its way."""
    where = storage.store()
    if isinstance(where, storage.LocalStore):
        inside = f"/_store/{key}"
    else:
        address = urlsplit(where.signed_address(key, seconds=300))
        inside = f"/_s3{address.path}?{address.query}"
    headers = {"X-Accel-Redirect": inside, "Cache-Control": cache, "X-Content-Type-Options": "nosniff"}
    return HttpResponse(content_type=storage.content_type(key), headers=headers)


def _headers(etag: str, cache: str) -> dict[str, str]:
    """A file is never a page: it may not run anything, whatever its bytes say."""
    return {
        "ETag": etag,
        "Cache-Control": cache,
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }


def _unchanged(request: HttpRequest, etag: str) -> bool:
    known = parse_etags(request.headers.get("If-None-Match", ""))
    return etag in known or "*" in known


def _problem(status: HTTPStatus, code: str, message: str) -> JsonResponse:
    return JsonResponse({"code": code, "message": message}, status=status)
