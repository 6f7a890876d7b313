"""From a file to a package: everything is there, decodes, and has the length and the frames of the source."""

import m3u8
import pytest
from PIL import Image

from media_pipeline import captions
from media_pipeline.errors import Failed, Refused
from media_pipeline.formats import cmaf
from media_pipeline.produce import produce
from tests.media_pipeline import clips

MPD = {"d": "urn:mpeg:dash:schema:mpd:2011"}


def _quiet(step, fraction):
    pass


def test_film_becomes_rungs_sound_pictures_and_manifests():
    product, out = clips.produced(clips.film("talk.mp4", size="640x480", seconds=5))
    assert {"video-480-h264", "video-360-h264", "audio-und-128-aac"} <= {r.spec for r in product.renditions}
    assert product.media_type == "video"
    assert product.duration == pytest.approx(5.0, abs=0.05)
    assert (product.hls, product.dash) == ("master.m3u8", "manifest.mpd")
    assert {file.name for file in product.files} == {path.name for path in out.iterdir()}
    assert all(file.bytes == (out / file.name).stat().st_size for file in product.files)
    assert product.files[-1].name == product.hls
    with Image.open(out / product.poster) as poster:
        assert poster.size == (640, 480)


def test_radio_is_at_most_fifteen_megabytes_an_hour_in_mono_and_in_no_list():
    noise = ("-f", "lavfi", "-i", "anoisesrc=duration=60:color=pink:sample_rate=48000")
    product, out = clips.produced(clips.encode("radio.wav", *noise, "-ac", "2"))
    assert "radio-31" in {rendition.spec for rendition in product.renditions}
    radio = m3u8.load(str(out / "radio-31.m3u8"))
    ranges = [radio.segment_map[0].byterange, *(segment.byterange for segment in radio.segments)]
    requests = 300 * len(ranges)  # bytes of an answer's headers each
    asked = sum(int(part.partition("@")[0]) for part in ranges) + requests
    assert asked * 3600 / sum(segment.duration for segment in radio.segments) <= 15e6
    assert cmaf.index(clips.track(out, "radio-31")).channels == 1
    lists = [path.read_text() for path in out.iterdir() if path.name.startswith("master") or path.suffix == ".mpd"]
    assert lists
    assert not any("radio" in text for text in lists)


def test_no_frame_is_lost():
    product, out = clips.produced(clips.film("talk.mp4", size="640x480", seconds=5))
    for rendition in product.renditions:
        if rendition.width:
            assert len(clips.decoded_frames(clips.track(out, rendition.spec))) == 125


def test_storyboard_shows_every_second():
    product, out = clips.produced(clips.film("talk.mp4", size="640x480", seconds=5))
    cues = captions.parse((out / product.storyboard).read_text())
    assert [cue[0] for cue in cues] == [0, 1, 2, 3, 4]
    assert cues[1][2] == "storyboard.jpg#xywh=120,0,120,90"
    with Image.open(out / "storyboard.jpg") as sprite:
        assert sprite.size == (600, 90)


@pytest.mark.parametrize(
    ("source", "size"),
    [
        (lambda: clips.silent("still-silent.mp4"), (320, 240)),
        (lambda: clips.silent("odd.mkv", "-pix_fmt", "yuv444p", size="321x241"), (320, 240)),
        (lambda: clips.silent("ten.mkv", "-pix_fmt", "yuv422p10le"), (320, 240)),
        (lambda: clips.silent("short.mp4", seconds=0.08), (320, 240)),
        (lambda: clips.silent("tiny.mkv", size="8x8"), (8, 8)),
        (lambda: clips.film("late.mkv", "-output_ts_offset", "5"), (320, 240)),
        (lambda: clips.film("six.mp4", "-ac", "6"), (320, 240)),
        (lambda: clips.film("vp9.webm", "-c:v", "libvpx-vp9", "-cpu-used", "8", "-c:a", "libopus"), (320, 240)),
    ],
    ids=["silent", "odd-444", "10-bit-422", "two-frames", "8x8", "late-clock", "5.1", "webm"],
)
def test_odd_films_play(source, size):
    path = source()
    product, out = clips.produced(path)
    first = product.renditions[0]
    assert (first.width, first.height) == size
    assert clips.decoded_frames(clips.track(out, first.spec))
    assert product.duration < 2


def test_rotation_is_in_the_picture():
    upright = clips.silent("upright.mp4", size="320x180")
    product, _ = clips.produced(clips.encode("turned.mp4", "-display_rotation", "90", "-i", str(upright), "-c", "copy"))
    assert (product.renditions[0].width, product.renditions[0].height) == (180, 320)


def test_hdr_becomes_standard_range():
    clip = clips.encode(
        "pq.mp4", "-f", "lavfi", "-i", "color=c=gray:s=320x240:d=0.5", "-vf", "format=yuv420p10le", "-c:v", "libx265",
        "-x265-params", "log-level=none:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc",
    )  # fmt: skip
    product, out = clips.produced(clip)
    with Image.open(out / product.poster) as poster:
        # PQ's middle is 92 cd/m², near the reference white of 203: a light grey, neither black nor burnt out.
        assert 90 < poster.convert("L").getpixel((100, 100)) < 230


