"""A television is signed in from a phone, and goes on there with what the phone was playing."""

from __future__ import annotations

from typing import cast

import segno
from allauth.core.ratelimit import respond_429
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import devices
from accounts.models import User
from catalog.addresses import absolute
from learning import shelf
from learning.models import Progress

KEY = "device_link"
"""Under which a television's session keeps the link it began, and the secret."""

GUESSES = 10
"""Wrong codes one person may try within the life of a code."""


@never_cache
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """The television's side: a code to scan or to type, new each time the page is opened."""
    link, secret = devices.begin(devices.television(request.headers.get("User-Agent", "")) or _("电视"))
    request.session[KEY] = [link.pk, secret]
    typed = f"{link.user_code[:4]}-{link.user_code[4:]}"
    scanned = segno.make(absolute(reverse("link_code", args=[typed])), error="m")
    context = {
        "code": typed,
        "address": absolute(reverse("link")).partition("://")[2],
        "picture": scanned.svg_data_uri(border=3, dark="#121614", light="#fff"),
    }
    return render(request, "tv/link.html", context)


@never_cache
@require_POST
def state(request: HttpRequest) -> HttpResponse:
    """What became of this session's link; when it was approved, the session is signed in from here on."""
    kept = request.session.get(KEY)
    answer = devices.claim(*kept) if kept else devices.Answer("expired")
    if answer.state != "waiting":
        request.session.pop(KEY, None)
    if answer.user is not None:
        login(request, answer.user, backend="django.contrib.auth.backends.ModelBackend")
    return JsonResponse({"state": answer.state, "next": answer.then or reverse("tv")})


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, code: str = "") -> HttpResponse:
    """The phone's side: which device asks, and whether it may. A code is only looked at by who is signed in."""
    typed = request.POST.get("code", code) if request.method == "POST" else request.GET.get("code", code)
    user = cast(User, request.user)
    link = devices.waiting(typed) if typed else None
    if typed and link is None:
        if _guesses(user) > GUESSES:
            return respond_429(request)
        problem = _("没有这个码，或者已经过了五分钟。请看电视上现在的码。")
        return _page(request, 404, typed=typed, problem=problem)
    if link is None:
        return _page(request)
    going = next(iter(shelf.continue_watching(user, 1)), None)
    choice = request.POST.get("choice") if request.method == "POST" else ""
    if choice not in {"only", "go_on", "refuse"}:
        return _page(request, link=link, going=going)
    then = _address(going) if choice == "go_on" and going else ""
    done = devices.answer(link, None if choice == "refuse" else user, then)
    if not done:
        return _page(request, 409, problem=_("这个码刚刚用过或者过了时间，请看电视上现在的码。"))
    return _page(request, done=choice)


def _guesses(user: User) -> int:
    """Codes that were none, of one person in five minutes."""
    key = f"{KEY}:guesses:{user.pk}"
    cache.add(key, 0, int(devices.LIFE.total_seconds()))
    try:
        return cache.incr(key)
    except ValueError:  # ran out between the two
        return 1


def _page(request: HttpRequest, status: int = 200, **context: object) -> HttpResponse:
    return render(request, "pages/link.html", context, status=status)


def _address(going: Progress) -> str:
    return reverse("tv_lesson", args=[going.lesson.course.slug, going.lesson.number])
