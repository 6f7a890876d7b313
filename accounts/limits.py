"""How often one person, one address or one sign-in name may do a thing: django-allauth counts, here stand the numbers.

``amount/period/of what``. A school has one address for all its classes, so numbers by address fit a hall that signs in
at once. nginx counts by address before anything reaches Python (deploy/nginx); here it is the person who counts.
"""

from allauth.core import ratelimit
from django.http import HttpRequest, HttpResponse

RATES = {
    "login": "100/m/ip",
    "login_failed": "60/m/ip,5/5m/key",
    "signup": "60/m/ip",
    "reset_password": "20/m/ip,5/m/key",
    "upload": "300/m/user",
}
"""Over allauth's own; the last is ours."""


def refusal(request: HttpRequest, action: str) -> HttpResponse | None:
    """The answer 429, in the form the address answers in, once ``request`` is one too many of ``action``; reading with
    GET never is."""
    return ratelimit.consume_or_429(request, action=action)
