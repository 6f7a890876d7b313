"""Content-Security-Policy: what a page may load, run and be framed by. One policy a kind of page.

Scripts are allowed by the path of our own files, ``host/static/`` (CSP Level 3, 6.7.2.12: a path that ends in a slash
allows what lies below it). ``'self'`` would allow uploads too, which are served from this host below ``/media/`` and
``/uploads/``. Nonces would have to be new in every answer, but pages of visitors are kept by nginx for two seconds and
answered to others, so whoever reads one page would know the nonce of the next reader's. A path is not looked at once a
request was redirected, and nothing below ``/static/`` redirects.

With ``require-trusted-types-for`` no string becomes markup or the address of a script but by the one policy in
``frontend/src/lib/trusted.js``.
"""

from collections.abc import Callable
from functools import partial
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse

HEADER = "Content-Security-Policy"
DESK, EMBEDDED, API, API_DOCS = "/cms/", "/embed/", "/api/", "/api/v1/docs"
PERMISSIONS = "camera=(), microphone=(), payment=(), usb=(), serial=(), geolocation=(self)"
NO_PAGE = "default-src 'none'; frame-ancestors 'none'"
"""What machines read is never a page, whatever is in it."""
EMPTY = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
"""A style element without text, which scripts fill rule by rule (``frontend/src/lib/trusted.js``)."""


def store_origin(storage_url: str) -> str:
    """``https://s3.example.cn`` of ``s3://bucket?endpoint=https://s3.example.cn/…``, where browsers read media and send
    parts; "" for the local disk. Without an endpoint it is Amazon's."""
    if not storage_url:
        return ""
    query = parse_qs(urlsplit(storage_url).query)
    public = (query.get("public") or query.get("endpoint") or ["https://*.amazonaws.com"])[0]
    address = urlsplit(public)
    return f"{address.scheme}://{address.netloc}"


def files_of(host: str) -> str:
    """The source expression of our own scripts and styles on ``host``; an IPv6 address has none of its own (the grammar
    knows no brackets), so there it is the whole host."""
    return "'self'" if "[" in host else f"{host}{settings.STATIC_URL}"


def worker_of(host: str) -> str:
    return "'self'" if "[" in host else f"{host}/sw.js"


def policy(host: str, *, store: str = "", framed_by: str = "'self'", sign_in: str = "") -> str:
    """The policy of a public page as a header's value. hls.js feeds the player by ``blob:``.
    ``framed_by``: whose pages may hold the answer in a frame. ``sign_in``: the origin to which forms
    may lead; one that is redirected counts with where it arrives (CSP Level 3, 6.4.1)."""
    files = files_of(host)
    return _header(
        {
            "default-src": "'none'",
            "script-src": files,
            "style-src": f"{files} {EMPTY}",
            "img-src": f"'self' data: blob: {store}",
            "media-src": f"'self' blob: {store}",
            "connect-src": f"'self' {store}",
            "font-src": files,
            "manifest-src": "'self'",
            "worker-src": worker_of(host),
            "base-uri": "'none'",
            "form-action": f"'self' {sign_in}",
            "frame-ancestors": framed_by,
            "require-trusted-types-for": "'script'",
            "trusted-types": "wenlan",
        }
    )


def desk_policy(host: str, *, store: str = "") -> str:
    """The policy of the desk and of the pages that show the API: Wagtail and Swagger UI write styles into their markup
    and markup as text; the desk shows previews of pages in a frame."""
    files = files_of(host)
    return _header(
        {
            "default-src": "'none'",
            "script-src": files if "[" in host else f"{files} {host}/cms/jsi18n/",
            "style-src": f"{files} 'unsafe-inline'",
            "img-src": f"'self' data: blob: {store}",
            "media-src": f"'self' blob: {store}",
            "connect-src": f"'self' {store}",
            "font-src": f"{files} data:",
            "manifest-src": "'self'",
            "worker-src": worker_of(host),
            "frame-src": "'self'",
            "base-uri": "'none'",
            "form-action": "'self'",
            "frame-ancestors": "'self'",
        }
    )


def _header(rules: dict[str, str]) -> str:
    upgrade = "; upgrade-insecure-requests" if settings.PUBLIC_URL.startswith("https://") else ""
    return "; ".join(f"{name} {value.strip()}" for name, value in rules.items()) + upgrade


class PolicyMiddleware:
    """Adds the policy to every answer that does not bring its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.store = store_origin(settings.STORAGE_URL)
        self.sign_in = "{0.scheme}://{0.netloc}".format(urlsplit(settings.OIDC_URL)) if settings.OIDC_URL else ""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        # A preview of the desk passes here twice: within as the page it shows, asked of the name that Wagtail knows,
        # and without as it was asked for. Its policy is the page's, for the host that the browser sees.
        kind = getattr(response, "policy_for", None) or self._policy_of(request.path)
        if HEADER not in response.headers or hasattr(response, "policy_for"):
            response.headers[HEADER] = self._for_host(kind, request)
            response.policy_for = kind  # type: ignore[attr-defined]
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        # Pictures and films may stand in other sites' pages, pages and answers of the API may not.
        read = response.headers.get("Content-Type", "").startswith(("text/html", "application/json"))
        if read and not request.path.startswith(EMBEDDED):
            response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response

    def _policy_of(self, path: str) -> Callable[[str], str]:
        """What a page at ``path`` has for a policy, by its host."""
        if path.startswith(API) and path != API_DOCS:
            return lambda host: NO_PAGE
        if path.startswith((DESK, API_DOCS)):
            return partial(desk_policy, store=self.store)
        framed_by = "*" if path.startswith(EMBEDDED) else "'self'"
        return partial(policy, store=self.store, framed_by=framed_by, sign_in=self.sign_in)

    @staticmethod
    def _for_host(kind: Callable[[str], str], request: HttpRequest) -> str:
        try:
            return kind(request.get_host())
        except DisallowedHost:  # what is asked of a name that is not ours is refused, by a page without anything
            return NO_PAGE
