"""Every public page, in an empty and in a filled library: it opens, it answers bad input, it says things once."""

import json
import re
from html.parser import HTMLParser

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils.feedgenerator import rfc3339_date
from django.utils.timezone import now
from lxml import etree, html
from wagtail.models import Page

from catalog.covers import COLOURS, cover, pattern_of
from catalog.models import Course, Institution, Lesson, Place
from catalog.patterns import MOTIFS, SEEDS, svg
from cms import maps
from cms.models import PlacePage
from learning.models import Progress
from media_pipeline.models import Rendition, TextTrack
from search import index
from search.engines.choose import COURSES, engine
from tests.site.conftest import add_course, make_asset, reader_in

ALWAYS = [
    "/", "/search/", "/search/?q=miaoxiu", "/themes/", "/places/", "/collections/", "/shelf/", "/help/", "/tv/",
    "/tv/link/", "/tv/search/", "/tv/search/?q=mx", "/accounts/login/", "/accounts/signup/", "/privacy/",
]  # fmt: skip
MACHINES = ["/robots.txt", "/sitemap.xml", "/sitemap-courses.xml", "/sitemap-pages.xml", "/feeds/latest/", "/icon.svg"]
HAN = re.compile(r"[\u3400-\u9fff]")


def assert_page(response, status: int = 200) -> str:
    text = response.content.decode()
    assert response.status_code == status, f"{response.request['PATH_INFO']}: {response.status_code}"
    assert "Traceback" not in text
    assert "{%" not in text
    assert "{{" not in text
    return text


@pytest.mark.django_db
@pytest.mark.parametrize("address", [*ALWAYS, *MACHINES])
def test_page_opens_in_an_empty_library(reader, address):
    assert_page(reader.get(address))


def test_page_opens_in_a_filled_library(library, reader):
    for address in [*ALWAYS, *MACHINES, *library.addresses]:
        assert_page(reader.get(address))


def test_page_has_one_heading_one_main_and_unique_ids(library, reader):
    for address in [*ALWAYS, *library.addresses]:
        tree = html.fromstring(reader.get(address).content)
        assert len(tree.xpath("//h1")) == 1, address
        assert len(tree.xpath("//main")) == 1, address
        ids = tree.xpath("//@id")
        assert sorted(ids) == sorted(set(ids)), address
        assert not tree.xpath("//script[not(@src) and not(contains(@type, 'json'))]"), address
        assert not tree.xpath("//img[not(@alt)]"), address


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/search/?page=-1", 400),
        ("/search/?page=x", 400),
        ("/search/?page=9", 404),
        ("/search/?kind=nonsense", 400),
        ("/search/?colour=red", 400),
        ("/search/?q=" + "长" * 10_000, 400),
        ("/search/?q=%00%ff", 200),
        ("/search/?q=a&utm_source=x", 200),
        ("/courses/nothing/", 404),
        ("/themes/nothing/", 404),
        ("/themes/crafts/?page=-1", 404),
        ("/themes/crafts/?page=99", 404),
        ("/places/99/", 404),
        ("/places/33/?page=x", 404),
        ("/language/xx/", 404),
        ("/covers/wave/zzzzzz/1.svg", 404),
        ("/covers/cloud/2f6f62/1.svg", 404),
        ("/nothing/", 404),
        ("/tv/nothing/", 404),
    ],
)
def test_bad_input_gets_a_friendly_page(library, reader, address, status):
    text = assert_page(reader.get(address), status)
    assert HAN.search(text)
    assert "/static/site.css" in text


def test_bad_input_is_answered_in_the_language_of_the_page(library):
    assert "page must be a whole number" in reader_in("en").get("/search/?page=-1").content.decode()
    assert "Page not found" in reader_in("en").get("/courses/nothing/").content.decode()


def test_course_that_is_not_public_is_not_found(library, reader):
    assert_page(reader.get(library.hidden.get_absolute_url()), 404)
    assert_page(reader.get(f"/tv/{library.hidden.slug}/"), 404)
    assert library.hidden.slug not in reader.get("/feeds/latest/").content.decode()
    assert library.hidden.slug not in reader.get("/sitemap-courses.xml").content.decode()


@pytest.mark.parametrize("tail", ["9/", "1/?page=0", "1/?page=99", "1/?page=-2", "1/?page=x"])
def test_lesson_or_page_that_is_not_there_is_not_found(library, reader, tail):
    assert_page(reader.get(library.reading.get_absolute_url() + tail), 404)


