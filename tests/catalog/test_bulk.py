"""Bulk changes: what the preview promises, what the job does, once, and what undo restores."""

import datetime as dt

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone
from wagtail.models import ModelLogEntry, Workflow

from accounts.models import User
from catalog import bulk, bulk_job, bulk_write, publishing
from catalog.bulk import Asked, Reason
from catalog.machines import Webhook
from catalog.models import BulkChange, BulkItem, Course, Lesson, Membership, Theme
from cms import setup
from media_pipeline.models import AssetState, MediaAsset, MediaType
from search.models import StaleDocument


@pytest.fixture
def centre(db):
    setup.ensure_everything()
    user = User.objects.create_user("centre", "c@example.cn", "x")
    user.groups.add(Group.objects.get(name="编辑中心"))
    return user


@pytest.fixture
def film(town):
    return MediaAsset.objects.create(
        owner=town.code, title="f", filename="f.mp4", media_type=MediaType.VIDEO, state=AssetState.PUBLISHED
    )


def make(town, title, *, film=None, live=False):
    course = Course(institution=town, title=title, live=False, has_unpublished_changes=True)
    course.lessons = [Lesson(title="一", asset=film)] if film else []
    course.save()
    if live:
        publishing.publish(course)
        course.refresh_from_db()
    return course


def everything():
    return list(Course.objects.order_by("pk").values_list("pk", flat=True))


def work(change):
    """As the worker does, to the end."""
    while BulkChange.objects.get(pk=change.pk).state != BulkChange.State.DONE:
        bulk_job.run.call(change.pk)
    return dict(change.items.values_list("course__title", "state"))


def test_change_reaches_row_and_versions_of_public_and_draft(centre, town, film, theme):
    shown = make(town, "已发布", film=film, live=True)
    edited = make(town, "有修改", film=film, live=True)
    draft = edited.get_latest_revision_as_object()
    draft.summary = "未发布的修改"
    draft.save_revision(user=centre)
    hidden = make(town, "草稿")
    asked = Asked(lists={"themes": ("add", [theme.pk])}, scalars={"level": "starter", "licence_until": "2099-01-01"})
    work(bulk_job.begin(centre, asked, everything()))
    for course in (shown, edited, hidden):
        course.refresh_from_db()
        version = course.get_latest_revision_as_object()
        for one in (course, version):
            assert list(one.themes.all()) == [theme]
            assert (one.level, one.licence_until) == ("starter", dt.date(2099, 1, 1))
    assert shown.live
    assert not shown.has_unpublished_changes
    assert shown.live_revision_id == shown.latest_revision_id
    assert edited.summary == ""
    assert edited.has_unpublished_changes
    publishing.publish(edited)
    edited.refresh_from_db()
    assert (edited.summary, edited.level) == ("未发布的修改", "starter")


def test_change_marks_documents_stale_and_writes_the_log(centre, town, theme):
    course = make(town, "课")
    StaleDocument.objects.all().delete()
    change = bulk_job.begin(centre, Asked(lists={"themes": ("add", [theme.pk])}), [course.pk])
    work(change)
    assert StaleDocument.objects.filter(course_id=course.pk).exists()
    entry = ModelLogEntry.objects.get(action=bulk_job.ACTION)
    assert (entry.object_id, entry.user, entry.data) == (str(course.pk), centre, {"change": change.pk})


def test_preview_promises_what_the_job_does(centre, town, city, film, theme):
    other = Theme.add_root(slug="other", name="其他")
    person = User.objects.create_user("r", "r@example.cn", "x")
    Membership.objects.create(user=person, institution=town, role="reviewer")
    for number in range(3):
        make(town, f"要改{number}", film=film, live=number == 0)
    same = make(town, "已有")
    same.themes.set([theme, other])
    same.save()
    make(city, "别人的")
    locked = make(town, "锁定")
    Course.objects.filter(pk=locked.pk).update(locked=True)
    waiting = make(town, "审核中", film=film)
    waiting.save_revision()
    Workflow.objects.get(name=setup.WORKFLOW).start(waiting, centre)
    asked = Asked(lists={"themes": ("add", [theme.pk])})
    seen = bulk.preview(Course.objects.all(), asked, person)
    assert seen.changed.count == 3
    assert {share.label: share.count for share in seen.left} == {
        str(Reason.RIGHTS.label): 1,
        str(Reason.LOCKED.label): 1,
        str(Reason.REVIEW.label): 1,
        str(Reason.SAME.label): 1,
    }
    assert seen.changed.examples[0] == ("要改0", "主题：无 → 常青乐龄")
    done = work(bulk_job.begin(person, asked, everything()))
    assert sum(state == "done" for state in done.values()) == 3
    assert not Course.objects.get(title="别人的").themes.exists()


def test_preview_asks_the_same_number_of_questions_for_more_courses(centre, town, theme, django_assert_max_num_queries):
    Course.objects.bulk_create(Course(institution=town, title=f"课{n}", slug=f"k-{n}", live=False) for n in range(300))
    with django_assert_max_num_queries(25):
        seen = bulk.preview(Course.objects.all(), Asked(lists={"themes": ("set", [theme.pk])}), centre)
    assert seen.changed.count == 300


