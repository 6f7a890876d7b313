"""Telling partners' machines what happens: signed as Standard Webhooks asks (standardwebhooks.com), again and again
with growing waits until they answer with 2xx. A receiver that never does is set aside and its owners are told.

A delivery is a row, written in the transaction of what it tells; a task sends what is due. Two tasks do not send the
same one: each takes it by moving ``due``. Of each receiver only the first waiting one is ever due.
"""

import base64
import hashlib
import hmac
import json
import logging
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import timedelta
from functools import partial
from typing import Any

from django.core.mail import send_mail
from django.db import transaction
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.utils import timezone
from django_tasks import task

from catalog import outgoing
from catalog.addresses import absolute
from catalog.machines import Delivery, Event, Webhook
from catalog.models import Course, Institution, Membership
from media_pipeline import periodic
from media_pipeline.models import MediaAsset

logger = logging.getLogger(__name__)

WAITS = [timedelta(seconds=seconds) for seconds in (5, 60, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)]
"""Before the second attempt, the third …; after the last one it is given up."""

LEASE = timedelta(minutes=2)
AT_ONCE = 8  # receivers that are called side by side
SLICE = 20.0  # seconds of a task, so that other light work gets its turn; calls that have begun are finished
LONGEST = 10.0  # seconds that a receiver may take
KEPT = timedelta(days=30)


def tell_of_asset(asset: MediaAsset, event: Event) -> None:
    data = {"asset": str(asset.uid), "title": asset.title, "state": asset.state, "reason": asset.reason}
    if institution := Institution.objects.filter(code=asset.owner).first():
        _tell(event, [(institution.path, data)])


def tell_of_courses(ids: list[int], event: Event, **more: str) -> None:
    """Tells of up to some hundred courses; the number of queries does not grow with them."""
    if not ids or not Webhook.objects.filter(active=True).exists():
        return
    courses = Course.objects.filter(pk__in=ids).select_related("institution").order_by("pk")
    told = [
        (
            course.institution.path,
            {"course": course.pk, "external_id": course.external_id, "title": course.title, **more},
        )
        for course in courses.only("external_id", "title", "institution__path")
    ]
    _tell(event, told)


def _tell(event: Event, told: list[tuple[str, dict[str, Any]]]) -> None:
    """Writes a delivery of each pair (path of an institution, data) for every active webhook that wants ``event`` and
    is of that institution or one above it, whose editors work on its things too."""
    hooks = Webhook.objects.filter(active=True).select_related("institution").order_by("pk")
    wanting = [hook for hook in hooks if event in hook.events]
    _write(
        [
            _message(hook, event, data)
            for path, data in told
            for hook in wanting
            if path.startswith(hook.institution.path)
        ]
    )


def write(hook: Webhook, event: str, data: dict[str, Any]) -> Delivery:
    """One delivery, sent once the transaction is committed."""
    delivery = _message(hook, event, data)
    _write([delivery])
    return delivery


def _message(hook: Webhook, event: str, data: dict[str, Any]) -> Delivery:
    body = {"type": event, "timestamp": timezone.now().isoformat(), "data": data}
    return Delivery(webhook=hook, event=event, body=json.dumps(body, ensure_ascii=False))


def _write(deliveries: list[Delivery]) -> None:
    if deliveries:
        Delivery.objects.bulk_create(deliveries)
        transaction.on_commit(partial(send_due.enqueue), robust=True)