def test_languages_subtitles_and_chapters_are_kept():
    words = clips.written("words.srt", "1\n00:00:00,100 --> 00:00:00,900\n你好\n".encode())
    marks = clips.written(
        "marks.txt",
        ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/10\nSTART=0\nEND=5\ntitle=开头\n"
        "[CHAPTER]\nTIMEBASE=1/10\nSTART=5\nEND=10\ntitle=结尾\n".encode(),
    )
    source = clips.encode(
        "two-voices.mkv", "-i", str(clips.film()), "-i", str(clips.recording()), "-i", str(words), "-i", str(marks),
        "-map", "0", "-map", "1", "-map", "2", "-map_metadata", "3", "-c:v", "copy", "-c:a", "aac", "-c:s", "ass",
        "-metadata:s:a:0", "language=chi", "-metadata:s:a:1", "language=eng", "-metadata:s:s:0", "language=chi",
    )  # fmt: skip
    product, out = clips.produced(source)
    assert product.tracks == (
        ("captions", "zh", [[0.1, 0.9, "你好"]]),
        ("chapters", "und", [[0.0, 0.5, "开头"], [0.5, 1.0, "结尾"]]),
    )
    assert [medium.language for medium in m3u8.load(str(out / product.hls)).media] == ["zh", "en"]


def test_recording_becomes_two_rates_and_its_cover():
    cover = clips.written("cover.png", clips.picture(64, 64, "PNG"))
    song = clips.encode(
        "song.mp3", "-i", str(clips.recording()), "-i", str(cover), "-map", "0", "-map", "1", "-c:v", "copy"
    )
    product, out = clips.produced(song)
    assert product.media_type == "audio"
    assert [r.spec for r in product.renditions] == ["audio-und-128-aac", "audio-und-64-aac", "radio-31"]
    assert product.poster == "poster.webp"
    assert len(m3u8.load(str(out / product.hls)).playlists) == 2
    assert product.duration == pytest.approx(1.0, abs=0.06)
    taken = out / product.manifest["download"]
    assert (taken.name, taken.stat().st_size) == ("download.m4a", product.manifest["download_bytes"])
    assert b"moof" not in taken.read_bytes()


def test_lost_voice_refuses_the_film():
    """A film whose only sound can not be decoded is not published in silence."""
    data = clips.film("voice.mkv").read_bytes()
    broken = clips.written("voiceless.mkv", data.replace(b"A_AAC", b"A_ZZZ"))
    with pytest.raises(Refused) as refused:
        produce(broken, clips.place("voiceless"), report=_quiet)
    assert refused.value.code == "undecodable"
    assert "声音" in refused.value.sentence


def test_progress_never_goes_back_and_ends_at_one(tmp_path):
    told = []
    produce(clips.recording(), tmp_path, report=lambda step, fraction: told.append(fraction))
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_progress_is_told_all_through_the_encode_of_a_film(tmp_path):
    """The storyboard is written at the end; what comes before it must not be silent."""
    told = []
    produce(clips.film(), tmp_path, report=lambda step, fraction: told.append((step, fraction)))
    early = {fraction for step, fraction in told if step == "encode" and fraction < 0.7}
    assert len(early) >= 5


def test_cancelling_passes_through(tmp_path):
    class Cancelled(Exception):
        pass

    def report(step, fraction):
        if step == "encode":
            raise Cancelled

    with pytest.raises(Cancelled):
        produce(clips.film(), tmp_path, report=report)


def test_equal_work_has_an_equal_name(tmp_path):
    first, _ = clips.produced(clips.recording())
    again = produce(clips.recording(), tmp_path / "again", report=_quiet, name="other.wav")
    assert again.digest == first.digest
    assert produce(clips.film(), tmp_path / "film", report=_quiet).digest != first.digest


def test_unknown_profile_is_named(tmp_path):
    with pytest.raises(Failed) as failed:
        produce(clips.recording(), tmp_path, profile="radio", report=_quiet)
    assert "radio" in failed.value.sentence


def test_pdf_becomes_pages_with_text_and_pictures():
    product, out = clips.produced(clips.written("embroidery.pdf", clips.pdf(2)))
    assert [page.text for page in product.pages] == ["Miao embroidery 1", "Miao embroidery 2"]
    with Image.open(out / product.pages[1].picture) as page:
        assert page.format == "WEBP"
        assert max(page.size) == 1600
    assert product.poster == "poster.jpg"


def test_epub_becomes_sections_with_html_text_and_pictures():
    product, out = clips.produced(clips.written("book.epub", clips.epub()))
    first, second = product.pages
    assert (first.title, second.title) == ("第一章 针法", "配色")
    assert first.text == "针法\n平绣与打籽绣。 下一章"
    assert 'src="pictures/0001.webp"' in first.html
    assert 'href="#page-2"' in first.html
    assert "<ruby>" in first.html
    assert (out / "pictures/0001.webp").exists()
    assert product.poster == "poster.jpg"


def test_picture_is_upright_in_sizes_and_without_metadata():
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Camera"
    photo = clips.written("photo.jpg", clips.picture(2400, 1200, "JPEG", exif=exif))
    product, out = clips.produced(photo)
    sizes = [(entry["width"], entry["height"]) for entry in product.manifest["pictures"]]
    assert sizes == [(240, 480), (480, 960), (960, 1920), (640, 1280)]
    for entry in product.manifest["pictures"]:
        with Image.open(out / entry["name"]) as image:
            assert not image.getexif()
            # Turned a quarter to the right: what was left is on top.
            red, _, blue = image.convert("RGB").getpixel((image.width // 2, 5))
            assert red > blue


def test_small_picture_is_not_enlarged():
    product, _ = clips.produced(clips.written("small.png", clips.picture(100, 50, "PNG")))
    assert {(entry["width"], entry["height"]) for entry in product.manifest["pictures"]} == {(100, 50)}