def test_editor_without_the_right_to_publish_changes_drafts_only(centre, town, film, theme):
    person = User.objects.create_user("e", "e@example.cn", "x")
    Membership.objects.create(user=person, institution=town, role="editor")
    make(town, "公开", film=film, live=True)
    make(town, "草稿")
    change = bulk_job.begin(person, Asked(lists={"themes": ("add", [theme.pk])}), everything())
    assert work(change) == {"公开": "left", "草稿": "done"}
    assert change.items.get(state="left").reason == Reason.PUBLIC
    publish = bulk_job.begin(person, Asked(state="publish"), everything())
    assert set(work(publish).values()) == {"left"}


def test_rights_are_asked_when_it_is_done(centre, town, theme):
    person = User.objects.create_user("e", "e@example.cn", "x")
    membership = Membership.objects.create(user=person, institution=town, role="editor")
    make(town, "草稿")
    change = bulk_job.begin(person, Asked(lists={"themes": ("add", [theme.pk])}), everything())
    membership.delete()
    assert work(change) == {"草稿": "left"}


def test_publishing_leaves_out_what_lacks_something_and_says_what(centre, town, film):
    make(town, "齐全", film=film)
    make(town, "空的")
    seen = bulk.preview(Course.objects.all(), Asked(state="publish"), centre)
    assert (seen.changed.count, [share.count for share in seen.left]) == (1, [1])
    change = bulk_job.begin(centre, Asked(state="publish"), everything())
    assert work(change) == {"齐全": "done", "空的": "left"}
    left = change.items.get(state="left")
    assert left.reason == Reason.LACKS
    assert "还没有课时" in left.note
    assert Course.objects.get(title="齐全").is_public


def test_licence_that_asks_for_a_credit_leaves_out_courses_without(centre, town):
    imported = make(town, "引进")
    Course.objects.filter(pk=imported.pk).update(source="imported")
    change = bulk_job.begin(centre, Asked(scalars={"licence": "cc-by"}), everything())
    assert work(change) == {"引进": "left"}
    assert change.items.get().reason == Reason.CREDIT


# Each course once -----------------------------------------------------------------------------------


class Killed(BaseException):
    """The worker is gone: nothing of ours may catch this."""


def test_killed_worker_leaves_whole_courses_and_another_goes_on(centre, town, theme, monkeypatch):
    for number in range(30):
        make(town, f"课{number}")
    change = bulk_job.begin(centre, Asked(lists={"themes": ("add", [theme.pk])}), everything())
    write, seen = bulk_write.write, []

    def dies(courses, user):
        write(courses, user)
        seen.append(len(courses))
        if len(seen) == 2:
            raise Killed

    monkeypatch.setattr(bulk_job, "AT_ONCE", 11)
    monkeypatch.setattr(bulk_write, "write", dies)
    with pytest.raises(Killed):
        bulk_job.run.call(change.pk)
    assert Course.objects.filter(themes=theme).count() == 11
    assert change.items.filter(state=BulkItem.State.DONE).count() == 11
    assert bulk_job.run.call(change.pk) == 0  # the dead worker's lease still holds
    BulkChange.objects.update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    assert bulk_job.ring_again() == 1
    work(change)
    assert Course.objects.filter(themes=theme).count() == 30
    assert ModelLogEntry.objects.filter(action=bulk_job.ACTION).count() == 30
    assert bulk_job.progress(change)["percent"] == 100


def test_one_course_in_trouble_holds_up_no_other(centre, town, theme, monkeypatch):
    for number in range(5):
        make(town, f"课{number}")
    write = bulk_write.write

    def refuses(courses, user):
        if any(course.title == "课3" for course, *_ in courses):
            raise ValueError("课3")
        write(courses, user)

    monkeypatch.setattr(bulk_write, "write", refuses)
    change = bulk_job.begin(centre, Asked(lists={"themes": ("add", [theme.pk])}), everything())
    assert work(change) == {"课0": "done", "课1": "done", "课2": "done", "课3": "left", "课4": "done"}
    assert change.items.get(state="left").reason == Reason.FAILED
    assert Course.objects.filter(themes=theme).count() == 4
    assert ModelLogEntry.objects.filter(action=bulk_job.ACTION).count() == 4


def test_more_courses_take_the_same_number_of_questions(centre, town, theme, film, django_assert_max_num_queries):
    for number in range(30):
        make(town, f"课{number}", film=film, live=True)
    asked = Asked(lists={"themes": ("add", [theme.pk])}, scalars={"level": "starter"})
    change = bulk_job.begin(centre, asked, everything())
    with django_assert_max_num_queries(70):
        bulk_job.deal_with(list(change.items.all()), change)
    assert Course.objects.filter(themes=theme, level="starter").count() == 30


