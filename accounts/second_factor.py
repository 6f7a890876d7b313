"""The second factor of people who enter the desk: a code of an authenticator app (TOTP, RFC 6238) or a recovery code.

django-allauth keeps and asks for it; this module draws its picture, keeps its secret unreadable in the database, and
remembers in the session that it was given there.
"""

from base64 import urlsafe_b64encode
from hashlib import sha256
from io import BytesIO
from typing import Any

import segno
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added, authenticator_used
from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

KEY = "second_factor"
"""Under which a session keeps whose second factor was given in it."""


class Adapter(DefaultMFAAdapter):
    def build_totp_svg(self, url: str) -> str:
        drawn = BytesIO()
        segno.make(url, error="m").save(drawn, kind="svg", border=3, scale=5, dark="#121614", light="#fff")
        return drawn.getvalue().decode()

    def encrypt(self, text: str) -> str:
        return _cipher().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return _cipher().decrypt(encrypted_text.encode()).decode()


def _cipher() -> MultiFernet:
    """Writes with the present key, reads with those before too."""
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return MultiFernet([Fernet(urlsafe_b64encode(sha256(f"second factors {key}".encode()).digest())) for key in keys])


SECRETS = ("secret", "seed", "migrated_codes")
"""Where an authenticator of allauth keeps what is encrypted: of an app, of recovery codes, of codes brought along."""


def renew() -> int:
    """Writes all second factors anew with the present key, so that those before may be forgotten. Returns how many."""
    cipher, renewed = _cipher(), 0

    def anew(kept: str | list[str]) -> str | list[str]:
        if isinstance(kept, list):
            return [cipher.rotate(one.encode()).decode() for one in kept]
        return cipher.rotate(kept.encode()).decode()

    with transaction.atomic():
        for row in Authenticator.objects.exclude(type=Authenticator.Type.WEBAUTHN).select_for_update():
            row.data |= {name: anew(row.data[name]) for name in SECRETS if row.data.get(name)}
            row.save(update_fields=["data"])
            renewed += 1
    return renewed


@receiver([authenticator_added, authenticator_used])
def remember(request: HttpRequest, user: Any, authenticator: Authenticator, **_: Any) -> None:
    """Given on signing in, when asked again, or with the first code of a new app."""
    request.session[KEY] = user.pk


def lacking(request: HttpRequest) -> bool:
    """Whether this session must give a second factor before it does what only the desk's people may: asked of everybody
    who may enter the desk, where ``STAFF_SECOND_FACTOR`` is on."""
    if not settings.STAFF_SECOND_FACTOR or request.session.get(KEY) == request.user.pk:
        return False
    return request.user.has_perm("wagtailadmin.access_admin")


def step(request: HttpRequest) -> str | None:
    """Where a signed-in person must go before the desk opens: to set the second factor up, or to give it; None when
    nothing is lacking."""
    if not lacking(request):
        return None
    has = Authenticator.objects.filter(user=request.user.pk, type=Authenticator.Type.TOTP).exists()
    where = "mfa_reauthenticate" if has else "mfa_activate_totp"
    return f"{reverse(where)}?{urlencode({'next': request.get_full_path()})}"
