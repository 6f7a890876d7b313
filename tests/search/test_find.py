"""What readers type and what they find: one suite for both engines, on one library that no test changes."""

from __future__ import annotations

import pytest

from catalog.models import Course
from search import ask, find
from search.documents import CourseDocument, PassageDocument
from search.engines.choose import engine
from search.engines.contract import Engine
from search.query import Query
from tests.search.asking import counts, slugs

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("readonly_library")]


TYPED = [
    ("苗绣", "miao-xiu"),
    ("遗苗绣入", "miao-xiu"),
    ("变脸", "chuan-ju"),
    ("双面", "shu-xiu"),
    ("智能手机", "phone"),
    ("越剧", "yue-ju"),
    ("茶", "long-jing"),
    ("C语言", "c-language"),
    ("c语言程序", "c-language"),
    ("5G", "5g"),
    ("９０后", "90hou"),
    ("苗繡", "miao-xiu"),
    ("雙面繡", "shu-xiu"),
    ("智能手機", "phone"),
    ("miaoxiu", "miao-xiu"),
    ("miao xiu", "miao-xiu"),
    ("MiaoXiu", "miao-xiu"),
    ("zhinengshouji", "phone"),
    ("cqxm", "chong-qing"),
    ("taijiquan", "tai-ji"),
    ("苗秀", "miao-xiu"),
    ("喵绣", "miao-xiu"),
    ("太级拳", "tai-ji"),
    ("智能首机", "phone"),
    ("miao绣", "miao-xiu"),
    ("embroidery", "miao-xiu"),
    ("苗绣针法", "miao-xiu"),
    ("凯里", "miao-xiu"),
    ("吴水根", "miao-xiu"),
]


def test_search_finds_what_is_typed() -> None:
    missed = {typed: slugs(typed)[:3] for typed, slug in TYPED if slug not in slugs(typed)[:3]}
    assert missed == {}


def test_search_of_traditional_and_simplified_gives_the_same_courses() -> None:
    for simplified, traditional in [
        ("苗绣", "苗繡"),
        ("太极拳", "太極拳"),
        ("养生", "養生"),
        ("夏布织造", "夏布織造"),
        ("剪纸", "剪紙"),
    ]:
        assert slugs(simplified) == slugs(traditional) != []


def test_search_tells_why_when_found_by_sound() -> None:
    results = find.search(Query(text="苗秀"))
    assert results.suggestion == "苗绣"
    assert results.why == "按拼音找到“苗绣”"
    assert results.hits[0].highlights["title"] == "非遗<mark>苗绣</mark>入门"


def test_search_by_initials_marks_the_characters() -> None:
    results = find.search(Query(text="mx"))
    assert "非遗<mark>苗绣</mark>入门" in {hit.highlights["title"] for hit in results.hits}


def test_search_highlights_the_other_script() -> None:
    assert find.search(Query(text="苗繡")).hits[0].highlights["title"] == "非遗<mark>苗绣</mark>入门"


def test_search_highlight_is_safe_html() -> None:
    hit = find.search(Query(text="网页安全")).hits[0]
    assert hit.highlights["title"] == "&lt;script&gt;alert(1)&lt;/script&gt;<mark>网页安全</mark>"
    body = find.search(Query(text="标签 引号")).hits[0].highlights["body"]
    assert "<b>" not in body
    assert "&lt;b&gt;<mark>标签</mark>&lt;/b&gt;" in body


def test_search_opens_spoken_words_at_their_second() -> None:
    hit = find.search(Query(text="绕线三圈")).hits[0]
    assert hit.url.endswith("/miao-xiu/")
    passage = hit.passages[0]
    assert (passage.lesson, passage.lesson_title, passage.seconds, passage.page) == (3, "两种针法", 33, None)
    assert passage.url.endswith("/miao-xiu/3/?t=33")
    assert "<mark>绕线三圈</mark>" in passage.highlight


def test_passages_with_all_words_come_alone(readonly_library: Engine) -> None:
    texts = ["破线绣用丝线", "丝线在左", "打籽绣在右", "打籽绣也用丝线"]
    courses = {1: texts, 2: texts[1:3], 3: ["锡箔"]}
    library = engine("passages").fresh()
    library.put(
        CourseDocument(
            id=number, slug=f"c{number}", titles=("课",), version=1,
            passages=tuple(PassageDocument(1, "课", text, seconds=n) for n, text in enumerate(said)),
        )
        for number, said in courses.items()
    )  # fmt: skip
    found = library.passages([1, 2, 3], ask.as_written("打籽绣 丝线").words, 3)
    library.drop()
    assert {course: {one["text"] for one in best} for course, best in found.items()} == {
        1: {"打籽绣也用丝线"},
        2: {"丝线在左", "打籽绣在右"},
    }