@pytest.mark.parametrize("moment", ["abc", "-5", "9" * 40, "1.5"])
def test_moment_that_is_none_starts_at_the_beginning(library, reader, moment):
    text = assert_page(reader.get(library.film.get_absolute_url() + "1/", {"t": moment}))
    assert player_data(text)["start"] == 0


def player_data(text: str) -> dict:
    found = re.search(r'<script id="player-data" type="application/json">(.*?)</script>', text, re.DOTALL)
    assert found
    return json.loads(found.group(1))


def test_lesson_opens_at_the_second_and_offers_its_transcript(library, reader):
    text = assert_page(reader.get(library.film.get_absolute_url() + "1/?t=30"))
    assert player_data(text)["start"] == 30
    assert player_data(text)["hls"].endswith("main.m3u8")
    assert "This stitch is called split" in text


def test_lesson_in_the_works_says_how_far_it_is(library, reader):
    assert "正在处理 43 %" in reader.get(library.film.get_absolute_url() + "2/").content.decode()


def test_lesson_without_media_shows_its_text(library, reader):
    Lesson.objects.create(course=library.film, number=3, sort_order=3, title="Words", summary="First.\n\nSecond <b>.")
    text = assert_page(reader.get(library.film.get_absolute_url() + "3/"))
    assert "<p>First.</p><p>Second &lt;b&gt;.</p>" in text
    assert "Words" in assert_page(reader.get(f"/tv/{library.film.slug}/"))


def test_reading_shows_the_asked_page(library, reader):
    assert "Text of page 2" in reader.get(library.reading.get_absolute_url() + "?page=2").content.decode()


def test_reading_is_searched_inside_in_both_scripts(library, reader):
    asset = library.reading.lessons.get().asset
    asset.pages.filter(number=2).update(text="缂丝的机台不大，\n一张木机就够。")
    address = library.reading.get_absolute_url()
    for words in ("缂丝", "緙絲"):
        tree = html.fromstring(reader.get(f"{address}?find={words}").content)
        (line,) = tree.xpath("//div[contains(@class, 'found')]//li/a")
        assert line.get("href").startswith("?page=2&find=")
        assert line.findtext("span/mark") == "缂丝"
    assert not html.fromstring(reader.get(f"{address}?find=xyz").content).xpath("//div[@class='found']//li")
    pages = html.fromstring(reader.get(f"{address}?find=Text").content).xpath("//div[@class='found']//li")
    assert len(pages) == asset.pages.count() - 1


def test_course_that_stays_on_this_site_cannot_be_kept_on_a_device(library, reader):
    assert "data-keep-offline" in reader.get(library.film.get_absolute_url()).text
    library.film.licence = "platform"
    library.film.save()
    assert "data-keep-offline" not in reader.get(library.film.get_absolute_url()).text


def test_gallery_shows_every_plate_with_its_sizes(library, reader):
    tree = html.fromstring(reader.get(library.gallery.get_absolute_url()).content)
    assert len(tree.xpath("//ul[@data-gallery]/li")) == 3
    assert "1280w" in tree.xpath("//ul[@data-gallery]//img/@srcset")[0]


def test_gallery_tells_where_the_tiles_of_a_large_picture_are(library, reader):
    package = library.gallery.lessons.get(number=2).asset.package
    levels = [{"width": 4000, "height": 3000, "columns": 8, "rows": 6}]
    package.manifest["zoom"] = {"tile": 512, "overlap": 0, "levels": levels, "name": "zoom/{level}/{column}_{row}.webp"}
    package.save()
    for address in (library.gallery.get_absolute_url(), f"/tv/{library.gallery.slug}/"):
        text = reader.get(address).content.decode()
        found = re.search(r'<script id="gallery-zooms" type="application/json">(.*?)</script>', text)
        zooms = json.loads(found.group(1))
        url = f"/media/{package.prefix}zoom/{{level}}/{{column}}_{{row}}.webp"
        assert zooms == {"2": {"tile": 512, "levels": levels, "url": url}}


def test_reading_shows_its_contents_and_where_the_reader_is(library, reader):
    package = library.reading.lessons.get().asset.package
    below = {"title": "Below", "page": 2, "children": []}
    package.manifest = {"reading": {"outline": [{"title": "Above", "page": 1, "children": [below]}]}}
    package.save()
    tree = html.fromstring(reader.get(library.reading.get_absolute_url() + "?page=2").content)
    lines = tree.xpath("//ol[contains(@class, 'contents')]/li")
    assert [line.get("class") for line in lines] == ["level-0", "level-1"]
    assert tree.xpath("//ol[contains(@class, 'contents')]//a[@aria-current]/span[1]/text()") == ["Below"]


