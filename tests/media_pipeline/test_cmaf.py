"""Our own reading of fragmented MP4, against what the encoder was told."""

import pytest

from media_pipeline.errors import Failed
from media_pipeline.formats import cmaf
from tests.media_pipeline import clips

KEYED = ("-force_key_frames", "expr:gte(t,n_forced*2)", "-g", "1000", "-sc_threshold", "0")
BOXES = ("-movflags", f"{cmaf.MOVFLAGS}+frag_keyframe")


def pictures(name: str, *, seconds: float, start: float = 0.0, codec: tuple[str, ...] = ("-c:v", "libx264")):
    source = f"testsrc2=s=160x120:r=25:d={start + seconds},trim=start={start},setpts=PTS-STARTPTS"
    return clips.encode(name, "-f", "lavfi", "-i", source, "-pix_fmt", "yuv420p", *codec, *KEYED, *BOXES)


def sound(name: str, layout: str):
    source = f"aevalsrc={'|'.join(['sin(440*t)'] * 6)}:c=5.1:d=5" if layout == "5.1" else "sine=d=5"
    cut = ("-frag_duration", "2000000", "-movflags", cmaf.MOVFLAGS)
    return clips.encode(name, "-f", "lavfi", "-i", source, "-c:a", "aac", "-ar", "48000", *cut)


def test_index_of_pictures():
    file = pictures("h264.mp4", seconds=5)
    index = cmaf.index(file)
    assert [s.samples for s in index.segments] == [50, 50, 25]
    assert [s.seconds for s in index.segments] == [2, 2, 1]
    assert (index.width, index.height, index.codecs[:5]) == (160, 120, "avc1.")
    assert index.bytes == file.stat().st_size
    assert all(s.first_bytes < s.bytes for s in index.segments)


def test_index_names_av1_in_full():
    av1 = ("-c:v", "libsvtav1", "-preset", "12", "-svtav1-params", "keyint=-1")
    index = cmaf.index(pictures("av1.mp4", seconds=1, codec=av1))
    assert index.codecs == "av01.0.00M.08"
    assert index.samples == 25


@pytest.mark.parametrize(("layout", "channels"), [("mono", 1), ("5.1", 6)])
def test_index_of_sound_counts_channels_and_leaves_priming_out(layout, channels):
    index = cmaf.index(sound(f"sound-{layout}.mp4", layout))
    assert (index.codecs, index.channels, index.sample_rate) == ("mp4a.40.2", channels, 48000)
    assert index.seconds == pytest.approx(5, abs=1024 / 48000)


def test_joined_tracks_are_where_their_indexes_say(tmp_path):
    files = []
    for name in ("h264.mp4", "sound-mono.mp4"):
        source = pictures(name, seconds=5) if name == "h264.mp4" else sound(name, "mono")
        (tmp_path / name).write_bytes(source.read_bytes())
        files.append(tmp_path / name)
    indexes = [cmaf.index(file) for file in files]
    starts = cmaf.join(files, tmp_path / "media.mp4")
    assert not any(file.exists() for file in files)
    for index, start in zip(indexes, starts, strict=True):
        moved = index.moved(start)
        read = [len(data) for _, _, data in cmaf.fragments(tmp_path / "media.mp4", moved)]
        assert read == [segment.bytes for segment in index.segments]
        assert [size for size, _ in cmaf.references(tmp_path / "media.mp4", moved)] == read


def test_spans_spliced_are_the_film_without_a_lost_frame_or_a_drift(tmp_path):
    spans = [pictures("span-0.mp4", seconds=4), pictures("span-1.mp4", seconds=3, start=4)]
    cmaf.splice(spans, tmp_path / "whole.mp4")
    index = cmaf.index(tmp_path / "whole.mp4")
    assert [s.samples for s in index.segments] == [50, 50, 50, 25]
    assert index.seconds == 7
    found = [(fragment.sequence, fragment.start) for _, fragment, _ in cmaf.fragments(tmp_path / "whole.mp4", index)]
    assert found == [(n + 1, n * 2 * index.timescale) for n in range(4)]
    # Checksums of pictures: those of the spans, one after the other, at times that go on.
    columns = [line.split(",") for line in clips.decoded_frames(tmp_path / "whole.mp4")]
    apart = [line.split(",") for span in spans for line in clips.decoded_frames(span)]
    assert [c[-1] for c in columns] == [c[-1] for c in apart]
    assert [int(c[2]) for c in columns] == list(range(175))


def test_spans_of_other_shape_are_not_spliced(tmp_path):
    other = pictures("span-other.mp4", seconds=1, codec=("-c:v", "libx264", "-profile:v", "baseline"))
    with pytest.raises(Failed, match="bad-package"):
        cmaf.splice([pictures("span-0.mp4", seconds=4), other], tmp_path / "whole.mp4")


@pytest.mark.parametrize("cut", [0.3, 0.95])
def test_a_cut_file_is_not_read_as_whole(tmp_path, cut):
    data = pictures("h264.mp4", seconds=5).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: int(len(data) * cut)])
    with pytest.raises(Failed, match="bad-package"):
        cmaf.index(tmp_path / "cut.mp4")
