"""E2 and E4: hundreds of courses put in order from one list, seen before, followed, taken back; what is amiss, with the
list where it is put right."""

import re
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.desk import at_the_desk
from tests.running import Site

MANY = 240

COURSES = f"""
from catalog.models import Course, Institution
house = Institution.objects.filter(courses__isnull=False).first()
facts = dict(institution=house, kind="reading", description="布要先泡透。", live=False, has_unpublished_changes=True)
new = [Course(title=f"染布工坊{{n:03}}", slug=f"order-{{n}}", sort_key=f"order {{n}}", **facts) for n in range({MANY})]
Course.objects.bulk_create(new)
for title in ("灶台边的酱菜", "灶台边的酱菜。"):
    Course.objects.create(institution=house, title=title, kind="reading", description="先晒后腌。", live=False)
"""

STAND = """
from catalog.models import Course
print(Course.objects.filter(title__startswith="染布工坊", themes__isnull=False, level="starter").count(), end="")
"""


@pytest.fixture(scope="module")
def library(site: Site) -> Site:
    site.manage("shell", "-v", "0", "-c", COURSES)
    return site


@pytest.fixture
def editor(browser, library: Site):
    with at_the_desk(browser, library, "editor") as page:
        yield page


def ordered(site: Site) -> int:
    """Courses of the workshop that have a theme and the level."""
    return int(site.manage("shell", "-v", "0", "-c", STAND))


def select_everything(page: Page) -> None:
    page.locator("[data-bulk-action-select-all-checkbox]").first.check()
    page.get_by_role("button", name="选择筛选出的全部课程").click()


def look(page: Page) -> None:
    page.get_by_role("button", name="看看会修改什么").click()


def follow(page: Page, words: str) -> None:
    """Until the page, which asks by itself, says that it is done."""
    expect(page.locator(".wl-way__state")).to_have_text("完成", timeout=240_000)
    expect(page.locator(".wl-way__percent")).to_contain_text(words)


def test_everything_found_gets_theme_and_level_and_loses_them_again(editor: Page, library: Site) -> None:
    page = editor
    page.goto(f"{library.url}/cms/courses/?problem=no-theme&kind=reading&q={quote('染布工坊')}")
    expect(page.get_by_role("alert").get_by_text(f"{MANY} 个符合")).to_be_visible()
    select_everything(page)
    page.get_by_role("link", name="批量修改所选课程").click()
    expect(page.get_by_text(f"选择了 {MANY} 门课程")).to_be_visible()
    page.locator("[name=themes_how]").select_option(label="添加")
    page.locator("[name=themes]").first.check()
    page.locator("[name=level]").select_option(label="入门")
    look(page)
    seen = page.get_by_role("region", name="将会怎样")
    expect(seen.get_by_role("heading")).to_contain_text(f"将修改 {MANY} 门")
    expect(seen).to_contain_text("主题：无 →")
    assert ordered(library) == 0
    seen.get_by_role("button", name=f"开始修改 {MANY} 门").click()
    follow(page, f"已修改 {MANY} 门")
    assert ordered(library) == MANY
    page.get_by_role("button", name="撤销这次修改").click()
    expect(page.get_by_text("撤销的是")).to_be_visible()
    follow(page, f"已修改 {MANY} 门")
    assert ordered(library) == 0


def test_list_is_saved_as_a_view_and_removed(editor: Page, library: Site) -> None:
    page = editor
    page.goto(f"{library.url}/cms/courses/")
    page.get_by_role("textbox", name="搜索").last.fill("染布工坊")
    page.wait_for_url(re.compile("q="))
    page.get_by_text("存为视图").click()
    page.get_by_label("名称", exact=True).fill("染布的课")
    page.get_by_role("button", name="保存", exact=True).click()
    page.goto(f"{library.url}/cms/courses/")
    page.get_by_role("navigation", name="视图").get_by_role("link", name="染布的课").click()
    expect(page.locator("tbody tr").first).to_contain_text("染布工坊")
    expect(page.get_by_role("link", name="染布的课")).to_have_attribute("aria-current", "true")
    page.get_by_role("button", name="删去视图“染布的课”").click()
    expect(page.get_by_role("link", name="染布的课")).to_have_count(0)


def test_quality_leads_to_twins_which_become_one(editor: Page, library: Site) -> None:
    page = editor
    page.goto(f"{library.url}/cms/quality/")
    page.get_by_role("link", name="标题几乎相同：查看与合并").click()
    rows = page.locator("tbody tr", has_text="灶台边的酱菜")
    expect(rows).to_have_count(2)
    for number in range(2):
        rows.nth(number).get_by_role("checkbox").check()
    page.get_by_role("link", name="合并所选的两门课程").click()
    expect(page.get_by_text("合并不能撤销")).to_be_visible()
    page.get_by_role("radio").last.check()
    page.get_by_role("button", name="合并", exact=True).click()
    expect(page.locator(".messages .success")).to_contain_text("已并入")
    page.goto(f"{library.url}/cms/courses/?problem=same-title")
    expect(page.locator("tbody tr", has_text="灶台边的酱菜")).to_have_count(0)
