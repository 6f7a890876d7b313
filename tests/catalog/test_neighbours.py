"""Courses beside a course: what they share, in words, and who comes first."""

import pytest
from django.utils import translation

from catalog.models import Course, Institution, Place, Teacher, Theme
from catalog.neighbours import beside, nearest, ties


@pytest.fixture
def make(db):
    owner = Institution.add_root(code="owner", name="Owner")

    def course(title: str, **fields) -> Course:
        related = {name: fields.pop(name) for name in ("themes", "places", "teachers") if name in fields}
        made = Course(institution=owner, title=title, kind="video", live=True, **fields)
        for name, values in related.items():
            setattr(made, name, values)
        made.save()
        return made

    return course


def sentence_of(one: Course, other: Course) -> str:
    return ties(one, [other.pk])[other.pk].sentence


def test_ties_tell_teachers_before_keywords_before_places(make):
    teacher = Teacher.objects.create(name="吴水根")
    place = Place.objects.create(code="522601", level=3, name="凯里市")
    common = {"teachers": [teacher], "places": [place], "subjects": ["苗绣", "针法", "银饰"]}
    one, other = make("一", **common), make("二", **{**common, "subjects": ["针法", "苗绣", "蜡染"]})
    assert sentence_of(one, other) == "同一位老师：吴水根 · 都讲苗绣、针法"
    other.teachers = []
    other.save()
    assert sentence_of(one, other) == "都讲苗绣、针法 · 同在凯里市"


@pytest.mark.parametrize(
    ("one", "other", "sentence"),
    [
        ("非遗苗绣入门", "苗绣针法十二讲", "标题都有“苗绣”"),
        ("太极拳", "二十四式太极拳", "标题都有“太极拳”"),
        ("茶", "龙井茶", ""),
        ("第1讲", "第1课", ""),
    ],
)
def test_ties_find_a_word_of_both_titles(make, one, other, sentence):
    assert sentence_of(make(one), make(other)) == sentence


def test_ties_name_themes_in_the_language_of_the_page(make):
    theme = Theme.add_root(slug="crafts", name="手艺", name_en="Crafts")
    one, other = make("甲", themes=[theme]), make("乙", themes=[theme])
    assert sentence_of(one, other) == "同属手艺"
    with translation.override("en"):
        assert "Crafts" in sentence_of(one, other)


def test_nearest_shows_public_courses_that_share_most_first(make):
    theme = Theme.add_root(slug="crafts", name="手艺")
    here = make("甲", themes=[theme], subjects=["苗绣"])
    far, near, stranger = make("乙", themes=[theme]), make("丙", subjects=["苗绣"]), make("丁")
    hidden = make("戊", subjects=["苗绣"])
    Course.objects.filter(pk=hidden.pk).update(live=False)
    candidates = [stranger.pk, far.pk, hidden.pk, near.pk, 10**9]
    assert [one.course for one in nearest(here, candidates, 4)] == [near, far]
    assert [one.course for one in nearest(here, candidates, 1)] == [near]


def test_more_candidates_take_the_same_number_of_questions(make, django_assert_num_queries):
    theme, teacher = Theme.add_root(slug="crafts", name="手艺"), Teacher.objects.create(name="吴水根")
    here, *others = (make(title, themes=[theme], teachers=[teacher]) for title in "甲乙丙丁戊己")
    for candidates in (others[:1], others):
        with django_assert_num_queries(6):
            ties(here, [other.pk for other in candidates])


def test_beside_keeps_the_order_it_is_given(make):
    courses = [make(title) for title in ("甲", "乙", "丙")]
    wanted = {course.pk: f"because {course}" for course in reversed(courses)}
    assert [(one.course.pk, one.reason) for one in beside(wanted)] == list(wanted.items())
