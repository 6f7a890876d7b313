import datetime as dt

import pytest
from django.utils import timezone

from catalog.models import Course, Lesson, Place


@pytest.fixture
def courses(places, town, city, theme):
    made = []
    for number in range(5):
        course = Course.objects.create(
            institution=town if number % 2 else city,
            title=f"课{number}",
            kind="reading",
            description="文",
            language="zh-Hans",
        )
        made.append(course)
    made[0].themes.add(theme)
    made[0].places.add(Place.objects.get(code="420625"))
    made[0].save()
    Course.objects.create(institution=town, title="草稿", live=False)
    ended = timezone.localdate() - dt.timedelta(days=1)
    Course.objects.create(institution=town, title="到期", licence_until=ended)
    return made


def get(client, query=""):
    return client.get(f"/api/v1/courses{query}").json()


def test_courses_show_only_what_is_public(client, courses):
    answer = get(client)
    assert answer["total"] == 5
    assert [item["title"] for item in answer["items"]] == ["课4", "课3", "课2", "课1", "课0"]
    assert answer["next"] is None


def test_courses_pages_hold_when_a_course_is_added_between(client, courses, town):
    first = get(client, "?limit=3")
    Course.objects.create(institution=town, title="新来的", kind="reading", description="文")
    second = client.get(first["next"]).json()
    assert [item["title"] for item in first["items"] + second["items"]] == ["课4", "课3", "课2", "课1", "课0"]
    assert second["next"] is None


@pytest.mark.parametrize(
    ("query", "total"),
    [
        ("?institution=town", 2),
        ("?theme=old-age", 1),
        ("?place=42", 1),
        ("?place=11", 0),
        ("?kind=reading", 5),
        ("?kind=video", 0),
        ("?language=en", 0),
        ("?institution=town&theme=old-age", 0),
    ],
)
def test_courses_filter(client, courses, query, total):
    assert get(client, query)["total"] == total


@pytest.mark.parametrize("query", ["?kind=nonsense", "?limit=0", "?limit=5000", "?place=abc", "?after=x"])
def test_courses_bad_parameter_is_named(client, courses, query):
    assert client.get(f"/api/v1/courses{query}").status_code == 422


def test_course_tells_its_lessons(client, courses):
    Lesson.objects.create(course=courses[0], title="第一课", summary="文")
    Lesson.objects.create(course=courses[0], title="别处", url="https://example.org/")
    answer = client.get(f"/api/v1/courses/{courses[0].pk}").json()
    assert [lesson["number"] for lesson in answer["lessons"]] == [1, 2]
    assert answer["lessons"][1]["link"] == "https://example.org/"
    assert answer["places"] == [{"code": "420625", "name": "谷城县"}]


@pytest.mark.parametrize("title", ["草稿", "到期"])
def test_course_that_is_not_public_is_not_found(client, courses, title):
    hidden = Course.objects.get(title=title)
    assert client.get(f"/api/v1/courses/{hidden.pk}").status_code == 404
