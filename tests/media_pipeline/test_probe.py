"""Facts of files as they are."""

import pytest
from PIL import Image

from media_pipeline import probe
from media_pipeline.cage import Cage
from tests.media_pipeline import clips


@pytest.fixture
def facts(tmp_path):
    def read(source):
        return probe.probe(source, Cage(tmp_path / "work", readable=(source,)))

    return read


def test_probe_film(facts):
    found = facts(clips.film())
    assert found.media_type == "video"
    assert (found.width, found.height) == (320, 240)
    assert found.duration == pytest.approx(1.0, abs=0.05)
    assert found.video.fps == (25, 1)
    assert found.video.frames == 25
    assert not found.video.variable
    assert [track.codec for track in found.audio] == ["aac"]


def test_probe_says_none_for_what_is_unknown(facts):
    found = facts(clips.recording())
    assert found.media_type == "audio"
    assert found.video is None
    assert found.width is None
    assert found.pages is None


def test_probe_shows_pixels_as_squares(facts):
    found = facts(clips.silent("anamorphic.mp4", "-vf", "setsar=64/45", size="720x576"))
    assert (found.width, found.height) == (1024, 576)


def test_probe_turns_a_rotated_film(facts):
    upright = clips.silent("upright.mp4", size="320x180")
    turned = clips.encode("turned.mp4", "-display_rotation", "90", "-i", str(upright), "-c", "copy")
    found = facts(turned)
    assert (found.width, found.height) == (180, 320)


def test_probe_sees_interlace(facts):
    field = clips.silent(
        "fields.mpg", "-vf", "tinterlace=interleave_top", "-c:v", "mpeg2video", "-flags", "+ildct+ilme"
    )
    assert facts(field).video.interlaced


def test_probe_sees_hdr(facts):
    colours = "log-level=none:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"
    film = clips.silent("hdr.mp4", "-c:v", "libx265", "-pix_fmt", "yuv420p10le", "-x265-params", colours)
    assert facts(film).video.hdr


def test_probe_sees_a_varying_rate(facts):
    jumpy = clips.silent("jumpy.mkv", "-vf", "select=not(mod(n\\,7))+not(mod(n\\,5))", "-fps_mode", "vfr", seconds=3)
    found = facts(jumpy).video
    assert found.variable
    assert found.fps[0] / found.fps[1] in (24, 25, 30)


def test_probe_starts_a_late_clock_at_the_first_picture(facts):
    late = clips.film("late.mkv", "-output_ts_offset", "5")
    assert facts(late).duration == pytest.approx(1.0, abs=0.1)


def test_probe_keeps_languages_and_cover(facts):
    cover = clips.written("cover.png", clips.picture(64, 64, "PNG"))
    song = clips.encode(
        "song.mp3", "-i", str(clips.recording()), "-i", str(cover), "-map", "0", "-map", "1", "-c:v", "copy"
    )
    found = facts(song)
    assert found.media_type == "audio"
    assert found.cover is not None


def test_probe_counts_pages(facts):
    assert facts(clips.written("two.pdf", clips.pdf(2))).pages == 2
    assert facts(clips.written("book.epub", clips.epub())).pages == 2


def test_probe_turns_a_picture_as_its_camera_says(facts):
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = clips.written("photo.jpg", clips.picture(80, 60, "JPEG", exif=exif))
    found = facts(photo)
    assert (found.width, found.height) == (60, 80)
