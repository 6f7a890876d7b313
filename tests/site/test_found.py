"""What search engines and those they send are told: an address for every language, and sitemaps."""

from django.core.cache import cache
from lxml import etree, html

from catalog.models import Course
from media_pipeline.models import MediaAsset


def test_every_language_has_its_address_and_says_so(library, reader):
    address = library.film.get_absolute_url()
    for asked, lang in (("", "zh-Hans"), ("?lang=en", "en"), ("?lang=zh-hant", "zh-Hant")):
        page = reader.get(address + asked)
        tree = html.fromstring(page.content)
        assert tree.get("lang") == lang
        assert tree.xpath("//link[@rel='canonical']/@href")[0].endswith(address + asked)
        named = {one.get("hreflang"): one.get("href") for one in tree.xpath("//link[@hreflang]")}
        assert set(named) == {"zh-Hans", "zh-Hant", "en", "x-default"}
        assert named["en"].endswith(f"{address}?lang=en")
        assert named["zh-Hans"] == named["x-default"]


def test_who_comes_by_an_address_of_a_language_keeps_it_and_others_get_no_cookie(library, client):
    assert not client.get("/help/").cookies
    assert client.get("/help/?lang=en").cookies["django_language"].value == "en"
    assert html.fromstring(client.get("/help/").content).get("lang") == "en"
    assert not client.get("/help/?lang=en").cookies
    assert html.fromstring(client.get("/help/?lang=klingon").content).get("lang") == "en"
    found = html.fromstring(client.get("/search/?q=needle&lang=en&utm_source=x").content)
    assert found.xpath("//link[@rel='canonical']/@href")[0].endswith("/search/?q=needle&lang=en")


# Sitemaps ----------------------------------------------------------------------------------------
VIDEO = "{http://www.google.com/schemas/sitemap-video/1.1}"
PLACE = "{http://www.sitemaps.org/schemas/sitemap/0.9}"


def listed(reader, section):
    tree = etree.fromstring(reader.get(f"/sitemap-{section}.xml").content)
    return {url.findtext(f"{PLACE}loc"): url for url in tree.findall(f"{PLACE}url")}


def test_sitemap_tells_films_with_their_picture_length_and_player(library, reader):
    cache.clear()
    MediaAsset.objects.filter(lessons__course=library.film).update(poster_key="packages/x/d/poster.jpg")
    films = listed(reader, "films")
    address = library.film.get_absolute_url()
    own = next(url for place, url in films.items() if place.endswith(address))
    video = own.find(f"{VIDEO}video")
    assert video.findtext(f"{VIDEO}player_loc").endswith(f"/embed/{library.film.slug}/1/")
    assert video.findtext(f"{VIDEO}thumbnail_loc").endswith("poster.jpg")
    assert int(video.findtext(f"{VIDEO}duration")) > 0
    assert not any(place.endswith(address) for place in listed(reader, "courses"))
    assert any(place.endswith(library.gallery.get_absolute_url()) for place in listed(reader, "courses"))
    assert library.hidden.slug not in " ".join(films)
    index = reader.get("/sitemap.xml").content.decode()
    assert all(f"sitemap-{name}.xml" in index for name in ("courses", "films", "themes", "places", "institutions"))


def test_sitemap_of_a_film_that_stays_here_names_no_player(library, reader):
    cache.clear()
    MediaAsset.objects.filter(lessons__course=library.film).update(poster_key="packages/x/d/poster.jpg")
    Course.objects.filter(pk=library.film.pk).update(licence="platform")
    assert all(url.find(f"{VIDEO}video") is None for url in listed(reader, "films").values())
