"""Webhooks, told to a real receiver on this machine that fails and then accepts."""

import base64
import hashlib
import hmac
import json
import re
import socket
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from catalog import bulk_job, merging, outgoing, publishing, webhooks
from catalog.bulk import PUBLISH, WITHDRAW, Asked
from catalog.importers import CourseRecord, load
from catalog.machines import Delivery, Event, Webhook
from catalog.models import Course, Institution, Membership
from cms import setup
from media_pipeline.models import MediaAsset
from media_pipeline.signals import asset_ready, tell

pytestmark = pytest.mark.django_db


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((dict(self.headers), body))
        if len(self.server.got) == 3:
            self.server.third.set()
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
    server.got, server.answers, server.third = [], [], threading.Event()
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
    Webhook.objects.update(active=True)
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


# Every way to the public and back ----------------------------------------------------------------------


def told() -> list[tuple[str, str]]:
    """Event and title of what was told since the last question, in order."""
    rows = list(Delivery.objects.order_by("pk"))
    Delivery.objects.all().delete()
    return [(row.event.removeprefix("course."), json.loads(row.body)["data"]["title"]) for row in rows]


def make(house: Institution, title: str, **more: Any) -> Course:
    course = Course(institution=house, title=title, kind="reading", description="文", **{"live": False, **more})
    course.save()
    return course


def table(*titles: str) -> list[CourseRecord]:
    given = frozenset({"title", "kind", "description"})
    return [
        CourseRecord(row=row, id=f"c{row}", title=title, kind="reading", description="文", given=given)
        for row, title in enumerate(titles, 2)
    ]


@pytest.mark.usefixtures("hook")
def test_table_tells_what_it_makes_public_and_what_it_changes_there(town):
    load(table("茶", "瓷"), town, publish=True)
    assert told() == [("published", "茶"), ("published", "瓷")]
    load(table("茶", "瓷"), town, publish=True)
    assert told() == []
    load(table("新茶", "瓷"), town, publish=True)
    assert told() == [("published", "新茶")]


@pytest.mark.usefixtures("hook")
def test_table_and_harvest_that_make_drafts_tell_when_a_person_publishes(town):
    load(table("茶"), town)
    assert told() == []
    publishing.publish(Course.objects.get())
    assert told() == [("published", "茶")]
    load(table("新茶"), town)
    assert told() == []
    publishing.publish(Course.objects.get())
    assert told() == [("published", "新茶")]


@pytest.mark.usefixtures("hook")
def test_change_of_many_tells_of_each(town):
    boss = User.objects.create_superuser("boss")
    for title in ("茶", "瓷"):
        make(town, title)
    change(Asked(state=PUBLISH), boss)
    assert sorted(told()) == [("published", "瓷"), ("published", "茶")]
    change(Asked(scalars={"level": "advanced"}), boss)
    assert sorted(told()) == [("published", "瓷"), ("published", "茶")]
    change(Asked(state=WITHDRAW), boss)
    assert sorted(told()) == [("unpublished", "瓷"), ("unpublished", "茶")]


def change(asked: Asked, user: User) -> None:
    bulk_job.run.func(bulk_job.begin(user, asked, Course.objects.values_list("pk", flat=True)).pk)


@pytest.mark.usefixtures("hook")
def test_merging_tells_of_the_one_that_goes_and_the_one_that_stays(town):
    kept, gone = make(town, "茶", live=True), make(town, "茶叶", live=True)
    assert told() == [("published", "茶"), ("published", "茶叶")]
    merging.merge(kept.pk, gone.pk, User.objects.create_superuser("boss"))
    assert told() == [("unpublished", "茶叶"), ("published", "茶")]


@pytest.mark.usefixtures("hook")
def test_end_of_a_licence_and_deletion_tell_and_a_draft_does_neither(town):
    yesterday = timezone.localdate() - timedelta(days=1)
    course, draft = make(town, "茶", live=True), make(town, "稿")
    Course.objects.filter(pk=course.pk).update(licence_until=yesterday)
    told()
    publishing.expire_licences()
    assert told() == [("unpublished", "茶")]
    draft.delete()
    make(town, "瓷", live=True).delete()
    assert told() == [("published", "瓷"), ("unpublished", "瓷")]