def signature(secret: str, uid: str, timestamp: int, body: str) -> str:
    """``v1,<base64>``: HMAC-SHA256 of ``id.timestamp.body``."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    made = hmac.new(key, f"{uid}.{timestamp}.{body}".encode(), hashlib.sha256)
    return "v1," + base64.b64encode(made.digest()).decode()


@task(queue_name="default")
def send_due() -> int:
    """Sends what is due for about ``SLICE`` seconds and returns the number of attempts. Receivers are called side by
    side, so that a slow one holds up nobody; the threads only call, the database is read and written here."""
    sent, ends = 0, time.monotonic() + SLICE
    running: dict[Future[tuple[bool, str]], Delivery] = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while True:
            free = AT_ONCE - len(running) if time.monotonic() < ends else 0
            for delivery in due()[:free]:
                if _take(delivery):
                    running[pool.submit(_call, delivery)] = delivery
            if not running:
                return sent
            for future in wait(running, timeout=1.0, return_when=FIRST_COMPLETED).done:
                _note(running.pop(future), *future.result())
                sent += 1


def due() -> QuerySet[Delivery]:
    """The first waiting delivery of each active webhook, where its time has come: what follows it waits, so that
    each receiver hears things in their order."""
    waiting = Delivery.objects.filter(state=Delivery.State.WAITING)
    first = waiting.filter(webhook=OuterRef("pk")).order_by("pk").values("pk")[:1]
    heads = Webhook.objects.filter(active=True).order_by().annotate(head=Subquery(first)).values("head")
    return waiting.filter(pk__in=heads, due__lte=timezone.now()).select_related("webhook").order_by("due", "pk")


def _take(delivery: Delivery) -> bool:
    free = Delivery.objects.filter(pk=delivery.pk, state=Delivery.State.WAITING, due=delivery.due)
    return bool(free.update(due=timezone.now() + LEASE))


def _call(delivery: Delivery) -> tuple[bool, str]:
    """One attempt: whether it was accepted, and what was answered. Uses no database."""
    hook, uid, timestamp = delivery.webhook, str(delivery.uid), int(time.time())
    limits = outgoing.Limits(most=0, longest=LONGEST)
    try:
        headers = {
            "Content-Type": "application/json",
            "webhook-id": uid,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(hook.secret, uid, timestamp, delivery.body),
        }
        answer = outgoing.call(hook.address, method="POST", body=delivery.body.encode(), headers=headers, limits=limits)
    except outgoing.Unreachable as error:
        return False, str(error)
    except Exception:  # one receiver's trouble must not hold up the others
        logger.exception("delivery %s", delivery.pk)
        return False, "发送时出错，已记入日志。"
    return 200 <= answer.status < 300, f"对方回答 {answer.status}。"


def _note(delivery: Delivery, done: bool, said: str) -> None:
    """What follows from one attempt."""
    delivery.attempts, delivery.answer = delivery.attempts + 1, said
    if done:
        delivery.state = Delivery.State.DONE
    elif delivery.attempts > len(WAITS):
        delivery.state = Delivery.State.FAILED
    else:
        delivery.due = timezone.now() + WAITS[delivery.attempts - 1]
    told = {"state": delivery.state, "attempts": delivery.attempts, "due": delivery.due, "answer": delivery.answer}
    Delivery.objects.filter(pk=delivery.pk).update(**told)  # it may have been deleted with its webhook meanwhile
    hook = Webhook.objects.filter(pk=delivery.webhook_id)
    hook.update(failures=0 if done else F("failures") + 1)
    if delivery.state == Delivery.State.FAILED and hook.filter(active=True).update(active=False):
        _tell_owner(delivery)


def _tell_owner(delivery: Delivery) -> None:
    """Says to the editors of a webhook's institution that it was set aside; each gets a letter of their own."""
    hook = Webhook.objects.select_related("institution").get(pk=delivery.webhook_id)
    body = (
        f"{hook.address} 三天多没有收下“{hook.institution}”的消息（最后一次：{delivery.answer}）。\n\n"
        "文澜不再向它发送。请检查对方的程序，再打开下面的地址，勾上“启用”；没有送到的消息会接着发。\n"
        f"{absolute(f'/cms/webhooks/edit/{hook.pk}/')}\n"
    )
    for address in _editors(hook.institution):
        send_mail("网络钩子已停用", body, None, [address], fail_silently=True)


def _editors(institution: Institution) -> list[str]:
    """Addresses of the editors of an institution; where it has none, of the nearest one above it that has."""
    for house in [institution, *reversed(institution.get_ancestors())]:
        members = Membership.objects.filter(institution=house, role=Membership.Role.EDITOR, user__is_active=True)
        if found := members.exclude(user__email="").values_list("user__email", flat=True):
            return sorted(set(found))
    return []


def resend(delivery: Delivery) -> None:
    """Begins again, with the same id."""
    delivery.state, delivery.attempts, delivery.due = Delivery.State.WAITING, 0, timezone.now()
    delivery.save(update_fields=["state", "attempts", "due"])
    transaction.on_commit(partial(send_due.enqueue), robust=True)


@periodic.every(seconds=5, name="webhooks")
def ring() -> None:
    if due().exists():
        send_due.enqueue()


@periodic.every(seconds=3600, name="old deliveries")
def forget() -> None:
    Delivery.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
