"""Pictures in sizes, and large ones in tiles."""

import pytest
from PIL import Image

from media_pipeline.formats import picture
from media_pipeline.probe import Facts
from media_pipeline.produce import produce
from tests.media_pipeline import clips


def _facts(width, height):
    return Facts("picture", "jpeg", "图.jpg", 1, width=width, height=height)


@pytest.mark.parametrize("size", [(640, 480), (2500, 1000), (1000, 2500)])
def test_zoom_is_for_large_pictures(size):
    assert picture.zoom(_facts(*size)) is None


def test_zoom_halves_down_to_the_plain_sizes():
    levels = picture.zoom(_facts(8001, 2000))["levels"]
    assert [(level["width"], level["height"]) for level in levels] == [(2001, 500), (4001, 1000), (8001, 2000)]
    assert [(level["columns"], level["rows"]) for level in levels] == [(4, 1), (8, 2), (16, 4)]


def test_tiles_put_together_are_the_picture(tmp_path):
    source = tmp_path / "长卷.png"
    source.write_bytes(clips.picture(2600, 700, "PNG"))
    product = produce(source, tmp_path / "out", report=lambda step, fraction: None)
    zoom = product.manifest["zoom"]
    level = zoom["levels"][-1]
    whole = Image.new("RGB", (level["width"], level["height"]))
    for row in range(level["rows"]):
        for column in range(level["columns"]):
            name = zoom["name"].format(level=len(zoom["levels"]) - 1, column=column, row=row)
            whole.paste(Image.open(tmp_path / "out" / name), (column * zoom["tile"], row * zoom["tile"]))
    assert whole.size == (2600, 700)
    for place, red in (((10, 10), True), ((1290, 690), True), ((1310, 10), False), ((2590, 690), False)):
        assert (whole.getpixel(place)[0] > 128) == red
    tiles = [file for file in product.files if file.name.startswith("zoom/")]
    assert len(tiles) == sum(level["columns"] * level["rows"] for level in zoom["levels"])
    assert {file.content_type for file in tiles} == {"image/webp"}


def test_turned_picture_is_cut_upright(tmp_path):
    source = tmp_path / "竖.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera lay on its side
    source.write_bytes(clips.picture(2600, 520, "JPEG", exif=exif))
    product = produce(source, tmp_path / "out", report=lambda step, fraction: None)
    assert (product.width, product.height) == (520, 2600)
    assert product.manifest["zoom"]["levels"][-1] == {"width": 520, "height": 2600, "columns": 2, "rows": 6}
    top = Image.open(tmp_path / "out" / "zoom" / "0" / "0_0.webp").getpixel((5, 5))
    assert top[0] > 128  # the red left half is on top now
