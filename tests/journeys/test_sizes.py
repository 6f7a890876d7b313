"""Pages on a phone, a computer and a large screen: what stands past its column, before its title or under a button."""

from playwright.sync_api import expect

from tests.journeys.desk import at_the_desk

PAST_THE_COLUMN = """() => [...document.querySelectorAll("main .wrap")].flatMap(column => {
    const style = getComputedStyle(column), box = column.getBoundingClientRect();
    const left = box.left + parseFloat(style.paddingLeft), right = box.right - parseFloat(style.paddingRight);
    return [...column.querySelectorAll("h1, h2, h3, .cover, .card, .chip")]
        .filter(one => one.checkVisibility())
        .map(one => [one.textContent.trim(), one.getBoundingClientRect()])
        .filter(([, one]) => one.right > right + 1 || one.left < left - 1)
        .map(([text, one]) => `${text}: ${one.left} to ${one.right}, column ${left} to ${right}`);
})"""


def test_nothing_of_the_home_page_stands_past_its_column(screen, site):
    screen.goto(f"{site.url}/")
    assert screen.locator(".locals .cover").count() > 5
    assert screen.evaluate(PAST_THE_COLUMN) == []


WAITING = """
from catalog.models import Course, Institution, Lesson
from media_pipeline.models import AssetState, MediaAsset
asset = MediaAsset.objects.create(title="盐", media_type="application/pdf", state=AssetState.PROCESSING)
course = Course(institution=Institution.objects.first(), title="灶台边的盐", slug="yan", kind="reading", live=True)
course.save()
Lesson.objects.create(course=course, title="盐", summary="第一周少一成，第二周再少一成。", asset=asset)
"""


def test_text_of_a_reading_that_is_not_ready_stands_below_the_title(phone, site):
    site.manage("shell", "-v", "0", "-c", WAITING)
    phone.goto(f"{site.url}/courses/yan/")
    title = phone.get_by_role("heading", level=1).bounding_box()
    text = phone.get_by_text("第一周少一成").bounding_box()
    assert text["y"] > title["y"] + title["height"]
    assert text["x"] == title["x"]


def test_menu_button_of_the_desk_leaves_the_heading_free(browser, site):
    with at_the_desk(browser, site, "editor") as desk:
        desk.set_viewport_size({"width": 390, "height": 844})
        button = desk.locator(".sidebar-nav-toggle--mobile")
        expect(button).to_be_visible()
        heading = desk.get_by_role("heading", level=1)
        words = heading.evaluate(
            "one => { const r = new Range(); r.selectNodeContents(one); return r.getBoundingClientRect().x; }"
        )
        box = button.bounding_box()
        assert words >= box["x"] + box["width"] or heading.bounding_box()["y"] >= box["y"] + box["height"]
