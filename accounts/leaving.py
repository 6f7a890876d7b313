"""Closing an account: what is the person's goes at once and everywhere; what must stay names nobody any more.

Whoever deletes a ``User``, in whatever way, does all of it (``pre_delete``). What stays belongs to one account for all
who have left, the heir, so that what one person did cannot be put together again (GDPR, recital 26; Personal
Information Protection Law of the PRC, art. 73: anonymised is what cannot be restored to a person).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.auth.hashers import make_password
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.signals import pre_delete
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from accounts import personal
from accounts.holdings import is_of
from accounts.models import User
from accounts.signals import person_asks_to_leave, person_goes, person_leaves

HEIR = "(gone)"
"""No form takes a user name with brackets."""

LEFT = "left"
"""In a session: who was signed in here has closed the account. Nothing else is in it."""

logger = logging.getLogger(__name__)


class MayNotLeave(Exception):
    """``reasons``: sentences for the person, each with its remedy."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("\n".join(reasons))
        self.reasons = reasons


def heir() -> User:
    """The account under which stands what people who left have made."""
    as_new = {"display_name": "已注销的用户", "is_active": False, "password": make_password(None)}
    return User.objects.get_or_create(username=HEIR, defaults=as_new)[0]


def obstacles(person: User) -> list[str]:
    """Why the account cannot be closed yet; empty when it can."""
    answers = person_asks_to_leave.send(sender=User, person=person)
    return [sentence for _receiver, sentences in answers for sentence in sentences or []]


def forget(person: User, *, by_force: bool = False) -> None:
    """Closes the account and mails that it is closed. Raises MayNotLeave while somebody is needed, unless
    ``by_force``."""
    address = person.email
    with transaction.atomic():
        User.objects.select_for_update().get(pk=heir().pk)  # one leaves after the other: the last two cannot both
        if not by_force and (reasons := obstacles(person)):
            raise MayNotLeave(reasons)
        person.delete()
        if address:
            transaction.on_commit(lambda: _say_goodbye(address), robust=True)


def _say_goodbye(address: str) -> None:
    body = _(
        "您在文澜的账号已经注销：登录信息、学习记录和收藏都已删除，所有设备上的登录都已失效。\n"
        "您为机构做的课程留在机构，署“已注销的用户”。\n\n"
        "如果不是您本人操作，请尽快联系运行文澜的单位。\n\n文澜\n"
    )
    send_mail(_("您的文澜账号已注销"), body, None, [address], fail_silently=True)


@receiver([person_goes, pre_delete], sender=User)
def part(instance: User, **_more: Any) -> None:
    """Before a person's account goes: what lies under it goes too or is handed to the heir. Once for each account:
    ``User.delete`` asks for it before Django has gathered what goes along."""
    if instance.username == HEIR or instance.has_parted:
        return
    instance.has_parted = True
    with transaction.atomic():
        left = heir()
        person_leaves.send(sender=User, person=instance, heir=left)
        _end_sessions(instance)
        # asked for before any goes, for one may be known by another
        own = [(rows, rows.of(instance).order_by()) for rows in personal.rows() if rows.kind not in (User, Session)]
        for rows, mine in own:
            _settle(rows, mine, left)
    logger.info("an account was closed")


def _settle(rows: personal.Rows, mine: QuerySet, left: User) -> None:
    if not rows.stays:
        mine.delete()
    elif rows.after:
        mine.update(**rows.after)
    elif isinstance(rows.by, str):
        mine.update(**{rows.by: left})


def _end_sessions(person: User) -> None:
    """Sessions of the person keep nothing but that the person left, for the devices they are on; those of somebody who
    was on the way to sign in with the person's name or number go. Nobody else is signed out."""
    over = SessionStore().encode({LEFT: True})
    names = [json.dumps(name, ensure_ascii=False) for name in (person.username, person.email, person.phone) if name]
    for session in Session.objects.order_by().iterator():
        data = session.get_decoded()
        if is_of(data, person):
            Session.objects.filter(pk=session.pk).update(session_data=over)
        elif SESSION_KEY not in data:
            pending = str((data.get("account_login") or {}).get("user_pk", ""))
            told = json.dumps(data, ensure_ascii=False, default=str)
            if pending == str(person.pk) or any(name in told for name in names):
                session.delete()


# On the person's devices ------------------------------------------------------------------------------


class LeftMiddleware:
    """Leads a device on which the person was signed in to the page that clears what it remembers. Looks only at
    sessions that the page has asked for, so it asks nothing of the database."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        page = request.method == "GET" and response.headers.get("Content-Type", "").startswith("text/html")
        if page and request.session.accessed and request.session.get(LEFT):
            return redirect("left")
        return response
