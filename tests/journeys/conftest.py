"""What the journeys start from: a film with sound and captions, published on the running site."""

import json
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path

import imageio_ffmpeg
import pytest

from tests.journeys.desk import SIZES, visit
from tests.running import Site


def make_film(path: Path, *, seconds: int = 6) -> Path:
    """A moving picture with a running clock's worth of change and a tone; a second of work."""
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y",
        "-f", "lavfi", "-i", f"testsrc2=size=640x360:rate=25:duration={seconds}",
        "-f", "lavfi", "-i", f"sine=frequency=440:duration={seconds}",
        "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-c:a", "aac", "-shortest", str(path),
    ]  # fmt: skip
    subprocess.run(command, check=True)
    return path


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("film") / "星期五.mp4")


@pytest.fixture(scope="session")
def course(site: Site, film: Path) -> dict:
    """The film as a published course of the embedded site: ``{id, url, assets}``."""
    return site.ingest(film, title="星期五的茶馆")


@pytest.fixture(scope="session")
def real_course(real_site: Site, film: Path) -> dict:
    """The same on the production parts."""
    return real_site.ingest(film, title="星期五的茶馆")


CUES = [(1, 6, "清早先看天色"), (7, 12, "水要从河里挑"), (17, 22, "看见靛蓝染缸起花就能下布"), (24, 29, "晾在竹竿上")]

SECOND_LESSON = """
from catalog.models import Course, Lesson
from media_pipeline.models import TextTrack
course = Course.objects.get(pk={pk})
first = course.lessons.get()
Lesson.objects.create(course=course, number=2, sort_order=2, title="晾布", asset=first.asset)
TextTrack.objects.create(asset=first.asset, kind="chapters", cues=[[0, 14, "备水"], [14, 30, "下缸"]])
"""


@pytest.fixture(scope="session")
def talk(site: Site, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """A course of two lessons whose half a minute of film is spoken over, in two chapters: ``{id, url, assets}``."""
    path = make_film(tmp_path_factory.mktemp("talk") / "染坊.mp4", seconds=30)
    clock = "00:00:{:02}.000 --> 00:00:{:02}.000\n{}\n"
    path.with_suffix(".vtt").write_text("WEBVTT\n\n" + "\n".join(clock.format(*cue) for cue in CUES))
    made = site.ingest(path, title="染坊里的一天")
    site.manage("shell", "-v", "0", "-c", SECOND_LESSON.format(pk=made["id"]))
    return made


@pytest.fixture(scope="session")
def evening(site: Site, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """Two minutes of film, so that none is over while a busy machine looks: ``{id, url, assets}``."""
    return site.ingest(make_film(tmp_path_factory.mktemp("evening") / "夜读.mp4", seconds=120), title="灯下夜读")


@pytest.fixture(scope="session")
def song(site: Site, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """Twelve seconds of sound with its words, louder in the second half: ``{id, url, assets}``."""
    path = tmp_path_factory.mktemp("song") / "采茶谣.wav"
    tone = "aevalsrc=if(lt(t\\,6)\\,0.05\\,0.6)*sin(440*2*PI*t):d=12"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-f", "lavfi", "-i", tone, str(path)]
    subprocess.run(command, check=True)
    clock = "00:00:{:02}.000 --> 00:00:{:02}.000\n{}\n"
    words = [(1, 3, "三月茶叶青"), (5, 7, "背篓上山去"), (9, 11, "采得满篓归")]
    path.with_suffix(".vtt").write_text("WEBVTT\n\n" + "\n".join(clock.format(*cue) for cue in words))
    return site.ingest(path, title="采茶谣")


@pytest.fixture
def phone(browser):
    """A page of a fresh visit on a phone in Chinese."""
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, locale="zh-CN", timezone_id="Asia/Shanghai"
    )
    yield context.new_page()
    context.close()


@pytest.fixture(params=SIZES)
def screen(browser, request):
    """A page of a fresh visit in Chinese, on each size of screen in turn."""
    width, height = SIZES[request.param]
    with visit(browser, width=width, height=height) as page:
        yield page


@pytest.fixture(scope="session")
def book_page(site: Site) -> tuple[str, int]:
    """Words printed inside a book of the demo library and their page, once the worker has read the book."""
    words, patience = "鱼戏莲", time.monotonic() + 300
    address = f"{site.url}/api/v1/search?q={urllib.parse.quote(words)}"
    while time.monotonic() < patience:
        with urllib.request.urlopen(address, timeout=30) as answer:
            hits = json.load(answer)["hits"]
        pages = [passage["page"] for hit in hits for passage in hit["passages"] if passage["page"]]
        if pages:
            return words, pages[0]
        time.sleep(1)
    pytest.fail("The worker has not read the demo's books within five minutes.")
