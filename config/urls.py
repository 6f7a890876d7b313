"""Addresses. Rooms keep their own lists; this page shows where each begins."""

from django.urls import include, path
from wagtail import urls as wagtail_urls
from wagtail.admin import urls as wagtailadmin_urls

from config import errors, health, metrics
from config.api import api

handler400 = "config.errors.bad_request"
handler403 = "config.errors.permission_denied"
handler404 = "config.errors.page_not_found"
handler429 = "config.errors.too_many"
handler500 = "config.errors.server_error"

urlpatterns = [
    path("health/live", health.live, name="health_live"),
    path("health/ready", health.ready, name="health_ready"),
    path("metrics", metrics.metrics, name="metrics"),
    path("cms/", include(wagtailadmin_urls)),
    path("api/v1/", api.urls),
    path("api/<path:rest>", errors.no_such_address),
    path("", include("accounts.urls")),
    path("accounts/", include("allauth.urls")),
    path("", include("media_pipeline.urls")),
    path("", include("catalog.urls")),
    path("", include("search.urls")),
    path("", include("cms.urls")),
    path("", include(wagtail_urls)),
]
