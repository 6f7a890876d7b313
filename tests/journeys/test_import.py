"""P2: a workbook with Chinese headings, files and faults is looked through row by row, comes in once, and a second time
changes nothing; what is wrong goes home as a workbook."""

from io import BytesIO
from pathlib import Path

from openpyxl import Workbook, load_workbook
from playwright.sync_api import Page, expect

from tests.journeys.conftest import make_film
from tests.journeys.desk import at_the_desk
from tests.journeys.test_upload import drop_files, item

PATIENCE = 120_000  # ms; looking through a table is a worker's task, which may wait behind a film
TABLE = [
    ["编号", "标题", "类型", "简介", "语言", "文件"],
    ["p2-1", "蜡染的刀", "视频", "画蜡的刀怎样握", "zh-Hans", "蜡染的刀.mp4"],
    ["p2-2", "蜡染的布", "读本", "布要先煮过", "zh-Hans", ""],
    ["p2-3", "蜡染的缸", "视频", "缸在哪里", "zh-Hans", "没有这个.mp4"],
    ["p2-4", "蜡染的火", "电影院", "火要小", "zh-Hans", ""],
    ["p2-2", "蜡染的水", "读本", "水要软", "zh-Hans", ""],
]


def workbook(path: Path) -> Path:
    book = Workbook()
    for row in TABLE:
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
