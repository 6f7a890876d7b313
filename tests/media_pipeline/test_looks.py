"""The same pictures in another file are found; other pictures, however alike, are not."""

from pathlib import Path

import pytest
from PIL import Image, ImageOps

from media_pipeline import intake, jobs, lookalikes, looks
from media_pipeline.formats import storyboard
from media_pipeline.models import Look, Lookalike, MediaAsset, Package
from tests.media_pipeline import clips, drawn
from tests.media_pipeline.parts import asset_with

COURSES = ("film", "lecture")


def look_of(film: Path) -> bytes:
    """By way of the storyboard of the pipeline itself."""
    _product, out = clips.produced(film)
    with Image.open(out / storyboard.SPRITE) as board:
        return looks.of_film(board, storyboard.areas((out / storyboard.TRACK).read_text("utf-8")))


@pytest.mark.parametrize("kind", COURSES)
@pytest.mark.parametrize("change", ["360p, crf 38", "logo", "letterbox"])
def test_copy_resembles_the_film(kind: str, change: str) -> None:
    source = drawn.MANY[kind](1)
    assert looks.resemble(look_of(source), look_of(drawn.copy(source, change)))


@pytest.mark.parametrize("kind", ["film", "lecture", "talk"])
def test_other_films_do_not_resemble(kind: str) -> None:
    """Slides of one template, and one speaker in one room, are near each other in every cell but a few."""
    assert not looks.resemble(look_of(drawn.MANY[kind](1)), look_of(drawn.MANY[kind](2)))


def test_what_stands_still_resembles_nothing() -> None:
    look = look_of(drawn.still(1))
    assert any(look)
    assert not looks.resemble(look, look_of(drawn.copy(drawn.still(1), "360p, crf 38")))


def test_moments_that_show_one_colour_do_not_agree() -> None:
    """A black moment at the same time, were it the only one, would be unlike all others."""
    board = Image.new("L", (160 * looks.MOMENTS, 90))
    areas = [storyboard.Area(n, 160 * n, 0, 160, 90) for n in range(looks.MOMENTS)]
    assert looks.of_film(board, areas) == bytes(looks.MOMENTS * looks.MOMENT)
    assert looks.agreeing(bytes(512), bytes(512)) == 0
    assert looks.of_film(board, areas[1:]) == b""


def test_picture_resembles_itself_smaller_and_marked() -> None:
    drawn.film(1)
    frames = clips.place("film-1")
    picture, other = (Image.open(frames / f"{number}.png").convert("RGB") for number in ("00", "10"))
    marked, touched = picture.copy(), picture.copy()
    marked.paste("white", (420, 10, 470, 40))
    for corner in ((20, 20), (400, 20), (20, 220), (400, 220)):
        touched.paste("gray", (*corner, corner[0] + 45, corner[1] + 25))
    look = looks.of_picture(picture)
    assert looks.resemble(look, looks.of_picture(picture.resize((200, 112))))
    assert looks.resemble(look, looks.of_picture(picture.point(lambda value: value * 9 // 10 + 12)))
    assert looks.resemble(look, looks.of_picture(marked))
    assert not looks.resemble(look, looks.of_picture(touched)), "a drawing of the same motif"
    assert not looks.resemble(look, looks.of_picture(ImageOps.invert(picture))), "in other colours"
    assert not looks.resemble(look, looks.of_picture(other))
    assert looks.of_picture(Image.new("RGB", (100, 100), "white")) == b""


def work() -> None:
    """Turns until nothing is left."""
    while lookalikes.waiting().exists() or Look.objects.filter(compared=False).exists():
        lookalikes.look_and_compare.call()


def received(film: Path, title: str) -> MediaAsset:
    return intake.receive_file(film, owner="a", title=title)


@pytest.mark.django_db(transaction=True)
def test_files_that_come_in_are_compared_once_they_can_be_played(local_store, tmp_path) -> None:
    one, two = drawn.film(1), drawn.copy(drawn.film(1), "letterbox")
    assets = [received(one, "片"), received(two, "片，加黑边"), received(drawn.film(2), "别的")]
    jobs.run_until_done(assets)
    work()
    pair = Lookalike.objects.get()
    assert (pair.first, pair.second) == (assets[0], assets[1])
    pair.different = True
    pair.save()
    Look.objects.update(compared=False)
    work()
    assert Lookalike.objects.get().different, "what a person said is not asked again"


def known(look: bytes, seconds: float, **facts) -> MediaAsset:
    asset = asset_with(state="published", media_type="video", duration=seconds, **facts)
    package = Package.objects.create(asset=asset, prefix=f"packages/{asset.uid.hex}/x/", current=True)
    Look.objects.create(package=package, bits=look, seconds=seconds)
    return asset


@pytest.mark.django_db
def test_only_what_is_as_long_and_another_file_is_called_the_same(local_store) -> None:
    look = look_of(drawn.film(1))
    first = known(look, 1000.0, sha256="a")
    near = known(look, 1004.0, sha256="b")
    known(look, 1020.0, sha256="c")
    known(look, 1001.0, sha256="a")
    work()
    pairs = set(Lookalike.objects.values_list("first", "second"))
    assert (first.pk, near.pk) in pairs
    assert len(pairs) == 2, "the second file with the hash of the first is found by its hash"


@pytest.mark.django_db
def test_file_that_came_in_a_hundred_times_makes_no_thousands_of_pairs(local_store, monkeypatch) -> None:
    monkeypatch.setattr(lookalikes, "AT_ONCE", 7)
    look = look_of(drawn.film(1))
    for number in range(60):
        known(look, 100.0, sha256=str(number))
    work()
    assert Lookalike.objects.count() <= 60 * lookalikes.MOST
    assert set(Lookalike.objects.values_list("first", flat=True)) | set(
        Lookalike.objects.values_list("second", flat=True)
    ) == set(MediaAsset.objects.values_list("pk", flat=True))


@pytest.mark.django_db
def test_package_whose_pictures_are_gone_is_passed_over(local_store) -> None:
    asset = asset_with(state="published", media_type="video", duration=30.0)
    prefix = f"packages/{asset.uid.hex}/x/"
    Package.objects.create(asset=asset, prefix=prefix, current=True, storyboard_key=f"{prefix}storyboard.vtt")
    work()
    assert bytes(Look.objects.get().bits) == b""


@pytest.mark.django_db
def test_new_source_is_looked_at_anew(local_store) -> None:
    look = look_of(drawn.film(1))
    one, two = known(look, 100.0, sha256="a"), known(look, 100.0, sha256="b")
    work()
    assert Lookalike.objects.count() == 1
    two.packages.update(current=False)
    Package.objects.create(asset=two, prefix="packages/y/", current=True)
    work()
    assert not Lookalike.objects.exists()
    assert one.packages.get().look
