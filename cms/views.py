"""Public pages around the catalogue: themes, places, collections, television, shelf, help, language and look."""

from __future__ import annotations

from django.conf import settings
from django.contrib.sitemaps import Sitemap
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers
from wagtail.models import Site
from wagtail.views import serve

from accounts.devices import television
from accounts.look import Look, keep_language
from catalog import course_page
from catalog.covers import COLOURS, PATTERNS, pattern, prepare
from catalog.models import Course, Institution, Place, Teacher, Theme
from catalog.podcasts import Podcast, heard
from cms import pages_context
from cms.blocks import for_cards
from cms.models import CollectionIndexPage, CollectionPage, HomePage, PlacePage, ThemePage
from search.find import Query, suggest
from search.find import search as find_courses


@vary_on_headers("User-Agent")
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The editors' home page; before there is one, a page of the same shape that fills itself. In senior mode, one
    of few things; on a television, the way to its own pages."""
    look = Look.of(request)
    if look.screen == "auto" and television(request.headers.get("User-Agent", "")):
        return redirect("tv")
    if look.senior:
        return render(request, "pages/senior_home.html", pages_context.senior_home_context())
    site = Site.find_for_request(request)
    if site is not None and isinstance(site.root_page.specific, HomePage):
        return serve(request, "")
    return render(request, HomePage.template, pages_context.home_context())


@require_safe
def themes(request: HttpRequest) -> HttpResponse:
    return render(request, "pages/themes.html", pages_context.themes_context())


@require_safe
def theme(request: HttpRequest, slug: str) -> HttpResponse:
    """A theme with what editors put above its courses."""
    found = get_object_or_404(Theme, slug=slug)
    page = ThemePage.objects.live().public().filter(theme=found).first()
    context = pages_context.theme_context(found, page, request.GET.get("page", "1"), Look.of(request).per_page)
    return render(request, ThemePage.template, context)


@require_safe
def places(request: HttpRequest) -> HttpResponse:
    return render(request, "pages/places.html", pages_context.places_context())


@require_safe
def place(request: HttpRequest, code: str) -> HttpResponse:
    """A division of today; one that was merged or renamed leads to its successor."""
    found = get_object_or_404(Place.objects.select_related("successor"), code=code)
    if found.valid_until is not None and found.successor is not None:
        return redirect(found.successor, permanent=True)
    page = PlacePage.objects.live().public().filter(place=found).first()
    context = pages_context.place_context(found, page, request.GET.get("page", "1"), Look.of(request).per_page)
    return render(request, PlacePage.template, context)


@require_safe
def institution(request: HttpRequest, code: str) -> HttpResponse:
    """An institution whose courses, or those below it, can be seen."""
    found = get_object_or_404(Institution.objects.select_related("place"), code=code)
    context = pages_context.institution_context(found, request.GET.get("page", "1"), Look.of(request).per_page)
    return render(request, "pages/institution.html", context)


@require_safe
def teacher(request: HttpRequest, pk: str) -> HttpResponse:
    """A teacher of a course that can be seen. The index knows teachers by what may be no number."""
    found = get_object_or_404(Teacher.objects.select_related("institution"), pk=int(pk) if pk.isdecimal() else 0)
    context = pages_context.teacher_context(found, request.GET.get("page", "1"), Look.of(request).per_page)
    return render(request, "pages/teacher.html", context)


@require_safe
def collections(request: HttpRequest) -> HttpResponse:
    """The overview of the collections, also before there is a page for it."""
    page = CollectionIndexPage.objects.live().public().first()
    return render(request, CollectionIndexPage.template, {"page": page, **pages_context.collections_context(page)})


@require_safe
def shelf(request: HttpRequest) -> HttpResponse:
    """What this reader was watching. The device knows; the page asks it."""
    return render(request, "pages/shelf.html")


@require_safe
def help_page(request: HttpRequest) -> HttpResponse:
    return render(request, "pages/help.html")


@require_safe
def set_language(request: HttpRequest, code: str) -> HttpResponse:
    """Keeps the language in a cookie and goes back. A GET, so that pages carry no token and caches may hold them."""
    if code not in dict(settings.LANGUAGES):
        raise Http404(_("没有这种页面语言。"))
    response = _back(request)
    keep_language(response, code)
    return response


TOKENS = ("paper", "paper-2", "field", "ink", "ink-2", "line", "celadon", "celadon-soft", "seal", "focus")
STEPS = ("4", "3", "2", "1", "0", "s", "xs")


@require_safe
def styleguide(request: HttpRequest) -> HttpResponse:
    """Every part of the pages, as the site uses it; in development only."""
    if settings.PRODUCTION:
        raise Http404
    context = {
        "tokens": TOKENS,
        "steps": STEPS,
        "courses": prepare(for_cards(Course.objects.order_by("-views", "-pk"))[:4]),
        "patterns": [pattern(name, COLOURS[number], number, "文澜") for number, name in enumerate(PATTERNS)],
        "exhibits": pages_context.exhibits(limit=3),
    }
    return render(request, "pages/styleguide.html", context)


@require_safe
def set_look(request: HttpRequest, name: str, value: str) -> HttpResponse:
    """Keeps a choice of ``accounts.look`` in a cookie and goes back, as ``set_language``."""
    response = _back(request)
    try:
        Look.of(request).keep(response, name, value)
    except (KeyError, ValueError) as error:
        raise Http404(_("没有这种显示方式。")) from error
    return response


def _back(request: HttpRequest) -> HttpResponse:
    """To ``next``, when it is an address of ours."""
    target = request.GET.get("next", "/")
    safe = url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure())
    return redirect(target if safe else "/")


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    return render(request, "pages/robots.txt", content_type="text/plain; charset=utf-8")


# Television -------------------------------------------------------------------------------------
TV_ROW = 12


@require_safe
def tv(request: HttpRequest) -> HttpResponse:
    """Rows of courses for a screen three metres away."""
    home = HomePage.objects.live().first()
    return render(
        request, "tv/home.html", {"rows": pages_context.rows(home), "exhibits": pages_context.exhibits(limit=TV_ROW)}
    )


@require_safe
def tv_collection(request: HttpRequest, slug: str) -> HttpResponse:
    """A collection's courses, row by row."""
    page = get_object_or_404(CollectionPage.objects.live().public(), slug=slug)
    return render(request, "tv/rows.html", {"page": page, "rows": pages_context.rows(page)})


