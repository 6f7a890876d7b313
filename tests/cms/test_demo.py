"""The demo library: complete, made of our own media, and the same after a second run."""

import dataclasses
import json
from io import StringIO
from itertools import pairwise

import av
import pypdfium2
import pytest
from django.contrib.auth import authenticate, get_user_model
from django.core.management import CommandError, call_command
from PIL import Image

from catalog.kinds import Kind
from catalog.models import Course, Institution, Lesson, Place, Theme
from cms.demo import books, films, loading, making, tasks
from cms.demo.content import Library, library
from cms.demo.loading import PASSWORD
from cms.demo.motifs import MOTIFS, draw
from cms.demo.sheet import still
from cms.management.commands.load_demo import enqueue
from cms.models import CollectionPage, HomePage, PlacePage, ThemePage
from cms.setup import ensure_everything
from media_pipeline.models import MediaAsset


def load(*options: str) -> dict:
    out = StringIO()
    call_command("load_demo", "--json", *options, stdout=out)
    return json.loads(out.getvalue())


@pytest.fixture(autouse=True)
def cache_of_its_own(tmp_path, monkeypatch, settings):
    monkeypatch.setenv(making.CACHE, str(tmp_path / "cache"))
    settings.MEDIA_STORE_DIR = tmp_path / "media"


def test_texts_are_complete():
    texts = library()
    assert len(texts.courses) >= 120
    assert len({course.id for course in texts.courses}) == len(texts.courses)
    assert {course.kind for course in texts.courses} == set(Kind.values)
    assert len({course.place for course in texts.courses if course.place}) >= 12
    themes = {theme["slug"] for theme in texts.partners["theme"]}
    themes |= {child[0] for theme in texts.partners["theme"] for child in theme["children"]}
    institutions = {institution["code"] for institution in texts.partners["institution"]}
    for course in texts.courses:
        assert set(course.themes) <= themes, course.id
        assert course.institution in institutions, course.id
        assert len(course.summary) <= 255
        assert course.lessons, course.id
        for lesson in course.lessons:
            if course.kind in {"video", "gallery", "reading"}:
                assert lesson.drawing.partition(":")[0] in MOTIFS, course.id
            if course.kind == "link":
                assert lesson.url.startswith("https://"), course.id


def test_phrases_of_the_journeys_stand_where_they_are_looked_for():
    third = library().course("miaoxiu-twelve").lessons[2]
    seconds = films.seconds_for(third.text)
    late = next(cue for cue in films.cues(third.text, seconds) if "慢就是快" in cue[2])
    assert late[0] > seconds / 2
    pages = library().course("hypertension-diet")
    assert pages.book == "pdf"
    assert any("隐形盐" in text for _, text in pages.sections)


def test_captions_cover_the_text_in_order():
    text = library().course("miaoxiu-twelve").lessons[0].text
    cues = films.cues(text, 30.0)
    assert all(start < end for start, end, _ in cues)
    assert all(before[1] <= after[0] for before, after in pairwise(cues))
    assert cues[-1][1] <= 30.0
    letters = "".join(sign for sign in text if sign not in "，。；")
    assert "".join(sign for cue in cues for sign in cue[2] if sign not in "，。；") == letters


FEW = ("miaoxiu-twelve", "miaoxiu-gallery", "breathing", "huimo", "taichi-24")


@pytest.fixture
def few() -> Library:
    """A library of five courses, for what does not need all of them."""
    whole = library()
    return dataclasses.replace(whole, courses=tuple(whole.course(name) for name in FEW))


@pytest.mark.django_db
def test_load_demo_gives_a_whole_library_and_a_second_run_changes_nothing():
    first = load("--films", "1")
    assert first["created"] >= 120
    assert Course.objects.public().count() == first["created"]
    assert set(Course.objects.values_list("kind", flat=True)) == set(Kind.values)
    assert Place.objects.filter(courses__isnull=False).distinct().count() >= 12
    assert Theme.get_root_nodes().count() == 5
    assert Institution.objects.count() >= 20
    assert CollectionPage.objects.live().count() >= 6
    assert ThemePage.objects.live().count() == 5
    assert PlacePage.objects.live().count() >= 12
    blocks = [block for page in CollectionPage.objects.all() for block in page.body]
    assert {block.block_type for block in blocks} == {"chapter", "picture", "courses"}
    chosen = [course for block in blocks for course in block.value.get("courses", ())]
    assert len(chosen) > 40
    assert all(course.pk for course in chosen)
    assert HomePage.objects.get().body[0].value["course"].external_id == "miaoxiu-twelve"
    changed = Course.objects.order_by("pk").values_list("pk", "updated_at", "latest_revision")
    before = list(changed)
    second = load("--films", "1")
    assert (second["created"], second["updated"], second["pages"], second["media_queued"]) == (0, 0, 0, 0)
    assert second["unchanged"] == first["created"]
    assert list(changed) == before
    for user in first["users"]:
        assert authenticate(username=user["username"], password=PASSWORD) is not None


