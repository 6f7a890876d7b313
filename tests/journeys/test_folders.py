"""P1, folders: what each would become is shown first; its draft is made once its files are there, and once only."""

import shutil

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.journeys.conftest import make_film
from tests.journeys.desk import at_the_desk

LESSONS = ["第一章 起针 / 第2集 劈线（有字幕）", "第一章 起针 / 第10集 打籽", "第二章 收针 / 第十一集 藏线"]
TRACKS = (
    "from media_pipeline.models import TextTrack; "
    "print(TextTrack.objects.filter(asset__filename='第2集 劈线.mp4').count())"
)
COUNT = "from catalog.models import Course; print(Course.objects.filter(external_source='folder').count())"


@pytest.fixture
def folder(tmp_path):
    """A course as a teacher keeps it on a disk."""
    course = tmp_path / "竹编三讲"
    film = make_film(tmp_path / "film.mp4", seconds=2)
    for name in ("第一章 起针/第10集 打籽", "第一章 起针/第2集 劈线", "第二章 收针/第十一集 藏线"):
        path = course / f"{name}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(film, path)
    (course / "第一章 起针/第2集 劈线.srt").write_text("1\n00:00:00,000 --> 00:00:01,500\n一根线劈成两股\n")
    Image.effect_noise((800, 450), 60).convert("RGB").save(course / "封面.jpg")
    (course / "说明.doc").write_bytes(b"x")
    (course / ".DS_Store").write_bytes(b"x")
    return course


def choose(page, site, folder) -> None:
    page.goto(f"{site.url}/cms/upload/")
    page.locator("input[webkitdirectory]").set_input_files(folder)
    expect(page.locator(".uploader-folder h3")).to_have_text("竹编三讲")


def send(page):
    page.get_by_role("button", name="开始上传").click()
    told = page.locator(".uploader-folder__told")
    expect(told).to_contain_text("草稿有 3 讲", timeout=120_000)
    return told.get_by_role("link", name="打开草稿")


def test_folder_becomes_a_draft_with_chapters_captions_and_cover_once(browser, site, folder):
    with at_the_desk(browser, site, "partner") as page:
        choose(page, site, folder)
        card = page.locator(".uploader-folder")
        expect(card).to_contain_text("视频课程，3 讲；字幕 1 份；封面 封面.jpg")
        card.locator("summary").click()
        expect(card.locator("ol li")).to_have_text(LESSONS)
        expect(card.locator(".uploader-folder__left li")).to_have_text(["竹编三讲/说明.doc：不收这种文件"])
        link = send(page)
        first = link.get_attribute("href")
        link.click()
        expect(page.locator("[name=title]")).to_have_value("竹编三讲")
        for number, (chapter, title) in enumerate(line.split("（")[0].split(" / ") for line in LESSONS):
            expect(page.locator(f"[name=lessons-{number}-title]")).to_have_value(title)
            expect(page.locator(f"[name=lessons-{number}-chapter]")).to_have_value(chapter)
        choose(page, site, folder)
        page.get_by_role("button", name="开始上传").click()
        told = page.locator(".uploader-folder__told")
        expect(told).to_contain_text("没有改动它", timeout=120_000)
        assert told.get_by_role("link", name="打开草稿").get_attribute("href") == first
        told.get_by_role("button", name="用这 3 讲代替它的课时").click()
        expect(told).to_contain_text("草稿有 3 讲")
        assert site.manage("shell", "-v", "0", "-c", COUNT).split()[-1] == "1"
        assert site.manage("shell", "-v", "0", "-c", TRACKS).split()[-1] == "1"
