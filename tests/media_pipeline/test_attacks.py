"""Hostile files go all the way through: nothing of another user is opened, nobody is called, and each comes to a clear
end. Controls show that the traps would snap: without the cage the same files do read and do call."""

import ctypes
import json
import os
import re
import socket
import struct
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from media_pipeline import captions, ffmpeg, probe
from media_pipeline.cage import READING, Cage, Limits
from media_pipeline.errors import Refused
from media_pipeline.probe import DECODERS, FORMATS, MAX_PIXELS
from media_pipeline.produce import produce
from tests.media_pipeline import attacks, clips
from tests.media_pipeline.attacks import ATTACKS, PLAYS, SECRET, Ground

LIBC = ctypes.CDLL(None, use_errno=True)
IN_OPEN = 0x20


class Traps:
    """Snap when a file of another user is opened, or somebody calls."""

    def __init__(self, place: Path) -> None:
        other, self.upload = place / "other", place / "upload"
        other.mkdir()
        self.upload.mkdir()
        text, film, beside = other / "secret.txt", other / "film.mp4", self.upload / "beside.mp4"
        text.write_text(SECRET)
        film.write_bytes(clips.silent("tiny.mp4", size="64x48").read_bytes())
        beside.write_bytes(film.read_bytes())
        self.door = socket.create_server(("127.0.0.1", 0))
        self.door.setblocking(False)
        self.ground = Ground(film, text, beside, self.door.getsockname()[1])
        self.watch = LIBC.inotify_init1(os.O_NONBLOCK)
        for file in (text, film, beside):
            assert LIBC.inotify_add_watch(self.watch, os.fsencode(file), IN_OPEN) > 0

    def opened(self) -> bool:
        with suppress(BlockingIOError):
            return bool(os.read(self.watch, struct.calcsize("iIII") * 100))
        return False

    def called(self) -> bool:
        with suppress(BlockingIOError):
            self.door.accept()[0].close()
            return True
        return False

    def close(self) -> None:
        os.close(self.watch)
        self.door.close()


@pytest.fixture
def traps(tmp_path):
    traps = Traps(tmp_path)
    yield traps
    traps.close()


def _told(product, out: Path) -> str:
    """Everything a visitor could come to see."""
    files = "".join(path.read_text("latin-1") for path in out.rglob("*") if path.is_file())
    return json.dumps(asdict(product), ensure_ascii=False, default=str) + files


def _end(work: Callable[[], Any]) -> tuple[str, Any]:
    """How it ends, and what comes of it: the result, or the refusal."""
    try:
        return PLAYS, work()
    except Refused as refused:
        return refused.code, refused


@pytest.mark.parametrize("kind", ATTACKS)
def test_attack_reads_nothing_calls_nobody_and_ends(kind, traps, tmp_path):
    attack = ATTACKS[kind]
    source, out = traps.upload / f"upload{Path(attack.name).suffix}", tmp_path / "out"
    source.write_bytes(attack.build(traps.ground))
    traps.opened()
    end, result = _end(lambda: produce(source, out, report=lambda step, fraction: None, name=attack.name))
    told = _told(result, out) if end == PLAYS else result.sentence
    for word in (SECRET, "<script", "x()", "haha"):
        assert word not in told
    assert end == PLAYS or result.remedy
    assert (traps.opened(), traps.called()) == (False, False)
    assert end in attack.ends
    assert not list(tmp_path.glob("*outside*"))


def test_there_are_more_than_forty_kinds():
    assert len(ATTACKS) > 40


# Controls: the same files without the cage ------------------------------------------------------------------
def _bare(source: Path, *options: str) -> list[str]:
    return [ffmpeg.binary(), "-v", "error", "-nostdin", *options, "-i", str(source), "-f", "null", "-"]


EVERY_PROTOCOL = ("-protocol_whitelist", "file,http,tcp,crypto,data,concat,subfile")
ANY_NAME = ("-extension_picky", "0", "-allowed_extensions", "ALL", "-allowed_segment_extensions", "ALL")
CONTROLS = {
    "hls file": ANY_NAME,
    "hls beside": ANY_NAME,
    "concat file": ("-safe", "0"),
    "concat beside": (),
    "mov alias beside": ("-enable_drefs", "1"),
}


