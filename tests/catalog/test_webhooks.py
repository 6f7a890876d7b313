"""Webhooks, told to a real receiver on this machine that fails and then accepts."""

import base64
import hashlib
import hmac
import json
import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from django.utils import timezone

from accounts.models import User
from catalog import outgoing, webhooks
from catalog.machines import Delivery, Event, Webhook
from catalog.models import Course, Membership
from cms import setup
from media_pipeline.models import MediaAsset
from media_pipeline.signals import asset_ready, tell

pytestmark = pytest.mark.django_db


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((dict(self.headers), body))
        status = self.server.answers.pop(0) if self.server.answers else 204
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *words: object) -> None:
        """Says nothing."""


@pytest.fixture
def receiver(settings):
    settings.OUTGOING_PRIVATE = True
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    server.got, server.answers = [], []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def hook(town, receiver) -> Webhook:
    made = Webhook(institution=town, address=f"http://127.0.0.1:{receiver.server_port}/in?x=1", events=Event.values)
    made.make_secret()
    made.save()
    return made


def deliver() -> Delivery:
    """What is due or will be, sent now."""
    Delivery.objects.filter(state="waiting").update(due=timezone.now())
    webhooks.send_due.func()
    return Delivery.objects.get()


def test_failed_delivery_is_repeated_with_its_id_until_accepted(hook, receiver):
    receiver.answers = [500, 302]
    webhooks.write(hook, "test", {"message": "你好"})
    first = deliver()
    assert (first.state, first.attempts, first.answer) == ("waiting", 1, "对方回答 500。")
    assert first.due > timezone.now()
    hook.refresh_from_db()
    assert hook.failures == 1
    assert deliver().attempts == 2
    last = deliver()
    assert (last.state, last.attempts) == ("done", 3)
    hook.refresh_from_db()
    assert hook.failures == 0
    assert {head["webhook-id"] for head, _body in receiver.got} == {str(last.uid)}
    assert len(receiver.got) == 3


def test_delivery_is_signed(hook, receiver):
    webhooks.write(hook, "test", {"message": "你好"})
    deliver()
    head, body = receiver.got[0]
    key = base64.b64decode(hook.secret.removeprefix("whsec_"))
    signed = f"{head['webhook-id']}.{head['webhook-timestamp']}.".encode() + body
    wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert head["webhook-signature"] == f"v1,{wanted}"
    assert json.loads(body)["data"] == {"message": "你好"}


def test_verification_of_the_guide_knows_ours_from_others(hook, receiver, settings):
    guide = (Path(settings.BASE_DIR) / "docs" / "api.md").read_text()
    known: dict = {}
    exec(re.search(r"```python\n(.*?)```", guide, re.DOTALL).group(1), known)
    webhooks.write(hook, "test", {})
    deliver()
    head, body = receiver.got[0]
    assert known["is_ours"](hook.secret, head, body)
    assert not known["is_ours"](hook.secret, head, body + b" ")


def test_delivery_is_given_up_after_the_last_wait_and_sent_again_by_hand(hook, receiver):
    receiver.answers = [500] * (len(webhooks.WAITS) + 1)
    webhooks.write(hook, "test", {})
    for _attempt in range(len(webhooks.WAITS) + 1):
        last = deliver()
    assert last.state == "failed"
    webhooks.resend(last)
    assert deliver().state == "done"


def test_two_workers_send_one_delivery_once(hook, receiver):
    delivery = webhooks.write(hook, "test", {})
    same = Delivery.objects.get(pk=delivery.pk)
    assert (webhooks._take(delivery), webhooks._take(same)) == (True, False)


def test_events_reach_the_house_and_nobody_else(hook, receiver, city):
    tell(asset_ready, MediaAsset.objects.create(owner="town", title="片", filename="a.mp4"))
    tell(asset_ready, MediaAsset.objects.create(owner="city", title="别家", filename="a.mp4"))
    course = Course.objects.create(institution=city, title="别家的课", kind="reading", description="文", live=False)
    course.save_revision().publish()
    assert [one.event for one in Delivery.objects.all()] == ["asset.ready"]
    mine = Course.objects.create(institution=hook.institution, title="课", kind="reading", description="文", live=False)
    mine.save_revision().publish()
    mine.refresh_from_db()
    mine.unpublish()
    events = [one.event for one in Delivery.objects.order_by("pk")]
    assert events == ["asset.ready", "course.published", "course.unpublished"]


def test_only_chosen_events_of_active_hooks_are_told(hook):
    Webhook.objects.update(events=["course.published"])
    tell(asset_ready, MediaAsset.objects.create(owner="town", title="片", filename="a.mp4"))
    Webhook.objects.update(events=Event.values, active=False)
    tell(asset_ready, MediaAsset.objects.create(owner="town", title="片", filename="a.mp4"))
    assert not Delivery.objects.exists()


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://localhost/", "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://10.0.0.1/",
        "http://169.254.169.254/latest/", "http://0/", "http://0x7f000001/", "http://2130706433/", "http://224.0.0.1/",
        "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/",
        "ftp://example.org/", "file:///etc/passwd", "gopher://example.org/", "http://[", "http://",
    ],
)  # fmt: skip
def test_our_own_network_is_not_called(url):
    with pytest.raises(outgoing.Unreachable):
        outgoing.call(url, method="POST", body=b"x")


def test_answer_is_cut_to_its_limit(receiver):
    answer = outgoing.call(
        f"http://127.0.0.1:{receiver.server_port}/", method="POST", body=b"x", limits=outgoing.Limits(most=0)
    )
    assert (answer.status, answer.body) == (204, b"")


def test_answer_that_drips_is_cut(receiver, monkeypatch):
    monkeypatch.setattr(outgoing, "LONGEST", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as slow:
        url = f"http://127.0.0.1:{slow.getsockname()[1]}/"
        with pytest.raises(outgoing.Unreachable, match="太久"):
            outgoing.call(url)


def test_editor_makes_tests_and_resends_in_the_desk(client, town, receiver):
    setup.ensure_everything()
    user = User.objects.create_user("e")
    Membership.objects.create(user=user, institution=town, role="editor")
    client.force_login(user)
    form = {
        "address": f"http://127.0.0.1:{receiver.server_port}/",
        "institution": town.pk,
        "events": ["asset.ready"],
        "active": "on",
    }
    page = client.post("/cms/webhooks/new/", form, follow=True).content.decode()
    hook = Webhook.objects.get()
    assert hook.secret in page.replace("&#x3D;", "=")
    client.post(f"/cms/webhooks/test/{hook.pk}/")
    delivery = deliver()
    shown = client.get(f"/cms/webhooks/inspect/{hook.pk}/").content.decode()
    assert "对方回答 204。" in shown
    assert hook.secret not in shown
    client.post(f"/cms/webhooks/resend/{hook.pk}/{delivery.pk}/")
    assert deliver().state == "done"
    assert len(receiver.got) == 2
