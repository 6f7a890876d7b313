"""Calls of machines: ``Authorization: Bearer wl_…`` (RFC 6750), in one place for every router that people work with.

A call with a token needs no CSRF token, for no browser sends it by itself; without one the session counts, with CSRF,
and with the second factor where the desk asks for one. A token is a credential of its own and was made in the desk.
"""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja.security import HttpBearer, SessionAuth

from accounts import second_factor
from catalog import policy
from catalog.errors import CallRefused
from catalog.machines import ApiToken, Scope, hash_of


class TokenAuth(HttpBearer):
    """Lets a call pass whose token has ``scope``; ``request.user`` is then its person, bound to its institution."""

    def __init__(self, scope: Scope) -> None:
        super().__init__()
        self.scope = scope

    def authenticate(self, request: HttpRequest, token: str) -> Any:
        found = ApiToken.objects.select_related("user", "institution").filter(secret_hash=hash_of(token)).first()
        if found is None:
            raise CallRefused(401, "token-unknown", "没有这个令牌，或者它已撤销。", "请在编辑台“令牌”里新建一个。")
        if found.expired:
            raise CallRefused(401, "token-expired", f"令牌已于 {found.expires} 到期。", "请在编辑台新建一个。")
        user = policy.bound(found.user, found.institution)
        if not policy.institutions_of(user).filter(pk=found.institution_id).exists():
            raise CallRefused(401, "token-dead", "令牌的主人已不在这个机构工作。", "请由机构的编辑新建一个。")
        if self.scope not in found.scopes:
            raise CallRefused(403, "scope", f"令牌没有权限 {self.scope}。", "请新建一个有此权限的令牌。")
        today = timezone.localdate()
        if found.last_used != today:
            ApiToken.objects.filter(pk=found.pk).update(last_used=today)
        request.user = user  # type: ignore[assignment]
        return found


class DeskSession(SessionAuth):
    """Lets a session pass that could enter the desk now: one of somebody who must give a second factor has it."""

    def authenticate(self, request: HttpRequest, key: str | None) -> Any:
        user = super().authenticate(request, key)
        if user and second_factor.lacking(request):
            raise CallRefused(
                403, "second-factor", "这次登录还没有验证第二步。", "请先打开编辑台，输入验证码，再试一次。"
            )
        return user


desk_session = DeskSession()


def needs(scope: Scope) -> list[Any]:
    """The ``auth`` of a call that needs ``scope``, or a session of the desk."""
    return [TokenAuth(scope), desk_session]