@require_safe
def tv_search(request: HttpRequest) -> HttpResponse:
    """Search by initials, typed on a pad of letters; every key is a link, so it works without scripts."""
    text = request.GET.get("q", "")[:20]
    results = find_courses(Query.from_params({"q": text})) if text else None
    found = for_cards(Course.objects.filter(pk__in=[hit.id for hit in results.hits])).in_bulk() if results else {}
    context = {
        "text": text,
        "courses": prepare(found[hit.id] for hit in results.hits if hit.id in found) if results else [],
        "suggestions": suggest(text, 5) if text else [],
        "letters": "abcdefghijklmnopqrstuvwxyz",
    }
    return render(request, "tv/search.html", context)


@require_safe
def tv_lesson(request: HttpRequest, slug: str, number: int | None = None) -> HttpResponse:
    """A course on the television: the player, or its lessons and pictures."""
    found = get_object_or_404(
        Course.objects.public().select_related("institution", "cover").prefetch_related("themes", "places", "teachers"),
        slug=slug,
    )
    page = course_page.build(found, number=number)
    following = page.next_lesson
    player = {
        **page.player,
        "next": reverse("tv_lesson", args=[slug, following.number]) if following and following.asset else "",
    }
    template = "tv/player.html" if number is not None and page.playback and page.playback.hls else "tv/course.html"
    return render(request, template, {"page": page, "course": found, "lesson": page.lesson, "player": player})


class CollectionPodcast(Podcast):
    """The newest recordings among the courses that editors picked for a collection."""

    def get_object(self, request: HttpRequest, slug: str) -> CollectionPage:
        found = get_object_or_404(CollectionPage.objects.live().public(), slug=slug)
        if not self.courses(found).exists():
            raise Http404
        return found

    def courses(self, subject: CollectionPage) -> QuerySet[Course]:
        return heard(pages_context.picked(subject))

    def link(self, subject: CollectionPage) -> str:
        return subject.url

    def author(self, subject: CollectionPage) -> str:
        return subject.credits or _("文澜")


class CollectionSitemap(Sitemap):
    def items(self) -> list[str]:
        shown = [exhibit.page.url for exhibit in pages_context.exhibits()]
        return ["/", reverse("themes"), reverse("places"), reverse("collections"), *filter(None, shown)]

    def location(self, item: str) -> str:
        return item
