"""Harvesting others: another Wenlan, feeds, and servers that mean no good."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.core.management import call_command
from django.utils import timezone

from catalog import outgoing
from catalog.exchange import HarvestSource, OaiRecord, OaiSet
from catalog.harvest import fetch, run
from catalog.harvest.fetch import CannotHarvest, read
from catalog.models import Course, Institution, Lesson

FEED = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"><channel><title>县广播</title>
<link>https://example.org/</link><description>x</description><language>zh-cn</language>
<item><guid isPermaLink="false">a1</guid><title>听 &amp; 说</title>
<description>&lt;p&gt;第一&lt;b&gt;集&lt;/b&gt;&lt;/p&gt;</description>
<enclosure url="https://example.org/a1.mp3" type="audio/mpeg" length="1"/><itunes:author>老王</itunes:author></item>
<item><guid isPermaLink="false">a2</guid><title>无网址</title></item></channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>文化馆</title><id>urn:x</id><updated>2026-01-01T00:00:00Z</updated>
<entry><id>urn:1</id><title>剪纸</title><updated>2026-01-01T00:00:00Z</updated><link href="https://example.org/1"/>
<link rel="license" href="https://creativecommons.org/licenses/by-sa/4.0/"/><author><name>李</name></author></entry></feed>"""
BOMB = """<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><rss version="2.0"><channel>
<item><guid>1</guid><title>&a;</title><link>https://example.org/</link></item></channel></rss>"""


class Partner(BaseHTTPRequestHandler):
    pages = {"/feed": FEED, "/atom": ATOM, "/bomb": BOMB, "/cut": FEED[:300], "/page": "<html><body/></html>"}

    def do_GET(self) -> None:
        if self.path in {"/inside", "/file"}:
            self.send_response(302)
            self.send_header("Location", "http://inside.test/" if self.path == "/inside" else "file:///etc/passwd")
            self.end_headers()
            return
        body = self.pages.get(self.path)
        if self.path == "/huge":
            body = "x" * 5000
        self.send_response(200 if body else 404)
        self.end_headers()
        self.wfile.write((body or "").encode())

    def log_message(self, *words: object) -> None:
        """Says nothing."""


@pytest.fixture
def outside(monkeypatch):
    """Lets this machine pass for a public host, and no other."""
    guard = outgoing.public_address
    monkeypatch.setattr(
        outgoing,
        "public_address",
        lambda host, port: "127.0.0.1" if host in {"partner.test", "localhost"} else guard(host, port),
    )


@pytest.fixture
def partner(outside):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Partner)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://partner.test:{server.server_port}"
    server.shutdown()
    server.server_close()


def feed(town: Institution, address: str) -> HarvestSource:
    return HarvestSource.objects.create(institution=town, kind="feed", address=address)


def test_podcast_becomes_drafts_once(town, partner):
    source = feed(town, f"{partner}/feed")
    report = run.harvest(source)
    assert (report.created, report.rejected, report.error) == (1, 1, "")
    course = Course.objects.get()
    assert (course.title, course.description, course.credit) == ("听 & 说", "第一集", "老王")
    assert (course.kind, course.licence, course.source, course.live) == ("link", "platform", "imported", False)
    assert course.institution == town
    assert course.lessons.get().url == "https://example.org/a1.mp3"
    again = run.harvest(source)
    assert (again.created, again.unchanged) == (0, 1)
    assert Course.objects.count() == 1
    source.refresh_from_db()
    assert source.due_at > timezone.now()
    assert source.report["entries"][0]["kind"] == "rejected"


def test_atom_keeps_a_licence_that_is_named_by_its_address(town, partner):
    assert run.harvest(feed(town, f"{partner}/atom")).created == 1
    assert Course.objects.get().licence == "cc-by-sa"


@pytest.mark.parametrize(
    ("path", "why"),
    [("/bomb", "DOCTYPE"), ("/cut", "XML"), ("/page", "RSS"), ("/none", "404"), ("/inside", "inside.test")],
)
def test_bad_answers_are_told_and_bring_nothing(town, partner, path, why):
    source = feed(town, partner + path)
    assert why in run.harvest(source).error
    assert not Course.objects.exists()
    source.refresh_from_db()
    assert source.lease_until is None


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/", "http://10.0.0.5/", "http://169.254.169.254/latest/", "http://[::1]/", "file:///etc/passwd",
     "ftp://example.org/", "http://partner.test:x/", "gopher://x/"],
)  # fmt: skip
def test_inner_addresses_are_not_read(url):
    with pytest.raises(CannotHarvest):
        read(url)


