"""Podcasts as podcastparser (the library of gPodder) and feedparser understand them, with recordings really made."""

import io
import subprocess

import feedparser
import podcastparser
import pytest
from django.test import Client
from lxml import etree

from catalog.ingesting import ingest
from catalog.models import Course, Institution, Lesson

COURSE = "/feeds/podcast/courses/{}/"
HOUSE = "/feeds/podcast/institutions/town/"


@pytest.fixture
def recording(transactional_db, stores, town: Institution, tmp_path) -> Course:
    """A public course of one recording, two seconds long."""
    path = tmp_path / "评弹.m4a"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=d=2", str(path)], check=True)
    (one,) = ingest([path], institution=town, publish=True)
    Course.objects.filter(pk=one.course.pk).update(summary="苏州的说书\x08", licence="cc-by", credit="评弹 & 团")
    return Course.objects.get(pk=one.course.pk)


def read(address: str) -> tuple[dict, feedparser.FeedParserDict]:
    answer = Client().get(address)
    assert answer.status_code == 200
    feed = feedparser.parse(answer.content, response_headers={"content-type": answer.headers["Content-Type"]})
    assert not feed.bozo, feed.get("bozo_exception")
    return podcastparser.parse(address, io.BytesIO(answer.content)), feed


def test_clients_read_a_course_and_fetch_the_sound_they_were_told_of(recording: Course) -> None:
    podcast, feed = read(COURSE.format(recording.slug))
    assert (podcast["title"], podcast["type"], podcast["explicit"]) == (recording.title, "serial", False)
    assert (podcast["description"], podcast["itunes_author"]) == ("苏州的说书", "评弹 & 团")
    assert feed.feed.tags[0].term == "Education"
    assert "CC BY" in feed.feed.rights
    [episode] = podcast["episodes"]
    assert (episode["title"], episode["number"], episode["total_time"]) == (recording.title, 1, 2)
    assert episode["link"].endswith(recording.lessons.get().get_absolute_url())
    [file] = episode["enclosures"]
    assert file["mime_type"] == "audio/mp4"
    sound = Client().get("/media/" + file["url"].partition("/media/")[2])
    assert len(b"".join(sound.streaming_content)) == file["file_size"]


def test_lessons_are_episodes_in_order_and_what_cannot_be_heard_is_none(recording: Course) -> None:
    first = recording.lessons.get()
    for place, (title, values) in enumerate(
        [("其二", {"asset": first.asset}), ("别处", {"url": "https://example.org/x"})], 1
    ):
        Lesson.objects.create(course=recording, title=title, sort_order=place, **values)
    podcast, _feed = read(COURSE.format(recording.slug))
    numbered = [(one["number"], one["title"]) for one in sorted(podcast["episodes"], key=lambda one: one["published"])]
    assert numbered == [(1, first.title), (2, "其二")]
    assert len({one["guid"] for one in podcast["episodes"]}) == 2


def test_institution_has_its_newest_recordings_and_those_below_it(recording: Course, town: Institution) -> None:
    below = town.add_child(code="village", name="村")
    Course.objects.filter(pk=recording.pk).update(institution=below)
    podcast, _feed = read(HOUSE)
    assert [one["title"] for one in podcast["episodes"]] == [recording.title]
    assert podcast["type"] == "episodic"
    page = Client().get("/institutions/town/").content.decode()
    assert f'type="application/rss+xml" title="{town.name}" href="{HOUSE}"' in page


@pytest.mark.parametrize("change", [{"licence": "platform"}, {"live": False}, {"kind": "video"}])
def test_course_that_may_not_leave_or_is_no_recording_is_no_podcast(recording: Course, change: dict) -> None:
    Course.objects.filter(pk=recording.pk).update(**change)
    assert Client().get(COURSE.format(recording.slug)).status_code == 404
    assert Client().get(HOUSE).status_code == 404
    assert "rss+xml" not in Client().get(recording.get_absolute_url()).content.decode()


def test_page_of_the_course_leads_to_its_podcast(recording: Course) -> None:
    page = etree.HTML(Client().get(recording.get_absolute_url()).content)
    assert page.xpath("//link[@type='application/rss+xml']/@href") == [COURSE.format(recording.slug)]
