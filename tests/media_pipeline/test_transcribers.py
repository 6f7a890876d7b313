"""Captions by a program: drafts until a person stands for them."""

import sys

import pytest

from catalog.models import Course, Institution, Lesson
from media_pipeline import intake, jobs, tracks, transcribers
from media_pipeline.access import track_url
from media_pipeline.errors import Failed
from media_pipeline.models import AssetState, TextTrack
from search.documents import documents
from tests.media_pipeline import clips
from tests.media_pipeline.parts import asset_with

SRT = "1\n00:00:00,000 --> 00:00:01,000\n苗绣针法从这里开始\n"
TRADITIONAL = "WEBVTT\n\n00:00.000 --> 00:01.000\n這裡開始學習\n"
pytestmark = pytest.mark.django_db


@pytest.fixture
def film(settings, tmp_path):
    settings.TRANSCRIPTS_DIR = tmp_path / "transcripts"
    settings.TRANSCRIPTS_DIR.mkdir()
    return asset_with(filename="课.mp4", media_type="video", sha256="ab" * 32, duration=1.0)


def _draft(asset, tmp_path):
    found = transcribers.transcribe(asset, clips.film(), tmp_path)
    return found and tracks.set_draft(asset, found[1], language=found[0])


def _program(settings, tmp_path, code):
    program = tmp_path / "listen.py"
    program.write_text(code)
    settings.TRANSCRIBER = "media_pipeline.transcribers.command"
    settings.TRANSCRIBER_COMMAND = f"{sys.executable} -I -S {program} {{wav}}"
    settings.TRANSCRIBER_FILES = f"{program}:{sys.prefix}:{sys.base_prefix}"


def test_nothing_is_written_by_default(film, tmp_path):
    assert not transcribers.wanted(film)
    assert _draft(film, tmp_path) is None


@pytest.mark.parametrize(
    "beside",
    [
        ("课.srt", SRT, "zh-Hans"),
        ("课.vtt", TRADITIONAL, "zh-Hant"),
        ("课.en.vtt", "WEBVTT\n\n00:00.000 --> 00:01.000\nhello\n", "en"),
        (f"{'ab' * 32}.srt", SRT, "zh-Hans"),
    ],
)
def test_side_car_is_found_by_name_or_hash(film, settings, tmp_path, beside):
    name, text, language = beside
    settings.TRANSCRIBER = "media_pipeline.transcribers.side_car"
    (settings.TRANSCRIPTS_DIR / "课二.srt").write_text(SRT)
    (settings.TRANSCRIPTS_DIR / name).write_text(text)
    track = _draft(film, tmp_path)
    assert (track.language, track.draft) == (language, True)


def test_side_car_of_another_film_is_left_alone(film, settings, tmp_path):
    settings.TRANSCRIBER = "media_pipeline.transcribers.side_car"
    (settings.TRANSCRIPTS_DIR / "课二.srt").write_text(SRT)
    assert _draft(film, tmp_path) is None


def test_command_hears_16_khz_mono_and_prints_captions(film, settings, tmp_path):
    code = (
        "import sys, wave\nw = wave.open(sys.argv[1])\n"
        "print(f'1\\n00:00:00,000 --> 00:00:01,000\\n{w.getframerate()} {w.getnchannels()} 个声道')\n"
    )
    _program(settings, tmp_path, code)
    track = _draft(film, tmp_path)
    assert track.cues == [[0.0, 1.0, "16000 1 个声道"]]


def test_command_that_hears_nothing_leaves_no_track(film, settings, tmp_path):
    _program(settings, tmp_path, "print('WEBVTT')")
    assert _draft(film, tmp_path) is None


@pytest.mark.parametrize(
    ("code", "says"),
    [("raise SystemExit('no model')", "no model"), ("while True: print('字' * 1000)", "没有尽头")],
)
def test_command_in_trouble_is_our_failure(film, settings, tmp_path, code, says):
    _program(settings, tmp_path, code)
    with pytest.raises(Failed) as failed:
        _draft(film, tmp_path)
    assert says in failed.value.sentence


def test_command_that_is_missing_is_our_failure(film, settings, tmp_path):
    settings.TRANSCRIBER = "media_pipeline.transcribers.command"
    settings.TRANSCRIBER_COMMAND = "/nowhere/listen {wav}"
    with pytest.raises(Failed):
        _draft(film, tmp_path)


def test_draft_takes_nothing_from_a_person(film, settings):
    settings.TRANSCRIBER = "media_pipeline.transcribers.side_car"
    assert transcribers.wanted(film)
    tracks.set_track(film, SRT)
    assert not transcribers.wanted(film)
    assert tracks.set_draft(film, [[0, 1, "机器写的"]], language="zh-Hans") is None
    assert "苗绣" in TextTrack.objects.get().cues[0][2]


def test_person_takes_the_place_of_a_draft(film):
    tracks.set_draft(film, [[0, 1, "机器写的"]], language="zh-Hans")
    tracks.set_draft(film, [[0, 1, "再写一遍"]], language="zh-Hans")
    assert TextTrack.objects.get().cues[0][2] == "再写一遍"
    assert not tracks.set_track(film, SRT).draft


def test_captions_are_written_after_the_film_is_shown(local_store, settings, tmp_path):
    settings.TRANSCRIBER, settings.TRANSCRIPTS_DIR = "media_pipeline.transcribers.side_car", tmp_path
    (tmp_path / "tone.srt").write_text(SRT)
    asset = intake.receive_file(clips.recording(), owner="a")
    jobs.run_until_done([asset])
    asset.refresh_from_db()
    assert asset.state == AssetState.PUBLISHED
    assert list(asset.jobs.order_by("pk").values_list("kind", "state")) == [("make", "done"), ("captions", "done")]
    assert asset.tracks.get().draft


def test_transcriber_in_trouble_takes_no_film_away(local_store, settings, tmp_path):
    settings.TRANSCRIBER, settings.TRANSCRIPTS_DIR = "media_pipeline.transcribers.side_car", tmp_path
    (tmp_path / "tone.srt").write_text("1\n00:00:05,000 --> 00:00:01,000\n倒着走\n")
    asset = intake.receive_file(clips.recording(), owner="a")
    jobs.run_until_done([asset])
    asset.refresh_from_db()
    assert (asset.state, asset.reason) == (AssetState.PUBLISHED, "")
    assert asset.jobs.get(kind="captions").reason_code == "captions-order"


def test_draft_is_neither_served_nor_searched_until_approved(film, client):
    film.public = True
    film.save()
    course = Course(institution=Institution.add_root(code="a", name="甲"), kind="video", title="课", live=True)
    course.lessons = [Lesson(title="一", asset=film)]
    course.save()
    track = tracks.set_draft(film, [[0, 1, "盘金绣"]], language="zh-Hans")

    def seen() -> tuple[int, bool, bool]:
        answer = client.get(track_url(film, "captions", "zh-Hans"))
        course.refresh_from_db()
        (found,) = documents(Course.objects.filter(pk=course.pk))
        said = any("盘金绣" in passage.text for passage in found.passages)
        return answer.status_code, course.has_captions, said

    assert seen() == (404, False, False)
    tracks.approve(track)
    assert seen() == (200, True, True)
