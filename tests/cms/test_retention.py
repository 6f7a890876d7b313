"""What is over is forgotten, each thing at its time, and nothing before it."""

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress, EmailConfirmation
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.files.base import ContentFile
from django.utils import timezone
from wagtail.admin.models import EditingSession, FormState
from wagtail.log_actions import log
from wagtail.models import ModelLogEntry, UploadedFile

from accounts.models import DeviceLink, User
from catalog.models import Course
from cms import retention
from cms.models import Invitation
from learning import shelf
from learning.models import Progress
from media_pipeline import sweeper


@pytest.fixture
def person(db) -> User:
    return User.objects.create_user("mei", "mei@example.cn", "x")


def aged(row, field: str, **ago: float):
    """``row`` as if ``field`` had been set so long ago."""
    type(row)._base_manager.filter(pk=row.pk).update(**{field: timezone.now() - timedelta(**ago)})
    return row


def test_sessions_links_and_codes_that_are_over_go(person):
    for days in (-1, 1):
        session = SessionStore()
        session["who"] = days
        session.set_expiry(timezone.now() + timedelta(days=days))
        session.save()
    aged(DeviceLink.objects.create(user_code="OLD", secret_hash="x", device="电视"), "created_at", minutes=6)
    DeviceLink.objects.create(user_code="NEW", secret_hash="x", device="电视")
    address = EmailAddress.objects.create(user=person, email="mei@example.cn")
    old, new = (EmailConfirmation.objects.create(email_address=address, key=key, sent=timezone.now()) for key in "ab")
    aged(old, "sent", days=30)
    sweeper.forget_sessions()
    assert [session.get_decoded()["who"] for session in Session.objects.all()] == [1]
    assert list(DeviceLink.objects.values_list("user_code", flat=True)) == ["NEW"]
    assert list(EmailConfirmation.objects.all()) == [new]


def test_invitations_nobody_took_up_go_after_a_month(world):
    Invitation.objects.all().delete()
    for days in (29, 31):
        Invitation.objects.create(
            email=f"n{days}@example.cn", institution=world.a.institution, role="editor", nonce="n",
            sent_at=timezone.now() - timedelta(days=days),
        )  # fmt: skip
    retention.forget_invitations()
    assert Invitation.objects.get().email == "n29@example.cn"


@pytest.mark.parametrize(("days", "left"), [(0, 2), (30, 1)])
def test_places_go_when_the_place_of_operation_says_so(world, person, settings, days, left):
    settings.PROGRESS_DAYS = days
    old, new = (
        Progress.objects.create(user=person, lesson=course.lessons.first(), position=9)
        for course in world.a.courses[:2]
    )
    aged(old, "updated_at", days=31)
    shelf.forget_places()
    assert Progress.objects.count() == left
    assert Progress.objects.filter(pk=new.pk).exists()


@pytest.mark.parametrize(("days", "gone"), [(0, False), (365, True)])
def test_log_of_the_desk_goes_when_it_is_old(world, settings, days, gone):
    settings.DESK_LOG_DAYS = days
    old, new = (log(instance=world.a.courses[0], action="wagtail.edit", user=world.central) for _ in range(2))
    aged(old, "timestamp", days=366)
    retention.forget_log()
    assert ModelLogEntry.objects.filter(pk=old.pk).exists() is not gone
    assert ModelLogEntry.objects.filter(pk=new.pk).exists()


def test_unfinished_work_goes_after_a_day(person, settings, tmp_path, monkeypatch):
    settings.MEDIA_ROOT = tmp_path
    content = ContentType.objects.get_for_model(Course)
    for hours in (0, 25):
        seen = timezone.now() - timedelta(hours=hours)
        EditingSession.objects.create(user=person, content_type=content, object_id="1", last_seen_at=seen)
        FormState.objects.create(
            user=person, content_type=content, object_id=str(hours), parent_object_id="", data="", last_updated_at=seen
        )
    UploadedFile.objects.create(uploaded_by_user=person, file=ContentFile(b"x", "a.gif"))
    retention.forget_unfinished()
    assert (EditingSession.objects.count(), FormState.objects.get().object_id) == (1, "0")
    assert UploadedFile.objects.exists()
    monkeypatch.setattr(retention, "UNFINISHED_KEPT", timedelta(seconds=-1))
    retention.forget_unfinished()
    assert not UploadedFile.objects.exists()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
