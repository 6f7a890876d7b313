"""A lesson's player on other people's pages: the page inside their frame, and oEmbed 1.0 (https://oembed.com), by which
their editors make the frame from an address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from xml.sax.xmlreader import AttributesImpl

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import Resolver404, resolve
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.xmlutils import SimplerXMLGenerator
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_safe

from catalog import addresses, course_page, merging
from catalog.addresses import absolute
from catalog.course_page import CoursePage
from catalog.kinds import Kind
from catalog.models import Course

WIDTH, FILM_HEIGHT, SOUND_HEIGHT = 960, 540, 320
"""Pixels of a frame for which nobody asked anything."""

CACHE_SECONDS = 3600


@xframe_options_exempt
@require_safe
def embed(request: HttpRequest, slug: str, number: int | None = None) -> HttpResponse:
    """The player alone; where the licence keeps the course here, or it has nothing to play, the way to it."""
    page = _page(slug, number, start=addresses.start(request.GET.get("t", "")))
    return render(request, "catalog/embed.html", {"page": page, "course": page.course, "lesson": page.lesson})


def code(page: CoursePage, width: int = WIDTH, height: int = 0) -> str:
    """The frame as HTML; "" for what has no player or may not leave the site. Pixels; by itself of the usual shape."""
    if not (page.lesson and page.embed_path):
        return ""
    return format_html(
        '<iframe src="{}" width="{}" height="{}" title="{}" allow="fullscreen; picture-in-picture" allowfullscreen'
        ' loading="lazy" style="border:0"></iframe>',
        absolute(page.embed_path),
        width,
        height or _height(page),
        page.lesson.title or page.course.title,
    )


@require_safe
def oembed(request: HttpRequest) -> HttpResponse:
    """``url``, ``format`` (json, xml), ``maxwidth``, ``maxheight``. 404 for an address without a public course, 401
    for a course that may not leave the site, 501 for a format that is none, 400 for a size that is none."""
    form = request.GET.get("format", "json")
    if form not in {"json", "xml"}:
        return _refusal(501, _("没有“%(name)s”这种格式，可用的有 json、xml。") % {"name": form[:20]})
    try:
        most = _Size.of(request)
    except ValueError:
        return _refusal(400, _("maxwidth 和 maxheight 应是正整数。"))
    page = _page_of(request.GET.get("url", ""), request.get_host())
    if page is None:
        return _refusal(404, _("这个地址没有公开的课程。"))
    if not page.shareable:
        return _refusal(401, _("这门课只能在文澜上看。"))
    told = _told(page, most)
    answer = JsonResponse(told, json_dumps_params={"ensure_ascii": False}) if form == "json" else _xml(told)
    answer["Access-Control-Allow-Origin"], answer["Cache-Control"] = "*", f"public, max-age={CACHE_SECONDS}"
    return answer


@dataclass(frozen=True, slots=True)
class _Size:
    width: int
    height: int

    @classmethod
    def of(cls, request: HttpRequest) -> _Size:
        """The room there is. Raises ValueError for what is no size."""
        width, height = (request.GET.get(name, "9999") for name in ("maxwidth", "maxheight"))
        if not (width.isascii() and width.isdigit() and height.isascii() and height.isdigit()):
            raise ValueError
        found = cls(int(width[:5]), int(height[:5]))
        if not (found.width and found.height):
            raise ValueError
        return found

    def holding(self, width: int, height: int) -> _Size:
        """The largest of the shape of ``width`` by ``height`` that has room, and is no larger."""
        share = min(1.0, self.width / width, self.height / height)
        return _Size(max(1, int(width * share)), max(1, int(height * share)))


def _told(page: CoursePage, most: _Size) -> dict[str, Any]:
    course = page.course
    told: dict[str, Any] = {
        "version": "1.0",
        "type": "link",
        "title": page.lesson.title if page.lesson and len(page.lessons) > 1 else course.title,
        "author_name": course.institution.name,
        "provider_name": _("文澜"),
        "provider_url": absolute("/"),
        "cache_age": CACHE_SECONDS,
    }
    size = most.holding(WIDTH, _height(page))
    if html := code(page, size.width, size.height):
        kind = "video" if course.kind == Kind.VIDEO else "rich"
        told |= {"type": kind, "html": html, "width": size.width, "height": size.height}
    return told


def _height(page: CoursePage) -> int:
    return FILM_HEIGHT if page.course.kind == Kind.VIDEO else SOUND_HEIGHT


def _page(slug: str, number: int | None, start: int = 0) -> CoursePage:
    """Raises Http404 for what is not there for everyone."""
    public = Course.objects.public().select_related("institution", "cover").prefetch_related("themes")
    course = public.filter(slug=slug).first()
    if course is None:
        slug, number = merging.moved_to(slug, number) or (slug, number)
        course = get_object_or_404(public, slug=slug)
    return course_page.build(course, number=number, start=start)


def _page_of(url: str, host: str) -> CoursePage | None:
    """The page behind an address of ours, a course's, a lesson's or a frame's."""
    try:
        address = urlsplit(url)
        found = resolve(address.path)
        ours = address.netloc in {host, urlsplit(settings.PUBLIC_URL).netloc} and address.scheme in {"http", "https"}
        if not ours or found.url_name not in {"course", "lesson", "embed", "embed_lesson"}:
            return None
        return _page(found.kwargs["slug"], found.kwargs.get("number"))
    except (Http404, Resolver404, ValueError):
        return None


def _refusal(status: int, words: str) -> HttpResponse:
    headers = {"Access-Control-Allow-Origin": "*"}
    return HttpResponse(words, status=status, content_type="text/plain; charset=utf-8", headers=headers)


def _xml(told: dict[str, Any]) -> HttpResponse:
    answer = HttpResponse(content_type="text/xml; charset=utf-8")
    writer = SimplerXMLGenerator(answer, "utf-8", short_empty_elements=True)
    writer.startDocument()
    writer.startElement("oembed", AttributesImpl({}))
    for name, value in told.items():
        writer.addQuickElement(name, str(value))
    writer.endElement("oembed")
    writer.endDocument()
    return answer
