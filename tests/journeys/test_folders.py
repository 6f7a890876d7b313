"""P1, folders: what each would become is shown first; its draft is made once its files are there, and once only,
however often the line breaks and the browser is closed."""

import shutil
import subprocess
from collections import Counter
from pathlib import Path

import imageio_ffmpeg
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.journeys.conftest import make_film
from tests.journeys.desk import SIZES, at_the_desk
from tests.journeys.test_upload import PART, Line, drop_files, item
from tests.running import Site

LESSONS = ["第一章 起针 / 第2集 劈线（有字幕）", "第一章 起针 / 第10集 打籽", "第二章 收针 / 第十一集 藏线"]
SONGS = 20
PARTS = 24  # of the large film
KEPT = (
    "from media_pipeline.models import MediaAsset as A, TextTrack as T; "
    "print(A.objects.filter(filename__contains='采茶谣之').count()); "
    "print(T.objects.filter(asset__filename='第2集 劈线.mp4').count())"
)
COUNT = "from catalog.models import Course; print(Course.objects.filter(external_source='folder').count())"


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Two courses as a teacher keeps them on a disk, thirty files: three films, of which one is large, with what lies
    beside them; and twenty songs in two folders, with one file that is not what its name says."""
    films, songs = tmp_path / "竹编三讲", tmp_path / "采茶全集"
    film = make_film(tmp_path / "film.mp4", seconds=2)
    for name in ("第一章 起针/第10集 打籽", "第一章 起针/第2集 劈线", "第二章 收针/第十一集 藏线"):
        path = films / f"{name}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(film, path)
    with path.open("ab") as large:  # long by a box that players pass over
        padding = PARTS * PART - 1000 - large.tell()
        large.write(padding.to_bytes(4) + b"free" + bytes(padding - 8))
    (films / "第一章 起针/第2集 劈线.srt").write_text("1\n00:00:00,000 --> 00:00:01,500\n一根线劈成两股\n")
    Image.effect_noise((800, 450), 60).convert("RGB").save(films / "封面.jpg")
    (films / "说明.doc").write_bytes(b"x")
    (films / ".DS_Store").write_bytes(b"x")
    sound = tmp_path / "song.wav"
    tone = ("-f", "lavfi", "-i", "sine=frequency=440:duration=1")
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *tone, str(sound)], check=True)
    for number in range(1, SONGS + 1):
        path = songs / f"第{'一' if number <= SONGS / 2 else '二'}辑/采茶谣之{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(sound, path)
    (songs / "第二辑/采茶谣之21.wav").write_bytes(b"%PDF-1.7\n" + b"%" * 9000)
    Image.effect_noise((800, 450), 60).convert("RGB").save(songs / "cover.jpg")
    return [films, songs]


def card(page: Page, folder: Path):
    return page.locator(".uploader-folder").filter(has=page.get_by_role("heading", name=folder.name))


def drop(page: Page, site: Site, folders: list[Path]) -> None:
    """Drags the folders in, and says yes to what they would become."""
    page.goto(f"{site.url}/cms/upload/")
    drop_files(page, folders)
    for folder in folders:
        card(page, folder).get_by_role("button", name="开始上传").click()


def draft(page: Page, folder: Path, lessons: int) -> str:
    told = card(page, folder).locator(".uploader-folder__told")
    expect(told).to_contain_text(f"草稿有 {lessons} 讲", timeout=300_000)
    return told.get_by_role("link", name="打开草稿").get_attribute("href")


def begin_on_a_bad_line(browser, site: Site, folders: list[Path]) -> Counter[str]:
    """Both folders dragged in; the line breaks, comes back, and the browser is closed; what has arrived, by part."""
    with at_the_desk(browser, site, "partner") as page:
        line = Line(page.context)
        page.goto(f"{site.url}/cms/upload/")
        drop_files(page, folders)
        expect(card(page, folders[0])).to_contain_text("视频课程，3 讲；字幕 1 份；封面 封面.jpg")
        expect(card(page, folders[1])).to_contain_text(f"音频课程，{SONGS + 1} 讲；封面 cover.jpg")
        card(page, folders[0]).locator("summary").click()
        expect(card(page, folders[0]).locator("ol li")).to_have_text(LESSONS)
        left = card(page, folders[0]).locator(".uploader-folder__left li")
        expect(left).to_have_text(["竹编三讲/说明.doc：不收这种文件"])
        assert not line.arrived
        line.allow(5)
        for folder in folders:
            card(page, folder).get_by_role("button", name="开始上传").click()
        wrong = card(page, folders[1]).locator(".uploader-folder__wrong li")
        expect(wrong).to_contain_text("“采茶谣之21.wav”的扩展名是 .wav，内容却是 PDF 文档")
        line.wait(page, arrived=5, waiting=1)
        expect(
            page.locator("[data-waiting]")
        ).to_be_hidden()  # what waits for its turn was not left by an earlier visit
        page.context.set_offline(True)
        line.cut()
        expect(card(page, folders[0])).to_contain_text("正在上传")
        page.context.set_offline(False)
        line.allow(8)
        line.wait(page, arrived=13, waiting=1)
        page.context.set_offline(True)
        line.cut()
        return line.arrived


def test_folders_become_drafts_over_a_bad_line_and_nothing_is_sent_twice(browser, site, folders):
    arrived = begin_on_a_bad_line(browser, site, folders)
    with at_the_desk(browser, site, "partner") as page:
        page.goto(f"{site.url}/cms/upload/")
        waiting = page.locator("[data-waiting]")
        expect(waiting).to_contain_text("上次没有传完的文件")
        expect(waiting).to_contain_text("还有")
        line = Line(page.context)
        line.allow(1000)
        drop(page, site, folders)
        films, songs = draft(page, folders[0], 3), draft(page, folders[1], SONGS)
        expect(waiting).to_be_hidden()
        together = arrived + line.arrived
        assert len(together) == PARTS + 2 + 1 + SONGS + 1, "the films, the cover, the songs and theirs"
        # The answers to what was on the line when it broke are lost; what stood there may be sent once more.
        assert sum(together.values()) - len(together) <= 2, together
        page.goto(f"{site.url}{films}")
        expect(page.locator("[name=title]")).to_have_value("竹编三讲")
        for number, (chapter, title) in enumerate(line.split("（")[0].split(" / ") for line in LESSONS):
            expect(page.locator(f"[name=lessons-{number}-title]")).to_have_value(title)
            expect(page.locator(f"[name=lessons-{number}-chapter]")).to_have_value(chapter)
        page.goto(f"{site.url}{songs}")
        for number in range(SONGS):
            expect(page.locator(f"[name=lessons-{number}-title]")).to_have_value(f"采茶谣之{number + 1}")
    assert site.manage("shell", "-v", "0", "-c", KEPT).split()[-2:] == [str(SONGS), "1"]
    again_by_the_button(browser, site, folders[0], films)


def again_by_the_button(browser, site: Site, folder: Path, first: str) -> None:
    """The same folder once more makes no second course."""
    with at_the_desk(browser, site, "partner") as page:
        page.goto(f"{site.url}/cms/upload/")
        page.locator("input[webkitdirectory]").set_input_files(folder)
        page.get_by_role("button", name="开始上传").click()
        told = page.locator(".uploader-folder__told")
        expect(told).to_contain_text("没有改动它", timeout=120_000)
        assert told.get_by_role("link", name="打开草稿").get_attribute("href") == first
        told.get_by_role("button", name="用这 3 讲代替它的课时").click()
        expect(told).to_contain_text("草稿有 3 讲")
        assert site.manage("shell", "-v", "0", "-c", COUNT).split()[-1] == "2"


@pytest.mark.parametrize("size", SIZES)
def test_many_files_are_taken_in_at_a_glance(browser, site, folders, size):
    """Single files: the sum above their rows, what is wrong first, nothing wider than the screen."""
    width, height = SIZES[size]
    with at_the_desk(browser, site, "partner") as page:
        page.set_viewport_size({"width": width, "height": height})
        Line(page.context)
        page.goto(f"{site.url}/cms/upload/")
        songs = sorted(folders[1].rglob("*.wav"))
        drop_files(page, songs)
        expect(page.locator(".uploader-item").first).to_contain_text("采茶谣之21.wav")
        expect(item(page, songs[5]).get_by_role("progressbar")).to_be_hidden()
        expect(page.locator("[data-total]")).to_contain_text(f"共 {len(songs)} 个文件")
        expect(page.locator("[data-total]")).to_contain_text("1 个没有传成")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        cancel_all(page)


def cancel_all(page: Page) -> None:
    """Leaves nothing open for the next."""
    buttons = page.locator(".uploader-item").get_by_role("button", name="取消")
    for button in reversed(buttons.all()):
        button.click()
    expect(buttons.filter(visible=True)).to_have_count(0)
