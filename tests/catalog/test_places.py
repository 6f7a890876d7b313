import json

import pytest
from django.core.management import CommandError, call_command

from catalog.models import Place
from catalog.place_data import Row, read_divisions
from catalog.place_loading import load_places, store
from catalog.places import find, resolve


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("湖北省谷城县", "420625"),
        ("湖北省襄阳市谷城县", "420625"),
        ("湖北省襄樊市谷城县", "420625"),
        ("谷城", "420625"),
        ("重庆市黔江区", "500114"),
        ("北京朝阳区", "110105"),
        ("吉林省长春市朝阳区", "220104"),
        ("吉林市", "2202"),
        ("吉林", "22"),
        ("湖北省神农架林区", "429021"),
        ("海西州", "6328"),
        ("谷城縣", "420625"),
        ("北京市崇文区", "110101"),
        ("崇文区", "110101"),
        ("110103", "110101"),
        ("420000", "42"),
        ("420600000000", "4206"),
        ("湖北省谷城县城关镇", "420625100"),
    ],
)
def test_find_knows_what_people_write(places, text, code):
    assert find(text).code == code


def test_find_keeps_what_has_no_code_as_a_note(places):
    answer = resolve("臺北市")
    assert (answer.codes, answer.rest) == (("71",), "臺北市")
    assert resolve("湖北省谷城县石花老街").rest == "石花老街"


def test_find_several_places_share_the_province_of_the_first(places):
    assert resolve("湖北省武汉市汉阳区、武汉市蔡甸区").codes == ("420105", "420114")
    assert resolve("吉林省长春市、朝阳区").codes == ("2201", "220104")


@pytest.mark.parametrize(("text", "why"), [("朝阳区", "2 处"), ("桃花源", "没有找到"), ("999999", "没有代码")])
def test_find_gives_a_reason_instead_of_a_guess(places, text, why):
    assert find(text) is None
    assert why in resolve(text).reason


def test_find_learns_of_an_edited_place(places):
    assert find("石花") is None
    place = Place.objects.get(code="420625")
    place.aliases = ["石花"]
    place.save()
    assert find("石花") == place


def test_divisions_skip_gaps_and_the_past(places):
    beijing, hubei = Place.objects.get(code="11"), Place.objects.get(code="42")
    assert [place.name for place in beijing.divisions()] == ["东城区", "朝阳区"]
    assert [place.name for place in hubei.divisions()] == ["武汉市", "襄阳市", "神农架林区"]
    assert Place.objects.get(code="429021").full_name == "湖北省神农架林区"


def test_store_changes_nothing_the_second_time_and_keeps_what_editors_added(places):
    Place.objects.filter(code="420625").update(brand="石花奎面", aliases=["粉水"])
    again = store(places)
    assert (again.created, again.updated, again.unchanged) == (0, 0, len(places))
    renamed = store([Row("420625", "谷城市")])
    place = Place.objects.get(code="420625")
    assert (renamed.updated, place.name, place.brand, place.aliases) == (1, "谷城市", "石花奎面", ["粉水"])


@pytest.fixture
def package(settings, tmp_path):
    """A tiny package in the layout of china-division."""
    files = {
        "provinces": [{"code": "42", "name": "湖北省"}, {"code": "11", "name": "北京市"}],
        "cities": [{"code": "4206", "name": "襄阳市"}, {"code": "1101", "name": "市辖区"}],
        "areas": [{"code": "420625", "name": "谷城县"}, {"code": "110101", "name": "东城区"}],
        "streets": [{"code": "420625100", "name": "城关镇"}],
    }
    for name, rows in files.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(rows), encoding="utf-8")
    villages = "code,name,streetCode\n420625100001,县府社区,420625100\n110101001001,多福巷社区,110101001\n"
    (tmp_path / "villages.csv").write_text(villages, encoding="utf-8")
    settings.PLACES_DIR = tmp_path
    return tmp_path


def test_load_places_brings_tree_history_and_coordinates(db, package):
    assert load_places().created == Place.objects.count()
    chongwen = Place.objects.get(code="110103")
    assert (chongwen.name, chongwen.valid_until, chongwen.successor_id) == ("崇文区", 2010, "110101")
    assert Place.objects.get(code="11").latitude == pytest.approx(39.9, abs=0.1)
    assert Place.objects.get(code="420625100").parent_id == "420625"
    assert "襄樊市" in Place.objects.get(code="4206").aliases
    assert load_places().unchanged == Place.objects.count()


def test_load_places_brings_only_the_villages_asked_for(db, package):
    call_command("load_places", villages="42", verbosity=0)
    assert list(Place.objects.filter(level=5).values_list("code", flat=True)) == ["420625100001"]


def test_load_places_stops_at_the_level_asked_for(package):
    assert max(row.level for row in read_divisions(package, 2)) == 2


def test_load_places_without_the_package_says_how_to_get_it(db, settings, tmp_path):
    settings.PLACES_DIR = tmp_path / "nowhere"
    with pytest.raises(CommandError, match="npm ci"):
        call_command("load_places")
