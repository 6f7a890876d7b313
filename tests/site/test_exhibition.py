"""A collection read as an exhibition: chapters with their contents, pictures with who made them, credits at the end."""

import feedparser
import pytest
from lxml import html
from wagtail.blocks.struct_block import StructBlockValidationError

from catalog.models import Course, Lesson
from cms.blocks import PictureBlock
from cms.models import CollectionIndexPage, CollectionPage
from media_pipeline.models import Package
from tests.site.conftest import add_course, make_asset


@pytest.fixture
def exhibition(library):
    chapters = [
        {"type": "chapter", "value": {"title": "First thread", "text": "<p>Silk is split.</p>"}},
        {
            "type": "picture",
            "value": {"course": library.gallery.pk, "number": 2, "caption": "A knot", "wide": True},
        },
        {"type": "courses", "value": {"title": "Look", "courses": [library.film.pk, library.hidden.pk]}},
        {"type": "chapter", "value": {"title": "Second thread", "text": ""}},
    ]
    page = CollectionPage(title="Threads", slug="threads", credits="Three aunts", body=chapters)
    CollectionIndexPage.objects.get().add_child(instance=page)
    page.save_revision().publish()
    return page


def test_exhibition_has_contents_that_lead_to_its_chapters(exhibition, reader):
    tree = html.fromstring(reader.get("/collections/threads/").content)
    links = tree.xpath("//nav[contains(@class, 'chapters')]//a")
    assert [link.text for link in links] == ["First thread", "Second thread"]
    assert [tree.get_element_by_id(link.get("href")[1:]).findtext("h2") for link in links] == [
        "First thread",
        "Second thread",
    ]


def test_exhibition_shows_a_picture_of_a_gallery_with_its_maker_and_licence(exhibition, library, reader):
    tree = html.fromstring(reader.get("/collections/threads/").content)
    (figure,) = tree.xpath("//figure[contains(@class, 'picture')]")
    assert figure.find("a").get("href") == library.gallery.lessons.get(number=2).get_absolute_url()
    image = figure.find("a/img")
    assert image.get("alt") == "A knot"
    assert image.get("srcset")
    assert image.get("width")
    told = figure.findtext("figcaption/small")
    assert str(library.gallery.institution) in told or library.gallery.credit in told
    assert library.gallery.get_licence_display() in told


def test_exhibition_names_who_made_what_is_public(exhibition, library, reader):
    page = reader.get("/collections/threads/").text
    assert "Three aunts" in page
    assert library.film.institution.get_absolute_url() in page
    assert library.hidden.title not in page


def test_exhibition_without_the_picture_when_its_gallery_is_withdrawn(exhibition, library, reader):
    library.gallery.unpublish()
    page = reader.get("/collections/threads/")
    assert page.status_code == 200
    assert "A knot" not in page.text


def test_picture_of_what_is_no_gallery_or_not_there_is_refused_by_name(library):
    block = PictureBlock()
    with pytest.raises(StructBlockValidationError) as no_gallery:
        block.clean(block.to_python({"course": library.film.pk, "number": 1}))
    assert "不是图集" in str(no_gallery.value.as_json_data())
    with pytest.raises(StructBlockValidationError) as too_far:
        block.clean(block.to_python({"course": library.gallery.pk, "number": 9}))
    assert "没有第 9 幅" in str(too_far.value.as_json_data())


def test_collection_with_a_chinese_address_is_read_on_television(library, reader):
    body = [{"type": "courses", "value": {"title": "看", "courses": [library.film.pk]}}]
    page = CollectionPage(title="山里的手艺", slug="山里的手艺", body=body)
    CollectionIndexPage.objects.get().add_child(instance=page)
    page.save_revision().publish()
    home = html.fromstring(reader.get("/tv/").content)
    (address,) = home.xpath("//a[contains(@href, '/tv/collections/')]/@href")
    assert f"/tv/{library.film.slug}/" in reader.get(address).text


def test_recordings_of_a_collection_are_a_podcast_and_its_page_leads_there(library, reader):
    songs = [add_course(library.film.institution, name, "audio") for name in ("Tea song", "Not picked", "Hidden")]
    for song in songs:
        asset = make_asset(song, "audio", "song.wav", duration=60.0)
        Package.objects.filter(asset=asset).update(manifest={"download": "download.m4a", "download_bytes": 9})
        Lesson.objects.create(course=song, number=1, title=song.title, asset=asset)
    Course.objects.filter(pk=songs[2].pk).update(live=False)
    body = [{"type": "courses", "value": {"title": "Hear", "courses": [songs[2].pk, library.film.pk]}}]
    page = CollectionPage(title="Songs", slug="山歌", body=body)
    CollectionIndexPage.objects.get().add_child(instance=page)
    page.save_revision().publish()
    assert reader.get("/feeds/podcast/collections/山歌/").status_code == 404
    page.body = [{"type": "courses", "value": {"title": "Hear", "courses": [song.pk for song in songs[::2]]}}]
    page.save_revision().publish()
    tree = html.fromstring(reader.get(page.url).content)
    (address,) = tree.xpath("//link[@type='application/rss+xml']/@href")
    feed = feedparser.parse(reader.get(address).content)
    assert not feed.bozo
    assert [entry.title for entry in feed.entries] == ["Tea song"]
    assert feed.entries[0].enclosures[0].length == "9"