def test_film_offers_sound_alone_chapters_and_a_download_where_the_licence_allows(library, reader):
    asset = library.film.lessons.get(number=1).asset
    package = asset.package
    package.manifest, package.complete = {"download": "download.mp4"}, False
    package.save()
    Rendition.objects.create(asset=asset, spec="audio-und-128-aac", source_sha256="x", key="k", bytes=1)
    TextTrack.objects.create(asset=asset, kind="chapters", language="en", cues=[[0, 2, "Begin"], [2, 4, "End"]])
    address = library.film.get_absolute_url() + "1/"
    text = assert_page(reader.get(address))
    tree = html.fromstring(text)
    assert player_data(text)["sound"].endswith("audio-und-128-aac.m3u8")
    assert tree.xpath("//button[@data-audio-only]")
    assert tree.xpath("//details[@data-chapters]//a/@data-start") == ["0.00", "2.00"]
    assert tree.xpath("//a[@download]/@href")[0].endswith("download.mp4")
    assert "其余画质制作中" in text
    Course.objects.filter(pk=library.film.pk).update(licence="platform")
    text = assert_page(reader.get(address))
    assert "download.mp4" not in text


def test_old_place_leads_to_its_successor(library, reader):
    Place.objects.create(code="3399", level=2, name="Old", valid_until=1990, successor=library.place)
    response = reader.get("/places/3399/")
    assert (response.status_code, response["Location"]) == (301, "/places/3311/")


# Languages --------------------------------------------------------------------------------------


def test_english_pages_have_no_untranslated_text(library):
    client = reader_in("en")
    for address in [*ALWAYS, *library.addresses, "/nothing/", "/search/?kind=nonsense", "/accounts/login/"]:
        page = VisibleText()
        page.feed(client.get(address).content.decode())
        found = [text for text in page.texts if HAN.search(text)]
        assert not found, f"{address}: {found[:5]}"


class VisibleText(HTMLParser):
    """Text and labels of a page, without what is marked as another language and without what readers typed."""

    LABELS = frozenset({"alt", "title", "aria-label", "placeholder", "content"})
    VOID = frozenset({"meta", "link", "input", "img", "br", "hr", "source", "track"})

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.open: list[bool] = []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        foreign = any(self.open) or (tag != "html" and values.get("lang", "").startswith("zh"))
        if not foreign:
            self.texts += [value for name, value in attrs if name in self.LABELS and value]
        if tag not in self.VOID:
            self.open.append(foreign)

    def handle_endtag(self, tag):
        if tag not in self.VOID and self.open:
            self.open.pop()

    def handle_data(self, data):
        if not any(self.open) and "苗绣" not in data:
            self.texts.append(data)


def test_traditional_page_is_converted_as_a_whole(library):
    Course.objects.filter(pk=library.film.pk).update(title="苗绣针法")
    response = reader_in("zh-hant").get(library.film.get_absolute_url())
    text = response.content.decode()
    assert '<html lang="zh-Hant">' in text
    assert "苗繡針法" in text
    assert "課時" in text or "目錄" in text
    assert "苗绣" not in text
    assert int(response.headers.get("Content-Length", len(response.content))) == len(response.content)


def test_language_is_kept_and_goes_back_only_to_this_site(db, reader):
    response = reader.get("/language/en/?next=/themes/")
    assert (response.status_code, response["Location"]) == (302, "/themes/")
    assert "Themes" in reader.get("/themes/").content.decode()
    assert reader.get("/language/en/?next=https://evil.example/").headers["Location"] == "/"


def test_a_choice_of_look_is_kept_beside_the_others_and_goes_back(reader):
    response = reader.get("/look/mode/senior/?next=/themes/")
    assert response.headers["Location"] == "/themes/"
    assert reader.cookies["wenlan_look"].value == "senior"
    reader.get("/look/light/dark/")
    assert reader.cookies["wenlan_look"].value == "senior.dark"
    assert '<html lang="zh-Hans" class="senior dark">' in reader.get("/help/").content.decode()
    reader.get("/look/mode/plain/")
    assert reader.cookies["wenlan_look"].value == "dark"
    assert reader.get("/look/light/auto/?next=https://evil.example/").headers["Location"] == "/"
    assert reader.cookies["wenlan_look"].value == ""
    reader.cookies["wenlan_look"] = 'dark"><script>.senior'
    assert '<html lang="zh-Hans" class="senior">' in reader.get("/help/").content.decode()


