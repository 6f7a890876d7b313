"""Courses that show the same pictures, side by side on the quality page, and the word of a person that they differ."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from catalog import policy, quality
from catalog.models import Course, Lesson
from media_pipeline.access import media_url
from media_pipeline.models import Lookalike, MediaAsset

SHOWN = 6


@dataclass(frozen=True, slots=True)
class Side:
    course: Course
    asset: MediaAsset
    picture: str


@dataclass(frozen=True, slots=True)
class Two:
    """Two courses, or one with the same twice; ``may``: whether this person may change both."""

    low: int
    high: int
    times: int
    may: bool
    sides: tuple[Side, Side]


def shown(user: Any, courses: QuerySet[Course], assets: QuerySet[MediaAsset]) -> list[Two]:
    """The first pairs among what the person sees, in a fixed number of queries."""
    rows = list(quality.alike(courses, assets)[:SHOWN])
    if not rows:
        return []
    pairs = Lookalike.objects.select_related("first", "second").in_bulk([row["example"] for row in rows])
    keys = {row[end] for row in rows for end in ("low", "high")}
    named = Course.objects.select_related("institution").in_bulk(keys)
    may = set(policy.scope(Course.objects.filter(pk__in=keys), user, "change").values_list("pk", flat=True))
    used = set(Lesson.objects.filter(course__in=keys, asset__isnull=False).values_list("course", "asset"))
    found = []
    for row in rows:
        low, high, pair = row["low"], row["high"], pairs[row["example"]]
        ends = (pair.first, pair.second)
        if (low, pair.first_id) not in used or (high, pair.second_id) not in used:
            ends = (pair.second, pair.first)
        sides = (_side(named[low], ends[0]), _side(named[high], ends[1]))
        found.append(Two(low, high, row["times"], {low, high} <= may, sides))
    return found


def _side(course: Course, asset: MediaAsset) -> Side:
    return Side(course, asset, media_url(asset, asset.poster_key, signed=True))


@require_POST
def different(request: HttpRequest) -> HttpResponse:
    """POST ``low`` and ``high``, keys of two courses: what looks the same in them is not shown again."""
    user: Any = request.user
    keys = [request.POST.get(name, "") for name in ("low", "high")]
    if not all(key.isascii() and key.isdigit() and len(key) < 19 for key in keys):
        raise Http404
    low, high = map(int, keys)
    if policy.scope(Course.objects.filter(pk__in=[low, high]), user, "change").count() != len({low, high}):
        raise Http404
    quality.say_different(low, high, policy.scope(MediaAsset.objects.order_by(), user))
    messages.success(request, "已记下：它们不是同一个，以后不再提示。")
    return redirect("wenlan_quality")
