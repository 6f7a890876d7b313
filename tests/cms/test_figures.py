"""Figures in the desk: of the own institutions, by course, place, theme and month, and as a table to take away."""

from datetime import date
from io import BytesIO
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from openpyxl import load_workbook

from catalog.models import Course, Lesson
from learning.figures import Figures, end_to_end
from learning.models import PARTS, LessonMonth
from media_pipeline.models import MediaAsset
from tests.cms.conftest import MARK, World
from tests.cms.test_rights import text_of

SHOWN = {"from": "2026-01", "to": "2026-03"}


def watched(course: Course, month: date, plays: int) -> None:
    LessonMonth.objects.create(
        lesson=course.lessons.first(), month=month, plays=plays, finished=plays // 2, seconds=plays * 360,
        parts=[plays] * PARTS,
    )  # fmt: skip


@pytest.fixture
def figures(world: World) -> World:
    for number, course in enumerate(world.a.courses):
        watched(course, date(2026, 1 + number, 1), 10 * (number + 1))
        course.places.add(world.place)
        course.themes.add(world.theme)
        course.save()
    watched(world.b.courses[0], date(2026, 2, 1), 7777)
    return world


def test_partner_sees_the_own_plays_hours_and_finished_share(figures: World) -> None:
    body = text_of(figures.a.client("editor").get("/cms/figures/", SHOWN))
    assert "<dd>60</dd>" in body
    assert "<dd>6.0</dd>" in body
    assert "<dd>50%</dd>" in body
    assert body.index("甲课程2") < body.index("甲课程0")
    assert MARK not in body
    assert "7777" not in body
    centre = text_of(_central(figures).get("/cms/figures/", {**SHOWN, "by": "institution"}))
    assert centre.index(MARK) < centre.index("甲</td>")


@pytest.mark.parametrize(("by", "named"), [("place", "浙江省"), ("theme", "魅力浙文化"), ("institution", "甲")])
def test_figures_are_told_by_place_theme_and_institution(figures: World, by: str, named: str) -> None:
    body = text_of(figures.a.client("reviewer").get("/cms/figures/", {**SHOWN, "by": by}))
    assert named in body
    assert "<td>60</td>" in body


def test_table_is_taken_away_and_holds_no_formula(figures: World) -> None:
    Course.objects.filter(pk=figures.a.courses[0].pk).update(title="=1+1")
    response = figures.a.client("editor").get("/cms/figures/", {**SHOWN, "export": "csv"})
    lines = response.content.decode("utf-8-sig").splitlines()
    assert lines[0] == "课程,播放（次）,时长（小时）,看完（次）,看完率"
    assert lines[1].endswith(",30,3.0,15,0.500")
    assert any(line.startswith("'=1+1,") for line in lines)
    assert len(lines) == 4


def test_table_is_taken_away_as_a_workbook_with_numbers_and_no_formula(figures: World) -> None:
    Course.objects.filter(pk=figures.a.courses[0].pk).update(title="=1+1")
    response = figures.a.client("editor").get("/cms/figures/", {**SHOWN, "export": "xlsx"})
    sheet = load_workbook(BytesIO(response.content)).active
    rows = list(sheet.iter_rows())
    assert [cell.value for cell in rows[0]] == ["课程", "播放（次）", "时长（小时）", "看完（次）", "看完率"]
    assert [cell.value for cell in rows[1]][1:] == [30, 3.0, 15, 0.5]
    first = {cell.value: cell.data_type for (cell, *_others) in rows}
    assert first["=1+1"] == "s"


def test_curve_of_a_course_lays_its_lessons_end_to_end(figures: World) -> None:
    course = figures.a.courses[0]
    first = course.lessons.first()
    short = MediaAsset(duration=100.0)
    long = MediaAsset(duration=300.0)
    told = [
        (Lesson(pk=first.pk, title="一", asset=short), Figures(1, "一", plays=10), [1.0] * 19 + [0.5]),
        (Lesson(title="二", asset=long), Figures(2, "二", plays=4), [0.5] * PARTS),
        (Lesson(title="三"), Figures(3, "三"), []),
    ]
    points = [pair for _lesson, some in end_to_end(told) for pair in some]
    assert len(points) == 3 * PARTS
    places = [place for place, _share in points]
    assert places == sorted(places)
    assert 0 < places[0] < places[PARTS - 1] < 100 / 600 < places[PARTS]
    assert [points[n][1] for n in (0, 19, 20, 40)] == [1.0, 0.5, 0.2, 0.0]
    assert end_to_end([(Lesson(title="三"), Figures(3, "三"), [])]) == []


def test_course_form_and_figures_lead_to_each_other(figures: World) -> None:
    course = figures.a.courses[0]
    course.lessons.add(Lesson(title="第二课", number=2, sort_order=1))
    course.save()
    form = text_of(figures.a.client("editor").get(f"/cms/courses/edit/{course.pk}/"))
    address = f"/cms/figures/courses/{course.pk}/"
    assert f'href="{address}"' in form
    body = text_of(figures.a.client("editor").get(address, SHOWN))
    assert "各课时首尾相接" in body


def test_course_shows_its_lessons_and_curve_to_its_own_people_alone(figures: World) -> None:
    address = f"/cms/figures/courses/{figures.a.courses[0].pk}/"
    body = text_of(figures.a.client("editor").get(address, SHOWN))
    assert "<polyline" in body
    assert "播放 10 次" in body
    assert figures.b.client("editor").get(address).status_code == 404


def test_nothing_watched_says_so(world: World) -> None:
    assert "这段时间还没有人看" in text_of(world.a.client("editor").get("/cms/figures/"))


def test_figures_cost_the_same_with_more_courses(figures: World) -> None:
    client = figures.a.client("editor")

    def cost() -> int:
        client.get("/cms/figures/", SHOWN)
        with CaptureQueriesContext(connection) as seen:
            client.get("/cms/figures/", SHOWN)
        return len(seen)

    few = cost()
    for number in range(30):
        course = Course(institution=figures.a.institution, title=f"多{number}", slug=f"many-{number}", live=False)
        course.lessons = [Lesson(title="一", number=1)]
        course.save()
        watched(course, date(2026, 2, 1), 5)
    assert cost() == few


def _central(world: World) -> Any:
    from tests.cms.test_desk import central

    return central(world)
