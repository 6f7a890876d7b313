"""How often a visitor or a person may do a thing: django-allauth's own rate limits, counted in the cache.

Rates stand in ``settings.ACCOUNT_RATE_LIMITS``, beside those of signing in and written as allauth writes them:
``600/m/ip`` for each address, ``50/d/user`` for each person. Without ``CACHE_URL`` each process counts for itself.
"""

from allauth.core import ratelimit
from django.http import HttpRequest


def spend(request: HttpRequest, action: str) -> bool:
    """Counts one more ``action``, a name of ``ACCOUNT_RATE_LIMITS``; False, and nothing counted, when it is one too
    many. A GET counts nothing."""
    return ratelimit.consume(request, action=action)
