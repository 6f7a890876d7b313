"""Feeds as feedparser, a reader that is not ours, understands them."""

import html

import feedparser
import pytest
from django.test import Client

from catalog.models import Course, Institution, Lesson


def parsed(address: str) -> feedparser.FeedParserDict:
    response = Client().get(address)
    assert response.status_code == 200
    feed = feedparser.parse(response.content, response_headers={"content-type": response.headers["Content-Type"]})
    assert not feed.bozo, feed.get("bozo_exception")
    return feed


def make(institution: Institution, title: str, **values: object) -> Course:
    course = Course(institution=institution, title=title, live=True, **values)
    course.lessons = [Lesson(title=title, url="https://example.org/x")]
    course.save()
    return course


@pytest.mark.parametrize("address", ["/feeds/latest/", "/feeds/institution/town/", "/feeds/theme/old-age/"])
def test_feed_is_valid_atom(town, theme, address):
    course = make(town, "采茶 <入门> & 炒青", summary="一芽一叶", description="很长")
    course.themes = [theme]
    course.save()
    feed = parsed(address)
    assert feed.version == "atom10"
    assert feed.feed.id
    assert feed.feed.updated_parsed
    assert any(link.rel == "self" and link.href.endswith(address) for link in feed.feed.links)
    [entry] = feed.entries
    assert html.unescape(entry.title) == "采茶 <入门> & 炒青"
    assert entry.link.startswith("http")
    assert entry.link.endswith(course.get_absolute_url())
    assert entry.id
    assert (entry.published_parsed, entry.updated_parsed) != (None, None)
    assert entry.author == "谷城县文化馆"
    assert [tag.term for tag in entry.tags] == ["常青乐龄"]
    assert entry.summary == "一芽一叶"


def test_feed_of_nothing_is_valid(town):
    assert parsed("/feeds/institution/town/").entries == []


def test_feed_survives_what_xml_cannot_hold(town):
    make(town, "采茶\x08入门", summary="一\x0b芽")
    [entry] = parsed("/feeds/latest/").entries
    assert (entry.title, entry.summary) == ("采茶入门", "一芽")


def test_identity_of_an_entry_stays_when_its_title_changes(town):
    course = make(town, "旧名")
    before = parsed("/feeds/latest/").entries[0].id
    course.title = "新名"
    course.save()
    assert parsed("/feeds/latest/").entries[0].id == before
