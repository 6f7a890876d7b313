"""A course whose licence ends, or whose hour to leave has come, is readable nowhere."""

import datetime as dt

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.utils import timezone

from catalog import publishing
from catalog.models import Course
from media_pipeline import storage
from media_pipeline.models import MediaAsset
from search import index
from search.engines.choose import COURSES, engine


@pytest.fixture
def film(library, settings, tmp_path):
    """The film of the library with a file behind it, in the index."""
    settings.STORAGE_URL, settings.MEDIA_STORE_DIR = "", tmp_path / "media"
    settings.SEARCH_URL, settings.SEARCH_EMBEDDED_PATH = "", tmp_path / "search"
    asset = library.film.lessons.first().asset
    key = f"packages/{asset.uid.hex}/d/video.mp4"
    storage.store().put_bytes(b"film", key, "video/mp4")
    MediaAsset.objects.filter(pk=asset.pk).update(poster_key=f"packages/{asset.uid.hex}/d/poster.jpg")
    index.rebuild(engine(COURSES), COURSES)
    library.film.file = f"/media/{key}"
    return library.film


def shown(reader, course) -> set[str]:
    """Where a reader finds it."""
    cache.clear()
    slug, address = course.slug, course.get_absolute_url()
    found = {
        name
        for name, url in (
            ("page", address),
            ("lesson", f"{address}1/"),
            ("television", f"/tv/{slug}/1/"),
            ("embedded", f"/embed/{slug}/1/"),
            ("API", f"/api/v1/courses/{course.pk}"),
            ("media", course.file),
        )
        if reader.get(url).status_code == 200
    }
    for name, url in (
        ("search", "/api/v1/search?q=Needle"),
        ("list", "/api/v1/courses"),
        ("feed", "/feeds/latest/"),
        ("sitemap", "/sitemap-films.xml"),
        ("theme", "/themes/crafts/"),
        ("search page", "/search/?q=Needle"),
    ):
        if course.title in (body := reader.get(url).content.decode()) or address in body:
            found.add(name)
    return found


EVERYWHERE = {"page", "lesson", "television", "embedded", "API", "media", "search", "list", "feed", "sitemap", "theme"}


def test_course_whose_licence_ends_leaves_everywhere(film, reader):
    assert shown(reader, film) >= EVERYWHERE
    Course.objects.filter(pk=film.pk).update(licence_until=timezone.localdate())
    assert shown(reader, film) >= EVERYWHERE, "its last day is a day"
    Course.objects.filter(pk=film.pk).update(licence_until=timezone.localdate() - dt.timedelta(days=1))
    assert shown(reader, film) <= {"media", "search"}, "pages are exact; media and index follow within minutes"
    publishing.expire_licences()
    index.flush_stale()
    assert shown(reader, film) == set()


def test_course_leaves_everywhere_at_its_hour(film, reader):
    film.expire_at = timezone.now() + dt.timedelta(hours=1)
    film.save_revision().publish()
    call_command("publish_scheduled")
    assert shown(reader, film) >= EVERYWHERE
    Course.objects.filter(pk=film.pk).update(expire_at=timezone.now() - dt.timedelta(seconds=1))
    call_command("publish_scheduled")
    index.flush_stale()
    assert shown(reader, film) == set()
