"""Per title: what the trials say decides the plan, and a real film is looked at and fitted the same way twice."""

from dataclasses import replace

import pytest

from media_pipeline import plan, produce, profiles, tuning
from media_pipeline.tuning import Trial
from tests.media_pipeline import clips


def made_plan(profile: str = "default", *, width: int = 1920, height: int = 1080) -> plan.FilmPlan:
    chosen = profiles.load(profile)
    steps = []
    for rung in chosen.rungs:
        spec = f"video-{rung.short}-{rung.codec}"
        size = round(width * rung.short / height), rung.short
        steps.append(plan.VideoStep(spec, rung.codec, *size, rung.crf, rung.max_rate, chosen.preset[rung.codec]))
    steps.sort(key=lambda step: (step.codec != "h264", -step.height))
    return plan.FilmPlan("0" * 12, (25, 1), chosen.segment_seconds, tuple(steps), (), None, None)


def trials(
    planned: plan.FilmPlan, scores: tuple[float, float], *, second: float = 80, kilobytes: float = 8
) -> list[Trial]:
    """What a look would say: bytes of a frame of the top, ``kilobytes``, and less in proportion below."""
    top, *others = tuning.ladder_of(planned, "h264")

    def trial(step: plan.VideoStep, score: float | None, part: float = 1.0) -> Trial:
        size = 1000 * kilobytes * part * step.height**1.4 / top.height**1.4
        return Trial(step, 5 * size, size, size, score)

    found = [trial(top, scores[0]), trial(replace(top, crf=top.crf + tuning.COARSER), scores[1], 0.5)]
    found += [trial(step, None if n else second) for n, step in enumerate(others)]
    return found + [trial(step, scores[0], 0.5) for step in tuning.ladder_of(planned, "av1")[:1]]


def specs(planned: plan.FilmPlan) -> list[str]:
    return [step.spec for step in planned.videos]


def fitted(scores: tuple[float, float], **more: float) -> plan.FilmPlan:
    planned = made_plan()
    return tuning.fit(planned, trials(planned, scores, **more))


def test_crf_follows_the_target():
    easy, hard = fitted((98, 95.4)).videos[0], fitted((92, 86)).videos[0]
    assert easy.crf > made_plan().videos[0].crf > hard.crf
    finest, coarsest = tuning.LIMITS_OF_CRF["h264"]
    assert finest <= hard.crf < easy.crf <= coarsest


def test_crf_stays_within_its_limits():
    finest, coarsest = tuning.LIMITS_OF_CRF["h264"]
    assert fitted((40, 39)).videos[0].crf == finest
    assert fitted((100, 99.9)).videos[0].crf == coarsest


def test_cap_is_never_above_the_profile_and_follows_the_need():
    profile_cap = made_plan().videos[0].max_rate
    assert fitted((92, 86), kilobytes=40).videos[0].max_rate == profile_cap
    assert fitted((96, 93), kilobytes=3).videos[0].max_rate < profile_cap


def test_demanding_film_keeps_the_rungs_between_and_gets_av1():
    kept = specs(fitted((95.4, 92), kilobytes=16))
    assert kept[0] == "video-1080-h264"
    assert {"video-720-h264", "video-360-h264", "video-1080-av1", "video-360-av1"} <= set(kept)


def test_film_that_any_line_carries_keeps_the_top_and_one_small_rung():
    assert specs(fitted((95.4, 92), kilobytes=1.2)) == ["video-1080-h264", "video-360-h264"]


def test_top_that_shows_nothing_more_is_dropped_in_both_codecs():
    kept = fitted((97, 95), second=96, kilobytes=16)
    assert max(step.height for step in kept.videos) == 720
    assert {step.codec for step in kept.videos} == {"h264", "av1"}


def test_pictures_that_stand_still_get_long_segments_and_tools_for_screens():
    planned = fitted((96.5, 95.5), second=96, kilobytes=0.1)
    assert planned.segment_seconds == tuning.STILL_SEGMENT
    assert specs(planned) == ["video-1080-h264", "video-360-h264", "video-1080-av1"]
    assert (planned.videos[-1].preset, planned.videos[-1].params) == tuning.STILL_AV1


def test_download_rung_is_never_dropped():
    planned = replace(made_plan(), download="video-480-h264")
    assert "video-480-h264" in specs(tuning.fit(planned, trials(planned, (95.4, 92), kilobytes=1.2)))


@pytest.mark.parametrize("profile", [name for name, data in profiles.all_profiles().items() if data.per_title])
def test_every_profile_keeps_h264_and_its_order(profile):
    planned = made_plan(profile)
    kept = tuning.fit(planned, trials(planned, (95.4, 92), kilobytes=4))
    assert kept.videos[0].codec == "h264"
    assert specs(kept) == [spec for spec in specs(planned) if spec in specs(kept)]


def begin(source, out, *, profile: str = "default"):
    work = produce.begin(source, out, profile=profile, report=lambda step, fraction: None)
    return work, plan.film(work.facts, work.profile, work.sha256)


def test_short_film_is_left_alone(tmp_path):
    work, planned = begin(clips.film(), tmp_path)
    assert tuning.tune(work, planned) == planned


def test_real_film_is_fitted_twice_alike_and_nothing_is_left_behind(tmp_path):
    source = clips.silent("tuning.mp4", size="640x360", seconds=9)
    plans = []
    for name in ("one", "two"):
        work, planned = begin(source, tmp_path / name)
        plans.append(tuning.tune(work, planned))
        assert not list(work.out.iterdir())
    assert plans[0] == plans[1]
    assert plans[0].digest == planned.digest
    assert plans[0].videos[0].crf != planned.videos[0].crf


def test_still_film_is_known_as_one(tmp_path):
    source = clips.encode(
        "still.mp4", "-f", "lavfi", "-i", "testsrc=s=640x360:r=25:d=9,loop=225:1:0,trim=end_frame=225", *clips.FAST
    )
    work, planned = begin(source, tmp_path)
    assert tuning.tune(work, planned).segment_seconds == tuning.STILL_SEGMENT


def test_film_that_cannot_be_looked_at_is_encoded_all_the_same(tmp_path):
    work, planned = begin(clips.silent("tuning.mp4", size="640x360", seconds=9), tmp_path)
    tuned = tuning.tune(replace(work, source=tmp_path / "gone.mp4"), planned)
    assert specs(tuned) == specs(planned)
