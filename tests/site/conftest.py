"""A small library with something of every kind, and clients for the public pages."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.core.cache import cache
from django.test import Client

from catalog.models import Course, Institution, Lesson, Place, Teacher, Theme
from media_pipeline.models import AssetState, DocumentPage, Job, MediaAsset, Package, TextTrack

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session", autouse=True)
def _words() -> None:
    """The English catalogue is compiled by set-up; a test run alone compiles it too."""
    command = [sys.executable, "-m", "babel.messages.frontend", "-q", "compile", "-d", "locale", "-D", "django"]
    subprocess.run(command, cwd=ROOT, check=True)


@pytest.fixture(autouse=True)
def _no_cache() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@dataclass
class Library:
    theme: Theme
    place: Place
    film: Course
    reading: Course
    gallery: Course
    link: Course
    hidden: Course

    @property
    def addresses(self) -> list[str]:
        shown = [self.film, self.reading, self.gallery, self.link]
        return [
            *(course.get_absolute_url() for course in shown),
            self.film.get_absolute_url() + "1/?t=30",
            self.reading.get_absolute_url() + "?page=2",
            self.theme.get_absolute_url(),
            self.place.get_absolute_url(),
            "/places/33/",
            "/institutions/lishui/",
            self.film.teachers.get().get_absolute_url(),
            *(f"/tv/{course.slug}/" for course in shown),
            f"/tv/{self.film.slug}/1/",
        ]


def make_asset(course: Course, media_type: str, name: str, **facts) -> MediaAsset:
    """A published asset as the pipeline leaves it, without the files."""
    asset = MediaAsset.objects.create(
        owner=course.institution.code, title=name, filename=name, media_type=media_type,
        state=AssetState.PUBLISHED, public=True, **facts,
    )  # fmt: skip
    manifest = {"pictures": [{"name": f"{w}.jpg", "type": "image/jpeg", "width": w, "height": w} for w in (480, 1280)]}
    Package.objects.create(
        asset=asset,
        prefix=f"p/{asset.uid.hex}/",
        current=True,
        hls_key=f"p/{asset.uid.hex}/main.m3u8" if media_type == "video" else "",
        manifest=manifest if media_type == "picture" else {},
    )
    return asset


def add_course(institution: Institution, title: str, kind: str = "video", **fields) -> Course:
    course = Course(institution=institution, kind=kind, title=title, live=True, licence="cc-by", **fields)
    course.save()
    return course


@pytest.fixture
def library(db) -> Library:
    """Everything in ASCII, so that a Chinese character on an English page is an untranslated one."""
    province = Place.objects.create(code="33", level=1, name="Zhejiang", longitude=120.1, latitude=30.2)
    place = Place.objects.create(
        code="3311", level=2, name="Lishui", parent=province, longitude=119.9, latitude=28.4, brand="Celadon"
    )
    Place.objects.create(code="3301", level=2, name="Hangzhou", parent=province, longitude=120.2, latitude=30.3)
    theme = Theme.add_root(slug="crafts", name="Crafts", name_en="Crafts", summary="Made by hand")
    theme.add_child(slug="needle", name="Needle", name_en="Needle")
    theme = Theme.objects.get(slug="crafts")
    owner = Institution.add_root(code="lishui", name="Lishui College", place=place)
    teacher = Teacher.objects.create(name="Chen", title="Master", institution=owner)
    film = add_course(owner, "Needle lessons", level="starter", subjects=["thread"], duration=120.0, has_captions=True)
    reading, gallery = add_course(owner, "A reader", "reading"), add_course(owner, "Plates", "gallery")
    link = add_course(owner, "Elsewhere", "link")
    hidden = add_course(owner, "Not yet")
    for course in (film, reading, gallery, link):
        course.themes, course.places, course.teachers = [theme], [place], [teacher]
        course.save()
    first = make_asset(film, "video", "one.mp4", duration=60.0, width=640, height=360)
    TextTrack.objects.create(
        asset=first, language="en", cues=[[1, 2, "This stitch is called split"], [2, 4, "and so on"]]
    )
    waiting = MediaAsset.objects.create(owner="lishui", title="two", filename="two.mp4", state=AssetState.PROCESSING)
    Job.objects.create(asset=waiting, progress=0.43)
    book = make_asset(reading, "document", "book.pdf")
    for number in (1, 2):
        DocumentPage.objects.create(asset=book, number=number, title=f"Part {number}", text=f"Text of page {number}")
    Lesson.objects.create(course=film, number=1, sort_order=1, title="Split", chapter="Thread", asset=first)
    Lesson.objects.create(course=film, number=2, sort_order=2, title="Knot", chapter="Stitch", asset=waiting)
    Lesson.objects.create(course=reading, number=1, title="The book", asset=book)
    for number in (1, 2, 3):
        picture = make_asset(gallery, "picture", f"{number}.jpg", width=1280, height=1280)
        Lesson.objects.create(course=gallery, number=number, sort_order=number, title=f"Plate {number}", asset=picture)
    Lesson.objects.create(course=link, number=1, title="A site", url="https://example.org/course")
    Course.objects.filter(pk=hidden.pk).update(live=False)
    return Library(theme, place, film, reading, gallery, link, hidden)


@pytest.fixture
def reader() -> Client:
    """A reader's browser; an exception in a page is a 500 there, never a traceback."""
    return Client(SERVER_NAME="localhost", raise_request_exception=False)


def reader_in(language: str) -> Client:
    client = Client(SERVER_NAME="localhost", raise_request_exception=False)
    client.get(f"/language/{language}/?next=/help/")
    return client
