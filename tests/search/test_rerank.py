"""The finer order of the first courses, and the characters that look alike."""

from __future__ import annotations

import pytest

from search import ask, find, look_alikes
from search.engines.contract import Row
from search.query import Query
from search.rerank import rerank
from tests.search.asking import slugs


def row(number: int, title: str, body: str = "", score: float = 1.0) -> Row:
    return Row(number, score, {"titles": [title], "names": [], "body": body, "slug": str(number)})


def order(rows: list[Row], words: tuple[ask.Word, ...], *, loose: bool = False) -> list[int]:
    return [one.id for one in rerank(rows, words, loose=loose, inside={})]


def test_a_course_about_its_keywords_comes_before_one_that_mentions_them() -> None:
    about = row(2, "农产品上网", "直播的灯光，直播的话术，直播的选品，带货之前先试播，带货之后看数据。")
    mentions = row(1, "乡村振兴", "产业、人才与文化。" * 10 + "也谈直播，也谈带货。")
    assert order([mentions, about], ask.as_written("直播 带货").words) == [2, 1]


def test_a_title_that_ends_with_a_word_is_about_it() -> None:
    rows = [row(1, "画水彩的人"), row(2, "静物水彩画")]
    assert order(rows, ask.as_written("水彩 画").words) == [2, 1]


def test_words_of_a_sentence_that_stand_together_count_more() -> None:
    apart = row(1, "甲", "苗绣是手艺。" + "讲染布和织布。" * 20 + "平绣的针法讲完再讲丝线。")
    together = row(2, "乙", "苗绣的针法用丝线。" + "讲染布和织布。" * 20)
    words = ask.as_loose(ask.as_written("苗绣的针法用什么丝线").words)
    assert order([apart, together], words, loose=True) == [2, 1]


def test_what_was_typed_decides_between_names_of_one_sound() -> None:
    words = ask.as_misspelt(ask.as_written("立研就").words)
    assert order([row(1, "商标法案例研究", score=1.01), row(2, "独立研究")], words) == [2, 1]


def test_initials_mean_the_title_more_courses_bear() -> None:
    words = ask.as_written("sjgl").words
    rows = [row(1, "世界概览", score=1.01), row(2, "设计管理"), row(3, "设计管理")]
    assert order(rows, words) == [2, 3, 1]


def test_one_word_as_typed_stays_in_the_order_of_the_engine() -> None:
    rows = [row(1, "刺绣"), row(2, "苗绣")]
    assert rerank(rows, ask.as_written("苗绣").words, loose=False, inside={}) == rows


@pytest.mark.parametrize(("char", "other"), [("己", "已"), ("末", "未"), ("刺", "剌"), ("晴", "睛"), ("绣", "锈")])
def test_look_alikes_know_each_other(char: str, other: str) -> None:
    assert other in look_alikes.of(char)
    assert char in look_alikes.of(other)


@pytest.mark.django_db
@pytest.mark.usefixtures("readonly_library")
class TestFound:
    @pytest.mark.parametrize(
        ("typed", "meant"),
        [
            *(("苗锈", "miao-xiu"), ("太板拳", "tai-ji"), ("智能手札", "phone")),
            *(("cuanju", "chuan-ju"), ("nongjinca", "long-jing"), ("jianzi", "paper"), ("西案城墙", "xian-wall")),
        ],
    )
    def test_look_alikes_and_near_sounds_are_found(self, typed: str, meant: str) -> None:
        assert slugs(typed)[0] == meant

    def test_the_few_with_all_words_come_before_the_closest(self) -> None:
        results = find.search(Query(text="川剧变脸"))
        assert results.hits[0].url.endswith("/chuan-ju/")
        results = find.search(Query(text="养生 双面绣 晕针"))
        assert results.why == "没有完全相同的内容，以下是最接近的。"
        results = find.search(Query(text="蜀绣 晕针"))
        first, *others = [hit.url for hit in results.hits]
        assert first.endswith("/shu-xiu/")
        assert results.why == "完全符合的有 1 门，其后是最接近的。" if others else results.why == ""

    def test_pages_after_the_first_go_on_in_the_same_order(self) -> None:
        every = [hit.id for hit in find.search(Query(text="蜀绣 针", per_page=50)).hits]
        assert len(every) > 1
        paged = [find.search(Query(text="蜀绣 针", per_page=1, page=page)).hits for page in range(1, len(every) + 1)]
        assert [hit.id for hits in paged for hit in hits] == every

    def test_the_desk_lists_only_what_matches(self) -> None:
        assert len(find.admin_ids("蜀绣 晕针")) <= 1
        assert find.admin_ids("苗绣 微积分") == []
