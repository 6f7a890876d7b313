import json

import pytest
from django.core.management import call_command

from catalog.ingesting import ingest, side_cars
from catalog.models import Course
from media_pipeline.models import AssetState, MediaAsset

pytestmark = pytest.mark.django_db(transaction=True)


def test_film_becomes_a_public_course_with_its_captions(clip, stores, town, capsys):
    (clip.parent / "one.en.vtt").write_text("WEBVTT\n\n00:00.000 --> 00:00.900\nhello\n", encoding="utf-8")
    call_command("ingest", str(clip), title="星期五", institution="town", publish=True, json=True)
    entry = json.loads(capsys.readouterr().out)["courses"][0]
    course = Course.objects.get(pk=entry["id"])
    assert (course.title, course.kind, course.institution, course.is_public) == ("星期五", "video", town, True)
    assert entry["url"] == course.get_absolute_url()
    assert entry["assets"][0]["state"] == "published"
    assert entry["assets"][0]["hls"].endswith(".m3u8")
    asset = course.lessons.get().asset
    assert asset.public
    assert asset.tracks.get(language="en").cues[0][2] == "hello"
    course.refresh_from_db()
    assert course.has_captions
    assert course.duration == pytest.approx(1.0, abs=0.2)


def test_wrong_file_leaves_a_reason_and_no_course(stores, town, tmp_path, capsys):
    fake = tmp_path / "fake.mp4"
    fake.write_bytes(b"%PDF-1.4 not a film")
    with pytest.raises(SystemExit) as stopped:
        call_command("ingest", str(fake), str(tmp_path / "none.mp4"), publish=True, json=True)
    assert stopped.value.code == 1
    wrong, missing = (entry["assets"][0] for entry in json.loads(capsys.readouterr().out)["courses"])
    assert (wrong["state"], missing["state"], missing["reason"]["code"]) == ("rejected", "rejected", "file-missing")
    assert wrong["reason"]["sentence"]
    assert MediaAsset.objects.get().state == AssetState.REJECTED
    assert not Course.objects.exists()


def test_captions_that_cannot_be_read_are_told_and_the_film_stays(clip, stores, town):
    (clip.parent / "one.srt").write_text("1\n00:00:0x --> later\nhello\n", encoding="utf-8")
    (one,) = ingest([clip], institution=town)
    assert one.course is not None
    assert not one.course.live
    assert "one.srt" in one.warnings[0]


def test_side_cars_are_told_by_name(tmp_path):
    for name in ("talk.mp4", "talk.vtt", "talk.en.vtt", "talk.zh_Hant.srt", "talk-2.vtt", "talk.notes.final.vtt"):
        (tmp_path / name).touch()
    found = {path.name: language for path, language in side_cars(tmp_path / "talk.mp4")}
    assert found == {"talk.vtt": "zh-Hans", "talk.en.vtt": "en", "talk.zh_Hant.srt": "zh-Hant"}