def test_inner_hosts_are_read_where_the_operator_says_so(partner, settings):
    inner = partner.replace("partner.test", "127.0.0.1")
    with pytest.raises(CannotHarvest, match="内部网络"):
        read(f"{inner}/feed")
    settings.OUTGOING_PRIVATE = True
    assert read(f"{inner}/feed")


def test_redirect_to_a_file_is_not_followed(partner):
    with pytest.raises(CannotHarvest):
        read(f"{partner}/file")


def test_answer_that_is_too_large_is_left(partner, monkeypatch):
    monkeypatch.setattr(fetch, "LARGEST", 4000)
    with pytest.raises(CannotHarvest, match="超过"):
        read(f"{partner}/huge")


def test_answer_that_takes_too_long_is_left(partner, monkeypatch):
    monkeypatch.setattr(fetch, "LONGEST", -1.0)
    with pytest.raises(CannotHarvest, match="太久"):
        read(f"{partner}/feed")


def test_source_is_harvested_by_one_process_at_a_time(town, partner):
    source = feed(town, f"{partner}/feed")
    HarvestSource.objects.update(lease_until=timezone.now() + run.LEASE)
    assert run.harvest(source) is None


def test_only_what_is_due_and_active_is_queued(town):
    feed(town, "https://example.org/1")
    off = feed(town, "https://example.org/2")
    HarvestSource.objects.filter(pk=off.pk).update(active=False)
    later = feed(town, "https://example.org/3")
    HarvestSource.objects.filter(pk=later.pk).update(due_at=timezone.now() + run.LEASE)
    assert run.ring() == 1


@pytest.mark.django_db(transaction=True)
def test_another_wenlan_is_harvested_by_what_changed(live_server, settings, outside, capsys):
    settings.PUBLIC_URL = live_server.url
    theirs, ours = Institution.add_root(code="theirs", name="他馆"), Institution.add_root(code="ours", name="我馆")
    for number in range(120):
        course = Course(institution=theirs, title=f"课 {number}", live=True, licence="cc-by", summary="一芽一叶")
        course.lessons = [Lesson(title="x", url="https://example.org/x")]
        course.save()
    long_ago()
    source = HarvestSource.objects.create(institution=ours, address=f"{live_server.url}/oai", spec="institution.theirs")
    call_command("harvest")
    came = Course.objects.filter(institution=ours)
    assert came.count() == 120
    assert not came.filter(live=True).exists()
    assert {came.first().licence, came.last().licence} == {"cc-by"}
    source.refresh_from_db()
    assert len(source.since) == 20
    HarvestSource.objects.update(since="2026-02-01T00:00:00Z")
    changed, gone = Course.objects.filter(institution=theirs)[:2]
    changed.title = "改过"
    changed.save()
    gone.delete()
    assert_seen = OaiRecord.objects.filter(datestamp__gt="2026-02-01T00:00:00Z")
    keys = list(assert_seen.values_list("pk", flat=True))
    OaiRecord.objects.filter(pk__in=keys).update(datestamp="2026-02-02T00:00:00Z")
    OaiSet.objects.filter(record__in=keys).update(datestamp="2026-02-02T00:00:00Z")
    source.refresh_from_db()
    report = run.harvest(source)
    assert (report.rows, report.updated, report.vanished, report.error) == (1, 1, 1, "")
    assert came.count() == 120
    source.refresh_from_db()
    assert {entry["kind"] for entry in source.report["entries"]} == {"updated", "vanished"}
    HarvestSource.objects.update(since="2026-03-01T00:00:00Z")
    source.refresh_from_db()
    assert run.harvest(source).rows == 0


def long_ago() -> None:
    OaiRecord.objects.update(datestamp="2026-01-01T00:00:00Z")
    OaiSet.objects.update(datestamp="2026-01-01T00:00:00Z")
