"""People who sign in with an OpenID Connect provider (OpenID Connect Core 1.0)."""

import logging
from collections.abc import Callable
from typing import Any

import requests
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from django.contrib import messages
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from accounts.models import User

logger = logging.getLogger(__name__)


class Adapter(DefaultSocialAccountAdapter):
    def get_requests_session(self) -> requests.Session:
        """Calls end after five seconds (``SOCIALACCOUNT_REQUESTS_TIMEOUT``); a provider that is away then is no fault
        of the site."""
        session = super().get_requests_session()
        ask: Callable[..., requests.Response] = session.request

        def patient(*given: Any, **more: Any) -> requests.Response:
            try:
                return ask(*given, **more)
            except requests.RequestException as error:
                logger.warning("oidc: %s", type(error).__name__)
                messages.error(self.request, _("统一登录暂时没有回应。请用密码登录，或过几分钟再试。"))
                raise ImmediateHttpResponse(redirect("account_login")) from error

        session.request = patient
        return session

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]) -> User:
        """The name shown to others is the claim ``name``."""
        user: User = super().populate_user(request, sociallogin, data)
        claims = sociallogin.account.extra_data.get("userinfo", sociallogin.account.extra_data)
        user.display_name = str(claims.get("name") or data.get("name") or "")[:80]
        return user