@pytest.mark.parametrize("path", ["/look/mode/huge/", "/look/size/senior/", "/look/per_page/6/"])
def test_a_look_nobody_offers_is_not_there(reader, path):
    response = reader.get(path)
    assert response.status_code == 404
    assert "wenlan_look" not in response.cookies


def test_page_of_a_stranger_sets_no_cookie_and_varies_by_it(library, reader):
    response = reader.get(library.film.get_absolute_url())
    assert not response.cookies
    assert "Cookie" in response.headers["Vary"]


def test_english_page_leaves_out_a_remark_in_chinese(library):
    library.theme.summary = "一针一线"
    library.theme.save()
    for address in ("/", "/themes/", "/themes/crafts/"):
        assert "一针一线" not in "".join(visible(reader_in("en").get(address))), address
    assert "一针一线" in "".join(visible(reader_in("zh-hans").get("/themes/crafts/")))


def visible(response) -> list[str]:
    page = VisibleText()
    page.feed(response.content.decode())
    return page.texts


# What machines read -----------------------------------------------------------------------------


def test_structured_data_is_valid_json_and_names_course_and_film(library, reader):
    text = reader.get(library.film.get_absolute_url()).content.decode()
    found = [json.loads(part) for part in re.findall(r'<script type="application/ld\+json">(.*?)</script>', text, re.S)]
    assert found[0]["@type"] == ["Course", "LearningResource"]
    assert found[0]["name"] == "Needle lessons"
    assert found[1]["@type"] == "VideoObject"
    assert found[1]["duration"] == "PT0H1M0S"


def test_structured_data_tells_what_librarians_ask(library, reader):
    TextTrack.objects.create(
        asset=library.film.lessons.first().asset, kind="chapters", cues=[[0, 9, "Thread"], [9, 60, "Knot"]]
    )
    tree = html.fromstring(reader.get(library.film.get_absolute_url()).content)
    course, film = (json.loads(one) for one in tree.xpath("//script[@type='application/ld+json']/text()"))
    assert (course["educationalLevel"], course["learningResourceType"]) == ("Beginner", "video")
    assert course["timeRequired"] == "PT0H1M0S"
    assert course["license"].startswith("https://creativecommons.org/")
    first, *_more = film["hasPart"]
    assert (first["name"], first["startOffset"], first["endOffset"]) == ("Thread", 0, 9)
    assert film["transcript"]


def test_structured_data_cannot_close_its_script(library, reader):
    Course.objects.filter(pk=library.film.pk).update(title="</script><script>alert(1)</script>")
    text = reader.get(library.film.get_absolute_url()).content.decode()
    assert "<script>alert(1)" not in text


def test_first_lesson_has_the_address_of_its_course_as_canonical(library, reader):
    for address, wanted in (("", ""), ("1/", ""), ("2/", "2/")):
        tree = html.fromstring(reader.get(library.film.get_absolute_url() + address).content)
        assert tree.xpath("//link[@rel='canonical']/@href")[0].endswith(library.film.get_absolute_url() + wanted)


def test_feed_and_sitemap_name_public_courses(library, reader):
    feed = etree.fromstring(reader.get("/feeds/latest/").content)
    assert len(feed.findall("{http://www.w3.org/2005/Atom}entry")) == 4
    assert rfc3339_date(now())[:4] in feed.findtext("{http://www.w3.org/2005/Atom}updated")
    assert library.film.get_absolute_url() in reader.get("/sitemap-courses.xml").content.decode()


def test_styleguide_shows_every_part_in_development_alone(library, reader, settings):
    page = reader.get("/styleguide/")
    assert page.status_code == 200
    assert library.film.title in page.text
    settings.PRODUCTION = True
    assert reader.get("/styleguide/").status_code == 404


# Queries ----------------------------------------------------------------------------------------


