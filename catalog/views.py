"""Pages of the catalogue: a course and its lessons, the drawn covers, and what machines read (feeds)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.contrib.syndication.views import Feed
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.feedgenerator import Atom1Feed
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from catalog import addresses, course_page, embedding, merging
from catalog.models import Course, Institution, Place, Theme
from catalog.patterns import MOTIFS, SEEDS, svg
from catalog.structured import structured
from catalog.xml_text import clean

FEED_LENGTH = 50
LONGEST_WORDS = 60
"""Characters looked for inside a reading."""


@require_safe
def course(request: HttpRequest, slug: str, number: int | None = None) -> HttpResponse:
    """A course with its first lesson open, or with lesson ``number``."""
    courses = Course.objects.public().select_related("institution", "institution__place", "cover")
    found = courses.prefetch_related("themes", "places", "teachers").filter(slug=slug).first()
    if found is None:
        return _moved(slug, number)
    page = course_page.build(
        found, number=number, page=_page_number(request), start=addresses.start(request.GET.get("t", ""))
    )
    page = course_page.look_inside(page, request.GET.get("find", "").strip()[:LONGEST_WORDS])
    address = course_page.canonical(page, number)
    context = {
        "page": page,
        "course": found,
        "lesson": page.lesson,
        "canonical_path": address,
        "embed_code": embedding.code(page),
        "structured": structured(page, request.build_absolute_uri(address)),
        "kind_template": page.kind_template,
    }
    return render(request, "catalog/course.html", context)


def _moved(slug: str, number: int | None) -> HttpResponse:
    """To where a course was merged into. Raises Http404 when nothing ever stood here, or it is not public."""
    now = merging.moved_to(slug, number)
    if now is None:
        raise Http404
    course_slug, lesson = now
    where = ["lesson", course_slug, lesson] if lesson else ["course", course_slug]
    return redirect(*where, permanent=True)


def _page_number(request: HttpRequest) -> int:
    text = request.GET.get("page", "1")
    if not (text.isascii() and text.isdigit()) or len(text) > 6:
        raise Http404(_("没有“%(page)s”这一页。") % {"page": text[:20]})
    return int(text)


@cache_control(public=True, max_age=31536000, immutable=True)
@require_safe
def cover(request: HttpRequest, name: str, colour: str, seed: int) -> HttpResponse:
    """A drawn cover. The address says everything, so it never changes."""
    if name not in MOTIFS or seed >= SEEDS or not re.fullmatch("[0-9a-f]{6}", colour):
        raise Http404
    return HttpResponse(svg(name, f"#{colour}", seed), content_type="image/svg+xml")


@cache_control(public=True, max_age=86400)
@require_safe
def icon(request: HttpRequest) -> HttpResponse:
    """The seal as the site's icon."""
    return render(request, "components/icon.svg", content_type="image/svg+xml")


SUBJECTS: dict[str, Callable[[str], Theme | Place | Institution]] = {
    "theme": lambda value: get_object_or_404(Theme, slug=value),
    "place": lambda value: get_object_or_404(Place, code=value),
    "institution": lambda value: get_object_or_404(Institution, code=value),
}
"""What a feed may be of, besides everything."""


class CleanAtom(Atom1Feed):
    """Atom whose entries may hold what an editor pasted: Django's refuses the whole feed for one such character."""

    def add_item(self, title: str, link: str, description: str, *args: Any, **kwargs: Any) -> None:
        author = clean(kwargs.pop("author_name", None) or "")
        categories = [clean(name) for name in kwargs.pop("categories", None) or ()]
        kwargs |= {"author_name": author, "categories": categories}
        super().add_item(clean(title), link, clean(description), *args, **kwargs)


class LatestFeed(Feed):
    """The newest public courses, as Atom: all, or those of a theme, place or institution and what lies below it."""

    feed_type = CleanAtom

    def get_object(self, request: HttpRequest, kind: str = "", value: str = "") -> Theme | Place | Institution | None:
        if kind and kind not in SUBJECTS:
            raise Http404
        return SUBJECTS[kind](value) if kind else None

    def title(self, subject: Theme | Place | Institution | None) -> str:
        return _("文澜新课：%(name)s") % {"name": clean(str(subject))} if subject else _("文澜新课")

    def link(self, subject: Theme | Place | Institution | None) -> str:
        return subject.get_absolute_url() if subject else "/"

    def subtitle(self) -> str:
        return _("文澜最近公开的课程")

    def items(self, subject: Theme | Place | Institution | None) -> QuerySet[Course]:
        courses = Course.objects.under(subject) if subject else Course.objects.all()
        return (
            courses.public()
            .select_related("institution")
            .prefetch_related("themes")
            .order_by("-first_published_at", "-pk")[:FEED_LENGTH]
        )

    def item_description(self, item: Course) -> str:
        return item.summary or item.description

    def item_author_name(self, item: Course) -> str:
        return item.institution.name

    def item_categories(self, item: Course) -> list[str]:
        return [theme.name for theme in item.themes.all()]

    def item_pubdate(self, item: Course):
        return item.first_published_at or item.created_at

    def item_updateddate(self, item: Course):
        return item.updated_at
