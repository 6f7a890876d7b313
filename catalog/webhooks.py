"""Telling partners' machines what happens: signed as Standard Webhooks asks (standardwebhooks.com), again and again
with growing waits until they answer with 2xx.

A delivery is a row, written in the transaction of what it tells; a task sends what is due. Two tasks do not send the
same one: each takes it by moving ``due``.
"""

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django_tasks import task

from catalog import outgoing
from catalog.machines import Delivery, Event, Webhook
from catalog.models import Course, Institution
from media_pipeline import periodic
from media_pipeline.models import MediaAsset

WAITS = [timedelta(seconds=seconds) for seconds in (5, 60, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)]
"""Before the second attempt, the third …; after the last one it is given up."""

LEASE = timedelta(minutes=2)
AT_ONCE = 5  # of a task, so that other light work gets its turn
KEPT = timedelta(days=30)


def tell(institutions: Any, event: Event, data: dict[str, Any]) -> None:
    """Writes a delivery for each active webhook of ``institutions`` that wants ``event``."""
    wanting = [
        hook for hook in Webhook.objects.filter(institution__in=institutions, active=True) if event in hook.events
    ]
    for hook in wanting:
        write(hook, event, data)


def write(hook: Webhook, event: str, data: dict[str, Any]) -> Delivery:
    """One delivery, sent once the transaction is committed."""
    now = timezone.now()
    body = json.dumps({"type": event, "timestamp": now.isoformat(), "data": data}, ensure_ascii=False)
    delivery = Delivery.objects.create(webhook=hook, event=event, body=body)
    transaction.on_commit(partial(send_due.enqueue), robust=True)
    return delivery


def tell_of_asset(asset: MediaAsset, event: Event) -> None:
    data = {"asset": str(asset.uid), "title": asset.title, "state": asset.state, "reason": asset.reason}
    tell(_above(Institution.objects.filter(code=asset.owner).first()), event, data)


def tell_of_course(course: Course, event: Event, **more: str) -> None:
    data = {"course": course.pk, "external_id": course.external_id, "title": course.title, **more}
    tell(_above(course.institution), event, data)


def _above(institution: Institution | None) -> list[int]:
    """The institution and those above it, whose editors work on its things too."""
    if institution is None:
        return []
    return [institution.pk, *institution.get_ancestors().values_list("pk", flat=True)]


def signature(secret: str, uid: str, timestamp: int, body: str) -> str:
    """``v1,<base64>``: HMAC-SHA256 of ``id.timestamp.body``."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    made = hmac.new(key, f"{uid}.{timestamp}.{body}".encode(), hashlib.sha256)
    return "v1," + base64.b64encode(made.digest()).decode()


@task(queue_name="default")
def send_due() -> int:
    """Sends up to ``AT_ONCE`` deliveries; their number."""
    sent = 0
    for delivery in due()[:AT_ONCE]:
        if _take(delivery):  # only when its turn comes: a lease runs while others are sent
            send(delivery)
            sent += 1
    return sent


def due() -> Any:
    waiting = Delivery.objects.filter(state=Delivery.State.WAITING, due__lte=timezone.now(), webhook__active=True)
    return waiting.select_related("webhook").order_by("due", "pk")


def _take(delivery: Delivery) -> bool:
    free = Delivery.objects.filter(pk=delivery.pk, state=Delivery.State.WAITING, due=delivery.due)
    return bool(free.update(due=timezone.now() + LEASE))


def send(delivery: Delivery) -> None:
    """One attempt, and what follows from it."""
    hook, now = delivery.webhook, timezone.now()
    uid, timestamp = str(delivery.uid), int(now.timestamp())
    headers = {
        "Content-Type": "application/json",
        "webhook-id": uid,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(hook.secret, uid, timestamp, delivery.body),
    }
    try:
        answer = outgoing.call(
            hook.address, method="POST", body=delivery.body.encode(), headers=headers, limits=outgoing.Limits(most=0)
        )
        done, said = 200 <= answer.status < 300, f"对方回答 {answer.status}。"
    except outgoing.Unreachable as error:
        done, said = False, str(error)
    delivery.attempts, delivery.answer = delivery.attempts + 1, said
    if done:
        delivery.state = Delivery.State.DONE
    elif delivery.attempts > len(WAITS):
        delivery.state = Delivery.State.FAILED
    else:
        delivery.due = now + WAITS[delivery.attempts - 1]
    delivery.save(update_fields=["state", "attempts", "due", "answer"])
    Webhook.objects.filter(pk=hook.pk).update(failures=0 if done else F("failures") + 1)


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
