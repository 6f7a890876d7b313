"""What strangers upload and write is shown and served, and runs nowhere: the answers of the site, byte by byte. That
the pipeline reads such files without harm is in tests/media_pipeline/test_attacks.py."""

import io
import json
import re
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from lxml import etree, html
from PIL import Image
from wagtail.documents.models import Document
from wagtail.images.models import Image as DeskImage
from wagtail.rich_text import expand_db_html

from accounts.models import User
from catalog.ingesting import ingest
from catalog.models import Course, Institution, Lesson, Teacher
from cms.models import CollectionPage
from media_pipeline.models import MediaAsset
from media_pipeline.storage import store
from media_pipeline.uploads import check_name
from tests.media_pipeline import clips
from tests.media_pipeline.attacks import pdf_of

SCRIPT = b"<script>alert('ran')</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>'
INERT = {
    "application/vnd.apple.mpegurl", "application/dash+xml", "application/json", "application/octet-stream",
    "audio/mp4", "image/jpeg", "image/png", "image/webp", "text/vtt", "video/mp4",
}  # fmt: skip
"""Types that no browser runs or draws as a page; an SVG is none of them."""


def gifar() -> bytes:
    """A GIF that is a Java archive too."""
    whole = io.BytesIO(clips.picture(8, 8, "GIF"))
    whole.seek(0, io.SEEK_END)
    with zipfile.ZipFile(whole, "a") as archive:
        archive.writestr("Evil.class", SCRIPT)
    return whole.getvalue()


def tagged() -> bytes:
    """A JPEG with a page in its comment."""
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "JPEG", comment=b"<html>" + SCRIPT)
    return out.getvalue()


POLYGLOTS = {
    "图.gif": gifar,
    "图.jpg": tagged,
    "图.png": lambda: clips.picture(8, 8, "PNG") + b"<!doctype html>" + SCRIPT,
    "书.pdf": lambda: pdf_of("", catalogue="/OpenAction << /S /JavaScript /JS (app.alert\\('ran'\\)) >>") + SCRIPT,
    "书.epub": lambda: clips.epub(
        a='<html xmlns="http://www.w3.org/1999/xhtml"><head><script>alert("ran")</script></head><body onload="x()">'
        '<p>针法</p><img src="x" onerror="alert(1)"/><a href="javascript:alert(1)">法</a><form action="//a.example"/>'
        '<iframe srcdoc="x"/><svg xmlns="http://www.w3.org/2000/svg"><script>alert("ran")</script></svg></body></html>'
    ),
}


def body(answer) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def assert_inert(text: bytes) -> None:
    """A page whose scripts are files of our own or data, without handlers, and whose links lead somewhere."""
    tree = html.fromstring(text)
    for node in tree.iter(etree.Element):
        handlers = [name for name in node.attrib if name.startswith("on") or name == "srcdoc"]
        assert not handlers, etree.tostring(node)
        for name in ("href", "src", "action", "formaction"):
            assert not node.get(name, "").strip().lower().startswith(("javascript:", "data:text")), etree.tostring(node)
    for script in tree.iter("script"):
        assert script.get("src", "").startswith("/static/") or "json" in script.get("type", ""), script.text
    assert not list(tree.iter("iframe", "object", "embed", "base"))


@pytest.mark.parametrize("name", POLYGLOTS)
def test_a_file_of_two_kinds_leaves_as_one(name, transactional_db, stores, town, tmp_path):
    path = tmp_path / name
    path.write_bytes(POLYGLOTS[name]())
    (one,) = ingest([path], institution=town, publish=True)
    if one.course is None:
        assert (one.state, one.code) == ("rejected", "damaged"), one.sentence
        return
    reader = Client()
    assert_inert(reader.get(one.course.get_absolute_url()).content)
    keys = list(store().list(f"packages/{one.asset.uid.hex}/"))
    assert keys
    for key in keys:
        answer = reader.get(f"/media/{key}")
        assert answer.headers["Content-Type"].split(";")[0] in INERT, key
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        sent = body(answer)
        assert not re.search(rb"<script|<html|onload=|onerror=|javascript:|PK\x03\x04|Evil", sent), key
    assert reader.get(f"/media/{one.asset.original_key}").status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name", ["x.html", "x.HTM", "x.xhtml", "x.svg", "x.svgz", "x.xml", "x.js", "x.mjs", "x.css", "x"]
)
def test_what_should_not_lie_in_a_package_is_no_page(name, stores, client):
    asset = MediaAsset.objects.create(owner="a", title="一", filename="a.mp4", public=True)
    key = f"packages/{asset.uid.hex}/d/{name}"
    store().put_bytes(SVG, key, "text/html")
    answer = client.get(f"/media/{key}")
    assert (answer.headers["Content-Type"], body(answer)) == ("application/octet-stream", SVG)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../../etc/cron.d/课.pdf", "课.pdf"),
        ("..\\..\\课.pdf", "课.pdf"),
        ("课\u202efdp.exe.pdf", "课fdp.exe.pdf"),
        ("课.pdf\r\nSet-Cookie: a=b.pdf", "课.pdfSet-Cookie: a=b.pdf"),
        ("a\0\u200b.pdf", "a.pdf"),
    ],
)
def test_a_name_has_no_way_no_line_and_no_direction(given, kept):
    assert check_name(given) == kept