def test_version_is_what_saving_the_course_would_have_written(centre, town, film, theme):
    course = make(town, "课", film=film, live=True)
    asked = Asked(lists={"themes": ("add", [theme.pk])}, scalars={"licence_until": "2099-01-01"})
    work(bulk_job.begin(centre, asked, everything()))
    course = Course.objects.get()
    written = course.latest_revision
    saved = course.save_revision(user=centre, changed=False)
    saved.refresh_from_db()
    moves = {"latest_revision", "live_revision", "updated_at"}
    kept = {name: value for name, value in saved.content.items() if name not in moves}
    assert {name: value for name, value in written.content.items() if name not in moves} == kept
    named = ("content_type_id", "base_content_type_id", "object_id", "object_str", "user_id")
    assert [getattr(written, name) for name in named] == [getattr(saved, name) for name in named]


def test_publishing_many_tells_webhooks_and_opens_media(centre, town, film):
    hook = Webhook.objects.create(
        institution=town, address="https://example.cn/", secret="whsec_c2VjcmV0", events=["course.published"]
    )
    for number in range(3):
        make(town, f"课{number}", film=film)
    work(bulk_job.begin(centre, Asked(state="publish"), everything()))
    assert hook.deliveries.count() == 3
    film.refresh_from_db()
    assert film.public


def test_long_change_gives_others_a_turn(centre, town, theme, monkeypatch):
    for number in range(25):
        make(town, f"课{number}")
    monkeypatch.setattr(bulk_job, "TURN", -1)
    monkeypatch.setattr(bulk_job, "AT_ONCE", 20)
    change = bulk_job.begin(centre, Asked(lists={"themes": ("add", [theme.pk])}), everything())
    assert bulk_job.run.call(change.pk) == 20
    assert bulk_job.run.call(change.pk) == 5


# Undo -----------------------------------------------------------------------------------------------


def test_undo_restores_what_nobody_changed_since(centre, town, film, theme):
    other = Theme.add_root(slug="other", name="其他")
    kept, touched, both = (make(town, title, film=film, live=True) for title in ("没动", "动了一处", "全动了"))
    for course in (kept, touched, both):
        course.themes.set([other])
        course.save()
    asked = Asked(lists={"themes": ("set", [theme.pk])}, scalars={"level": "starter"})
    change = bulk_job.begin(centre, asked, everything())
    work(change)
    touched.refresh_from_db()
    touched.level = "advanced"
    publishing_of(touched)
    both.refresh_from_db()
    both.level = "advanced"
    both.themes.set([other, theme])
    publishing_of(both)
    back = bulk_job.undo(change, centre)
    assert bulk_job.undo(change, centre) == back
    assert work(back) == {"没动": "done", "动了一处": "done", "全动了": "left"}
    stand = {c.title: (c.level, [t.slug for t in c.themes.all()]) for c in Course.objects.all()}
    assert stand["没动"] == ("", ["other"])
    assert stand["动了一处"] == ("advanced", ["other"])
    assert stand["全动了"][0] == "advanced"
    assert back.items.get(course=both).reason == Reason.SINCE
    assert "程度" in back.items.get(course=touched).note
    version = Course.objects.get(pk=kept.pk).get_latest_revision_as_object()
    assert [t.slug for t in version.themes.all()] == ["other"]


def publishing_of(course):
    course.save_revision().publish()


def test_undo_of_publishing_withdraws_and_undo_of_withdrawing_publishes(centre, town, film):
    course = make(town, "课", film=film)
    change = bulk_job.begin(centre, Asked(state="publish"), everything())
    work(change)
    back = bulk_job.undo(change, centre)
    work(back)
    assert not Course.objects.get().live
    again = bulk_job.undo(back, centre)
    work(again)
    course.refresh_from_db()
    assert course.live


def test_old_changes_are_forgotten_and_undone_ones_with_them(centre, town, theme):
    make(town, "课")
    change = bulk_job.begin(centre, Asked(lists={"themes": ("add", [theme.pk])}), everything())
    work(change)
    bulk_job.forget()
    assert BulkChange.objects.count() == 1
    BulkChange.objects.update(finished_at=timezone.now() - bulk_job.KEEP - dt.timedelta(days=1))
    bulk_job.forget()
    assert not BulkItem.objects.exists()
    assert Course.objects.filter(themes=theme).count() == 1


def test_preview_of_withdrawing_knows_what_is_not_public(centre, town, film):
    make(town, "公开", film=film, live=True)
    hidden = make(town, "草稿")
    hidden.save_revision()
    seen = bulk.preview(Course.objects.all(), Asked(state="withdraw"), centre)
    assert (seen.changed.count, seen.left_count, seen.unsure) == (1, 1, 0)


def test_undo_brings_back_unpublished_edits_too(centre, town, film, theme):
    course = make(town, "课", film=film, live=True)
    draft = course.get_latest_revision_as_object()
    draft.summary = "修改"
    draft.themes.set([theme])
    draft.save_revision()
    change = bulk_job.begin(centre, Asked(lists={"themes": ("remove", [theme.pk])}), everything())
    work(change)
    course.refresh_from_db()
    assert not course.get_latest_revision_as_object().themes.exists()
    work(bulk_job.undo(change, centre))
    course = Course.objects.get()
    assert not course.themes.exists()
    version = course.get_latest_revision_as_object()
    assert (version.summary, list(version.themes.all())) == ("修改", [theme])