@pytest.mark.usefixtures("hook")
def test_new_version_of_a_public_course_tells_and_one_for_a_later_hour_waits(town):
    course = make(town, "茶")
    publishing.publish(course)
    course.title = "新茶"
    course.save_revision()
    assert told() == [("published", "茶")]
    course.go_live_at = timezone.now() + timedelta(days=1)
    course.save_revision().publish()
    assert told() == []
    course.refresh_from_db()
    course.title, course.go_live_at = "新茶", None
    course.save_revision().publish()
    assert told() == [("published", "新茶")]


@pytest.mark.usefixtures("hook")
def test_telling_of_many_courses_asks_no_more_than_telling_of_one(town, django_assert_num_queries):
    ids = [make(town, f"茶{n}", live=True).pk for n in range(12)]
    told()
    for some in (ids[:1], ids):
        with django_assert_num_queries(4):
            webhooks.tell_of_courses(some, Event.COURSE_PUBLISHED)
    assert Delivery.objects.count() == 13


# Several receivers -------------------------------------------------------------------------------------


@pytest.fixture
def waiting(receiver):
    """A receiver that answers only once the other one has heard three messages."""

    class Slow(Receiver):
        def do_POST(self) -> None:
            self.server.patient = receiver.third.wait(8)
            super().do_POST()

    server = HTTPServer(("127.0.0.1", 0), Slow)
    server.got, server.answers, server.third = [], [], threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_slow_receiver_holds_up_nobody_and_each_hears_things_in_order(hook, town, receiver, waiting):
    slow = Webhook(institution=town, address=f"http://127.0.0.1:{waiting.server_port}/", events=[])
    slow.make_secret()
    slow.save()
    for number in range(3):
        webhooks.write(slow, "test", {"n": number})
    for number in range(3):
        webhooks.write(hook, "test", {"n": number})
    assert webhooks.send_due.func() == 6
    assert waiting.patient
    for server in (receiver, waiting):
        assert [json.loads(body)["data"]["n"] for _head, body in server.got] == [0, 1, 2]


def test_trouble_with_one_receiver_is_noted_and_the_other_is_told(hook, town, receiver):
    odd = Webhook.objects.create(institution=town, address=hook.address, events=[], secret="whsec_odd")
    trouble, fine = webhooks.write(odd, "test", {}), webhooks.write(hook, "test", {})
    assert webhooks.send_due.func() == 2
    trouble.refresh_from_db()
    fine.refresh_from_db()
    assert (trouble.state, trouble.attempts, fine.state) == ("waiting", 1, "done")
    assert "已记入日志" in trouble.answer


def test_what_comes_after_a_message_that_failed_waits_for_it(hook, receiver):
    receiver.answers = [500]
    for number in range(2):
        webhooks.write(hook, "test", {"n": number})
    assert webhooks.send_due.func() == 1
    assert webhooks.send_due.func() == 0
    Delivery.objects.update(due=timezone.now())
    assert webhooks.send_due.func() == 2
    assert [json.loads(body)["data"]["n"] for _head, body in receiver.got] == [0, 0, 1]


def test_receiver_that_fails_for_long_is_set_aside_its_editors_are_told_and_it_goes_on_later(
    hook, town, receiver, mailoutbox
):
    for name, role in (("e", "editor"), ("u", "uploader")):
        user = User.objects.create_user(name, f"{name}@example.cn")
        Membership.objects.create(user=user, institution=town, role=role)
    receiver.answers = [500] * (len(webhooks.WAITS) + 1)
    first = webhooks.write(hook, "test", {"n": 0})
    for _attempt in range(len(webhooks.WAITS) + 1):
        Delivery.objects.filter(pk=first.pk).update(due=timezone.now())
        webhooks.send_due.func()
    second = webhooks.write(hook, "test", {"n": 1})
    assert webhooks.send_due.func() == 0
    [letter] = mailoutbox
    assert letter.to == ["e@example.cn"]
    assert f"/cms/webhooks/edit/{hook.pk}/" in letter.body
    Webhook.objects.update(active=True)
    assert webhooks.send_due.func() == 1
    second.refresh_from_db()
    hook.refresh_from_db()
    assert (second.state, hook.failures) == ("done", 0)


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
