import datetime as dt

import pytest
from django.utils import timezone

from catalog import publishing
from catalog.errors import NotReady
from catalog.models import Course, Lesson
from catalog.signals import courses_changed
from media_pipeline.models import AssetState, MediaAsset, MediaType
from media_pipeline.signals import asset_ready
from media_pipeline.tracks import set_track


@pytest.fixture
def film(town):
    return MediaAsset.objects.create(
        owner=town.code, title="film", filename="film.mp4", media_type=MediaType.VIDEO, duration=60.0,
        state=AssetState.PUBLISHED, poster_key="p/poster.jpg",
    )  # fmt: skip


@pytest.fixture
def course(town, film):
    course = Course(institution=town, title="苗绣", live=False, has_unpublished_changes=True)
    course.lessons = [Lesson(title="第一课", asset=film)]
    course.save()
    return course


def public(asset):
    asset.refresh_from_db()
    return asset.public


def test_publish_makes_course_and_media_public(course, film):
    assert not public(film)
    publishing.publish(course)
    assert list(Course.objects.public()) == [course]
    assert course.is_public
    assert public(film)


def test_publish_twice_makes_one_version(course):
    publishing.publish(course)
    publishing.publish(course)
    assert course.revisions.count() == 1


def test_withdraw_closes_media_unless_another_public_course_uses_them(course, film, city):
    other = Course(institution=city, title="刺绣", live=False)
    other.lessons = [Lesson(title="一", asset=film)]
    other.save()
    publishing.publish(course)
    publishing.publish(other)
    publishing.withdraw(course)
    assert public(film)
    publishing.withdraw(other)
    assert not public(film)


def test_publish_refuses_what_lacks_a_lesson(town):
    course = Course.objects.create(institution=town, title="空", kind="video", live=False)
    with pytest.raises(NotReady, match="还没有课时"):
        publishing.publish(course)
    assert not Course.objects.public().exists()


def test_publish_refuses_media_of_another_kind(course, film):
    course.kind = "audio"
    course.lessons.get().asset.media_type = MediaType.PICTURE
    MediaAsset.objects.filter(pk=film.pk).update(media_type=MediaType.PICTURE)
    course = Course.objects.get(pk=course.pk)
    with pytest.raises(NotReady, match="图片"):
        publishing.publish(course)


def test_reading_may_be_its_description(town):
    course = Course.objects.create(institution=town, title="诗", kind="reading", description="白日依山尽", live=False)
    publishing.publish(course)
    assert course.is_public


def test_course_takes_figures_from_its_lessons(course, film):
    course.refresh_from_db()
    assert (course.duration, course.has_captions, course.cover_id) == (60.0, False, film.pk)
    set_track(film, "WEBVTT\n\n00:00.000 --> 00:01.000\n你好\n")
    course.refresh_from_db()
    assert course.has_captions


def test_asset_that_becomes_ready_reaches_its_course(course, film):
    changed = []

    def note(ids, **_):
        changed.extend(ids)

    courses_changed.connect(note)
    MediaAsset.objects.filter(pk=film.pk).update(duration=75.0)
    film.refresh_from_db()
    asset_ready.send(sender=MediaAsset, asset=film)
    courses_changed.disconnect(note)
    course.refresh_from_db()
    assert course.duration == 75.0
    assert changed == [course.pk]


def test_licence_that_ended_hides_at_once_and_is_withdrawn(course, film):
    publishing.publish(course)
    Course.objects.filter(pk=course.pk).update(licence_until=timezone.localdate() - dt.timedelta(days=1))
    assert not Course.objects.public().exists()
    assert publishing.expire_licences() == 1
    course.refresh_from_db()
    assert not course.live
    assert course.expired
    assert not public(film)
    assert publishing.expire_licences() == 0


def test_licence_counts_its_last_day(course):
    publishing.publish(course)
    Course.objects.filter(pk=course.pk).update(licence_until=timezone.localdate())
    assert publishing.expire_licences() == 0
    assert Course.objects.public().exists()


def test_old_version_published_again_keeps_figures(course):
    publishing.publish(course)
    Course.objects.filter(pk=course.pk).update(views=7, external_id="x1")
    first = course.revisions.get()
    course.refresh_from_db()
    course.title = "苗绣新编"
    course.save_revision()
    publishing.publish(course)
    first.publish()
    course.refresh_from_db()
    assert (course.title, course.views, course.external_id, course.duration) == ("苗绣", 7, "x1", 60.0)


def test_lesson_numbers_stay_when_lessons_move(course, film):
    course.lessons.add(
        Lesson(title="第二课", asset=film, sort_order=1), Lesson(title="第三课", asset=film, sort_order=2)
    )
    course.save()
    first = course.lessons.get(title="第一课")
    first.sort_order = 9
    course.lessons.add(first)
    course.save()
    assert dict(Lesson.objects.values_list("title", "number")) == {"第一课": 1, "第二课": 2, "第三课": 3}
    Lesson.objects.create(course=course, title="第四课", asset=film)
    assert Lesson.objects.get(title="第四课").number == 4


def test_removed_lesson_and_deleted_course_close_their_media(course, film):
    publishing.publish(course)
    course.delete()
    assert not public(film)
