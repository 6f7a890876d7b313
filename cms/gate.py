"""Which addresses of the desk a partner may reach at all.

The second wall beside ``cms.scoping``: Wagtail has some two hundred addresses (page explorer, reports of every log
entry, users, media folders, its internal API) that know nothing of institutions. Everybody who is not central reaches
only what is named here; a new address is closed until somebody opens it.
"""

from collections.abc import Callable

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme

from accounts import second_factor
from catalog import policy
from catalog.errors import NotReady

DESK = "cms/"

ENTRANCE = frozenset({"wagtailadmin_login", "wagtailadmin_logout"})

OPEN_NAMES = frozenset(
    {
        "wagtailadmin_home",
        "wagtailadmin_login",
        "wagtailadmin_logout",
        "wagtailadmin_account",
        "wagtailadmin_sprite",
        "wagtailadmin_javascript_catalog",
        "wagtailadmin_dismissibles",
        "wagtailadmin_password_reset",
        "wagtailadmin_password_reset_done",
        "wagtailadmin_password_reset_confirm",
        "wagtailadmin_password_reset_complete",
        "wagtail_bulk_action",
        "wenlan_upload",
        "wenlan_pick",
        "wenlan_reviews",
        "wenlan_figures",
        "wenlan_figures_course",
        "wenlan_imports",
        "wenlan_import",
        "wenlan_import_way",
        "wenlan_import_bring",
        "wenlan_import_headings",
        "wenlan_import_report",
        "wenlan_import_template",
        "wenlan_guides",
        "wenlan_guide",
        "wenlan_quality",
        "wenlan_different",
        "wenlan_operations",
        "wenlan_operations_again",
        "wenlan_invitations",
        "wenlan_invitation_resend",
        "wenlan_invitation_withdraw",
    }
)
"""Addresses about the person only, or that look at rights item by item."""

OPEN_NAMESPACES = frozenset(
    {
        "courses",
        "teachers",
        "assets",
        "memberships",
        "harvests",
        "tokens",
        "webhooks",
        "asset_chooser",
        "teacher_chooser",
        "wagtailadmin_editing_sessions",
    }
)
"""Viewsets that begin with ``Scoped``; and the editing sessions, which ask the permission policy for the item."""

BULK_MODELS = frozenset({("catalog", "course"), ("catalog", "teacher")})


class DeskGateMiddleware:
    """Answers 403 to a signed-in partner for an address that is not open. Anonymous people go to the sign-in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: object, args: list, keys: dict) -> HttpResponse | None:
        match = request.resolver_match
        if match is None or not match.route.startswith(DESK) or not request.user.is_authenticated:
            return None
        if match.view_name not in ENTRANCE and (step := second_factor.step(request)):
            return redirect(step)
        if _open(match.view_name, match.namespaces, keys) or policy.is_central(request.user):
            return None
        raise PermissionDenied

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """What lacks something is not published by any button; which one it was does not matter to the person."""
        if not isinstance(exception, NotReady) or not request.path.startswith(f"/{DESK}"):
            return None
        messages.error(request, str(exception))
        back = request.headers.get("Referer", "")
        safe = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
        return redirect(back if safe else "wagtailadmin_home")


def _open(name: str, namespaces: list[str], keys: dict) -> bool:
    if namespaces:
        return namespaces[0] in OPEN_NAMESPACES
    if name == "wagtail_bulk_action":
        return (keys.get("app_label"), keys.get("model_name")) in BULK_MODELS
    return name in OPEN_NAMES
