"""Content-Security-Policy: public pages run only our own script files; the desk (Wagtail) needs inline ones."""

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse

HEADER = "Content-Security-Policy"
DESK, EMBEDDED = "/cms/", "/embed/"


def store_origin(storage_url: str) -> str:
    """``https://s3.example.cn`` of ``s3://bucket?endpoint=https://s3.example.cn/…``, where browsers read media and send
    parts; "" for the local disk. Without an endpoint it is Amazon's."""
    if not storage_url:
        return ""
    query = parse_qs(urlsplit(storage_url).query)
    public = (query.get("public") or query.get("endpoint") or ["https://*.amazonaws.com"])[0]
    address = urlsplit(public)
    return f"{address.scheme}://{address.netloc}"


def policy(*, desk: bool, store: str, framed_by: str = "'self'", sign_in: str = "") -> str:
    """One policy as a header's value. hls.js feeds the player by ``blob:``; media-chrome styles its shadow trees.
    ``framed_by``: whose pages may hold the answer in a frame. ``sign_in``: the origin to which forms
    may lead; one that is redirected counts with where it arrives (CSP Level 3, 6.4.1)."""
    media = " ".join(filter(None, ["'self'", "blob:", store]))
    rules = {
        "default-src": "'self'",
        "script-src": "'self' 'unsafe-inline' 'unsafe-eval'" if desk else "'self'",
        "style-src": "'self' 'unsafe-inline'",
        "img-src": f"{media} data:",
        "media-src": media,
        "connect-src": " ".join(filter(None, ["'self'", store])),
        "font-src": "'self' data:",
        "worker-src": "'self' blob:",
        "frame-src": "'self'",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": " ".join(filter(None, ["'self'", sign_in])),
        "frame-ancestors": framed_by,
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


class PolicyMiddleware:
    """Adds the policy to every answer that does not bring its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        store = store_origin(settings.STORAGE_URL)
        sign_in = "{0.scheme}://{0.netloc}".format(urlsplit(settings.OIDC_URL)) if settings.OIDC_URL else ""
        self.public = policy(desk=False, store=store, sign_in=sign_in)
        self.desk = policy(desk=True, store=store)
        self.embedded = policy(desk=False, store=store, framed_by="*")

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault(HEADER, self._policy(request.path))
        response.headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=(self)")
        return response

    def _policy(self, path: str) -> str:
        if path.startswith(DESK):
            return self.desk
        return self.embedded if path.startswith(EMBEDDED) else self.public
