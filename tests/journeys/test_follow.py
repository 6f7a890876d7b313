"""P3: a partner follows one file in the desk, chooses its poster, lets its captions out, and puts a better one in its
place; the public page goes along."""

import re
from pathlib import Path
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.conftest import make_film
from tests.journeys.desk import at_the_desk, visit
from tests.running import Site

LONG = 180_000  # ms; a worker on two busy cores
DRAFT = """
from media_pipeline.models import MediaAsset, TextTrack
asset = MediaAsset.objects.get(uid="{uid}")
TextTrack.objects.create(asset=asset, kind="captions", language="zh-Hans", cues=[[1, 3, "机器听写的一句"]], draft=True)
print(asset.pk)
"""


@pytest.fixture(scope="module")
def kiln(site: Site, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """A course of one film, with automatic captions nobody has looked at: ``{id, url, assets, page}``."""
    made = site.ingest(make_film(tmp_path_factory.mktemp("kiln") / "开窑.mp4", seconds=5), title="开窑的早晨")
    key = site.manage("shell", "-v", "0", "-c", DRAFT.format(uid=made["assets"][0]["id"])).strip()
    return {**made, "page": f"{site.url}/cms/assets/inspect/{key}/"}


@pytest.fixture
def desk(browser: Browser, site: Site):
    with at_the_desk(browser, site, "editor") as page:
        yield page


def test_follow_captions_stay_drafts_until_an_editor_lets_them_out(desk: Page, browser: Browser, site: Site, kiln):
    with visit(browser) as stranger:
        stranger.goto(urljoin(site.url, kiln["url"]))
        expect(stranger.locator(".course-head")).to_be_visible()
        expect(stranger.get_by_text("机器听写")).to_have_count(0)
    desk.goto(kiln["page"])
    expect(desk.get_by_text("草稿，待通过")).to_be_visible()
    desk.get_by_role("link", name="字幕 · zh-Hans").click()
    text = desk.get_by_label("文字")
    expect(text).to_have_value(re.compile("机器听写的一句"))
    text.fill("WEBVTT\n\n00:00:01.000 --> 00:00:03.000\n窑门打开，先听声音\n")
    desk.get_by_role("button", name="保存并通过").click()
    expect(desk.locator(".messages")).to_contain_text("已通过")
    with visit(browser) as stranger:
        stranger.goto(urljoin(site.url, kiln["url"]))
        expect(stranger.locator("[data-transcript]")).to_contain_text("窑门打开，先听声音")


def test_follow_poster_is_chosen_from_the_storyboard(desk: Page, kiln) -> None:
    desk.goto(kiln["page"])
    before = desk.locator("video").get_attribute("poster")
    desk.locator(".wl-frames button").nth(3).click()
    expect(desk.locator(".messages")).to_contain_text("封面已选定")
    expect(desk.locator("video")).not_to_have_attribute("poster", before or "", timeout=LONG)
    expect(desk.locator(".wl-frames [aria-pressed=true]")).to_have_count(1, timeout=LONG)


def test_follow_replacing_the_file_keeps_address_and_captions(
    desk: Page, browser: Browser, site: Site, kiln, tmp_path: Path
) -> None:
    desk.goto(kiln["page"])
    desk.get_by_role("link", name="更换原文件").click()
    expect(desk.get_by_text("代替")).to_be_visible()
    desk.locator("input[type=file]").set_input_files(make_film(tmp_path / "开窑重拍.mp4", seconds=9))
    expect(desk.locator(".uploader-item")).to_contain_text("新的原文件已收到", timeout=LONG)
    desk.goto(kiln["page"])
    expect(desk.locator("dl")).to_contain_text("开窑重拍.mp4")
    expect(desk.locator("dl")).to_contain_text("00:09", timeout=LONG)
    with visit(browser) as stranger:
        stranger.goto(urljoin(site.url, kiln["url"]))
        stranger.wait_for_function("() => document.querySelector('video')?.duration > 8", timeout=LONG)
