"""Who may read a package: everybody while its asset is public, otherwise whoever holds a signed address.

A signed address is ``/media/~<expiry>.<signature>/…``. One signature covers everything of one asset, so the relative
addresses inside playlists stay valid. The signature is what nginx's ``secure_link_md5`` computes, so that a front
server can check it without asking Django (docs/delivery.md).
"""

import base64
import hashlib
import hmac
import time
from collections.abc import Iterable
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from media_pipeline.models import MediaAsset


def set_public(assets: QuerySet[MediaAsset] | Iterable[int], public: bool) -> None:
    """Open or close assets (a queryset or primary keys) to everybody. Acts on the next request."""
    if not isinstance(assets, QuerySet):
        assets = MediaAsset.objects.filter(pk__in=list(assets))
    assets.exclude(public=public).update(public=public)


def media_url(asset: MediaAsset, key: str, *, signed: bool = False) -> str:
    """The address of a stored file of ``asset``; "" for an empty key. ``signed`` opens what is not public, for people
    whose right to see it has been checked; it makes no difference to what is public."""
    if not key:
        return ""
    return f"/media/{_signed_prefix(asset.uid) if signed and not asset.public else ''}{key}"


def track_url(asset: MediaAsset, kind: str, language: str, *, signed: bool = False) -> str:
    """The address of a text track as WebVTT."""
    return media_url(asset, f"track/{asset.uid.hex}/{kind}.{language}.vtt", signed=signed)


def signature(uid: UUID, expiry: int, secret: str = "") -> str:
    """MD5 with the secret behind the message, in URL-safe base64 without padding, as nginx asks. ``secret``: another
    than the present one."""
    message = f"{expiry}/{uid.hex} {secret or settings.MEDIA_LINK_SECRET}"
    digest = hashlib.md5(message.encode(), usedforsecurity=False).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def signature_holds(uid: UUID, expiry: int, given: str) -> bool:
    """Whether it was made with the present secret or one of those before."""
    if expiry < time.time():
        return False
    secrets = (settings.MEDIA_LINK_SECRET, *settings.MEDIA_LINK_SECRET_FALLBACKS)
    return any(hmac.compare_digest(signature(uid, expiry, one).encode(), given.encode()) for one in secrets)


def _signed_prefix(uid: UUID) -> str:
    """Ends between one and two spans from now, on a round moment, so that pages and players meet the same address."""
    span = settings.MEDIA_LINK_SECONDS
    expiry = (int(time.time()) // span + 2) * span
    return f"~{expiry}.{signature(uid, expiry)}/"