def test_search_opens_printed_words_at_their_page() -> None:
    passage = find.search(Query(text="挽麻團要用指甲")).hits[0].passages[0]
    assert (passage.lesson, passage.seconds, passage.page) == (1, None, 2)
    assert "<mark>挽麻团要用指甲</mark>" in passage.highlight


def test_search_joins_words_of_entry_and_speech() -> None:
    assert slugs("凯里 锡箔")[0] == "miao-xiu"


def test_search_facets_count_their_other_values() -> None:
    results = find.search(Query(filters={"kind": ("audio",)}))
    assert results.total == 3
    assert counts(results, "kind") == {"video": 31, "audio": 3, "reading": 3, "gallery": 2, "link": 1}
    assert counts(results, "theme") == {"culture": 3, "stage": 3}
    assert [value.value for facet in results.facets if facet.name == "kind" for value in facet.selected] == ["audio"]
    both = find.search(Query(filters={"kind": ("audio", "gallery"), "theme": ("stage",)}))
    assert both.total == 4
    assert counts(both, "theme") == {"culture": 5, "stage": 4, "craft": 1}


def test_search_place_is_a_tree() -> None:
    top = counts(find.search(Query()), "place")
    assert top["50"] == 2
    assert "500153" not in top
    results = find.search(Query(filters={"place": ("33",)}))
    assert results.total == 5
    tree = next(facet for facet in results.facets if facet.name == "place").values
    shown = {value.value: (value.count, value.depth) for value in tree}
    assert shown["33"] == (5, 0)
    assert shown["3301"] == (4, 1)
    assert shown["3306"] == (1, 1)
    assert shown["50"] == (2, 0)


def test_search_place_skips_a_level_that_is_no_division() -> None:
    tree = next(
        facet for facet in find.search(Query(filters={"place": ("50",)})).facets if facet.name == "place"
    ).values
    assert [(value.label, value.depth) for value in tree if value.value.startswith("50")] == [
        ("重庆市", 0),
        ("荣昌区", 1),
    ]


def test_search_length_buckets() -> None:
    lengths = counts(find.search(Query(text="养生 八段锦")), "length")
    assert lengths == {"medium": 1}


def test_search_sorts() -> None:
    popular = find.search(Query(sort="popular", per_page=3)).hits
    assert [hit.title for hit in popular] == ["老年人智能手机课堂", "二十四式太极拳", "八段锦养生功"]
    titles = [hit.title for hit in find.search(Query(text="绣", sort="title")).hits]
    assert titles.index("非遗苗绣入门") < titles.index("蜀绣双面绣") < titles.index("湘绣里的狮虎")


def test_search_page_behind_the_last_is_empty() -> None:
    results = find.search(Query(page=5000))
    assert (results.total, results.hits) == (40, ())
    first, second = find.search(Query(page=1, per_page=30)), find.search(Query(page=2, per_page=30))
    assert len({hit.id for hit in first.hits + second.hits}) == 40


def test_search_without_result_offers_what_is_popular() -> None:
    results = find.search(Query(text="zzqqxx"))
    assert results.total == 0
    assert results.popular[0].title == "老年人智能手机课堂"


def test_search_with_filters_in_the_way_says_so() -> None:
    results = find.search(Query(text="养生", filters={"kind": ("link",)}))
    assert results.total == 0
    results = find.search(Query(text="绣", filters={"kind": ("link",)}))
    assert results.why == "去掉筛选后有 3 门课程。"


def test_search_falls_back_to_the_nearest() -> None:
    results = find.search(Query(text="请问苗绣的打籽绣究竟应当怎样绕线才会好看呢"))
    assert results.hits[0].title == "非遗苗绣入门"
    assert results.why


def test_search_of_signs_only_finds_nothing() -> None:
    assert find.search(Query(text="？？！")).total == 0


def test_search_of_odd_input_never_fails() -> None:
    for text in [
        '"',
        "'",
        "* OR 1",
        "NEAR(a b)",
        "a AND",
        "(",
        "{title}:x",
        "苗\x00绣",
        "😀",
        "%",
        "¶",
        "a" * 200,
        "绣" * 200,
    ]:
        assert find.search(Query.from_params({"q": text})).degraded is False


def test_similar_courses_leave_out_the_course_itself() -> None:
    miao = Course.objects.get(slug="miao-xiu")
    found = find.similar(miao)
    assert found
    assert miao.pk not in found
