"""Figures of the own courses in the desk: how often, how long and how far they are watched."""

import csv
from io import BytesIO, StringIO
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path
from django.views.decorators.http import require_safe

from catalog import policy
from catalog.exporters import write_sheet
from catalog.formulas import guarded
from catalog.models import Course
from cms.imports import download
from learning import figures
from learning.figures import BY, SUMS, Figures, Period

PAGE = 50
EXPORTED = 100_000
WIDTH, HEIGHT = 720, 160
"""Of the pictures, in pixels of their own; they grow with the page."""


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """``?from=2026-01&to=2026-06``, ``institution`` (code), ``by``, ``sort``; ``export=csv`` or ``xlsx`` is the whole
    table."""
    period = Period.of(request.GET.get("from", ""), request.GET.get("to", ""))
    own = policy.institutions_of(request.user)
    chosen = own.filter(code=request.GET.get("institution", "")).first()
    courses = Course.objects.under(chosen) if chosen else Course.objects.all()
    rows = figures.within(policy.scope(courses, request.user), period)
    by = request.GET.get("by", "course")
    by = by if by in BY else "course"
    sort = request.GET.get("sort", "plays")
    table = figures.grouped(rows, by, sort)
    if (suffix := request.GET.get("export", "")) in WRITERS:
        content = WRITERS[suffix](BY[by][0], figures.named(by, table[:EXPORTED]))
        return download(content, f"统计-{BY[by][0]}-{period.first:%Y%m}-{period.last:%Y%m}.{suffix}")
    page = Paginator(table, PAGE).get_page(request.GET.get("p"))
    months = figures.by_month(rows, period)
    context = {
        "header_title": "统计",
        "period": period,
        "total": figures.total(months),
        "watched": len(table) if by == "course" else figures.courses_watched(rows),
        "months": months,
        "bars": bars(months),
        "by": by,
        "ways": [(name, label) for name, (label, *_) in BY.items()],
        "sort": sort if sort in SUMS else "plays",
        "sorts": [("plays", "播放"), ("seconds", "时长"), ("finished", "看完")],
        "page_obj": page,
        "rows": figures.named(by, list(page)),
        "institutions": own.order_by("path")[:500],
        "institution": chosen,
    }
    return TemplateResponse(request, "cms/desk/figures.html", context)


@require_safe
def course(request: HttpRequest, course_id: int) -> HttpResponse:
    """One course: its months, its lessons, and what part of each is still watched."""
    own = policy.scope(Course.objects.select_related("institution"), request.user)
    found: Course = get_object_or_404(own, pk=course_id)
    period = Period.of(request.GET.get("from", ""), request.GET.get("to", ""))
    rows = figures.within(Course.objects.filter(pk=found.pk), period)
    months = figures.by_month(rows, period)
    lessons = figures.of_lessons(found, period)
    whole = figures.end_to_end(lessons)
    context = {
        "header_title": found.title,
        "course": found,
        "period": period,
        "total": figures.total(months),
        "months": months,
        "bars": bars(months),
        "lessons": [(lesson, one, curve(heard), heard) for lesson, one, heard in lessons],
        "whole": line([point for _lesson, points in whole for point in points]) if len(whole) > 1 else "",
        "begins": [(lesson, round(points[0][0] * WIDTH, 1), points[0][1]) for lesson, points in whole],
    }
    return TemplateResponse(request, "cms/desk/figures_course.html", context)


def bars(months: list[Figures]) -> list[dict[str, Any]]:
    """Rectangles of a bar chart in a box of ``WIDTH`` × ``HEIGHT``, with the month below where there is room."""
    values = [month.plays for month in months]
    most, wide = max([*values, 1]), WIDTH / max(len(values), 1)
    labels = [f"{month.key.month}月" if len(months) <= 24 else "" for month in months]
    return [
        {
            "x": round(n * wide + wide * 0.15, 1),
            "width": round(wide * 0.7, 1),
            "y": round(HEIGHT * (1 - value / most), 1),
            "height": round(HEIGHT * value / most, 1),
            "middle": round((n + 0.5) * wide, 1),
            "label": label,
        }
        for n, (value, label) in enumerate(zip(values, labels, strict=True))
    ]


def curve(shares: list[float]) -> str:
    """Points of a line through shares at even steps, in a box of ``WIDTH`` × ``HEIGHT``; "" without a play."""
    return line([(n / max(len(shares) - 1, 1), share) for n, share in enumerate(shares)])


def line(points: list[tuple[float, float]]) -> str:
    """Points, both coordinates 0 to 1, as SVG has them."""
    return " ".join(f"{place * WIDTH:.1f},{HEIGHT * (1 - min(share, 1)):.1f}" for place, share in points)


HEADS = ("播放（次）", "时长（小时）", "看完（次）", "看完率")


def _csv(label: str, rows: list[Figures]) -> bytes:
    out = StringIO()
    writer = csv.writer(out)
    writer.writerow([label, *HEADS])
    for row in rows:
        writer.writerow([guarded(row.label), row.plays, row.hours, row.finished, f"{row.finish:.3f}"])
    return ("\ufeff" + out.getvalue()).encode()


def _xlsx(label: str, rows: list[Figures]) -> bytes:
    out = BytesIO()
    cells = ((row.label, row.plays, row.hours, row.finished, round(row.finish, 3)) for row in rows)
    write_sheet("统计", (label, *HEADS), cells, out)
    return out.getvalue()


WRITERS = {"csv": _csv, "xlsx": _xlsx}


urlpatterns = [
    path("figures/", overview, name="wenlan_figures"),
    path("figures/courses/<int:course_id>/", course, name="wenlan_figures_course"),
]
