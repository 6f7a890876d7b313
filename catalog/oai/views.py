"""``/oai``: arguments from the query or the form, XML out. Errors of the protocol are answers with status 200."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from catalog.oai import answer
from catalog.oai.protocol import ProtocolError, read


@csrf_exempt  # harvesters may POST, and nothing is changed (section 3.1.1.2)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def oai(request: HttpRequest) -> HttpResponse:
    sent = request.POST if request.method == "POST" else request.GET
    arguments = [(name, value) for name, values in sent.lists() for value in values]
    try:
        body = answer.write(read(arguments), dict(arguments))
    except ProtocolError as error:
        body = answer.write(None, {}, error)
    return HttpResponse(body, content_type="text/xml; charset=utf-8")
