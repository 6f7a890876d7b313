"""What others watched: counted over learners, told from three on, of public courses only."""

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.models import Course, Institution, Lesson
from learning import together
from learning.models import Progress
from learning.together import watched_too
from media_pipeline.models import MediaAsset

MINUTES_TEN = 600.0


@pytest.fixture
def learners(db) -> list:
    users = get_user_model().objects
    return [users.create_user(username=f"learner{number}") for number in range(5)]


@pytest.fixture
def courses(db) -> list[Course]:
    """Three public courses of one film of ten minutes each."""
    owner = Institution.add_root(code="owner", name="Owner")
    return [make_course(owner, f"Course {number}") for number in range(3)]


def make_course(owner: Institution, title: str) -> Course:
    course = Course(institution=owner, title=title, kind="video", live=True)
    course.save()
    film = MediaAsset.objects.create(owner=owner.code, title=title, filename=f"{title}.mp4", duration=MINUTES_TEN)
    Lesson.objects.create(course=course, number=1, title="One", asset=film)
    return course


def watch(learner, course: Course, seconds: float = 0.0, *, finished: bool = False) -> None:
    Progress.objects.create(user=learner, lesson=course.lessons.get(), position=seconds, finished=finished)


def test_watched_too_counts_learners_the_most_first(learners, courses):
    here, often, seldom = courses
    for learner in learners:
        watch(learner, here, finished=True)
        watch(learner, often, finished=True)
    for learner in learners[:3]:
        watch(learner, seldom, finished=True)
    assert list(watched_too(here, 4).items()) == [(often.pk, 5), (seldom.pk, 3)]
    assert list(watched_too(here, 1)) == [often.pk]


def test_watched_too_says_nothing_of_two_learners(learners, courses):
    here, other, _last = courses
    for learner in learners:
        watch(learner, here, finished=True)
    for learner in learners[:2]:
        watch(learner, other, finished=True)
    assert watched_too(here, 4) == {}
    watch(learners[2], other, finished=True)
    assert watched_too(here, 4) == {other.pk: 3}


def test_watched_too_counts_a_learner_of_many_lessons_once(learners, courses):
    here, other, _last = courses
    Lesson.objects.create(course=other, number=2, title="Two", asset=other.lessons.get().asset)
    for learner in learners[:2]:
        watch(learner, here, finished=True)
        for lesson in other.lessons.all():
            Progress.objects.create(user=learner, lesson=lesson, finished=True)
    assert watched_too(here, 4) == {}


def test_watched_too_asks_for_half_a_film(learners, courses):
    here, half, less = courses
    for learner in learners[:3]:
        watch(learner, here, MINUTES_TEN / 2)
        watch(learner, half, MINUTES_TEN / 2)
        watch(learner, less, MINUTES_TEN / 2 - 1)
    assert watched_too(here, 4) == {half.pk: 3}


def test_watched_too_names_public_courses_only(learners, courses):
    here, hidden, _last = courses
    for learner in learners[:3]:
        watch(learner, here, finished=True)
        watch(learner, hidden, finished=True)
    assert list(watched_too(here, 4)) == [hidden.pk]
    Course.objects.filter(pk=hidden.pk).update(live=False)
    assert watched_too(here, 4) == {}


def test_watched_too_looks_at_the_latest_learners_in_two_queries(learners, courses, monkeypatch):
    here, old, new = courses
    monkeypatch.setattr(together, "LEARNERS", 3)
    for learner, other in [*((one, old) for one in learners[:2]), *((one, new) for one in learners[2:])]:
        watch(learner, here, finished=True)
        watch(learner, other, finished=True)
    watch(learners[4], old, finished=True)
    with CaptureQueriesContext(connection) as queries:
        assert watched_too(here, 4) == {new.pk: 3}
    assert len(queries) == 2
