"""A Django site that does nothing: one view with a page of as many bytes as ours, no middleware, no database. The WSGI
application is the baseline of ``bench_site``; ``BENCH_PAGE`` names the file with the page."""

import os
from pathlib import Path

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

PAGE = Path(os.environ["BENCH_PAGE"]).read_bytes() if "BENCH_PAGE" in os.environ else b""


def page(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(PAGE)


urlpatterns = [path("", page), path("health/live", page)]

if PAGE:
    settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, MIDDLEWARE=[], SECRET_KEY="bench")
    application = get_wsgi_application()
