"""The desk as its people work in it: each in a browser visit of their own."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Locator, Page, expect

from tests.running import Site

PATIENCE = 30_000  # ms
expect.set_options(timeout=PATIENCE)
PASSWORD = "wenlan-demo"
SIZES = {"phone": (390, 844), "computer": (1440, 900), "large": (1920, 1080)}
"""The screens that journeys are walked on: width and height in CSS pixels."""

CHIEF = """
from django.contrib.auth.models import Group
from accounts.models import User
chief, _ = User.objects.get_or_create(username="chief", defaults={"email": "chief@example.org", "display_name": "主编"})
chief.set_password("wenlan-demo")
chief.save()
chief.groups.add(Group.objects.get(name="编辑中心"))
"""


def add_chief(site: Site) -> None:
    """A second person of the centre, ``chief``, who may approve what ``editor`` submits."""
    site.manage("shell", "-v", "0", "-c", CHIEF)


@contextmanager
def visit(browser: Browser, *, width: int = 1440, height: int = 900) -> Iterator[Page]:
    """A page of somebody nobody knows yet."""
    context = browser.new_context(
        viewport={"width": width, "height": height}, locale="zh-CN", timezone_id="Asia/Shanghai"
    )
    context.set_default_timeout(PATIENCE)
    try:
        yield context.new_page()
    finally:
        context.close()


def is_narrow(page: Page) -> bool:
    """Whether menus and filters are folded away on this screen."""
    return bool(page.viewport_size and page.viewport_size["width"] < 900)


@contextmanager
def at_the_desk(browser: Browser, site: Site, name: str) -> Iterator[Page]:
    """A page at ``/cms/``, signed in through the form."""
    with visit(browser) as page:
        page.goto(f"{site.url}/cms/")
        page.get_by_label("用户名").fill(name)
        page.get_by_label("密码").fill(PASSWORD)
        page.get_by_role("button", name="登录").click()
        expect(page.get_by_role("heading", name="文澜编辑台", exact=True)).to_be_visible()
        yield page


def press_action(page: Page, name: str) -> None:
    """A button of the bar at the foot of a form, from its menu where it is not the first."""
    press(page, page.locator("footer").get_by_role("button", name=name))


def approve(page: Page) -> None:
    """通过, without a word."""
    press(page, page.locator("footer [data-workflow-action-name=approve]:not([data-workflow-action-modal-url])"))
    expect(page.locator(".messages .success")).to_be_visible()


def press(page: Page, button: Locator) -> None:
    if not button.is_visible():
        page.locator("footer .w-dropdown__toggle").click()
    button.click()
