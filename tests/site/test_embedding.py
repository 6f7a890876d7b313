"""Lessons on other people's pages: who may hold them in a frame, and what their editors are told about an address."""

from urllib.parse import quote
from xml.etree import ElementTree

import pytest
from django.conf import settings

from catalog.models import Course, Licence

SITE = settings.PUBLIC_URL


def asked(reader, path: str, more: str = ""):
    return reader.get(f"/oembed?url={quote(SITE + path, safe='')}{more}")


def test_a_frame_is_open_to_every_page_and_nothing_else_is(library, reader):
    frame = reader.get(f"/embed/{library.film.slug}/1/?t=5")
    assert frame.status_code == 200
    assert "frame-ancestors *" in frame.headers["Content-Security-Policy"]
    assert "X-Frame-Options" not in frame.headers
    assert not frame.cookies
    course = reader.get(library.film.get_absolute_url())
    assert "frame-ancestors 'self'" in course.headers["Content-Security-Policy"]
    assert course.headers["X-Frame-Options"] == "SAMEORIGIN"


@pytest.mark.parametrize("tail", ["", "1/", "9/"])
def test_what_is_not_public_is_in_no_frame(library, reader, tail):
    assert reader.get(f"/embed/{library.hidden.slug}/{tail}").status_code == 404
    assert asked(reader, f"/courses/{library.hidden.slug}/").status_code == 404


def test_oembed_gives_a_frame_for_a_film(library, reader):
    page = reader.get(library.film.get_absolute_url()).content.decode()
    address = page.partition('type="application/json+oembed" href="')[2].partition('"')[0]
    told = reader.get(address.removeprefix(SITE).replace("&amp;", "&")).json()
    assert (told["version"], told["type"], told["title"]) == ("1.0", "video", "Split")
    assert (told["width"], told["height"]) == (960, 540)
    assert f'src="{SITE}/embed/{library.film.slug}/1/"' in told["html"]
    assert told["author_name"] == "Lishui College"
    assert told["html"].split()[1] in page.replace("&quot;", '"'), "the page offers the same frame"


@pytest.mark.parametrize(
    ("most", "size"),
    [("&maxwidth=480", (480, 270)), ("&maxheight=100", (177, 100)), ("&maxwidth=480&maxheight=27", (48, 27))],
)
def test_oembed_keeps_to_the_room_there_is(library, reader, most, size):
    told = asked(reader, f"/courses/{library.film.slug}/1/", most).json()
    assert (told["width"], told["height"]) == size


def test_oembed_speaks_xml(library, reader):
    answer = asked(reader, library.film.get_absolute_url(), "&format=xml")
    assert answer.headers["Content-Type"].startswith("text/xml")
    told = {one.tag: one.text for one in ElementTree.fromstring(answer.content)}
    assert told["type"] == "video"
    assert told["html"] == asked(reader, library.film.get_absolute_url()).json()["html"]


def test_oembed_links_to_what_has_no_player(library, reader):
    told = asked(reader, library.reading.get_absolute_url()).json()
    assert told["type"] == "link"
    assert "html" not in told


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 404),
        ("url=https://elsewhere.example/courses/x/", 404),
        ("url=javascript:alert(1)", 404),
        ("url=http://[", 404),
        (f"url={SITE}/themes/", 404),
        (f"url={SITE}/courses/needle-lessons/7/", 404),
        (f"url={SITE}/courses/needle-lessons/&format=yaml", 501),
        (f"url={SITE}/courses/needle-lessons/&maxwidth=wide", 400),
        (f"url={SITE}/courses/needle-lessons/&maxwidth=0", 400),
    ],
)
def test_oembed_says_why_not(library, reader, query, status):
    answer = reader.get(f"/oembed?{query}")
    assert answer.status_code == status
    assert answer.content


def test_a_licence_for_this_site_only_keeps_a_course_here(library, reader):
    Course.objects.filter(pk=library.film.pk).update(licence=Licence.PLATFORM)
    frame = reader.get(f"/embed/{library.film.slug}/").content.decode()
    assert "<video" not in frame
    assert library.film.get_absolute_url() in frame
    assert asked(reader, library.film.get_absolute_url()).status_code == 401
    page = reader.get(library.film.get_absolute_url()).content.decode()
    assert "/embed/" not in page
    assert "oembed" not in page


def test_titles_cannot_break_out_of_the_frame(library, reader):
    lesson = library.film.lessons.get(number=1)
    lesson.title = '"><script>alert(1)</script>'
    lesson.save()
    told = asked(reader, library.film.get_absolute_url()).json()
    assert "<script>" not in told["html"]
    assert "<script>alert" not in reader.get(library.film.get_absolute_url()).content.decode()