MARK = "\"'></script></title></textarea><script>alert(1)</script><img src=x onerror=alert(1)>"


def test_what_partners_write_is_text_on_every_page(transactional_db, stores, town, theme, tmp_path):
    clip = tmp_path / "one.mp4"
    clip.write_bytes(clips.film().read_bytes())
    clip.with_suffix(".srt").write_text(f"1\n00:00:00,000 --> 00:00:01,000\n{MARK}字\n")
    (one,) = ingest([clip], institution=town, publish=True)
    Institution.objects.update(name=f"馆{MARK}"[:120], summary=MARK)
    teacher = Teacher.objects.create(name=MARK[:80], title=MARK, bio=MARK, institution=town)
    written = {"title": MARK, "title_en": MARK, "summary": MARK, "description": MARK, "credit": MARK}
    lists = {"subjects": [MARK], "alternative_titles": [MARK], "extra": {MARK: MARK}}
    Course.objects.filter(pk=one.course.pk).update(**written, **lists)
    Lesson.objects.filter(course=one.course).update(title=MARK, chapter=MARK, summary=MARK)
    course = Course.objects.get(pk=one.course.pk)
    course.teachers, course.themes = [teacher], [theme]
    course.save()
    reader = Client()
    pages = [
        course.get_absolute_url(), course.get_absolute_url() + "1/", f"/tv/{course.slug}/", f"/embed/{course.slug}/",
        "/institutions/town/", teacher.get_absolute_url(), "/search/", f"/search/?q={MARK}", "/", "/themes/",
    ]  # fmt: skip
    for page in pages:
        answer = reader.get(page)
        assert answer.status_code == 200, page
        assert_inert(answer.content)
    for feed in ("/feeds/latest/", "/feeds/institution/town/", "/sitemap-films.xml"):
        answer = reader.get(feed)
        assert (answer.status_code, "xml" in answer.headers["Content-Type"]) == (200, True), feed
        etree.fromstring(answer.content)
    told = reader.get("/api/v1/courses")
    assert (told.headers["Content-Type"], told.headers["X-Content-Type-Options"]) == (
        "application/json; charset=utf-8",
        "nosniff",
    )


# The desk ---------------------------------------------------------------------------------------------------
@pytest.fixture
def chief(db) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("chief", "chief@example.org", "x"))
    return client


@pytest.mark.parametrize("name", ["bild.svg", "bild.png"])
def test_the_desk_takes_no_vector_pictures(chief, name):
    file = SimpleUploadedFile(name, SVG, content_type="image/svg+xml")
    answer = chief.post(reverse("wagtailimages:add"), {"title": "x", "file": file, "collection": 1})
    assert answer.status_code == 200
    assert not DeskImage.objects.exists()


@pytest.mark.parametrize("name", ["x.html", "x.svg", "x.js", "x.xhtml", "x.pdf.html"])
def test_the_desk_takes_no_pages_as_documents(chief, name):
    file = SimpleUploadedFile(name, SCRIPT, content_type="application/pdf")
    chief.post(reverse("wagtaildocs:add"), {"title": "x", "file": file, "collection": 1})
    assert not Document.objects.exists()


def test_what_the_desk_takes_has_no_address_of_ours(chief, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    file = SimpleUploadedFile("x.pdf", SCRIPT, content_type="text/html")
    chief.post(reverse("wagtaildocs:add"), {"title": "x", "file": file, "collection": 1})
    document = Document.objects.get()
    for path in (f"/uploads/{document.file.name}", f"/documents/{document.pk}/x.pdf"):
        assert chief.get(path).status_code == 404


def draft(**entity: object) -> str:
    """What the editor of rich text sends: a word under one entity, in a block."""
    return json.dumps(
        {
            "blocks": [
                {
                    "key": "a", "text": f"法{SCRIPT.decode()}", "type": "unstyled", "depth": 0,
                    "inlineStyleRanges": [], "entityRanges": [{"key": 0, "offset": 0, "length": 1}],
                }
            ],
            "entityMap": {"0": {"mutability": "MUTABLE", **entity}},
        }
    )  # fmt: skip


@pytest.mark.parametrize(
    "entity",
    [
        {"type": "LINK", "data": {"url": "javascript:alert(1)"}},
        {"type": "LINK", "data": {"url": "data:text/html,<script>alert(1)</script>"}},
        {"type": "LINK", "data": {"url": 'https://example.org/" onclick="alert(1)'}},
        {"type": "EMBED", "data": {"url": "https://evil.example/", "html": SCRIPT.decode()}},
        {"type": "IMAGE", "data": {"src": "x", "alt": '"><script>alert(1)</script>'}},
    ],
)
def test_rich_text_is_clean_when_it_is_kept(entity, db):
    field = CollectionPage._meta.get_field("introduction").formfield()
    kept = field.widget.value_from_datadict({"t": draft(**entity)}, {}, "t")
    assert_inert(f"<main>{expand_db_html(kept)}</main>".encode())
