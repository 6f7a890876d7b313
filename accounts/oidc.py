"""People who sign in with an OpenID Connect provider (OpenID Connect Core 1.0)."""

from typing import Any

from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from django.http import HttpRequest

from accounts.models import User


class Adapter(DefaultSocialAccountAdapter):
    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]) -> User:
        """The name shown to others is the claim ``name``."""
        user: User = super().populate_user(request, sociallogin, data)
        claims = sociallogin.account.extra_data.get("userinfo", sociallogin.account.extra_data)
        user.display_name = str(claims.get("name") or data.get("name") or "")[:80]
        return user
