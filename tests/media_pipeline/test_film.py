"""What one run makes beside the rungs, and that codecs and parts share one grid."""

import re
import subprocess
from pathlib import Path

import av
import pytest
from PIL import Image, ImageStat

from media_pipeline import ffmpeg, film, plan, produce, profiles
from media_pipeline.errors import Refused
from media_pipeline.film import Pictures, Sides, Whole
from media_pipeline.formats import cmaf, loudness, poster
from media_pipeline.formats.loudness import CEILING, TARGET, Sound
from tests.media_pipeline import clips


def work_on(source: Path, out: Path, profile: str = "download"):
    return produce.begin(source, out, profile=profile, report=lambda step, fraction: None)


def made_of(source: Path, out: Path, profile: str = "download"):
    return produce.produce(source, out, profile=profile, report=lambda step, fraction: None)


def measured(path: Path) -> tuple[float, float]:
    """LUFS and dBTP of the first sound, by a meter outside the pipeline."""
    meter = ("-map", "0:a:0", "-af", "ebur128=framelog=quiet:peak=true", "-f", "null", "-")
    command = [ffmpeg.binary(), "-hide_banner", "-nostdin", "-i", str(path), *meter]
    told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stderr
    integrated, peak = re.findall(r"^ +(?:I|Peak): +(\S+) (?:LUFS|dBFS)$", told, re.MULTILINE)
    return float(integrated), float(peak)


@pytest.mark.parametrize(
    ("name", "sound"),
    [
        ("soft.wav", "anoisesrc=c=pink:a=0.25:d=5:s=1"),
        ("loud.wav", "anoisesrc=c=pink:a=0.9:d=5:s=2"),
        ("peaks.wav", "aevalsrc='0.08*sin(2*PI*500*t)+0.5*sin(2*PI*900*t)*lt(mod(t,1),0.002)':d=5"),
    ],
)
def test_sound_comes_to_its_loudness_below_the_ceiling(name, sound, tmp_path):
    source = clips.encode(name, "-f", "lavfi", "-i", sound)
    product = made_of(source, tmp_path / "out", "audio")
    integrated, peak = measured(tmp_path / "out" / product.hls)
    assert integrated == pytest.approx(TARGET, abs=1.0)
    assert peak <= CEILING
    assert product.manifest["loudness"]["gain"] == pytest.approx(
        TARGET - product.manifest["loudness"]["integrated"], abs=0.1
    )


def test_silence_and_noise_are_not_turned_up():
    assert Sound(-70.0, 0.0, -70.0).gain == 0
    assert Sound(-60.0, 0.0, -40.0).gain == loudness.MOST_GAIN


def test_music_with_high_peaks_stays_softer_rather_than_flat():
    sound = Sound(-28.0, 15.0, 0.0)
    assert sound.gain == loudness.LIMIT + loudness.MOST_LIMITED
    assert sound.limited


def test_waveform_follows_the_sound(tmp_path):
    source = clips.encode("half.wav", "-f", "lavfi", "-i", "aevalsrc='0.5*sin(2*PI*440*t)*gte(t,1)|0':d=2")
    outline = made_of(source, tmp_path / "out", "audio").manifest["waveform"]
    assert len(outline) == 40
    assert max(outline[:19]) == 0
    assert min(outline[21:]) == pytest.approx(128, abs=3)


@pytest.fixture(scope="module")
def acts() -> Path:
    """Two seconds black, two of a picture, two of another; with a tone."""
    sources = ("color=black:s=320x240:r=25:d=2", "mandelbrot=s=320x240:r=25", "testsrc2=s=320x240:r=25:d=2")
    inputs = [word for source in (*sources, "sine=f=440:d=6") for word in ("-f", "lavfi", "-i", source)]
    chain = "[1]trim=end=2,setpts=PTS-STARTPTS[b];[0][b][2]concat=n=3,format=yuv420p[v]"
    return clips.encode("acts.mp4", *inputs, "-filter_complex", chain, "-map", "[v]", "-map", "3", *clips.FAST)