def test_people_and_houses_are_shown_with_their_public_courses(library, reader):
    house = library.film.institution
    below = house.add_child(code="village", name="Village school")
    address = library.film.teachers.get().get_absolute_url()
    assert "Needle lessons" in reader.get(address).content.decode()
    assert "Needle lessons" in reader.get("/institutions/lishui/").content.decode()
    assert address in reader.get(library.film.get_absolute_url()).content.decode()
    assert reader.get("/institutions/village/").status_code == 404
    Course.objects.filter(pk=library.gallery.pk).update(institution=Institution.objects.get(pk=below.pk))
    page = reader.get("/institutions/lishui/").content.decode()
    assert "Plates" in page
    assert "/institutions/village/" in page
    Course.objects.update(live=False)
    for gone in (address, "/institutions/lishui/", "/institutions/village/", "/teachers/999999/"):
        assert reader.get(gone).status_code == 404, gone


@pytest.mark.parametrize(
    ("path", "titles"),
    [
        ("theme/crafts", {"Needle lessons", "A reader", "Plates", "Elsewhere"}),
        ("theme/needle", set()),
        ("place/33", {"Needle lessons", "A reader", "Plates", "Elsewhere"}),
        ("place/3301", set()),
        ("institution/lishui", {"Needle lessons", "A reader", "Plates", "Elsewhere"}),
    ],
)
def test_a_feed_of_a_subject_has_what_lies_below_it(library, reader, path, titles):
    page = reader.get(library.theme.get_absolute_url()).content.decode()
    assert 'href="/feeds/theme/crafts/"' in page
    feed = etree.fromstring(reader.get(f"/feeds/{path}/").content)
    atom = "{http://www.w3.org/2005/Atom}"
    assert {entry.findtext(f"{atom}title") for entry in feed.findall(f"{atom}entry")} == titles


@pytest.mark.parametrize("path", ["theme/none", "place/99", "institution/none", "teacher/1"])
def test_a_feed_of_nothing_is_not_there(library, reader, path):
    assert reader.get(f"/feeds/{path}/").status_code == 404


@pytest.mark.parametrize(
    "address",
    ["/", "/themes/crafts/", "/places/3311/", "/places/33/", "/institutions/lishui/", "/tv/", "/feeds/place/33/"],
)
def test_queries_do_not_grow_with_the_courses(library, reader, address):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert_page(reader.get(address))
        return len(captured)

    reader.get(address)  # content types and sites are remembered after the first page
    before = queries()
    owner = Institution.objects.get(code="lishui")
    for number in range(8):
        course = add_course(owner, f"More {number}")
        course.themes, course.places = [library.theme], [library.place]
        course.save()
        asset = make_asset(course, "picture", f"{number}.jpg")
        Lesson.objects.create(course=course, number=1, title="One", asset=asset)
    assert queries() <= before


def test_queries_of_a_course_do_not_grow_with_its_lessons(library, reader):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert_page(reader.get(library.gallery.get_absolute_url()))
        return len(captured)

    reader.get(library.gallery.get_absolute_url())
    before = queries()
    for number in range(4, 12):
        asset = make_asset(library.gallery, "picture", f"{number}.jpg")
        Lesson.objects.create(course=library.gallery, number=number, sort_order=number, title="More", asset=asset)
    assert queries() <= before


# Covers and maps --------------------------------------------------------------------------------


def test_cover_without_a_picture_is_drawn_and_always_the_same(library):
    drawn = pattern_of(library.link)
    assert drawn == pattern_of(Course.objects.get(pk=library.link.pk))
    assert drawn.kind == "pattern"


def test_cover_is_the_picture_where_there_is_one(library):
    shown = cover(library.gallery)
    assert (shown.kind, shown.width) == ("picture", 480)
    assert "480w" in shown.srcset


def test_cover_writes_only_chinese_titles_on_the_slip(library):
    for title, slip in (
        ("龙泉青瓷：一抹天青", "龙泉青瓷"),
        ("C语言从零到一", ""),
        ("二十四式太极拳入门", "二十四式太极"),
    ):
        library.link.title = title
        assert pattern_of(library.link).slip == slip


@pytest.mark.parametrize("name", MOTIFS)
def test_pattern_is_well_formed_and_differs_by_seed(name):
    drawings = {svg(name, COLOURS[0], seed) for seed in range(SEEDS)}
    assert len(drawings) > SEEDS // 2
    for drawing in drawings:
        etree.fromstring(drawing)


def test_map_keeps_points_inside_and_names_apart(library):
    places = list(Place.objects.filter(level=2))
    drawn = maps.draw(places, {"3311": 5})
    assert drawn is not None
    for point in drawn.points:
        assert 0 <= point.x <= drawn.width
        assert 0 <= point.y <= drawn.height
    assert maps.draw(places[:1], {}) is None


