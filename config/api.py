"""The REST API: every room's router under ``/api/v1/``. Errors are ``{"code", "message"}`` with the right status."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema
from ninja.renderers import JSONRenderer

from catalog.api import router as courses_router
from catalog.deposits_api import router as deposits_router
from catalog.errors import CallRefused
from catalog.uploads_api import router as uploads_router
from learning.api import router as progress_router
from search.api import router as search_router


class ReadableJSON(JSONRenderer):
    """Chinese as it is written: half the bytes, and people can read it."""

    json_dumps_params = {"ensure_ascii": False}


DESCRIPTION = """An open courseware library. Public calls need nothing; calls of partners a token with the scope that
the call names (`Authorization: Bearer wl_…`), or a session with `X-CSRFToken`. Errors are `{"code", "message"}`."""


class DescribedAPI(NinjaAPI):
    """Says in the OpenAPI document what any call may answer instead."""

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        document = super().get_openapi_schema(**options)
        problem = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        for calls in document["paths"].values():
            for call in calls.values():
                call["responses"].setdefault("default", {"description": "Refused, with the reason", "content": problem})
        return document


api = DescribedAPI(
    title="Wenlan",
    version="1",
    description=DESCRIPTION,
    urls_namespace="api",
    docs_url="docs",
    renderer=ReadableJSON(),
)
api.add_router("", uploads_router)
api.add_router("", deposits_router)
api.add_router("", courses_router)
api.add_router("", progress_router)
api.add_router("", search_router)


@api.exception_handler(AuthenticationError)
def not_signed_in(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    return api.create_response(request, {"code": "not-signed-in", "message": _("请先登录。")}, status=401)


@api.exception_handler(CallRefused)
def call_refused(request: HttpRequest, error: CallRefused) -> HttpResponse:
    body = {"code": error.code, "message": str(error)} | ({"fields": error.fields} if error.fields else {})
    return api.create_response(request, body, status=error.status)


@api.exception_handler(Http404)
def not_there(request: HttpRequest, error: Http404) -> HttpResponse:
    """What is not there and what is not for this reader are told by the same words."""
    return api.create_response(request, {"code": "not-found", "message": _("没有找到，或者它没有公开。")}, status=404)


@api.exception_handler(ValidationError)
def not_understood(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Name each field, as the caller wrote it, and what is wrong with it: the place begins with where it stands and,
    in a body or query of fields, the name of our argument."""
    fields = {
        ".".join(str(part) for part in found["loc"][2:] or found["loc"][1:]): found["msg"] for found in error.errors
    }
    body = {"code": "invalid", "message": _("请求中有不合要求的内容。"), "fields": fields}
    return api.create_response(request, body, status=422)


@api.exception_handler(HttpError)
def refused(request: HttpRequest, error: HttpError) -> HttpResponse:
    code, message = ("csrf", _("页面已过期，请刷新后重试。")) if error.status_code == 403 else ("error", str(error))
    return api.create_response(request, {"code": code, "message": message}, status=error.status_code)