def test_scenes_are_where_the_picture_changes(acts, tmp_path):
    assert made_of(acts, tmp_path / "out").manifest["scenes"] == pytest.approx([2.0, 4.0], abs=0.5)


def test_poster_is_not_the_black_beginning(acts, tmp_path):
    product = made_of(acts, tmp_path / "out")
    with Image.open(tmp_path / "out" / product.poster) as picture:
        assert ImageStat.Stat(picture.convert("L")).stddev[0] > poster.FLAT
    assert not list((tmp_path / "out").glob("poster-*"))


def test_a_chosen_moment_becomes_a_picture(acts, tmp_path):
    work = work_on(acts, tmp_path / "out")
    for seconds, flat in ((1.0, True), (3.0, False), (600.0, False)):
        film.still(work, seconds, tmp_path / "out" / f"{seconds}.jpg")
        with Image.open(tmp_path / "out" / f"{seconds}.jpg") as picture:
            assert (ImageStat.Stat(picture.convert("L")).stddev[0] < poster.FLAT) == flat


def test_a_recording_has_no_moment_to_choose(tmp_path):
    with pytest.raises(Refused) as refused:
        film.still(work_on(clips.recording(), tmp_path / "out"), 1.0, tmp_path / "out" / "still.jpg")
    assert refused.value.code == "no-picture"


def test_take_away_is_one_progressive_file_with_all_frames(acts, tmp_path):
    product = made_of(acts, tmp_path / "out")
    file = tmp_path / "out" / product.manifest["download"]
    data = file.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    assert b"moof" not in data
    with av.open(file) as opened:
        assert [stream.codec_context.name for stream in opened.streams] == ["h264", "aac"]
        assert sum(1 for _ in opened.decode(video=0)) == 150


def test_sides_are_made_from_a_single_key_frame(acts, tmp_path):
    """The source has one key frame in six seconds."""
    source = clips.encode("one-key.mp4", "-i", str(acts), *clips.FAST, "-g", "1000", "-sc_threshold", "0")
    work = work_on(source, tmp_path / "out")
    made = film.encode(work, produce.plan_film(work), Sides())
    assert {path.name for path in work.out.iterdir()} == {
        "audio-und-128-aac.mp4",
        "radio-31.mp4",
        "poster.webp",
        "storyboard.jpg",
    }
    assert made.loudness
    assert film.from_json(film.to_json(made)) == made


def test_both_codecs_and_all_spans_cut_at_the_same_frames(tmp_path):
    source = clips.silent("grid.mp4", size="480x360", rate="30000/1001", seconds=9)
    work = work_on(source, tmp_path / "whole", "default")
    planned = plan.film(work.facts, profiles.load("default"), work.sha256)
    film.encode(work, planned, Whole())
    specs = [step.spec for step in planned.videos]
    assert specs == ["video-360-h264", "video-360-av1"]
    whole = [[s.samples for s in cmaf.index(work.out / f"{spec}.mp4").segments] for spec in specs]
    assert whole == [[120, 120, 30]] * 2
    joined: list[list[int]] = [[], []]
    for number in range(3):
        span = work_on(source, tmp_path / str(number), "default")
        film.encode(span, planned, Pictures(number, number))
        for spec, frames in zip(specs, joined, strict=True):
            frames += [s.samples for s in cmaf.index(span.out / f"{spec}.mp4").segments]
    assert joined == whole


def test_surround_is_kept_beside_stereo(tmp_path):
    work = work_on(clips.film("six-tv.mp4", "-ac", "6", size="160x120"), tmp_path / "out", "tv")
    planned = produce.plan_film(work)
    film.encode(work, planned)
    files = [work.out / f"{step.spec}.mp4" for step in planned.audios]
    assert [cmaf.index(file).channels for file in files] == [2, 6, 1]
