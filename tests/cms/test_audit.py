"""One audit of database, store and index: the command, the night, and what the desk tells of it."""

import json
import time

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command

from catalog import policy, publishing
from catalog.models import Course, Institution, Lesson
from cms import auditing
from cms.models import NightlyAudit
from media_pipeline import storage, sweeper
from media_pipeline.models import MediaAsset
from search import index
from search.engines.choose import engine
from tests.cms.test_people import client, person
from tests.media_pipeline.test_killed_steps import killed_at

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def course(settings, tmp_path) -> Course:
    settings.STORAGE_URL, settings.MEDIA_STORE_DIR = "", tmp_path / "media"
    settings.SEARCH_URL, settings.SEARCH_EMBEDDED_PATH = "", tmp_path / "search"
    settings.UPLOAD_STALE_HOURS = 0
    house = Institution.add_root(code="town", name="城关镇社区学院")
    made = Course.objects.create(institution=house, title="剪纸", live=True)
    asset = MediaAsset.objects.create(owner="town", title="秘密影片", filename="a.mp4", state="failed", public=True)
    asset.original_key = f"originals/{asset.uid.hex}/source.mp4"
    asset.save()
    storage.store().put_bytes(b"x", asset.original_key, "video/mp4")
    Lesson.objects.create(course=made, title="一", asset=asset)
    index.mark_stale([made.pk])
    index.flush_stale()
    return made


def test_command_tells_and_mends_every_part(course, capsys):
    call_command("audit")
    engine("courses").remove({course.pk}, time.time_ns())
    MediaAsset.objects.update(public=False)
    storage.store().put_bytes(b"x", "packages/0123456789abcdef0123456789abcdef/1/a.webp", "image/webp")
    capsys.readouterr()
    with pytest.raises(CommandError):
        call_command("audit", json=True)
    found = json.loads(capsys.readouterr().out)
    assert {row["kind"] for row in found["found"]} == {"index-missing", "orphan", "too-closed"}
    assert not found["agrees"]
    call_command("audit", mend=True)
    call_command("audit", json=True)
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {"agrees": True, "found": []}
    assert MediaAsset.objects.get().public


def test_media_open_without_a_public_course_is_closed(course):
    Course.objects.update(live=False)
    index.mark_stale([course.pk])
    index.flush_stale()
    assert [row["kind"] for row in auditing.run(mend=True)] == ["too-open"]
    assert not MediaAsset.objects.get().public


def test_one_audit_a_night_is_kept_and_shown_to_whom_it_concerns(course):
    MediaAsset.objects.update(public=False)
    storage.store().delete(MediaAsset.objects.get().original_key)
    assert auditing.keep() is not None
    assert auditing.keep() is None
    kept = NightlyAudit.objects.get()
    assert {row["kind"]: row["mended"] for row in kept.found} == {"original-missing": 0, "too-closed": 1}
    editor, operator = person("central"), person("operator")
    editor.groups.add(Group.objects.get(name=policy.CENTRAL_GROUP))
    operator.groups.add(Group.objects.get(name=policy.OPERATORS_GROUP))
    partner = person("head", course.institution)
    assert "原文件不见了" in (page := client(editor).get("/cms/quality/").content.decode())
    assert "秘密影片" in page
    assert "原文件不见了" in (page := client(operator).get("/cms/operations/").content.decode())
    assert "秘密影片" not in page
    assert "数据核对" not in client(partner).get("/cms/quality/").content.decode()


def test_a_loss_too_large_for_chance_is_not_mended_at_night(course, monkeypatch):
    for number in range(sweeper.FEW + 1):
        storage.store().put_bytes(b"x", f"packages/{number:032x}/1/a.webp", "image/webp")
    found = {row["kind"]: row for row in auditing.run(mend=True, cautious=True)}
    assert (found["orphan"]["count"], found["orphan"]["mended"]) == (sweeper.FEW + 1, 0)
    assert "audit --mend" in found["orphan"]["remedy"]
    found = {row["kind"]: row for row in auditing.run(mend=True)}
    assert found["orphan"]["mended"] == sweeper.FEW + 1


def test_store_that_is_away_is_told(course, settings):
    settings.STORAGE_URL = "s3://nobody?endpoint=http://127.0.0.1:9"
    found = {row["kind"]: row for row in auditing.run(mend=True)}
    assert found["away"]["examples"][0]["where"] == "store"


def test_killed_while_a_course_is_closed_or_opened_ends_as_the_course_says(course, monkeypatch):
    """Media follow their course, however far the change came."""
    for live in (False, True):
        for number in range(1, 100):
            Course.objects.update(live=not live)
            publishing.settle([course.pk])
            with killed_at(number, storage.store(), monkeypatch) as countdown:
                Course.objects.update(live=live)
                publishing.settle([course.pk])
            auditing.run(mend=True)
            index.flush_stale()
            assert MediaAsset.objects.get().public is Course.objects.get().live
            assert auditing.run() == []
            if countdown.left > 0:
                break
        assert number < 99
