"""How often one person, one address or one sign-in name may do a thing: django-allauth counts, here stand the numbers.

``amount/period/of what``. A school has one address for all its classes, so numbers by address fit a hall that signs in
at once. nginx counts by address before anything reaches Python (deploy/nginx); here it is the person who counts.
Without ``CACHE_URL`` each process counts for itself.
"""

from allauth.core import ratelimit
from django.http import HttpRequest, HttpResponse

RATES = {
    "login": "100/m/ip",
    "login_failed": "60/m/ip,5/5m/key",
    "signup": "60/m/ip",
    "reset_password": "20/m/ip,5/m/key",
    "upload": "300/m/user",
    "invitation": "50/d/user",
    "play": "600/m/ip",
    "late_play": "100/d/ip",
    "export": "10/d/user",
    "leave": "20/h/user",
}
"""The first four over allauth's own; the others are ours."""

PERIODS = {"m": 60, "h": 3600, "d": 86400}


def spend(request: HttpRequest, action: str) -> bool:
    """Counts one more ``action``, a name of ``RATES``; False, and nothing counted, when it is one too many. A GET
    counts nothing."""
    return ratelimit.consume(request, action=action)


def refusal(request: HttpRequest, action: str) -> HttpResponse | None:
    """The answer 429, in the form the address answers in, once ``request`` is one too many of ``action``, one of ours;
    reading with GET never is. The answer tells ``request.rest``, in seconds."""
    request.rest = PERIODS[RATES[action].split("/")[1]]  # type: ignore[attr-defined]
    return ratelimit.consume_or_429(request, action=action)