@pytest.mark.django_db
def test_films_limits_the_films_and_nothing_else(few):
    loaded = loading.load(few)
    assert enqueue(loaded.wanted, few, 1) == 1 + 5 + 1 + 1
    kinds = {course.id: course.kind for course in few.courses}
    assert sorted(kinds[name] for name, _ in tasks.waiting()) == ["audio", *["gallery"] * 5, "reading", "video"]
    assert enqueue(loaded.wanted, few, 3) == 2


@pytest.mark.django_db
def test_an_editors_change_survives_the_next_load(few):
    loading.load(few)
    course = Course.objects.get(external_id="taichi-24")
    course.title = "太极拳，编辑改过"
    course.save_revision().publish()
    assert loading.load(few).unchanged == len(FEW)
    assert Course.objects.get(external_id="taichi-24").title == "太极拳，编辑改过"


@pytest.mark.django_db
def test_demo_users_have_their_rights(few):
    ensure_everything()
    loading.load(few)
    users = get_user_model().objects
    assert users.get(username="editor").has_perm("wagtailadmin.access_admin")
    assert users.get(username="partner").has_perm("wagtailadmin.access_admin")
    assert users.get(username="partner").memberships.get().institution.courses.count() >= 1
    assert not users.get(username="learner").has_perm("wagtailadmin.access_admin")


@pytest.mark.django_db
def test_production_refuses_the_demo(settings):
    settings.PRODUCTION = True
    with pytest.raises(CommandError, match="演示密码"):
        call_command("load_demo")
    assert not Course.objects.exists()


@pytest.mark.django_db
def test_made_media_are_attached_once_in_every_version(few):
    loading.load(few)
    asset = making.make("miaoxiu-gallery", 1)
    assert asset is not None
    course = Course.objects.get(external_id="miaoxiu-gallery")
    assert course.lessons.get(number=1).asset == asset
    version = course.get_latest_revision_as_object()
    assert next(lesson for lesson in version.lessons.all() if lesson.number == 1).asset == asset
    assert making.make("miaoxiu-gallery", 1) is None
    assert MediaAsset.objects.count() == 1
    loading.load(few)
    assert Lesson.objects.get(course=course, number=1).asset == asset


@pytest.mark.django_db
def test_media_of_a_course_with_a_draft_leave_the_draft_unpublished(few):
    loading.load(few)
    course = Course.objects.get(external_id="huimo")
    course.title = "还没有写完"
    course.save_revision()
    asset = making.make("huimo", 1)
    course = Course.objects.get(external_id="huimo")
    assert (course.title, course.has_unpublished_changes) == ("徽墨：十万杵", True)
    assert course.lessons.get().asset == asset
    draft = course.get_latest_revision_as_object()
    assert (draft.title, draft.lessons.all()[0].asset) == ("还没有写完", asset)


@pytest.mark.django_db
def test_an_audio_lesson_comes_with_its_captions(few):
    loading.load(few)
    asset = making.make("breathing", 1)
    track = asset.tracks.get(language="zh-Hans")
    assert any("四轮" in cue[2] for cue in track.cues)
    assert Course.objects.get(external_id="breathing").has_captions


@pytest.mark.parametrize("name", sorted(MOTIFS))
def test_each_motif_draws_something_and_always_the_same(name):
    first, second = (still(draw(name, "seed"), (160, 90)) for _ in range(2))
    assert len(first.getcolors(160 * 90)) > 3
    assert first.tobytes() == second.tobytes()


def test_film_has_picture_and_sound_of_its_length(tmp_path):
    path = tmp_path / "film.mp4"
    films.film(path, motif="figure:taichi", series="太极拳", title="起势", seconds=2.0)
    assert [file.name for file in tmp_path.iterdir()] == ["film.mp4"]
    with av.open(str(path)) as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == films.SIZE
        assert container.streams.audio
        assert abs(container.duration / av.time_base - 2.0) < 0.3


def test_books_hold_their_words(tmp_path):
    sections = [("盐藏在哪里", "酱油里也有盐，叫作隐形盐。")]
    books.pdf(tmp_path / "b.pdf", title="读本", by="机构", sections=sections, motif="plate")
    document = pypdfium2.PdfDocument(tmp_path / "b.pdf")
    assert len(document) == 2
    assert "隐形盐" in document[1].get_textpage().get_text_bounded()
    books.epub(tmp_path / "b.epub", title="读本", by="机构", sections=sections, motif="plate")
    again = (tmp_path / "b.epub").read_bytes()
    books.epub(tmp_path / "b.epub", title="读本", by="机构", sections=sections, motif="plate")
    assert (tmp_path / "b.epub").read_bytes() == again


def test_pictures_have_the_size_of_a_gallery(tmp_path):
    films.picture(tmp_path / "p.jpg", motif="papercut:8", seed="x")
    assert Image.open(tmp_path / "p.jpg").size == films.PICTURE_SIZE