@pytest.mark.parametrize("kind", CONTROLS)
def test_control_same_file_without_the_cage_is_followed(kind, traps):
    source = _laid(kind, traps)
    subprocess.run(_bare(source, *CONTROLS[kind]), check=False, capture_output=True, timeout=60)
    assert traps.opened()


def test_control_same_file_without_the_cage_calls(traps):
    source = _laid("hls http", traps)
    traps.door.settimeout(60)
    with subprocess.Popen(_bare(source, *EVERY_PROTOCOL, *ANY_NAME), stderr=subprocess.DEVNULL) as caller:
        called, _ = traps.door.accept()
        assert called.recv(100).startswith(b"GET /film.ts")
        called.close()
        caller.kill()


def _laid(kind: str, traps: Traps) -> Path:
    source = traps.upload / ("upload.m3u8" if kind.startswith("hls") else "upload.mp4")
    source.write_bytes(ATTACKS[kind].build(traps.ground))
    traps.opened()
    return source


def test_control_entity_of_a_file_is_read_by_a_plain_reader(traps):
    document = f'<!DOCTYPE x [<!ENTITY s SYSTEM "file://{traps.ground.text}">]><x>&s;</x>'
    root = etree.fromstring(document, etree.XMLParser(resolve_entities=True))
    assert root.text == SECRET
    assert traps.opened()


def _inspected(cage: Cage, source: Path, decoders: str = DECODERS) -> dict[str, Any]:
    return cage.call(
        "media_pipeline.caged.film:inspect",
        source=str(source),
        name=source.name,
        formats=",".join(FORMATS),
        decoders=decoders,
        max_pixels=MAX_PIXELS,
    )


# Past the first look ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["hls file", "hls beside", "hls http", "concat beside", "dash", "sdp"])
@pytest.mark.parametrize("reader", ["probe", "encoder"])
def test_readers_themselves_follow_no_list(kind, reader, traps, tmp_path):
    """As if the look at the first bytes had been fooled."""
    source = traps.upload / "upload.mp4"
    source.write_bytes(ATTACKS[kind].build(traps.ground))
    traps.opened()
    cage = Cage(tmp_path / "work", readable=(source,))
    output = ffmpeg.read(source).output(str(tmp_path / "work" / "out.mp4"), map="0:v")
    readers = {
        "probe": lambda: _inspected(cage, source),
        "encoder": lambda: ffmpeg.run([output], cage, name="课.mp4", limits=Limits(wall_seconds=60)),
    }
    with pytest.raises(Refused):
        readers[reader]()
    assert (traps.opened(), traps.called()) == (False, False)


def test_decoder_that_is_not_on_the_list_is_never_run(tmp_path):
    film = clips.silent("snow.avi", "-c:v", "snow", "-strict", "-2", size="64x48")
    cage = Cage(tmp_path / "work", readable=(film,))
    with pytest.raises(Refused, match="undecodable"):
        probe.probe(film, cage)
    output = ffmpeg.read(film)["0"].output(str(tmp_path / "work" / "out.mp4"))
    with pytest.raises(Refused):
        ffmpeg.run([output], cage, name="课.avi", limits=Limits(wall_seconds=60))
    assert _inspected(cage, film, f"{DECODERS},snow")["video"]


# Without an end ---------------------------------------------------------------------------------------------
def test_file_that_takes_for_ever_is_ended_by_the_cage(tmp_path):
    """Thirty levels of a form drawn twice by the one above it: a billion strokes."""
    forms = [
        attacks.stream(
            b"/X Do /X Do", f"/Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X {number + 1} 0 R >> >>"
        )
        for number in range(5, 25)
    ]
    forms.append(attacks.stream(b"0 0 9 9 re f " * 2000, "/Subtype /Form /BBox [0 0 9 9]"))
    source = tmp_path / "书.pdf"
    page = "/Contents 4 0 R /Resources << /XObject << /X 5 0 R >> >>"
    source.write_bytes(attacks.pdf_of(page, attacks.stream(b"/X Do"), *forms))
    cage = Cage(tmp_path / "work", readable=(source,))
    words = {"source": str(source), "name": source.name, "out": str(tmp_path / "work"), "sides": [1600, 960]}
    with pytest.raises(Refused) as refused:
        cage.call("media_pipeline.caged.pdf:make", limits=replace(READING, cpu_seconds=1), **words)
    assert refused.value.code == "too-slow"


