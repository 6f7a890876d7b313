"""One media file, found by readers that are not ours: m3u8, hls-parser and mpd-parser."""

import json
import subprocess
from dataclasses import replace
from fractions import Fraction

import m3u8
import pytest
from lxml import etree

from deploy import prepare
from media_pipeline import manifests, packaging
from media_pipeline.formats import cmaf
from media_pipeline.formats.cmaf import Index, Segment
from media_pipeline.manifests import Track
from media_pipeline.produce import produce
from tests.media_pipeline import clips

READERS = prepare.ROOT / "tests" / "media_pipeline" / "readers.mjs"
DASH = {"d": "urn:mpeg:dash:schema:mpd:2011"}


def track(spec: str, codecs: str, *, segments: int = 3, seconds: float = 4.0, start: int = 0, **more) -> Track:
    """A track that was never encoded: 1000 bytes a segment."""
    parts = tuple(Segment(start + 1000 + 1000 * n, 1000, seconds, 100, 300) for n in range(segments))
    channels = more.pop("channels", None if more.get("fps") else 2)
    index = Index(codecs, 900, (start + 900, 100), parts, 12800, 640, 360, channels, 48000, start=start)
    return Track(spec, packaging.MEDIA, index, **more)


VIDEO = track("video-360-h264", "avc1.64001e", fps=Fraction(25))
AV1 = track("video-360-av1", "av01.0.01M.08", fps=Fraction(25))
CHINESE = track("audio-zh-128-aac", "mp4a.40.2", language="zh", label="中文", default=True, group="sound-128-2")
ENGLISH = track("audio-en-128-aac", "mp4a.40.2", language="en", label='say "hi"', group="sound-128-2")
AROUND = replace(CHINESE, spec="audio-zh-384-aac-51", group="sound-384-6", index=replace(CHINESE.index, channels=6))


