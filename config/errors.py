"""Errors as the reader needs them: JSON ``{"code", "message"}`` in the reader's language below ``/api/``, a page
elsewhere. Never a traceback."""

import re
from datetime import timedelta

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.timesince import timeuntil
from django.utils.translation import gettext as _
from django.views import defaults
from django.views.debug import SafeExceptionReporterFilter

from accounts import trail

API = "/api/"


class ReportFilter(SafeExceptionReporterFilter):
    """Addresses of servers are hidden in reports of errors too: a password stands in most."""

    hidden_settings = re.compile(f"{SafeExceptionReporterFilter.hidden_settings.pattern}|_URL|DATABASES|CACHES", re.I)


REST = 300
"""Seconds after which whoever asked too often may ask again: the longest that allauth counts (``accounts.limits``)."""


def _json(request: HttpRequest, status: int, code: str, sentence: str) -> HttpResponse | None:
    if not request.path.startswith(API):
        return None
    return JsonResponse({"code": code, "message": sentence}, status=status, json_dumps_params={"ensure_ascii": False})


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    answer = _json(request, 400, "bad-request", _("请求不完整或有误，请检查后再试。"))
    return answer or defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    answer = _json(request, 403, "forbidden", _("没有这项操作的权限。请用有权限的账号登录。"))
    return answer or defaults.permission_denied(request, exception)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form that outlived its page; Django's own page is English."""
    sentence = _("页面放得太久，为了安全请刷新后再提交一次。")
    return _json(request, 403, "csrf", sentence) or defaults.permission_denied(request, PermissionError(sentence))


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    answer = _json(request, 404, "not-found", _("这个地址没有内容。接口目录见 /api/v1/openapi.json。"))
    return answer or defaults.page_not_found(request, exception)


def no_such_address(request: HttpRequest, rest: str) -> HttpResponse:
    """Whatever the API does not know; without this rule Django would first redirect to the address with a slash."""
    return page_not_found(request, LookupError(rest))


def server_error(request: HttpRequest) -> HttpResponse:
    answer = _json(request, 500, "server-error", _("服务器出错，已经记录。请稍后再试。"))
    # Without the request: what the page's frame asks for may be what is broken.
    return answer or HttpResponse(render_to_string("500.html", {"number": trail.current()}), status=500)


def away(request: HttpRequest, seconds: int) -> HttpResponse:
    """503 while a part is away without which nothing can be read; asks to come back after ``seconds``."""
    answer = _json(request, 503, "away", _("服务正在恢复。请过几秒再试，什么也没有丢。")) or server_error(request)
    answer.status_code = 503
    answer.headers["Retry-After"] = str(seconds)
    return answer


def too_many(request: HttpRequest) -> HttpResponse:
    """For ``accounts.limits`` and what allauth counts by itself."""
    seconds, now = getattr(request, "rest", REST), timezone.now()
    time = timeuntil(now + timedelta(seconds=seconds), now)
    sentence = _("短时间里请求太多，为了安全先停一停。请过 {time} 再试。").format(time=time)
    answer = _json(request, 429, "too-many", sentence) or render(request, "429.html", {"time": time}, status=429)
    answer.headers["Retry-After"] = str(seconds)
    answer.headers["Cache-Control"] = "no-store"
    return answer