@pytest.mark.parametrize("tenth", range(1, 10))
def test_film_cut_anywhere_ends_clearly(tenth, tmp_path):
    whole = clips.film("cut.mkv", "-g", "5", size="64x48", seconds=2).read_bytes()
    source = tmp_path / "课.mkv"
    source.write_bytes(whole[: len(whole) * tenth // 10])
    cage = Cage(tmp_path / "work", readable=(source,))
    end, result = _end(lambda: _inspected(cage, source))
    assert end in (PLAYS, "truncated", "unreadable", "undecodable")
    assert result["duration"] <= 2.1 if end == PLAYS else source.name in result.sentence


# Names ------------------------------------------------------------------------------------------------------
NAMES = [
    "-i.png", "%d.png", "%03d.png", "a\nb.png", "a\0b.png", "\u202egnp.exe.png", "'; rm -rf ~;.png", "$(id).png",
    "../../../etc/x.png", "concat:a|b.png", "http://127.0.0.1/x.png", f"{'长' * 83}.png", "<script>.png",
    "CON.png", " .png",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_name_is_only_a_name(name, tmp_path):
    """What the uploader calls it is said back, never opened, and never part of a command or an address."""
    source = tmp_path / "upload.png"
    source.write_bytes(clips.picture(8, 8, "PNG"))
    product = produce(source, tmp_path / "out", report=lambda step, fraction: None, name=name)
    assert {file.name for file in product.files} == {"picture-8.webp", "poster.jpg"}


@pytest.mark.parametrize("name", ["-i.wav", "%03d.wav", "a\nb.wav", f"{'长' * 83}.wav", "file:x.wav"])
def test_stored_name_is_no_option_and_no_address(name, tmp_path):
    source = tmp_path / name
    source.write_bytes(clips.recording().read_bytes())
    cage = Cage(tmp_path / "work", readable=(source,))
    output = ffmpeg.read(source).output(str(tmp_path / "work" / "out.wav"), map="0:a")
    ffmpeg.run([output], cage, name=name, limits=Limits(wall_seconds=60))
    assert (tmp_path / "work" / "out.wav").stat().st_size > 1000


# Captions ---------------------------------------------------------------------------------------------------
LINE = "00:00:01,000 --> 00:00:02,000\n"
CAPTIONS = {
    "script": (LINE + "<script>x()</script><img src=x onerror=x()>字", PLAYS),
    "style": (
        "WEBVTT\n\nSTYLE\n::cue { background: url(http://127.0.0.1/) }\n\n" + LINE.replace(",", ".") + "字",
        PLAYS,
    ),
    "arrow in words": (LINE + "字 --&gt; 字", PLAYS),
    "one cue of a million characters": (LINE + "字" * 10**6, "captions-cue-too-long"),
    "million cues": ((LINE + "字\n\n") * 200_000, "captions-too-many"),
    "million braces": (LINE + "{" * 10**6, "captions-cue-too-long"),
    "million brackets": (LINE + "<a" * 10**6, "captions-cue-too-long"),
    "fonts and paths": (
        "[Script Info]\n[Fonts]\nfontname: /etc/passwd\n[Events]\nFormat: Start, End, Text\n"
        "Dialogue: 0:00:00.00,0:00:01.00,{\\fn/etc/passwd\\p1}m 0 0 l 9 9{\\p0}字",
        PLAYS,
    ),
    "zero bytes": ("\0" * 5000, "captions-empty"),
    "nothing": ("", "captions-empty"),
}


@pytest.mark.parametrize("kind", CAPTIONS)
def test_captions_come_out_as_words_only(kind):
    text, end = CAPTIONS[kind]
    reached, cues = _end(lambda: captions.parse_bytes(text.encode()))
    assert reached == end
    if end != PLAYS:
        return
    shown = captions.to_vtt(cues)
    assert "字" in shown
    assert shown.count("-->") == len(cues)
    assert not re.search(r"<|url\(|passwd|m 0 0|onerror", shown)
