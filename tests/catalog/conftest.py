"""Two institutions, a small division tree, and one-second files."""

import shutil
import subprocess
from pathlib import Path

import pytest

from catalog.models import Institution, Theme
from catalog.place_data import Row
from catalog.place_loading import store
from catalog.places import forget

PLACES = [
    Row("11", "北京市"),
    Row("1101", "市辖区"),
    Row("110101", "东城区"),
    Row("110103", "崇文区", valid_from=1981, valid_until=2010, successor="110101"),
    Row("110105", "朝阳区"),
    Row("22", "吉林省"),
    Row("2201", "长春市"),
    Row("220104", "朝阳区"),
    Row("2202", "吉林市"),
    Row("42", "湖北省"),
    Row("4201", "武汉市"),
    Row("420105", "汉阳区"),
    Row("420114", "蔡甸区"),
    Row("4206", "襄阳市", aliases=("襄樊市",)),
    Row("420625", "谷城县"),
    Row("420625100", "城关镇"),
    Row("4290", "省直辖县级行政区划"),
    Row("429021", "神农架林区"),
    Row("50", "重庆市"),
    Row("5001", "市辖区"),
    Row("500114", "黔江区"),
    Row("63", "青海省"),
    Row("6328", "海西蒙古族藏族自治州"),
    Row("71", "台湾省"),
]


@pytest.fixture
def places(db):
    store(PLACES)
    forget()
    yield PLACES
    forget()


@pytest.fixture
def town(db) -> Institution:
    return Institution.add_root(code="town", name="谷城县文化馆")


@pytest.fixture
def city(db) -> Institution:
    return Institution.add_root(code="city", name="襄阳市图书馆")


@pytest.fixture
def theme(db) -> Theme:
    return Theme.add_root(slug="old-age", name="常青乐龄")


@pytest.fixture(scope="session")
def _made_clip(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "one.mp4"
    source = ["-f", "lavfi", "-i", "testsrc=s=320x180:r=25:d=1", "-f", "lavfi", "-i", "sine=d=1"]
    subprocess.run(["ffmpeg", "-v", "error", *source, "-pix_fmt", "yuv420p", str(path)], check=True)
    return path


@pytest.fixture
def clip(_made_clip, tmp_path) -> Path:
    """A film of one second in a directory of its own."""
    return Path(shutil.copy(_made_clip, tmp_path / "one.mp4"))


@pytest.fixture
def stores(settings, tmp_path):
    """Media of this test in a directory of its own."""
    settings.MEDIA_STORE_DIR = tmp_path / "media"
    settings.MEDIA_WORK_DIR = tmp_path / "work"
    return tmp_path / "media"
