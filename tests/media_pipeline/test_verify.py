"""What is wrong with an output is found before anybody sees it."""

import struct
from dataclasses import replace
from fractions import Fraction

import pytest

from media_pipeline import probe, verify
from media_pipeline.cage import Cage
from media_pipeline.errors import Failed, Refused
from media_pipeline.ffmpeg import Told
from media_pipeline.formats import cmaf
from media_pipeline.manifests import Track
from tests.media_pipeline import clips

SPEC = "video-360-h264"


@pytest.fixture
def rung(tmp_path):
    """A rung of a package as bytes that may be spoilt, its index, and the way to verify them."""
    source = clips.film("talk.mp4", size="640x480", seconds=5)
    _, out = clips.produced(source)
    data = bytearray(clips.track(out, SPEC).read_bytes())
    index = cmaf.index(clips.track(out, SPEC))
    facts = probe.probe(source, Cage(tmp_path / "work", readable=(source,)))

    def check(**promised) -> None:
        (tmp_path / "rung.mp4").write_bytes(data)
        track = Track(SPEC, "rung.mp4", index, fps=Fraction(25))
        verify.verify([track], tmp_path, replace(facts, **promised), Cage(tmp_path))

    return data, index, check


def test_what_was_written_well_passes(rung):
    rung[2]()


def spoil_length(data, index):
    """The length of a picture's first unit, in the middle of the film."""
    at = index.segments[0].offset + index.segments[0].first_bytes
    data[at : at + 4] = struct.pack(">I", 7)


def spoil_time(data, index):
    at = data.index(b"tfdt", index.segments[1].offset) + 8
    data[at : at + 8] = struct.pack(">Q", 99)


def spoil_number(data, index):
    at = data.index(b"mfhd", index.segments[1].offset) + 8
    data[at : at + 4] = struct.pack(">I", 7)


def spoil_index(data, index):
    at = index.sidx[0] + index.sidx[1] - 12
    data[at : at + 4] = struct.pack(">I", 12345)


def spoil_key_frame(data, index):
    """The inside of a picture, which no length tells."""
    end = index.segments[0].offset + index.segments[0].first_bytes
    data[end - 4000 : end - 100] = bytes(3900)


def lose_the_end(data, index):
    del data[-2000:]


@pytest.mark.parametrize(
    "spoil",
    [spoil_length, spoil_time, spoil_number, spoil_index, spoil_key_frame, lose_the_end],
    ids=lambda f: f.__name__,
)
def test_what_is_wrong_is_found(rung, spoil):
    data, index, check = rung
    spoil(data, index)
    with pytest.raises(Failed):
        check()


def test_less_than_half_of_the_film_is_the_fault_of_the_file(rung):
    with pytest.raises(Refused) as refused:
        rung[2](duration=20.0)
    assert refused.value.code == "damaged"


def test_rungs_cut_at_other_frames_are_refused(rung, tmp_path):
    data, index, _ = rung
    (tmp_path / "rung.mp4").write_bytes(data)
    segments = tuple(replace(segment, samples=segment.samples - 1) for segment in index.segments)
    rungs = [Track(SPEC, "rung.mp4", found, fps=Fraction(25)) for found in (index, replace(index, segments=segments))]
    with pytest.raises(Failed, match="bad-output"):
        verify.verify(rungs, tmp_path, probe.Facts("video", "mp4", "x", 1), Cage(tmp_path))


def test_damage_needs_a_complaint_of_the_decoder(rung, tmp_path):
    facts = probe.probe(clips.film(), Cage(tmp_path / "work", readable=(clips.film(),)))
    assert verify.damage(Told(frames_in=20), facts) == ""
    assert "5 帧" in verify.damage(Told(frames_in=20, errors=("broken",)), facts)
    with pytest.raises(Refused):
        verify.damage(Told(frames_in=1, errors=("broken",)), facts)
