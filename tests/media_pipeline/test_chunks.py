"""Long films: cut, made in parts by whoever is free, and joined without a lost frame or a drift."""

import subprocess
from pathlib import Path

import pytest

from media_pipeline import ffmpeg, intake, jobs, leases, pipeline, storage
from media_pipeline.errors import Failed
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
