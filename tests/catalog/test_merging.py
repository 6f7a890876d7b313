"""Merging two courses: nothing of the second is lost, and its address leads to the first."""

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from accounts.models import User
from catalog import merging, publishing
from catalog.models import Course, Lesson, Membership, Place, Theme, make_slug
from learning.models import Favourite, Progress
from media_pipeline.models import AssetState, MediaAsset, MediaType


@pytest.fixture
def centre(db):
    user = User.objects.create_user("centre", "c@example.cn", "x")
    user.groups.add(Group.objects.get_or_create(name="编辑中心")[0])
    return user


def film(town, name):
    return MediaAsset.objects.create(
        owner=town.code, title=name, filename="f.mp4", media_type=MediaType.VIDEO, state=AssetState.PUBLISHED,
        duration=60.0,
    )  # fmt: skip


def make(town, title, films, **facts):
    course = Course(institution=town, title=title, live=False, has_unpublished_changes=True, **facts)
    course.lessons = [Lesson(title=one.title, asset=one, sort_order=n) for n, one in enumerate(films)]
    course.save()
    publishing.publish(course)
    return Course.objects.get(pk=course.pk)


@pytest.fixture
def pair(town, theme):
    shared, second = film(town, "同一片"), film(town, "第二片")
    first = make(town, "苗绣入门", [shared], views=3)
    other = make(town, "苗绣·入门", [shared, second], views=4, subjects=["针法"])
    other.themes.set([theme])
    other.places.set([Place.objects.create(code="42", level=1, name="湖北省")])
    other.save()
    other.save_revision().publish()
    return first, Course.objects.get(pk=other.pk)


def test_merging_unites_lessons_figures_and_names(centre, pair, theme):
    first, other = pair
    kept = merging.merge(first.pk, other.pk, centre)
    assert not Course.objects.filter(pk=other.pk).exists()
    for one in (kept, kept.get_latest_revision_as_object()):
        assert [lesson.title for lesson in one.lessons.all()] == ["同一片", "第二片"]
        assert list(one.themes.all()) == [theme]
        assert [place.code for place in one.places.all()] == ["42"]
        assert one.alternative_titles == ["苗绣·入门"]
    assert (kept.views, kept.duration, kept.subjects) == (7, 120.0, ["针法"])
    assert kept.live
    assert kept.live_revision_id == kept.latest_revision_id


def test_former_addresses_lead_to_the_course_that_stays(centre, pair, town):
    first, other = pair
    kept = merging.merge(first.pk, other.pk, centre)
    client = Client()
    answer = client.get(other.get_absolute_url())
    assert (answer.status_code, answer.url) == (301, kept.get_absolute_url())
    assert client.get(f"{other.get_absolute_url()}2/").url == f"{kept.get_absolute_url()}2/"
    assert client.get(f"/embed/{other.slug}/2/").context["course"] == kept
    third = make(town, "苗绣大全", [film(town, "三")])
    merging.merge(third.pk, kept.pk, centre)
    assert client.get(f"{other.get_absolute_url()}2/").url == f"{third.get_absolute_url()}3/"
    assert make_slug("苗绣·入门") not in {other.slug, first.slug}
    publishing.withdraw(Course.objects.get(pk=third.pk))
    assert client.get(other.get_absolute_url()).status_code == 404


def test_learners_stand_where_they_stood(centre, pair):
    first, other = pair
    person = User.objects.create_user("learner", "l@example.cn", "x")
    twin, second = other.lessons.order_by("sort_order")
    Progress.objects.create(user=person, lesson=twin, position=40)
    Progress.objects.create(user=person, lesson=first.lessons.get(), position=10)
    Progress.objects.create(user=person, lesson=second, position=20)
    Favourite.objects.create(user=person, course=other)
    kept = merging.merge(first.pk, other.pk, centre)
    places = dict(Progress.objects.values_list("lesson__title", "position"))
    assert places == {"同一片": 40, "第二片": 20}
    assert Favourite.objects.get().course == kept


def test_unpublished_edits_of_the_course_that_stays_stay_unpublished(centre, pair):
    first, other = pair
    draft = first.get_latest_revision_as_object()
    draft.summary = "修改"
    draft.save_revision()
    kept = merging.merge(first.pk, other.pk, centre)
    assert kept.summary == ""
    version = kept.get_latest_revision_as_object()
    assert version.summary == "修改"
    assert len(version.lessons.all()) == 2
    publishing.publish(kept)
    kept = Course.objects.get(pk=kept.pk)
    assert (kept.summary, kept.lessons.count()) == ("修改", 2)


def test_merging_needs_rights_on_both(pair, city):
    first, other = pair
    Course.objects.filter(pk=other.pk).update(institution=city)
    person = User.objects.create_user("e", "e@example.cn", "x")
    Membership.objects.create(user=person, institution=first.institution, role="editor")
    for kept, gone in ((first, other), (other, first)):
        with pytest.raises(merging.CannotMerge, match="无权"):
            merging.merge(kept.pk, gone.pk, person)
    assert Course.objects.count() == 2


def test_different_kinds_are_not_merged(centre, pair):
    first, other = pair
    Course.objects.filter(pk=other.pk).update(kind="audio")
    with pytest.raises(merging.CannotMerge, match="同一类型"):
        merging.merge(first.pk, other.pk, centre)
    assert Theme.objects.count() == 1
