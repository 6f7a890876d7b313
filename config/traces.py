"""Traces on wish: with ``OTEL_EXPORTER_OTLP_ENDPOINT`` each request and each job is told to a collector of
OpenTelemetry (OTLP over HTTP). Without it nothing here is loaded.

The number of a request (``accounts.trail``) is the trace's too: log lines, the request and the work that it asked for
on other machines are found by the one number, without anything else being handed on.
"""

import hashlib
import logging
import os
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.botocore import BotocoreInstrumentor
from opentelemetry.instrumentation.django import DjangoInstrumentor
from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, Sampler, SamplingResult, TraceIdRatioBased
from opentelemetry.util.types import Attributes

from accounts import trail
from config.logs import masked

ABOUT_PEOPLE = {"client.address", "client.port", "network.peer.address", "network.peer.port", "user_agent.original"}
ASIDE = "health/,metrics$"
"""Asked for every few seconds by machines."""


def start() -> None:
    """Tells what this process does from now on. Has to be called before Django loads its middleware."""
    os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http,database")
    provider = TracerProvider(
        sampler=ParentBased(_Asked(settings.TRACES_SHARE)),
        resource=Resource.create({SERVICE_NAME: os.environ.get("OTEL_SERVICE_NAME", "wenlan")}),
        id_generator=_Numbered(),
    )
    address = settings.TRACES_URL.rstrip("/") + "/v1/traces"
    provider.add_span_processor(BatchSpanProcessor(_Masked(OTLPSpanExporter(address), settings.MASKED_SECRETS)))
    trace.set_tracer_provider(provider)
    # Behind NumberMiddleware, whose number the trace takes.
    DjangoInstrumentor().instrument(middleware_position=1, excluded_urls=ASIDE)
    PsycopgInstrumentor().instrument()
    BotocoreInstrumentor().instrument()  # Elasticsearch's client tells by itself
    logging.getLogger("opentelemetry").setLevel(logging.ERROR)  # each try at a collector that is away would be a line


def trace_id(number: str) -> int:
    """The trace of a request's number: itself where it has the form of one (W3C Trace Context, 3.2.2.3), as those of
    nginx have, else the first half of its SHA-256."""
    try:
        same = int(number, 16) if len(number) == 32 else 0
    except ValueError:
        same = 0
    return same or int.from_bytes(hashlib.sha256(number.encode()).digest()[:16])


class _Numbered(RandomIdGenerator):
    def generate_trace_id(self) -> int:
        number = trail.current()
        return trace_id(number) if number else super().generate_trace_id()


class _Asked(Sampler):
    """A share of all traces, the same on every machine, for it hangs on the number. What a process asks its database by
    itself, as a worker does that looks for jobs and tells that it lives, begins none."""

    def __init__(self, share: float) -> None:
        self._share = TraceIdRatioBased(share)

    def should_sample(
        self, parent_context: Any, trace_id: int, name: str, kind: Any = None, *more: Any, **named: Any
    ) -> SamplingResult:
        if kind is trace.SpanKind.CLIENT:
            return SamplingResult(Decision.DROP)
        return self._share.should_sample(parent_context, trace_id, name, kind, *more, **named)

    def get_description(self) -> str:
        return f"asked for, {self._share.get_description()}"


class _Masked(SpanExporter):
    """What leaves holds no secret, and nothing of who asked."""

    def __init__(self, exporter: SpanExporter, secrets: list[str]) -> None:
        self._exporter = exporter
        self._secrets = secrets

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._exporter.export([self._clean(span) for span in spans])

    def _clean(self, span: ReadableSpan) -> ReadableSpan:
        return ReadableSpan(
            name=span.name,
            context=span.context,
            parent=span.parent,
            resource=span.resource,
            attributes=self._without(span.attributes),
            events=[Event(event.name, self._without(event.attributes), event.timestamp) for event in span.events],
            links=span.links,
            kind=span.kind,
            status=trace.Status(span.status.status_code),
            start_time=span.start_time,
            end_time=span.end_time,
            instrumentation_scope=span.instrumentation_scope,
        )

    def _without(self, attributes: Attributes) -> dict[str, Any]:
        return {
            name: masked(value, self._secrets) if isinstance(value, str) else value
            for name, value in (attributes or {}).items()
            if name not in ABOUT_PEOPLE
        }

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)
