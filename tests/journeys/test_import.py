"""P2: a workbook with Chinese headings, files and faults is looked through row by row, comes in once, and a second time
changes nothing; what is wrong goes home as a workbook. Its films may come with it in a ZIP."""

from io import BytesIO
from pathlib import Path

from openpyxl import Workbook, load_workbook
from playwright.sync_api import Page, expect

from tests.journeys.conftest import make_film
from tests.journeys.desk import SIZES, at_the_desk
from tests.journeys.test_upload import drop_files, item
from tests.media_pipeline.zips import zipped

PATIENCE = 120_000  # ms; looking through a table is a worker's task, which may wait behind a film
TABLE = [
    ["编号", "标题", "类型", "简介", "语言", "文件"],
    ["p2-1", "蜡染的刀", "视频", "画蜡的刀怎样握", "zh-Hans", "蜡染的刀.mp4"],
    ["p2-2", "蜡染的布", "读本", "布要先煮过", "zh-Hans", ""],
    ["p2-3", "蜡染的缸", "视频", "缸在哪里", "zh-Hans", "没有这个.mp4"],
    ["p2-4", "蜡染的火", "电影院", "火要小", "zh-Hans", ""],
    ["p2-2", "蜡染的水", "读本", "水要软", "zh-Hans", ""],
]


PRINTS = [
    ["编号", "标题", "类型", "简介", "文件"],
    ["p2z-1", "雕版的刀", "视频", "刀要斜着走", "雕版的刀.mp4"],
    ["p2z-2", "雕版的墨", "视频", "墨要薄", "墨.mp4"],
    ["p2z-3", "雕版的纸", "视频", "纸要润", "雕版的刀子.mp4"],
    ["p2z-4", "雕版的刷", "视频", "刷要轻", "刷.rar"],
]


def workbook(path: Path, rows: list[list[str]] = TABLE) -> Path:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def look_through(page: Page, site, table: Path) -> None:
    page.goto(f"{site.url}/cms/imports/")
    page.get_by_label("表格").set_input_files(table)
    page.get_by_role("button", name="检查").click()
    expect(page.locator(".wl-fate").first).to_be_visible(timeout=PATIENCE)


def fates(page: Page) -> dict[str, str]:
    """Row → what becomes of it."""
    rows = page.locator("table.listing tbody tr")
    return {row.locator("td").nth(0).inner_text(): row.locator("td").nth(3).inner_text() for row in rows.all()}


def test_workbook_with_faults_comes_in_once(browser, site, tmp_path):
    film = make_film(tmp_path / "蜡染的刀.mp4", seconds=2)
    table = workbook(tmp_path / "蜡染.xlsx")
    with at_the_desk(browser, site, "partner") as page:
        page.goto(f"{site.url}/cms/upload/")
        drop_files(page, [film])
        expect(item(page, film)).to_contain_text("处理完成，可以播放", timeout=2 * PATIENCE)

        look_through(page, site, table)
        assert fates(page) == {"2": "新建", "3": "新建", "4": "退回", "5": "退回", "6": "退回"}
        told = page.locator("table.listing")
        for words in ("没有这个.mp4", "类型“电影院”", "编号与第 3 行重复"):
            expect(told).to_contain_text(words)
        with page.expect_download() as coming:
            page.get_by_role("link", name="下载每一行的结果").click()
        rows = list(load_workbook(BytesIO(Path(coming.value.path()).read_bytes())).active.iter_rows(values_only=True))
        assert [row[3] for row in rows[1:]] == ["新建", "新建", "退回", "退回", "退回"]

        page.get_by_role("button", name="导入", exact=True).click()
        expect(page.get_by_text("已经导入。")).to_be_visible(timeout=PATIENCE)
        page.goto(f"{site.url}/cms/courses/?q=蜡染的")
        for title in ("蜡染的刀", "蜡染的布"):
            expect(page.get_by_role("link", name=title).first).to_be_visible()

        look_through(page, site, table)
        assert fates(page) == {"2": "不变", "3": "不变", "4": "退回", "5": "退回", "6": "退回"}
        expect(page.get_by_text("没有可以导入的行。")).to_be_visible()


def test_films_come_with_the_workbook_in_an_archive(browser, site, tmp_path):
    table = workbook(tmp_path / "雕版.xlsx", PRINTS)
    film = make_film(tmp_path / "a.mp4", seconds=2).read_bytes()
    # players pass over such a box; without it the library would have the film already, of another journey
    knife, ink = (film + (8 + len(mark)).to_bytes(4) + b"free" + mark for mark in (b"knife", b"ink"))
    files = [("雕版/刀/雕版的刀.mp4", knife), ("雕版/墨.mp4", ink), ("雕版/刷.rar", b"Rar!"), ("雕版/.DS_Store", b"x")]
    archive = zipped(tmp_path / "雕版.zip", files)
    with at_the_desk(browser, site, "partner") as page:
        send_both(page, site, table, archive)
        assert fates(page) == {"2": "新建", "3": "新建", "4": "退回", "5": "退回"}
        told = page.locator("table.listing")
        expect(page.get_by_text("要收 2 个新文件")).to_be_visible()
        expect(told).to_contain_text("在 雕版/刀/雕版的刀.mp4，新文件")
        expect(told).to_contain_text("名字相近的有：雕版/刀/雕版的刀.mp4")
        page.get_by_text("1 个文件没有收").click()
        expect(page.get_by_text("是压缩包里的压缩包，不再打开").first).to_be_visible()
        page.get_by_role("button", name="导入", exact=True).click()
        expect(page.get_by_text("已经导入。")).to_be_visible(timeout=PATIENCE)
        for name in ("雕版的刀", "墨"):
            page.goto(f"{site.url}/cms/assets/?q={name}")
            expect(page.locator("table.listing")).to_contain_text("可播放", timeout=2 * PATIENCE)
        page.goto(f"{site.url}/cms/courses/?q=雕版的")
        for title in ("雕版的刀", "雕版的墨"):
            expect(page.get_by_role("link", name=title).first).to_be_visible()

        send_both(page, site, table, archive)
        assert fates(page) == {"2": "不变", "3": "不变", "4": "退回", "5": "退回"}


def send_both(page: Page, site, table: Path, archive: Path) -> None:
    """Gives a table and its films; the form, as it is then, stands in every screen."""
    page.goto(f"{site.url}/cms/imports/")
    page.get_by_label("表格", exact=True).set_input_files(table)
    page.get_by_label("一个 ZIP 压缩包").check()
    page.get_by_label("压缩包", exact=True).first.set_input_files(archive)
    expect(page.locator(".wl-import-archive")).to_contain_text("压缩包已收到", timeout=PATIENCE)
    for width, height in SIZES.values():
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    page.set_viewport_size({"width": 1440, "height": 900})
    page.get_by_role("button", name="检查").click()
    expect(page.locator(".wl-fate").first).to_be_visible(timeout=PATIENCE)
