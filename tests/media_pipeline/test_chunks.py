"""Long films: cut, made in parts by whoever is free, and joined without a lost frame or a drift."""

import json
import subprocess
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from media_pipeline import chunks, ffmpeg, film, intake, jobs, leases, pipeline, plan, produce, storage, sweeper
from media_pipeline.errors import Failed, Refused
from media_pipeline.formats import cmaf
from media_pipeline.models import Job, MediaAsset, Package
from tests.media_pipeline import clips

RATE, SECONDS = 10, 24
# Every frame is one flat grey that says its number: two digits of base 16, one in each half.
NUMBERED = f"color=black:s=160x90:r={RATE}:d={SECONDS},geq=lum='20+13*if(lt(X,80),floor(N/16),mod(N,16))':cb=128:cr=128"


@pytest.fixture(scope="module")
def numbered() -> Path:
    """240 numbered frames with a tone; 6 segments, 3 spans."""
    sound = f"sine=f=440:d={SECONDS}"
    options = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "12", "-g", "37", "-bf", "2", "-pix_fmt", "yuv420p")
    return clips.encode("numbered.mp4", "-f", "lavfi", "-i", NUMBERED, "-f", "lavfi", "-i", sound, *options)


@pytest.fixture(autouse=True)
def short_spans(settings):
    settings.MEDIA_WHOLE_SECONDS, settings.MEDIA_SPAN_SECONDS, settings.MEDIA_FIRST_SECONDS = 10, 8, 1000


def frame_numbers(film: Path, stream: str = "0:v:0") -> list[int]:
    """The number each frame shows, in the order they are shown."""
    halves = "scale=2:1:flags=area,format=gray"
    command = [ffmpeg.binary(), "-v", "error", "-i", str(film), "-map", stream, "-vf", halves, "-f", "rawvideo", "-"]
    answer = subprocess.run(command, check=True, capture_output=True, timeout=60).stdout
    digits = [round((value * 219 / 255 - 4) / 13) for value in answer]  # grey is of full range
    return [16 * left + right for left, right in zip(digits[::2], digits[1::2], strict=True)]


def kinds(asset: MediaAsset) -> list[str]:
    return [f"{job.kind} {job.state}" for job in Job.objects.filter(asset=asset).order_by("pk")]


def playlist(store: storage.LocalStore, asset: MediaAsset) -> Path:
    return store.path(asset.package.hls_key)


@pytest.mark.django_db(transaction=True)
def test_film_in_parts_loses_no_frame(any_store, numbered, tmp_path):
    asset = intake.receive_file(numbered, owner="a")
    jobs.run_until_done([asset])
    asset.refresh_from_db()
    done = ["make done", "sides done", *["pictures done"] * 3, "join done"]
    assert (kinds(asset), asset.state, asset.reason) == (done, "published", "")
    package = Package.objects.get(current=True)
    folder = tmp_path / "package"
    folder.mkdir()
    for key in any_store.list(package.prefix):
        any_store.download(key, folder / key.removeprefix(package.prefix))
    assert frame_numbers(folder / "master.m3u8") == list(range(RATE * SECONDS))
    assert list(any_store.list("work")) == []


@pytest.mark.django_db(transaction=True)
def test_parts_that_are_made_are_not_made_again(local_store, numbered, monkeypatch):
    asset = intake.receive_file(numbered, owner="a")
    runs = []
    encode = pipeline.film.encode

    def counted(work, planned, part):
        runs.append(part)
        if len(runs) == 3:
            raise Failed("disk", "磁盘已满。")
        return encode(work, planned, part)

    monkeypatch.setattr(pipeline.film, "encode", counted)
    monkeypatch.setattr(leases, "MAX_FAILURES", 1)
    jobs.run_until_done([asset])
    asset.refresh_from_db()
    assert asset.reason == "磁盘已满。"
    made = len(runs)
    assert pipeline.retry(asset)
    jobs.run_until_done([asset])
    asset.refresh_from_db()
    assert asset.package.complete
    assert len(runs) - made == 4 - 2  # sides and one span were there
    assert frame_numbers(playlist(local_store, asset)) == list(range(RATE * SECONDS))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("what", ["refused", "sheet lost"])
