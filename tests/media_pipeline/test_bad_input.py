"""Hostile and broken files: a clear reason, nothing leaked, nothing left running."""

import zipfile

import pytest

from media_pipeline import probe
from media_pipeline.cage import Cage
from media_pipeline.errors import Refused
from media_pipeline.probe import DECODERS, FORMATS, MAX_PIXELS
from media_pipeline.produce import produce
from tests.media_pipeline import clips

SECRET = "the words of another user"
LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
)


def _halved(path):
    data = path.read_bytes()
    return data[: len(data) // 2]


def _far_apart() -> bytes:
    """Two pictures half a day apart: filling the gap would be a million frames."""
    first = clips.silent("apart.mkv", "-vf", "select=lt(n\\,2),setpts=if(eq(N\\,0)\\,0\\,43000/TB)", "-fps_mode", "vfr")
    return first.read_bytes()


def _office() -> bytes:
    path = clips.place("word.docx")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", "<x/>")
    return path.read_bytes()


FRONT = ("-movflags", "+faststart")
BAD = {
    "empty": ("课.mp4", lambda: b"", "empty"),
    "zeros": ("课.mp4", lambda: bytes(1000), "empty"),
    "noise": ("课.mp4", lambda: bytes(range(256)) * 40, "unreadable"),
    "text": ("课.mp4", lambda: "不是视频\n".encode() * 50, "unreadable"),
    "pdf named mp4": ("课.mp4", clips.pdf, "wrong-extension"),
    "film named pdf": ("课.pdf", lambda: clips.film().read_bytes(), "wrong-extension"),
    "picture named mp4": ("课.mp4", lambda: clips.picture(8, 8, "PNG"), "wrong-extension"),
    "cut film": ("课.mp4", lambda: _halved(clips.film("cut.mp4", *FRONT, seconds=8)), "truncated"),
    "film without index": ("课.mp4", lambda: _halved(clips.film()), "unreadable"),
    "HLS list": ("课.m3u8", lambda: b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n#EXT-X-ENDLIST\n", "playlist"),
    "HLS list named mp4": ("课.mp4", lambda: b"\xef\xbb\xbf\n#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "playlist"),
    "concat list": ("课.mp4", lambda: b"ffconcat version 1.0\nfile '/etc/passwd'\n", "playlist"),
    "SDP": ("课.mp4", lambda: b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n", "playlist"),
    "DASH list": ("课.mpd", lambda: b'<?xml version="1.0"?><MPD><BaseURL>/etc/</BaseURL></MPD>', "playlist"),
    "SVG": (
        "图.png",
        lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><image href="/etc/passwd"/></svg>',
        "not-accepted",
    ),
    "web page": ("课.html", lambda: b"<!DOCTYPE html><script>alert(1)</script>", "not-accepted"),
    "program": ("课.mp4", lambda: b"\x7fELF" + bytes(200), "not-accepted"),
    "Word": ("教案.docx", _office, "not-accepted"),
    "huge picture": ("图.png", lambda: clips.png_bomb(16_000), "too-many-pixels"),
    "cut picture": ("图.jpg", lambda: clips.picture(800, 600, "JPEG")[:900], "damaged"),
    "locked PDF": ("书.pdf", lambda: clips.pdf(encrypted=True), "encrypted"),
    "cut PDF": ("书.pdf", lambda: clips.pdf()[:60], "damaged"),
    "cut EPUB": ("书.epub", lambda: clips.epub()[:500], "damaged"),
    "zip bomb": ("书.epub", lambda: clips.epub(b=b" " * (401 * 1024**2)), "too-large"),
    "locked EPUB": (
        "书.epub",
        lambda: clips.epub(encryption='<encryption><EncryptionMethod Algorithm="urn:drm"/></encryption>'),
        "encrypted",
    ),
    "EPUB without sections": ("书.epub", lambda: clips.epub(opf="<package/>"), "page-count"),
    "pictures half a day apart": ("课.mkv", _far_apart, "broken-times"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_file_is_refused_with_a_reason(kind, tmp_path):
    name, content, code = BAD[kind]
    source = tmp_path / f"upload{name[1:]}"
    source.write_bytes(content())
    with pytest.raises(Refused) as refused:
        _through(source, tmp_path, name)
    assert refused.value.code == code
    assert name in refused.value.sentence
    assert refused.value.remedy


def _through(source, tmp_path, name):
    return produce(source, tmp_path / "out", report=lambda step, fraction: None, name=name)


LISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{target}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile '{target}'\n",
    "dash": '<?xml version="1.0"?><MPD type="static" mediaPresentationDuration="PT1S"><Period>'
    '<AdaptationSet mimeType="video/mp4"><Representation id="a" bandwidth="1"><BaseURL>{target}</BaseURL>'
    "</Representation></AdaptationSet></Period></MPD>",
}


@pytest.mark.parametrize("kind", LISTS)
def test_reader_itself_opens_no_list(kind, tmp_path):
    """Past the first look too: the demuxers that follow lists are not among those allowed."""
    target = clips.film()
    source = tmp_path / "list.mp4"
    source.write_text(LISTS[kind].format(target=target))
    cage = Cage(tmp_path / "work", readable=(source, target))
    with pytest.raises(Refused):
        cage.call(
            "media_pipeline.caged.film:inspect",
            source=str(source),
            name="list.mp4",
            formats=",".join(FORMATS),
            decoders=DECODERS,
            max_pixels=MAX_PIXELS,
        )


def test_epub_entities_are_not_expanded_or_fetched(tmp_path):
    section = f"{LAUGHS}<html xmlns='http://www.w3.org/1999/xhtml'><body><p>字&c;字</p></body></html>"
    outside = tmp_path / "secret.txt"
    outside.write_text(SECRET)
    reading = f"<!DOCTYPE x [<!ENTITY s SYSTEM 'file://{outside}'>]><html xmlns='http://www.w3.org/1999/xhtml'>"
    source = tmp_path / "书.epub"
    source.write_bytes(clips.epub(a=section, b=f"{reading}<body><p>&s;</p></body></html>"))
    product = _through(source, tmp_path, source.name)
    assert "haha" not in product.pages[0].text
    assert SECRET not in product.pages[1].text + product.pages[1].html


def test_epub_keeps_no_script(tmp_path):
    section = (
        '<html xmlns="http://www.w3.org/1999/xhtml"><body onload="x()"><script>x()</script><p onclick="x()">针'
        '<a href="javascript:x()">法</a></p><iframe src="http://a.example"/><img src="http://a.example/t.gif"/>'
        '<svg xmlns="http://www.w3.org/2000/svg"><script>x()</script></svg></body></html>'
    )
    source = tmp_path / "书.epub"
    source.write_bytes(clips.epub(a=section))
    markup = _through(source, tmp_path, source.name).pages[0].html
    assert "针" in markup
    for word in ("script", "onclick", "onload", "iframe", "x()", "a.example"):
        assert word not in markup


@pytest.mark.parametrize("name", ["-i.wav", "%d.wav", "a\nb.wav", "\u202egnp.wav", "'; rm -rf ~;.wav", "课 程.wav"])
def test_names_are_only_names(name, tmp_path):
    source = tmp_path / name
    source.write_bytes(clips.recording().read_bytes())
    assert _through(source, tmp_path, name).media_type == "audio"


def test_probe_leaves_the_source_alone(tmp_path):
    source = tmp_path / "a.mp4"
    source.write_bytes(clips.film().read_bytes())
    before = source.read_bytes()
    probe.probe(source, Cage(tmp_path / "work", readable=(source,)))
    assert source.read_bytes() == before
