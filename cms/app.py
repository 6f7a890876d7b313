"""The site as an app of the device: its manifest (W3C Web Application Manifest), its service worker, and the page that
is there without a network."""

from __future__ import annotations

import json
import re
from functools import cache
from hashlib import blake2b
from pathlib import Path
from posixpath import dirname, normpath

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

SHELL_FILES = ("site.css", "dark.css", "offline.js")
"""What the page without a network is made of, and what these import."""

_IMPORT = re.compile(r"""(?:from|import)\s*["'](\.{1,2}/[^"']+)["']""")


@cache_control(public=True, max_age=86400)
@require_safe
def manifest(request: HttpRequest) -> HttpResponse:
    told = {
        "id": "/",
        "name": _("文澜"),
        "short_name": _("文澜"),
        "description": _("开放的社区教育课程库：养生、家庭、职场、手艺，手机、电脑、电视随处可学。"),
        "lang": request.LANGUAGE_CODE,
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "background_color": "#faf8f3",
        "theme_color": "#faf8f3",
        "icons": [{"src": reverse("icon"), "sizes": "any", "type": "image/svg+xml", "purpose": "any maskable"}],
        "shortcuts": [
            {"name": _("搜索"), "url": reverse("search")},
            {"name": _("我的书架"), "url": reverse("shelf")},
        ],
    }
    return JsonResponse(told, content_type="application/manifest+json", json_dumps_params={"ensure_ascii": False})


@require_safe
def service_worker(request: HttpRequest) -> HttpResponse:
    """At the root, for a worker has no say above its own address. Browsers ask for it with every page."""
    answer = HttpResponse(_worker(get_language()), content_type="text/javascript; charset=utf-8")
    answer["Cache-Control"] = "no-cache"
    return answer


@cache
def _worker(_language: str | None) -> str:
    """The worker's text and, before it, what it keeps; another text when one of these files is another, so it is taken
    anew."""
    text = _built("sw.js")
    page = render_to_string("pages/offline.html")
    shell = {
        "version": blake2b(page.encode(), digest_size=8).hexdigest(),
        "page": reverse("offline"),
        "files": [*map(static, SHELL_FILES), *(settings.STATIC_URL + name for name in _imported("offline.js"))],
    }
    return f"const SHELL = {json.dumps(shell)};\n{text}"


def _imported(name: str) -> list[str]:
    """The modules that a built module cannot do without, and theirs, by their names below the static files."""
    direct = [normpath(f"{dirname(name)}/{one}").lstrip("/") for one in _IMPORT.findall(_built(name))]
    return list(dict.fromkeys([*direct, *(further for one in direct for further in _imported(one))]))


def _built(name: str) -> str:
    return Path(finders.find(name) or staticfiles_storage.path(name)).read_text()


@require_safe
def offline(request: HttpRequest) -> HttpResponse:
    """What the worker shows in place of a page that cannot be had."""
    return render(request, "pages/offline.html")
