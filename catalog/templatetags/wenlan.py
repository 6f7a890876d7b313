"""Words and pieces that the public pages share."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django import template
from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.serializers.json import DjangoJSONEncoder
from django.utils.html import escape, format_html, format_html_join, json_script
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from catalog.addresses import absolute
from catalog.course_page import CoursePage, build
from catalog.covers import cover, prepare
from catalog.models import Course

register = template.Library()

_HAN = re.compile(r"[\u3400-\u9fff]")
LONGEST_RETURN = 600
"""Characters of an address that a link back may carry."""


class _AsWritten(DjangoJSONEncoder):
    """Chinese stays readable, so that a page in traditional characters converts the words of its modules too."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "ensure_ascii": False})


_JSON_ESCAPES = {ord(">"): "\\u003E", ord("<"): "\\u003C", ord("&"): "\\u0026"}


@register.filter
def clock(seconds: float | None) -> str:
    """Seconds as on a player: ``12:34`` or ``1:02:03``; "" when unknown, also where a template found nothing."""
    if not isinstance(seconds, (int, float)):
        return ""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


@register.filter
def in_words(seconds: float | None) -> str:
    """Seconds in words: ``12 分钟``, ``1 小时 5 分``; "" when unknown."""
    if not seconds:
        return ""
    minutes = max(1, round(seconds / 60))
    hours, rest = divmod(minutes, 60)
    if not hours:
        return ngettext("%(minutes)s 分钟", "%(minutes)s 分钟", minutes) % {"minutes": minutes}
    if not rest:
        return ngettext("%(hours)s 小时", "%(hours)s 小时", hours) % {"hours": hours}
    return _("%(hours)s 小时 %(rest)s 分") % {"hours": hours, "rest": rest}


@register.filter
def named(thing: Any) -> str:
    """The name of a course, theme or institution in the language of the page, where it has one there."""
    english = getattr(thing, "title_en", "") or getattr(thing, "name_en", "")
    return english if english and get_language() == "en" else str(thing)


@register.filter
def readable(text: str) -> str:
    """A remark in the language of the page; "" where an English page would show Chinese."""
    return "" if get_language() == "en" and _HAN.search(text) else text


register.simple_tag(absolute)


@register.simple_tag
def page_language() -> str:
    """The language of the page, with its script, for ``lang``: ``zh-Hans``, ``zh-Hant``, ``en``."""
    return _tag(get_language() or "")


def _tag(code: str) -> str:
    language, _dash, script = code.partition("-")
    return f"{language}-{script.title()}" if script else language


@register.simple_tag(takes_context=True)
def canonical(context: dict, path: str) -> SafeString:
    """The one address of this page, and those of the same in the other languages (hreflang). ``path`` is on this site,
    with what of its query makes another page. A page in the language of a cookie has the address without one."""
    bare, parted = absolute(path), absolute(f"{path}{'&' if '?' in path else '?'}lang=")
    codes = dict(settings.LANGUAGES)
    addresses = {code: bare if code == settings.LANGUAGE_CODE else parted + code for code in codes}
    own = addresses.get(context["request"].GET.get("lang", ""), bare)
    named = [*((_tag(code), address) for code, address in addresses.items()), ("x-default", bare)]
    others = format_html_join("", '<link rel="alternate" hreflang="{}" href="{}">', named)
    return format_html('<link rel="canonical" href="{}">{}', own, others)


@register.simple_tag(takes_context=True)
def here(context: dict) -> str:
    """The address to come back to, without a query so long that it would only weigh on the page."""
    request = context.get("request")
    if request is None:
        return "/"
    full = request.get_full_path()
    return full if len(full) <= LONGEST_RETURN else request.path


@register.simple_tag
def modules() -> str:
    """The addresses of what pages load only when they need it, as JSON, for those that keep a page on a device."""
    return json.dumps([f"{settings.STATIC_URL}chunks/{name}" for name in _chunks()])


@cache
def _chunks() -> list[str]:
    folder = Path(finders.find("chunks") or staticfiles_storage.path("chunks"))
    return sorted(file.name for file in folder.glob("*.js") if file.name.count(".") == 1)


@register.filter
def json_ld(data: Any) -> SafeString:
    """Structured data for search engines, as one script element that no browser runs."""
    text = json.dumps(data, cls=DjangoJSONEncoder, ensure_ascii=False).translate(_JSON_ESCAPES)
    return mark_safe(f'<script type="application/ld+json">{text}</script>')  # noqa: S308 - <, > and & are escaped


@register.simple_tag
def data(value: Any, element_id: str) -> SafeString:
    """Data for a module: ``<script type="application/json" id=…>``."""
    return json_script(value, element_id, encoder=_AsWritten)


@register.filter
def paragraphs(text: str) -> SafeString:
    """Plain text as paragraphs; a blank line parts them."""
    parts = [part.strip() for part in text.replace("\r\n", "\n").split("\n\n") if part.strip()]
    html = "".join(f"<p>{escape(part)}</p>".replace("\n", "<br>") for part in parts)
    return mark_safe(html)  # noqa: S308 - each part is escaped above


@register.inclusion_tag("components/cover.html")
def course_cover(course: Course, sizes: str = "(min-width: 60em) 300px, 45vw", eager: bool = False) -> dict:
    """The cover of a course; ``sizes`` as in HTML, ``eager`` for the one in the first screen."""
    return {"cover": cover(course), "course": course, "sizes": sizes, "eager": eager}


@register.inclusion_tag("components/cover.html")
def drawn_cover(drawn: Any, eager: bool = False) -> dict:
    """A cover that is no course's: a place's or a collection's."""
    return {"cover": drawn, "sizes": "(min-width: 60em) 400px, 90vw", "eager": eager}


@register.inclusion_tag("components/course_grid.html")
def course_grid(courses: Iterable[Course], heading: str = "h3", eager: bool = False) -> dict:
    """Cards of these courses in a grid, read in a constant number of queries."""
    return {"courses": prepare(courses), "heading": heading, "eager": eager}


@register.simple_tag
def preview_page(course: Course) -> CoursePage:
    """The page of a course that may be unsaved, for an editor's preview."""
    return build(course, signed=True)


@register.filter
def host(url: str) -> str:
    """The host of an address, as readers recognise it."""
    return urlsplit(url).hostname or url
