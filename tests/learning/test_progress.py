import pytest
from django.contrib.auth import get_user_model

from catalog.models import Course, Institution, Lesson
from learning import shelf
from learning.models import Progress


@pytest.fixture
def course(db):
    town = Institution.add_root(code="town", name="谷城县文化馆")
    course = Course.objects.create(institution=town, title="苗绣", kind="video")
    for title in ("一", "二"):
        Lesson.objects.create(course=course, title=title, url="https://example.org/")
    return course


@pytest.fixture
def lesson(course):
    return course.lessons.get(title="一")


@pytest.fixture
def learner(db):
    return get_user_model().objects.create_user("learner", password="x")


def put(client, lesson, **body):
    return client.put(f"/api/v1/progress/{lesson.pk}", body, content_type="application/json")


def test_progress_asks_who_you_are(client, lesson):
    assert client.get(f"/api/v1/progress/{lesson.pk}").status_code == 401
    assert put(client, lesson, position=5).status_code == 401


def test_progress_is_kept_and_told(client, learner, lesson):
    client.force_login(learner)
    assert client.get(f"/api/v1/progress/{lesson.pk}").json() == {"position": 0.0, "finished": False}
    assert put(client, lesson, position=460.0).json() == {"position": 460.0, "finished": False}
    assert client.get(f"/api/v1/progress/{lesson.pk}").json()["position"] == 460.0


def test_progress_beginning_of_a_new_session_does_not_wipe_a_later_place(client, learner, lesson):
    client.force_login(learner)
    put(client, lesson, position=460.0)
    for position in (0, 2.5, 10):
        assert put(client, lesson, position=position).json()["position"] == 460.0
    assert put(client, lesson, position=120).json()["position"] == 120


def test_progress_restart_begins_again(client, learner, lesson):
    client.force_login(learner)
    put(client, lesson, position=460.0)
    assert put(client, lesson, position=0, restart=True).json()["position"] == 0


def test_progress_of_a_reading_counts_pages(client, learner, course, lesson):
    Course.objects.filter(pk=course.pk).update(kind="reading")
    client.force_login(learner)
    put(client, lesson, position=9)
    assert put(client, lesson, position=1).json()["position"] == 9
    assert put(client, lesson, position=3).json()["position"] == 3


def test_progress_finished_stays_and_saying_it_twice_changes_nothing(client, learner, lesson):
    client.force_login(learner)
    put(client, lesson, position=600, finished=True)
    before = Progress.objects.get()
    assert put(client, lesson, position=600).json() == {"position": 600.0, "finished": True}
    assert Progress.objects.get().updated_at == before.updated_at


@pytest.mark.parametrize("position", [-1, 1e12, "x", None])
def test_progress_refuses_what_is_no_place(client, learner, lesson, position):
    client.force_login(learner)
    assert put(client, lesson, position=position).status_code == 422
    assert not Progress.objects.exists()


def test_progress_of_a_hidden_lesson_is_not_found(client, learner, course, lesson):
    Course.objects.filter(pk=course.pk).update(live=False)
    client.force_login(learner)
    assert put(client, lesson, position=5).status_code == 404


def test_progress_is_ones_own(client, learner, lesson):
    shelf.keep_place(learner, lesson, 300.0)
    client.force_login(get_user_model().objects.create_user("other", password="x"))
    assert client.get(f"/api/v1/progress/{lesson.pk}").json()["position"] == 0
    assert client.get("/api/v1/progress").json() == {"items": []}


def test_shelf_has_one_lesson_a_course_last_first(client, learner, course, lesson):
    other = Course.objects.create(institution=course.institution, title="蜀绣", kind="video")
    third = Lesson.objects.create(course=other, title="三", url="https://example.org/")
    shelf.keep_place(learner, third, 30.0)
    shelf.keep_place(learner, lesson, 20.0)
    shelf.keep_place(learner, course.lessons.get(title="二"), 40.0)
    client.force_login(learner)
    items = client.get("/api/v1/progress").json()["items"]
    assert [(item["title"], item["lesson_title"], item["position"]) for item in items] == [
        ("苗绣", "二", 40.0),
        ("蜀绣", "三", 30.0),
    ]
    assert items[0]["url"].endswith("/2/?t=40")


def test_shelf_leaves_out_what_is_finished_or_withdrawn(learner, course, lesson):
    shelf.keep_place(learner, lesson, 20.0)
    Course.objects.filter(pk=course.pk).update(live=False)
    assert shelf.continue_watching(learner) == []
    Course.objects.filter(pk=course.pk).update(live=True)
    assert len(shelf.continue_watching(learner)) == 1
    shelf.keep_place(learner, lesson, 600.0, finished=True)
    assert shelf.continue_watching(learner) == []
