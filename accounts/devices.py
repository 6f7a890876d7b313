"""Signing in a television from a phone (RFC 8628, device authorization grant, within one site).

A link lives five minutes and is answered once. Its code is short, for it is typed: whoever guesses one can only offer
their own account to a strange device. What signs in is the secret, which never leaves the device's session.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from django.utils import timezone

from accounts.models import DeviceLink, User

LIFE = timedelta(minutes=5)
CODE_LETTERS, CODE_LENGTH = "BCDFGHJKLMNPQRSTVWXZ", 8
"""Letters that make no words and are not mistaken for each other (RFC 8628, section 6.1); 35 bits."""


@dataclass(frozen=True, slots=True)
class Answer:
    """``state``: ``waiting``, ``approved`` (then who it was, and where to go on), ``refused`` or ``expired``."""

    state: str
    user: User | None = None
    then: str = ""


def begin(device: str) -> tuple[DeviceLink, str]:
    """A new link and its secret; those that are over are swept away."""
    sweep()
    secret = secrets.token_urlsafe(32)
    code = "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))
    return DeviceLink.objects.create(user_code=code, secret_hash=_hash(secret), device=device[:80]), secret


def sweep() -> None:
    """Removes the links that are over."""
    DeviceLink.objects.filter(created_at__lt=timezone.now() - LIFE).delete()


def waiting(typed: str) -> DeviceLink | None:
    """The link somebody typed the code of, if it still waits; blanks, hyphens and small letters are let pass."""
    code = "".join(char for char in typed.upper() if char.isalnum())[:CODE_LENGTH]
    return _alive().filter(user_code=code, user=None, refused=False).first()


def answer(link: DeviceLink, user: User | None, then: str = "") -> bool:
    """Approves a link for ``user``, refuses it for None. False when it was answered or ran out meanwhile."""
    open_links = _alive().filter(pk=link.pk, user=None, refused=False)
    return bool(open_links.update(user=user, refused=user is None, then=then))


def claim(pk: int, secret: str) -> Answer:
    """What was answered to the device that has the secret. An answer is given once: the link is gone with it."""
    link = _alive().select_related("user").filter(pk=pk, secret_hash=_hash(secret)).first()
    if link is None:
        return Answer("expired")
    if link.user is None and not link.refused:
        return Answer("waiting")
    if not _alive().filter(pk=pk).delete()[0]:
        return Answer("expired")
    usable = link.user is not None and link.user.is_active
    return Answer("approved", link.user, link.then) if usable else Answer("refused")


def _alive():
    return DeviceLink.objects.filter(created_at__gte=timezone.now() - LIFE)


def _hash(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


# Which device it is ------------------------------------------------------------------------------

TELEVISIONS = {
    "Tizen": "三星电视",
    "Web0S": "LG 电视",
    "HbbTV": "电视",
    "BRAVIA": "索尼电视",
    "AFT": "Fire TV",
    "SMART-TV": "电视",
    "SmartTV": "电视",
    "GoogleTV": "电视",
    "Android TV": "电视",
    "MiTV": "小米电视",
    "MiBOX": "小米盒子",
    "HiSmart": "海信电视",
    "VIDAA": "海信电视",
    "TCL": "TCL 电视",
    "Skyworth": "创维电视",
    "CrKey": "电视棒",
}
"""What browsers of televisions call themselves (in deploy/nginx too), and what people call the device."""


def television(user_agent: str) -> str:
    """What to call the television that asks; "" when it is none."""
    return next((name for mark, name in TELEVISIONS.items() if mark in user_agent), "")
