import pytest

from catalog.models import Course, make_slug
from catalog.titles import address_and_order


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("苗绣针法", "miao-xiu-zhen-fa"),
        ("C语言 5G 入门", "c-yu-yan-5g-ru-men"),
        ("國家公園", "guo-jia-gong-yuan"),
        ("Café (新)", "cafe-xin"),
        ("！？", "course"),
    ],
)
def test_address_is_pinyin_in_ascii(title, slug):
    assert address_and_order(title)[0] == slug


def test_address_of_a_long_title_ends_at_a_syllable():
    slug = address_and_order("长" * 80)[0]
    assert len(slug) <= 100
    assert set(slug.split("-")) <= {"zhang", "chang"}


def test_order_is_by_syllable():
    assert address_and_order("安徽")[1] < address_and_order("昂")[1]


def test_address_of_a_second_course_is_numbered(town):
    first = Course.objects.create(institution=town, title="苗绣")
    second = Course.objects.create(institution=town, title="苗绣")
    assert (first.slug, second.slug, make_slug("苗绣")) == ("miao-xiu", "miao-xiu-2", "miao-xiu-3")


def test_address_stays_when_the_title_changes(town):
    course = Course.objects.create(institution=town, title="苗绣")
    course.title = "蜀绣"
    course.save()
    course.refresh_from_db()
    assert (course.slug, course.sort_key) == ("miao-xiu", "shu xiu")
