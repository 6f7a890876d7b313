from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from catalog.models import Course, Institution, Lesson
from learning import shelf
from learning.models import Favourite, Progress


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


# One shelf from many devices -------------------------------------------------------------------------


def bring(client, *places, favourites=()):
    body = {"places": list(places), "favourites": list(favourites)}
    return client.post("/api/v1/shelf", body, content_type="application/json")


def remembered(lesson, position, *, ago=0, **more):
    return {
        "lesson": lesson.pk,
        "position": position,
        "at": (timezone.now() - timedelta(hours=ago)).isoformat(),
        **more,
    }


def test_shelf_takes_what_a_device_kept_and_doing_it_twice_changes_nothing(client, learner, course, lesson):
    client.force_login(learner)
    other = course.lessons.get(title="二")
    device = [remembered(lesson, 460, ago=3), remembered(other, 30, ago=1, finished=True)]
    assert bring(client, *device, favourites=[course.pk]).json() == {"changed": 2, "left": []}
    assert shelf.place_in(learner, lesson) == shelf.Place(460, False)
    assert shelf.place_in(learner, other) == shelf.Place(30, True)
    before = list(Progress.objects.order_by("pk").values_list("updated_at", flat=True))
    assert bring(client, *device, favourites=[course.pk]).json() == {"changed": 0, "left": []}
    assert list(Progress.objects.order_by("pk").values_list("updated_at", flat=True)) == before
    assert Favourite.objects.count() == 1


def test_shelf_of_two_places_the_later_holds_and_finished_stays(client, learner, lesson):
    client.force_login(learner)
    put(client, lesson, position=300, finished=True)
    bring(client, remembered(lesson, 40, ago=2))
    assert shelf.place_in(learner, lesson) == shelf.Place(300, True)
    Progress.objects.update(updated_at=timezone.now() - timedelta(hours=5))
    bring(client, remembered(lesson, 400, ago=2))
    assert shelf.place_in(learner, lesson) == shelf.Place(400, True)
    assert Progress.objects.get().updated_at < timezone.now() - timedelta(hours=1)


def test_shelf_clock_of_a_device_that_runs_ahead_does_not_reach_into_the_future(client, learner, lesson):
    client.force_login(learner)
    bring(client, remembered(lesson, 50, ago=-48))
    assert Progress.objects.get().updated_at <= timezone.now()


def test_shelf_passes_over_what_is_not_public_and_refuses_what_makes_no_sense(client, learner, course, lesson):
    client.force_login(learner)
    Course.objects.update(live=False)
    told = bring(client, remembered(lesson, 50), favourites=[course.pk, 999_999]).json()
    assert told == {"changed": 0, "left": []}
    assert not Progress.objects.exists()
    assert not Favourite.objects.exists()
    assert bring(client, remembered(lesson, -1)).status_code == 422
    assert bring(client, {"lesson": lesson.pk, "position": 3, "at": "2026-01-01T00:00:00"}).status_code == 422
    assert bring(client, favourites=range(501)).status_code == 422


@pytest.fixture
def three(course):
    made = [Course.objects.create(institution=course.institution, title=title, kind="video") for title in "甲乙"]
    return [course.pk, *(one.pk for one in made)]


def kept(client):
    return [item["course"] for item in client.get("/api/v1/favourites").json()["items"]]


def test_shelf_keeps_the_order_in_which_a_device_kept(client, learner, three):
    first, second, third = three
    client.force_login(learner)
    client.put(f"/api/v1/favourites/{first}")
    assert bring(client, favourites=[third, first, second, third]).json()["left"] == []
    assert kept(client) == [third, second, first]


def test_shelf_without_room_says_what_it_leaves_with_the_device(client, learner, three, monkeypatch):
    monkeypatch.setattr(shelf, "FAVOURITES", 2)
    first, second, third = three
    client.force_login(learner)
    for _time in range(2):
        assert bring(client, favourites=[third, second, first]).json()["left"] == [first]
        assert kept(client) == [third, second]
    client.delete(f"/api/v1/favourites/{third}")
    assert bring(client, favourites=[first]).json()["left"] == []
    assert kept(client) == [first, second]


# Favourites ------------------------------------------------------------------------------------------


def test_favourite_is_kept_listed_and_dropped_by_its_owner_alone(client, learner, course):
    address = f"/api/v1/favourites/{course.pk}"
    assert client.put(address).status_code == 401
    client.force_login(learner)
    assert client.get(address).json() == {"kept": False}
    assert client.put(address).json() == client.put(address).json() == {"kept": True}
    (item,) = client.get("/api/v1/favourites").json()["items"]
    assert (item["title"], item["url"]) == (course.title, course.get_absolute_url())
    client.force_login(get_user_model().objects.create_user("other", password="x"))
    assert client.get("/api/v1/favourites").json() == {"items": []}
    client.delete(address)
    client.force_login(learner)
    assert client.get(address).json() == {"kept": True}
    assert client.delete(address).json() == {"kept": False}


def test_favourite_of_what_is_not_public_is_not_there(client, learner, course):
    client.force_login(learner)
    client.put(f"/api/v1/favourites/{course.pk}")
    Course.objects.update(live=False)
    assert client.get("/api/v1/favourites").json() == {"items": []}
    assert client.put(f"/api/v1/favourites/{course.pk}").status_code == 404


def test_favourites_of_one_learner_end_somewhere(client, learner, course, monkeypatch):
    monkeypatch.setattr(shelf, "FAVOURITES", 0)
    client.force_login(learner)
    told = client.put(f"/api/v1/favourites/{course.pk}")
    assert told.status_code == 409
    assert "收藏已满" in told.json()["message"]