def read(text: str) -> m3u8.M3U8:
    return m3u8.loads(text)


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A film of two codecs and a voice on disk, and what the readers say of it."""
    source = clips.film("talk.mp4", size="640x480", seconds=5)
    out = tmp_path_factory.mktemp("package")
    product = produce(source, out, report=lambda step, fraction: None)
    command, env = prepare.node()
    node = command[0] if len(command) > 1 else "node"
    asked = [node, str(READERS), str(out), product.dash, *product.manifest["hls"].values()]
    answer = subprocess.run(asked, env=env, check=True, capture_output=True, text=True, timeout=60)
    return product, out, json.loads(answer.stdout)


def test_two_readers_find_the_same_bytes_through_hls_and_dash(package):
    product, out, found = package
    hls = {v["uri"]: v["media"] for name in found["hls"] for v in found["hls"][name]["variants"]}
    for name in found["hls"]:
        for variant in found["hls"][name]["variants"]:
            playlist = m3u8.load(str(out / variant["uri"]))
            assert playlist.is_endlist
            assert [s.byterange for s in playlist.segments] == [
                f"{s['length']}@{s['offset']}" for s in variant["media"]["segments"]
            ]
    videos = {r["id"]: r for r in found["dash"]["video"]}
    assert set(videos) == {r.spec for r in product.renditions if r.width}
    for spec, representation in videos.items():
        assert representation["segments"] == hls[f"{spec}.m3u8"]["segments"]
        assert representation["init"] == hls[f"{spec}.m3u8"]["init"]
    assert found["dash"]["seconds"] == pytest.approx(5, abs=0.05)
    assert [len(group["tracks"]) for group in found["dash"]["audio"]] == [1]


def test_every_byte_of_the_media_file_belongs_to_one_track(package):
    product, out, _ = package
    covered = []
    for rendition in product.renditions:
        playlist = m3u8.load(str(out / f"{rendition.spec}.m3u8"))
        size, start = map(int, playlist.segment_map[0].byterange.split("@"))
        last_size, last = map(int, playlist.segments[-1].byterange.split("@"))
        assert last + last_size - start == rendition.bytes
        assert rendition.name == packaging.MEDIA
        covered.append((start, last + last_size))
        assert size < rendition.bytes
    assert [start for start, _ in covered] == [0, *(end for _, end in covered[:-1])]
    assert covered[-1][1] == (out / packaging.MEDIA).stat().st_size


def test_tracks_taken_out_of_the_media_file_decode(package):
    product, out, _ = package
    for rendition in product.renditions:
        frames = len(clips.decoded_frames(clips.track(out, rendition.spec)))
        least = 115 if rendition.spec.startswith("radio-") else 230  # of sound; half the rate, half the frames
        assert frames == 125 if rendition.width else frames > least


def test_variants_tell_codecs_rates_and_range(package):
    product, _, found = package
    lists = {codec: found["hls"][name]["variants"] for codec, name in product.manifest["hls"].items()}
    for codec, variants in lists.items():
        shown = [v for v in variants if not v["iframes"]]
        assert {v["codecs"].split(".")[0] for v in shown} == {"avc1" if codec == "h264" else "av01"}
        assert all(0 < v["average"] <= v["bandwidth"] for v in shown)
        assert {(v["range"], v["rate"]) for v in shown} == {("SDR", 25)}
        assert {v["audio"][0]["channels"] for v in shown} == {"2"}


def test_key_frames_alone_are_complete_pictures(package):
    """What a player fetches while winding: the initialisation and one picture, cut off behind it."""
    product, out, found = package
    winding = next(v["media"] for v in found["hls"][product.hls]["variants"] if v["iframes"])
    assert winding["iframes"]
    data = (out / packaging.MEDIA).read_bytes()
    spec = min((r for r in product.renditions if r.spec.endswith("h264")), key=lambda r: r.bytes).spec
    index = cmaf.index(clips.track(out, spec)).moved(winding["init"]["offset"])
    for piece, (segment, fragment, _) in zip(
        winding["segments"], cmaf.fragments(out / packaging.MEDIA, index), strict=True
    ):
        assert piece["offset"] == segment.offset
        sample = data[segment.offset + fragment.data : piece["offset"] + piece["length"]]
        kinds = []
        while sample:
            kinds.append(sample[4] & 31)
            sample = sample[4 + int.from_bytes(sample[:4], "big") :]
        assert kinds[-1] == 5  # ends with the last slice of an IDR picture


def test_no_list_mixes_codecs_or_stereo_with_more():
    lists = manifests.hls_masters([AV1, VIDEO], [CHINESE, ENGLISH, AROUND])
    assert {key: name for key, (name, _) in lists.items()} == {
        "h264": "master.m3u8",
        "h264-surround": "master-h264-surround.m3u8",
        "av1": "master-av1.m3u8",
        "av1-surround": "master-av1-surround.m3u8",
    }
    stereo, around = read(lists["h264"][1]), read(lists["h264-surround"][1])
    assert [p.uri for p in stereo.playlists] == ["video-360-h264.m3u8"]
    assert [(m.language, m.channels, m.default) for m in stereo.media] == [("zh", "2", "YES"), ("en", "2", "NO")]
    # A voice that came in stereo only can still be chosen beside the others.
    assert [(m.language, m.channels) for m in around.media] == [("zh", "6"), ("en", "2")]
    assert {m.group_id for m in around.media} == {p.stream_info.audio for p in around.playlists}


def test_a_recording_is_a_list_of_rates_with_its_languages():
    low = replace(CHINESE, spec="audio-zh-64-aac", group="sound-64-2")
    alone = manifests.hls_masters([], [CHINESE, low])
    assert [p.uri for p in read(alone[""][1]).playlists] == ["audio-zh-128-aac.m3u8", "audio-zh-64-aac.m3u8"]
    both = read(manifests.hls_masters([], [CHINESE, ENGLISH])[""][1])
    assert [p.uri for p in both.playlists] == ["audio-zh-128-aac.m3u8"]
    assert [m.name for m in both.media] == ["中文", "say 'hi'"]


def test_segments_of_uneven_length_are_addressed_by_their_index():
    even = etree.fromstring(manifests.dash([VIDEO], [], 12).encode())
    assert len(even.findall(".//d:SegmentURL", DASH)) == 3
    parts = tuple(replace(s, seconds=length) for s, length in zip(VIDEO.index.segments, (2.0, 7.0, 3.0), strict=True))
    uneven = replace(VIDEO, index=replace(VIDEO.index, segments=parts))
    tree = etree.fromstring(manifests.dash([uneven], [], 12).encode())
    assert tree.find(".//d:SegmentBase", DASH).get("indexRange") == "900-999"
    assert not tree.findall(".//d:SegmentList", DASH)


def test_a_course_of_two_hours_stays_at_seventeen_objects(package):
    """What is stored depends on the ladder, never on the length: four rungs of one codec, three of the other, the list
    of the radio (docs/decisions/pipeline-packages.md)."""
    product, out, _ = package
    beside = [f for f in product.files if not f.name.startswith(("video-", "audio-"))]
    playlists = 4 + 3 + 1
    assert len(beside) + playlists <= 17
    assert {f.name for f in product.files} == {path.name for path in out.iterdir()}