def test_preview_shows_an_unsaved_course_as_its_page(library, reader):
    library.film.title = "Changed but not saved"
    library.film.lessons = [Lesson(number=1, title="Only this", summary="Draft text.")]
    request = RequestFactory().get("/", SERVER_NAME="localhost")
    request.user = AnonymousUser()
    response = library.film.serve_preview(request, "")
    text = response.render().content.decode()
    assert "Changed but not saved" in text
    assert "Draft text." in text


@pytest.fixture
def indexed(library, tmp_path, settings):
    """The library in an index of its own."""
    settings.SEARCH_URL, settings.SEARCH_EMBEDDED_PATH = "", tmp_path / "search"
    index.rebuild(engine(COURSES), COURSES)
    return library


def rows_beside(response) -> dict[str, list[tuple[str, str]]]:
    """Title and reason of each card, by the heading of its row."""
    sections = html.fromstring(response.content).xpath("//section[contains(@class, 'related')]")
    return {
        section.xpath(".//h2/text()")[0]: [
            ("".join(card.xpath(".//h3//text()")), "".join(card.xpath("./p[@class='reason']/text()")))
            for card in section.xpath(".//article")
        ]
        for section in sections
    }


def test_course_shows_similar_courses_with_their_reasons(indexed, reader):
    rows = rows_beside(reader.get(indexed.film.get_absolute_url()))
    assert set(rows["相近的课程"]) == {
        (str(course), "同一位老师：Chen · 同在Lishui") for course in (indexed.reading, indexed.gallery, indexed.link)
    }
    assert "看过的人还看" not in rows


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("/search/?q=%20%20", "全部课程"),
        ("/search/?q=！！！", "只有标点"),
        ("/search/?q=zzqqxx", "换个说法试试"),
        ("/search/?q=needle&kind=audio", "去掉筛选后有 1 门课程"),
    ],
)
def test_search_is_never_an_empty_page(indexed, reader, address, words):
    text = assert_page(reader.get(address))
    tree = html.fromstring(text)
    assert words in text
    assert tree.xpath("//main//a[starts-with(@href, '/courses/')]")
    assert tree.xpath("//dl[@id='tips']//kbd")


def test_search_without_its_engine_says_so_and_finds_titles(library, reader, tmp_path, settings):
    settings.SEARCH_URL, settings.SEARCH_EMBEDDED_PATH = "", tmp_path / "never-built"
    text = assert_page(reader.get("/search/?q=needle&institution=lishui"))
    assert "眼下只按标题查找" in text
    tree = html.fromstring(text)
    assert tree.xpath("//ol[@class='hits']//h2//text()") == ["Needle", " lessons"]
    assert "Lishui College" in tree.xpath("string(//ul[contains(@class, 'chosen')])")


def test_search_looks_through_the_values_of_a_filter(indexed, reader):
    tree = html.fromstring(assert_page(reader.get("/search/?within-institution=nothing")))
    facet = tree.xpath("//details[@data-facet='institution']")[0]
    assert "没有这样的名称" in facet.text_content()
    assert not facet.xpath(".//li")
    assert len(tree.xpath("//li[@class='hit']")) == 4, "looking through values changes nothing that is found"


def test_course_shows_what_its_learners_watched_too(library, reader, django_user_model):
    learners = [django_user_model.objects.create_user(username=f"learner{number}") for number in range(3)]
    first, other = library.film.lessons.first(), library.gallery.lessons.first()
    Progress.objects.bulk_create(
        Progress(user=learner, lesson=lesson, finished=True) for learner in learners for lesson in (first, other)
    )
    rows = rows_beside(reader.get(library.film.get_absolute_url()))
    assert rows == {"看过的人还看": [("Plates", "3 位看过这门课的人也看了")]}


def test_place_shows_a_course_once(library, reader):
    page = PlacePage(title="Lishui", slug="place-3311", place=library.place)
    page.body = [("courses", {"title": "Learn here", "courses": list(Course.objects.public())})]
    Page.get_first_root_node().add_child(instance=page)
    text = reader.get(library.place.get_absolute_url()).content.decode()
    assert text.count(f'href="{library.film.get_absolute_url()}"') == 1


def test_data_for_scripts_is_converted_with_its_page(library):
    Course.objects.filter(pk=library.film.pk).update(title="苗绣针法")
    reader = reader_in("zh-hant")
    assert "苗繡針法" in reader.get(library.film.get_absolute_url()).content.decode().partition('id="player-data"')[2]
