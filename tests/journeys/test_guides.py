"""The guides of the desk: what they tell can be walked, and their pictures are taken on the way.

``make guides`` puts the pictures into ``docs/guides/pictures``.
"""

import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from cms.guides import GUIDES, PLACE
from deploy.prepare import ROOT
from tests.journeys.conftest import make_film
from tests.journeys.desk import add_chief, at_the_desk, press_action
from tests.journeys.test_upload import drop_files, item

TAKEN = ROOT / "test-results" / "guides"
TABLE = "编号,标题,类型,简介\n1,竹编入门,读本,一根竹子怎样变成篮子\n2,,读本,\n3,蓝印花布,电影院,布要先泡透\n"
OPERATOR = """
from django.contrib.auth.models import Group
from accounts.models import User
operator, _ = User.objects.get_or_create(username="operator", defaults={"display_name": "值班"})
operator.set_password("wenlan-demo")
operator.save()
operator.groups.add(Group.objects.get(name="运维"))
"""
WIDTH = 1200  # pixels; the guides show them at 700


def take(page: Page, name: str) -> None:
    """The window as a WebP of some 30 kB."""
    TAKEN.mkdir(parents=True, exist_ok=True)
    page.mouse.move(0, 0)
    page.wait_for_load_state("networkidle")
    raw = TAKEN / f"{name}.png"
    page.screenshot(path=raw)
    with Image.open(raw) as picture:
        picture.thumbnail((WIDTH, WIDTH))
        picture.save(raw.with_suffix(".webp"), quality=70, method=6)
    raw.unlink()


def pictures_of(guide: str) -> set[str]:
    return set(re.findall(r"pictures/([a-z-]+)\.webp", (PLACE / f"{guide}.md").read_text()))


def test_partners_first_hour_is_walked(browser, site, tmp_path):
    film = make_film(tmp_path / "竹编入门.mp4", seconds=3)
    for old in TAKEN.glob("*.webp"):
        old.unlink()
    wrong = tmp_path / "通知.mp4"
    wrong.write_bytes(b"%PDF-1.7\n" + b"%" * 9000)
    with at_the_desk(browser, site, "partner") as page:
        take(page, "desk")
        page.goto(f"{site.url}/cms/upload/")
        drop_files(page, [film, wrong])
        expect(item(page, film)).to_contain_text("处理完成，可以播放", timeout=300_000)
        take(page, "upload")
        item(page, film).get_by_role("link", name="建立课程").click()
        expect(page.locator("[name=title]")).to_have_value("竹编入门")
        take(page, "course")
        page.locator("[name=summary]").fill("一根竹子怎样变成一只篮子。")
        press_action(page, "提交")
        expect(page.locator(".messages")).to_contain_text("竹编入门")
        page.goto(f"{site.url}/cms/assets/")
        page.get_by_role("link", name="竹编入门").first.click()
        expect(page.locator(".wl-asset")).to_be_visible()
        take(page, "asset")
        page.goto(f"{site.url}/cms/imports/")
        page.get_by_label("表格").set_input_files(
            {"name": "课程.csv", "mimeType": "text/csv", "buffer": TABLE.encode()}
        )
        page.get_by_role("button", name="检查").click()
        expect(page.locator(".wl-fate").first).to_be_visible()
        take(page, "import")
        page.goto(f"{site.url}/cms/figures/")
        take(page, "figures")


def test_reviewers_first_hour_is_walked(browser, site):
    with at_the_desk(browser, site, "reviewer") as page:
        expect(page.get_by_role("link", name="竹编入门").first).to_be_visible()
        take(page, "review")


def test_editors_first_hour_is_walked(browser, site):
    add_chief(site)
    with at_the_desk(browser, site, "chief") as page:
        page.goto(f"{site.url}/cms/pages/")
        number = "from cms.models import CollectionPage; print(CollectionPage.objects.get(slug='miaoxiu').pk)"
        page.goto(f"{site.url}/cms/pages/{site.manage('shell', '-v', '0', '-c', number).split()[-1]}/edit/")
        expect(page.locator("[name=title]")).to_be_visible()
        take(page, "collection")
        page.goto(f"{site.url}/cms/search/queries/")
        take(page, "queries")
        page.goto(f"{site.url}/cms/quality/")
        expect(page.get_by_role("heading", name="质量")).to_be_visible()
        take(page, "quality")


def test_operators_first_hour_is_walked(browser, site):
    site.manage("shell", "-v", "0", "-c", OPERATOR)
    with at_the_desk(browser, site, "operator") as page:
        page.goto(f"{site.url}/cms/operations/")
        expect(page.get_by_role("heading", name="运维")).to_be_visible()
        expect(page.locator(".wl-part").first).to_contain_text("正常")
        take(page, "operations")
        page.get_by_role("link", name="指南", exact=True).click()
        expect(page.get_by_role("heading", name="运维的第一个小时")).to_be_visible()


@pytest.mark.parametrize("guide", GUIDES)
def test_guide_is_read_in_the_desk_with_all_its_pictures(browser, site, guide):
    taken = {path.stem for path in TAKEN.glob("*.webp")}
    assert pictures_of(guide) <= taken
    with at_the_desk(browser, site, "partner") as page:
        page.get_by_role("link", name="指南", exact=True).click()
        expect(page.get_by_role("heading", name="机构的第一个小时")).to_be_visible()
        page.goto(f"{site.url}/cms/guide/{guide}/#step-2")
        expect(page.locator("#step-2")).to_be_in_viewport()
        pictures = page.locator(".wl-guide img")
        for number in range(pictures.count()):
            pictures.nth(number).scroll_into_view_if_needed()
            page.wait_for_function("(n) => document.querySelectorAll('.wl-guide img')[n].naturalWidth > 0", arg=number)


def test_no_picture_lies_about_unused():
    used = set().union(*(pictures_of(guide) for guide in GUIDES))
    assert {path.stem for path in Path(PLACE / "pictures").glob("*.webp")} == used
