"""Review by area, its deadline, comments on fields, and that nothing is published which lacks something."""

import datetime as dt

import pytest
from django.contrib.auth.models import Group
from django.core import mail
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from wagtail.models import TaskState, Workflow

from accounts.models import User
from catalog import policy, publishing
from catalog.errors import NotReady
from catalog.models import Course, Institution, Lesson, Membership, Theme
from catalog.review_rules import ReviewRules
from cms import deadlines, reminders, setup, waiting
from cms.models import FieldComment
from media_pipeline.models import AssetState, MediaAsset, MediaType


@pytest.fixture
def land(db):
    setup.ensure_everything()
    province = Institution.add_root(code="sheng", name="省")
    city = province.add_child(code="shi", name="市")
    county = city.add_child(code="xian", name="县")
    return province, city, county


def person(name, *memberships):
    user = User.objects.create_user(name, f"{name}@example.cn", "x", display_name=name)
    for institution, role in memberships:
        Membership.objects.create(user=user, institution=institution, role=role)
    return user


def course(institution, title="苗绣"):
    asset = MediaAsset.objects.create(
        owner=institution.code, title=title, filename="a.mp4", media_type=MediaType.VIDEO, state=AssetState.PUBLISHED
    )
    made = Course(institution=institution, title=title, live=False)
    made.lessons = [Lesson(title="第一课", asset=asset)]
    made.save()
    made.save_revision()
    return made


def submit(one, user):
    return Workflow.objects.get(name=setup.WORKFLOW).start(one, user)


def state_of(one):
    return TaskState.objects.filter(workflow_state__object_id=str(one.pk)).latest("pk")


def waits_for(user):
    return [state.revision.object_str for state in waiting.for_review(User.objects.get(pk=user.pk))]


def client(user):
    made = Client()
    made.force_login(user)
    return made


def decide(user, one, action, **data):
    address = reverse("courses:workflow_action", args=[one.pk, action, state_of(one).pk])
    return client(user).post(address, data, headers={"x-requested-with": "XMLHttpRequest"})


def test_review_is_asked_of_the_nearest_above_that_has_reviewers(land):
    province, city, county = land
    editor = person("editor", (county, "editor"))
    of_city, of_province = person("city", (city, "reviewer")), person("province", (province, "reviewer"))
    one = course(county)
    submit(one, editor)
    assert waits_for(of_city) == ["苗绣"]
    assert waits_for(of_province) == []
    assert [message.to for message in mail.outbox] == [["city@example.cn"]]
    assert set(policy.reviewers_of(one, without=0)) == {of_city}
    of_county = person("county", (county, "reviewer"))
    assert waits_for(of_city) == []
    assert waits_for(of_county) == ["苗绣"]


def test_review_without_any_reviewer_is_the_centres(land):
    _, _, county = land
    centre = person("centre")
    centre.groups.add(Group.objects.get(name=policy.CENTRAL_GROUP))
    assert set(policy.reviewers_of(course(county), without=0)) == {centre}


def test_review_that_is_late_shows_above_and_is_mailed_once(land):
    province, _city, county = land
    submit(one := course(county), person("editor", (county, "editor")))
    near, above = person("near", (county, "reviewer")), person("above", (province, "reviewer"))
    mail.outbox.clear()
    assert reminders.remind() == 0
    TaskState.objects.update(started_at=timezone.now() - dt.timedelta(days=9))
    assert reminders.remind() == 1
    assert reminders.remind() == 0
    (message,) = mail.outbox
    assert message.to == ["near@example.cn"]
    assert "苗绣" in message.subject
    assert f"/cms/courses/edit/{one.pk}/" in message.body
    assert waits_for(near) == waits_for(above) == ["苗绣"]
    assert "逾期" in client(near).get("/cms/reviews/").content.decode()
    assert "逾期" in client(near).get("/cms/").content.decode()


def test_working_days_leave_weekends_out():
    friday = dt.date(2026, 5, 8)
    assert deadlines.working_days(friday, 1) == dt.date(2026, 5, 11)
    assert deadlines.working_days(friday, 5) == dt.date(2026, 5, 15)
    assert deadlines.working_days(dt.date(2026, 5, 11), -1) == friday


@pytest.mark.parametrize("second", ["all", "some"])
def test_second_look_belongs_to_the_top(land, second):
    province, _city, county = land
    theme = Theme.add_root(slug="health", name="养生")
    below = theme.add_child(slug="tea", name="茶")
    editor = person("editor", (county, "editor"))
    near, top = person("near", (county, "reviewer")), person("top", (province, "reviewer"))
    rules = ReviewRules.load()
    rules.second = second
    rules.save()
    rules.second_themes.add(theme)
    one = course(county)
    one.themes = [below]
    one.save()
    one.save_revision()
    plain = course(county, "另一门")
    own = Course.objects.all()
    assert not policy.may(near, "publish", one)
    assert policy.may(near, "review", one)
    assert policy.may(top, "publish", one)
    assert not policy.may(near, "publish", Course(institution=county)), "as the import of a table asks"
    assert (plain in policy.scope(own, near, "publish")) is (second == "some")
    assert one not in policy.scope(own, near, "publish")
    assert one in policy.scope(own, top, "publish")
    submit(one, editor)
    assert decide(near, one, "approve").json()["step"] == "success"
    one.refresh_from_db()
    assert not one.live
    assert waits_for(near) == []
    assert waits_for(top) == ["苗绣"]
    assert refused(decide(near, one, "approve"))
    assert decide(top, one, "approve").json()["step"] == "success"
    one.refresh_from_db()
    assert one.live


