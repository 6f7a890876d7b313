"""What each kind of screen is given: sizes, codecs, channels, rates."""

import json

import pytest

from media_pipeline import plan, profiles
from media_pipeline.errors import Refused
from media_pipeline.plan import FilmPlan
from media_pipeline.probe import AudioFacts, Facts, VideoFacts

SHA = "0" * 64


def film_of(width: int, height: int, *channels: int) -> Facts:
    video = VideoFacts(0, "h264", width, height, 0, "yuv420p", (25, 1), False, 1500, False, 1, 1, 1, 0.0, 60.0)
    sounds = (AudioFacts(n, "aac", count, 48_000, "", "", n == 1, 0.0, 60.0) for n, count in enumerate(channels, 1))
    return Facts("video", "mov,mp4,m4a,3gp,3g2,mj2", "a.mp4", 1000, 60.0, width, height, video, tuple(sounds))


def planned(name: str, facts: Facts) -> FilmPlan:
    return plan.film(facts, profiles.load(name), SHA)


def sizes(made: FilmPlan, codec: str) -> list[tuple[int, int]]:
    return [(step.width, step.height) for step in made.videos if step.codec == codec]


@pytest.mark.parametrize("name", profiles.all_profiles())
@pytest.mark.parametrize("size", [(3840, 2160), (1920, 1080), (1080, 1920), (640, 480), (160, 120)])
def test_every_profile_fits_every_film_and_never_enlarges(name, size):
    made = planned(name, film_of(*size, 6))
    assert len({step.spec for step in (*made.videos, *made.audios)}) == len(made.videos) + len(made.audios)
    assert all(step.width <= size[0] and step.height <= size[1] for step in made.videos)
    assert bool(sizes(made, "h264")) == bool(profiles.load(name).rungs)
    assert plan.from_json(json.loads(json.dumps(plan.to_json(made)))) == made


def test_phone_keeps_a_portrait_upright():
    assert sizes(planned("phone", film_of(1080, 1920, 2)), "h264") == [(480, 854), (240, 426)]


def test_television_has_2160_in_av1_and_keeps_surround():
    made = planned("tv", film_of(3840, 2160, 6))
    assert sizes(made, "av1") == [(3840, 2160), (1920, 1080)]
    assert max(sizes(made, "h264")) == (1920, 1080)
    assert [(step.spec, step.channels) for step in made.audios] == [
        ("audio-und-160-aac", 2),
        ("audio-und-384-aac-51", 6),
        ("radio-31", 2),
    ]


def test_stereo_is_never_blown_up_to_surround():
    assert [step.channels for step in planned("tv", film_of(1920, 1080, 2)).audios] == [2, 2]


def test_a_small_film_has_no_second_codec():
    assert sizes(planned("tv", film_of(640, 480, 2)), "av1") == []


def test_sound_alone_takes_no_picture():
    made = planned("audio", film_of(1920, 1080, 2))
    assert (made.videos, made.poster, made.storyboard) == ((), None, None)
    assert [step.bit_rate for step in made.audios] == [128_000, 64_000, 32_000, 31_000]


def test_sound_alone_of_a_silent_film_is_refused():
    with pytest.raises(Refused) as refused:
        planned("audio", film_of(1920, 1080))
    assert refused.value.code == "no-sound"


def test_take_away_is_the_largest_rung_allowed():
    assert planned("download", film_of(1920, 1080, 2)).download == "video-720-h264"
    assert planned("download", film_of(320, 240, 2)).download == "video-240-h264"
    assert planned("default", film_of(1920, 1080, 2)).download == ""
