"""What every request has: a number under which it is found again, and the language of its page.

Pages are Chinese in simplified characters unless the reader chose otherwise. Traditional Chinese is not a translation:
the whole page, what partners wrote included, is converted once it is made. So is the pinyin of difficult characters set
above them.
"""

from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import urlsplit

from allauth.core.exceptions import RateLimited
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers

from accounts import deeds, trail
from accounts.look import Look, keep_language
from accounts.ruby import annotate
from accounts.scripts import traditional
from config.errors import too_many

UNTOUCHED = ("/cms/", "/api/", "/media/", "/static/")
"""The desk speaks by Wagtail's own catalogues; machines want what is stored."""
FOR_MACHINES = ("/health/", "/metrics")
KEPT = "max-age=0, s-maxage=2, stale-while-revalidate=2"
"""Said to a cache in front alone: browsers know ``stale-while-revalidate``, too, and would show the page of before."""


class NumberMiddleware:
    """Takes the number that nginx gave in ``X-Request-ID``, or makes one; answers carry it, and error pages show it
    (``request.META.HTTP_X_REQUEST_ID``). Deeds are noted as those of the request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        number = trail.accepted(request.headers.get(trail.HEADER))
        request.META["HTTP_X_REQUEST_ID"] = number
        with trail.followed(number), deeds.asked_by(request):
            response = self.get_response(request)
        response.headers[trail.HEADER] = number
        return response


class MachinesMiddleware:
    """Health and figures are asked for by machines that know an address and no name: the container's own check, a
    kubelet, Prometheus. They ask as if by the site's name, which ``ALLOWED_HOSTS`` lets in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(FOR_MACHINES):
            request.META["HTTP_HOST"] = urlsplit(settings.PUBLIC_URL).netloc
        return self.get_response(request)


class LanguageMiddleware:
    """Activates the language of the reader's cookie; a site for Chinese readers does not follow ``Accept-Language``. An
    address with ``?lang=`` is that page in that language, for search engines and whoever they send (docs/decisions)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        known = dict(settings.LANGUAGES)
        kept = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
        asked = request.GET.get("lang", "")
        language = next((code for code in (asked, kept) if code in known), settings.LANGUAGE_CODE)
        with translation.override(language):
            request.LANGUAGE_CODE = language
            response = self.get_response(request)
        if not _is_page(request, response):
            return response
        response.headers.setdefault("Content-Language", language)
        if asked == language != kept:
            keep_language(response, language)
        patch_vary_headers(response, ["Cookie"])
        if Look.of(request).sounded:
            _rewrite(response, annotate)
        if language == "zh-hant":
            _rewrite(response, traditional)
        return response


def _is_page(request: HttpRequest, response: HttpResponse) -> bool:
    html = response.headers.get("Content-Type", "").startswith("text/html")
    return html and not response.streaming and not request.path.startswith(UNTOUCHED)


def _rewrite(response: HttpResponse, change: Callable[[str], str]) -> None:
    response.content = change(response.content.decode(response.charset)).encode(response.charset)
    if "Content-Length" in response.headers:
        response.headers["Content-Length"] = str(len(response.content))


class KeepMiddleware:
    """Tells the cache in front how long a stranger's page holds: two seconds, and two more while it is made anew. So
    nobody waits for that, and nobody sees a page older than four (RFC 9111, ``s-maxage``; RFC 5861,
    ``stale-while-revalidate``). Browsers ask each time. The cache makes itself known by ``Surrogate-Capability`` (Edge
    Architecture Specification, W3C Note of 2001, section 3)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        stranger = settings.SESSION_COOKIE_NAME not in request.COOKIES and not response.cookies
        if stranger and response.status_code == HTTPStatus.OK and _is_page(request, response):
            kept = KEPT if request.headers.get("Surrogate-Capability") else "no-cache"
            response.headers.setdefault("Cache-Control", kept)
        return response


class TooManyMiddleware:
    """One message too many to a phone is a page that says so (django-allauth raises where it cannot answer)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return too_many(request) if isinstance(error, RateLimited) else None
