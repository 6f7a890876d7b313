"""The log of deeds, ``wenlan.audit``: who did what to which thing, whose that is, from where. One line a deed.

What becomes of courses, pages and files Wagtail keeps in the database; ``cms.receivers`` passes its entries on. Here is
what Wagtail does not see: signing in, second factors, rights. Names of people stand in the lines, secrets never: of
somebody who could not be signed in, only the name of an account that there is.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

from allauth.account import signals as account
from allauth.account.adapter import get_adapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa import signals as mfa
from django.contrib.auth.models import Group, Permission
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.db.models.signals import m2m_changed, post_delete, post_save
from django.dispatch import Signal, receiver
from django.http import HttpRequest

from accounts.models import User

logger = logging.getLogger("wenlan.audit")

_request: ContextVar[HttpRequest | None] = ContextVar("request that asks", default=None)


@contextmanager
def asked_by(request: HttpRequest) -> Iterator[None]:
    """What is done meanwhile is done by the person of ``request``, from its address."""
    token = _request.set(request)
    try:
        yield
    finally:
        _request.reset(token)


def note(deed: str, what: Model | str = "", *, who: Any = None, whose: str = "", **more: Any) -> None:
    """Writes one line. ``deed``: what was done, ``what``: the thing it was done to, ``who``: a User, where it is not
    the person of the request, ``whose``: the code of the institution, ``more``: words and numbers."""
    request = _request.get()
    who = who or getattr(request, "user", None)
    line = {
        "who": (who and who.get_username()) or "-",
        "what": named(what) if isinstance(what, Model) else what,
        "whose": whose,
        "from": _address(request),
        **more,
    }
    logger.info(deed, extra={"deed": {key: value for key, value in line.items() if value != ""}})


def named(thing: Model) -> str:
    """``catalog.course 12``: names of things change, keys do not."""
    return f"{thing._meta.label_lower} {thing.pk}"


def _address(request: HttpRequest | None) -> str:
    if request is None:
        return "-"
    with suppress(PermissionDenied, ImmediateHttpResponse):
        return str(get_adapter().get_client_ip(request))
    return "-"


def keep(model: type[Model], name: str, told: Callable[[Any], dict[str, Any]]) -> None:
    """Notes each row of ``model`` that is made, changed and removed as ``<name>-made``, ``-changed``, ``-removed``;
    ``told`` gives the further words of a row, ``whose`` among them. What only counts (``update_fields``) is no deed."""

    def saved(instance: Model, created: bool, update_fields: Any = None, **_: Any) -> None:
        if created or not update_fields:
            note(f"{name}-{'made' if created else 'changed'}", instance, **told(instance))

    def deleted(instance: Model, **_: Any) -> None:
        note(f"{name}-removed", instance, **told(instance))

    post_save.connect(saved, sender=model, weak=False, dispatch_uid=f"deeds {name} saved")
    post_delete.connect(deleted, sender=model, weak=False, dispatch_uid=f"deeds {name} deleted")


# Signing in ---------------------------------------------------------------------------------------------------
@receiver(user_logged_in)
def _signed_in(request: HttpRequest | None, user: User, **_: Any) -> None:
    note("sign-in", user, who=user)


@receiver(user_logged_out)
def _signed_out(user: User | None, **_: Any) -> None:
    if user:
        note("sign-out", user, who=user)


@receiver(user_login_failed)
def _refused(credentials: dict[str, Any], **_: Any) -> None:
    """What was typed as a name may be a password in the wrong field."""
    given = credentials.get("username") or ""
    known = User.objects.filter(username=given).first() if given else None
    note("sign-in-failed", known or "")


def _person(deed: str, signal: Signal) -> None:
    def happened(user: User, authenticator: Any = None, **_: Any) -> None:
        note(deed, user, who=user, **({"kind": authenticator.type} if authenticator else {}))

    signal.connect(happened, weak=False, dispatch_uid=f"deeds {deed}")


for _deed, _signal in {
    "second-factor-added": mfa.authenticator_added,
    "second-factor-removed": mfa.authenticator_removed,
    "second-factor-renewed": mfa.authenticator_reset,
    "second-factor-failed": mfa.authentication_failed,
    "sign-in-code-failed": account.login_code_rejected,
    "account-made": account.user_signed_up,
    "password-set": account.password_set,
    "password-changed": account.password_changed,
    "password-reset": account.password_reset,
    "email-changed": account.email_changed,
}.items():
    _person(_deed, _signal)


# Rights -------------------------------------------------------------------------------------------------------
_DEEDS = {"post_add": "given", "post_remove": "taken", "pre_clear": "taken"}


@receiver(m2m_changed, sender=User.groups.through)
@receiver(m2m_changed, sender=User.user_permissions.through)
@receiver(m2m_changed, sender=Group.permissions.through)
def _rights(instance: Model, action: str, model: type[Model], pk_set: set[int] | None, **_: Any) -> None:
    if action not in _DEEDS or (action != "pre_clear" and not pk_set):
        return
    what = model._default_manager.filter(pk__in=pk_set) if pk_set else []
    names = [one.codename if isinstance(one, Permission) else str(one) for one in what] or ["*"]
    note(f"rights-{_DEEDS[action]}", instance, rights=names)


_WATCHED = ("is_active", "is_staff", "is_superuser", "password", "username", "email", "phone")


@receiver(post_save, sender=User)
def _person_changed(instance: User, created: bool, **_: Any) -> None:
    """``User.from_db`` keeps how the row stood."""
    before = getattr(instance, "as_read", {})
    changed = [name for name in _WATCHED if name in before and before[name] != getattr(instance, name)]
    if created:
        note("person-made", instance)
    elif changed:
        note("person-changed", instance, fields=changed)
    instance.as_read = {name: getattr(instance, name) for name in _WATCHED}


@receiver(post_delete, sender=User)
def _person_removed(instance: User, **_: Any) -> None:
    note("person-removed", instance, of=instance.get_username())