def test_film_that_cannot_be_made_in_parts_is_made_whole(local_store, numbered, monkeypatch, what):
    asset = intake.receive_file(numbered, owner="a")
    encode = pipeline.film.encode

    def refuse(work, planned, part=film.Whole()):  # noqa: B008
        if isinstance(part, film.Pictures):
            raise Refused("damaged", "这一段无法解码。")
        return encode(work, planned, part)

    jobs.run(leases.claim("w"))
    if what == "refused":
        monkeypatch.setattr(pipeline.film, "encode", refuse)
    else:
        local_store.delete_prefix("work")
    jobs.run_until_done([asset])
    asset.refresh_from_db()
    assert (asset.state, asset.reason, asset.package.complete) == ("published", "", True)
    assert kinds(asset)[-1] == "whole done"
    monkeypatch.setattr(sweeper, "PARTS_KEPT", 0 * sweeper.PARTS_KEPT)
    sweeper.remove_orphans()
    assert list(local_store.list("work")) == []


# Cutting itself, on sources of every kind ---------------------------------------------------------------------------
SOURCES = {
    "mkv": ("numbered.mkv", ("-c", "copy")),
    "late": ("late.mkv", ("-c", "copy", "-output_ts_offset", "1.4")),
    "varying": ("varying.mp4", ("-vf", "select='not(eq(mod(n,7),3))'", "-fps_mode", "vfr", "-bf", "2", "-g", "31")),
    "one-key": ("one-key.mp4", ("-c:v", "libx264", "-g", "1000", "-bf", "3", "-preset", "ultrafast")),
    "odd-rate": ("odd-rate.mp4", ("-vf", "setpts=N*1001/10000/TB", "-r", "10000/1001", "-preset", "ultrafast")),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_spans_are_the_whole(numbered, tmp_path, kind):
    """The same frames in the same segments, whether a film is made in one go or in spans."""
    name, options = SOURCES[kind]
    source = clips.encode(name, "-i", str(numbered), *options)
    begin = partial(produce.begin, source, report=lambda step, done: None)
    whole = begin(tmp_path / "whole")
    planned = plan.film(whole.facts, whole.profile, whole.sha256)
    av1 = replace(planned.videos[0], spec="video-90-av1", codec="av1", preset="12", crf=40)
    planned = replace(planned, videos=(planned.videos[0], av1), audios=(), poster=None, storyboard=None)
    film.encode(whole, planned)
    spans = chunks.cut(planned, whole.facts, 8)
    works = [begin(tmp_path / f"span-{number}") for number in range(len(spans))]
    for work, span in zip(works, spans, strict=True):
        film.encode(work, planned, span)
    assert len(spans) == 3
    for step in planned.videos:
        joined, file = tmp_path / f"{step.spec}.mp4", f"{step.spec}.mp4"
        cmaf.splice([work.out / file for work in works], joined)
        assert shape(joined) == shape(whole.out / file)
        assert frame_numbers(joined) == frame_numbers(whole.out / file)


def shape(path: Path) -> list[tuple[int, float]]:
    """Frames and seconds of each segment."""
    return [(segment.samples, segment.seconds) for segment in cmaf.index(path).segments]


def test_cut_leaves_no_crumbs(numbered, tmp_path):
    """Spans are nearly equal and together the whole grid, however the film ends."""
    short = produce.begin(numbered, tmp_path / "out", report=lambda step, done: None)
    facts = replace(short.facts, duration=3601.0, video=replace(short.facts.video, end=3601.0))
    planned = plan.film(facts, short.profile, short.sha256)
    spans = chunks.cut(planned, facts, 180)
    lengths = [span.last + 1 - span.first for span in spans]
    assert [span.first for span in spans[1:]] == [span.last + 1 for span in spans[:-1]]
    assert (spans[0].first, spans[-1].last) == (0, plan.segments(planned, facts) - 1)
    assert max(lengths) - min(lengths) <= 1


def test_sheet_comes_back_through_json(numbered, tmp_path):
    work = produce.begin(numbered, tmp_path / "out", report=lambda step, done: None)
    planned = produce.plan_film(work)
    sheet = chunks.Sheet(work.facts, planned, work.sha256, "default", chunks.cut(planned, work.facts, 8))
    assert chunks.from_json(json.loads(json.dumps(chunks.to_json(sheet)))) == sheet
