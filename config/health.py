"""Whether the site lives, and whether its parts answer.

Only the database is indispensable: without search, store or broker people still browse and watch what is there, so a
load balancer must not take the site away. ``?strict=1`` asks for all of them, as a deployment does before it goes on.
"""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from cms import parts


@never_cache
@require_safe
def live(_request: HttpRequest) -> HttpResponse:
    """The process answers. Asks nothing of any part."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """``{"status": "ok"|"degraded"|"down", "parts": {name: "ok"|"down"}, "since": {name: ISO 8601}}``; 503 without the
    database. ``since``: when a part was first seen so."""
    asked = parts.ask(database=True)
    away = {part.name for part in asked if not part.up}
    status = "down" if "database" in away else "degraded" if away else "ok"
    refused = bool(away) if request.GET.get("strict") == "1" else status == "down"
    told = {
        "status": status,
        "parts": {part.name: "ok" if part.up else "down" for part in asked},
        "since": {part.name: part.since.isoformat(timespec="seconds") for part in asked},
    }
    return JsonResponse(told, status=503 if refused else 200)