def test_second_look_is_not_asked_of_who_gave_the_first(land):
    province, _, county = land
    ReviewRules.objects.update_or_create(defaults={"second": "all"})
    top = person("top", (province, "reviewer"))
    submit(one := course(county), person("editor", (county, "editor")))
    decide(top, one, "approve")
    one.refresh_from_db()
    assert one.live


def test_return_needs_a_reason_and_is_submitted_again(land):
    _, _, county = land
    editor, near = person("editor", (county, "editor")), person("near", (county, "reviewer"))
    submit(one := course(county), editor)
    assert "请写明为什么退回" in decide(near, one, "reject").json()["html"]
    assert one.current_workflow_state.status == "in_progress"
    decide(near, one, "reject", comment="简介太短")
    assert "简介太短" in client(editor).get("/cms/").content.decode()
    state = one.current_workflow_state
    assert state.status == "needs_changes"
    state.resume(editor)
    assert waits_for(near) == ["苗绣"]


def test_comment_stands_beside_its_field_until_it_is_resolved(land):
    _, _, county = land
    editor, near = person("editor", (county, "editor")), person("near", (county, "reviewer"))
    uploader = person("uploader", (county, "uploader"))
    one = course(county)
    address = reverse("courses:comment", args=[one.pk])
    assert client(near).post(address, {"field": "summary", "text": ""}).status_code == 422
    assert client(near).post(address, {"field": "views", "text": "x"}).status_code == 422
    assert refused(client(uploader).post(address, {"field": "summary", "text": "x"}))
    answer = client(near).post(address, {"field": "summary", "text": "请写一句话"}).content.decode()
    assert 'data-field-name="summary"' in answer
    form = client(editor).get(reverse("courses:edit", args=[one.pk])).content.decode()
    assert "请写一句话" in form
    comment = FieldComment.objects.get()
    client(editor).post(reverse("courses:comment_resolve", args=[one.pk, comment.pk]))
    comment.refresh_from_db()
    assert comment.resolved_by == editor
    assert "请写一句话" not in client(editor).get(reverse("courses:edit", args=[one.pk])).content.decode()


def test_form_says_what_lacks_before_a_button_is_pressed(land):
    _, _, county = land
    editor = person("editor", (county, "editor"))
    empty = Course.objects.create(institution=county, title="空", live=False)
    empty.save_revision()
    assert "还没有课时" in client(editor).get(reverse("courses:edit", args=[empty.pk])).content.decode()
    assert "还没有课时" in client(editor).get(reverse("courses:add")).content.decode()
    whole = client(editor).get(reverse("courses:edit", args=[course(county).pk])).content.decode()
    assert "内容齐全" in whole


def refused(answer):
    """Wagtail sends whoever may not do something to the first page of the desk."""
    return answer.status_code == 403 or answer.url == "/cms/"


# Nothing that lacks something is published by any way ------------------------------------------------


@pytest.fixture
def empty(land):
    made = Course.objects.create(institution=land[2], title="空", live=False)
    made.save_revision()
    return made


def stays_private(one):
    one.refresh_from_db()
    return not one.live and not Course.objects.public().exists()


def test_unready_is_not_published_by_code(empty):
    with pytest.raises(NotReady):
        empty.latest_revision.publish()
    with pytest.raises(NotReady):
        publishing.publish(empty)
    assert stays_private(empty)


def test_unready_is_not_approved(land, empty):
    near = person("near", (land[2], "reviewer"))
    submit(empty, person("editor", (land[2], "editor")))
    assert refused(decide(near, empty, "approve"))
    page = client(near).get(reverse("courses:edit", args=[empty.pk])).content.decode()
    assert "退回修改" in page
    assert ">通过<" not in page
    assert stays_private(empty)


def test_unready_is_not_published_with_the_form(land, empty):
    near = person("near", (land[2], "reviewer"))
    data = {
        "title": "空", "institution": land[2].pk, "kind": "video", "language": "zh-Hans", "source": "own",
        "licence": "cc-by-nc", "action-publish": "1", "description": "只有文字",
        "lessons-TOTAL_FORMS": 0, "lessons-INITIAL_FORMS": 0, "lessons-MIN_NUM_FORMS": 0, "lessons-MAX_NUM_FORMS": 1000,
    }  # fmt: skip
    answer = client(near).post(reverse("courses:edit", args=[empty.pk]), data)
    assert "还没有课时" in answer.content.decode()
    assert stays_private(empty)


def test_unready_at_its_hour_keeps_nobody_waiting(land, empty):
    past = timezone.now() - dt.timedelta(minutes=1)
    ready = course(land[2])
    for one in (empty, ready):
        one.latest_revision.approved_go_live_at = past
        one.latest_revision.save()
    call_command("publish_scheduled")
    assert list(Course.objects.public()) == [ready]
    empty.latest_revision.refresh_from_db()
    assert empty.latest_revision.approved_go_live_at is None


# Hours ------------------------------------------------------------------------------------------------


def test_course_goes_live_and_leaves_at_its_hours(land):
    one = course(land[2])
    one.go_live_at = timezone.now() + dt.timedelta(days=2)
    one.expire_at = one.go_live_at + dt.timedelta(days=1)
    one.save_revision().publish()
    call_command("publish_scheduled")
    assert not Course.objects.public().exists()
    one.refresh_from_db()
    revision = one.latest_revision
    revision.content["go_live_at"] = (timezone.now() - dt.timedelta(hours=2)).isoformat()
    revision.approved_go_live_at = timezone.now() - dt.timedelta(hours=2)
    revision.save()
    call_command("publish_scheduled")
    assert Course.objects.public().get() == one
    Course.objects.update(expire_at=timezone.now() - dt.timedelta(minutes=1))
    call_command("publish_scheduled")
    assert not Course.objects.public().exists()
    one.refresh_from_db()
    assert one.expired
