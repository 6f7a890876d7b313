"""With a collector, one number is one trace: the request and the job that it asked for elsewhere. Of people nothing."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from config import traces
from tests.config.test_trail import ASK
from tests.media_pipeline.parts import make_clip
from tests.media_pipeline.test_jobs import in_shell, manage, site_env, start_worker, until

NUMBER = "0af7651916cd43dd8448eb211c80319c"
SEARCH = """
from django.test import Client
ask = Client(headers={{"Host": "127.0.0.1", "X-Request-ID": {number!r}, "User-Agent": "grandmother's telephone"}}).get
asked = "/api/v1/search?q=a-secret-of-the-house"
assert ask(asked, RAW_URI=asked).status_code == 200  # gunicorn names the address so
assert ask("/health/live").status_code == 200
"""


class Collector(ThreadingHTTPServer):
    """Takes OTLP over HTTP (opentelemetry.io/docs/specs/otlp, "OTLP/HTTP") and keeps the spans."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taken)
        self.spans: list[Span] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def of(self, number: str) -> list[Span]:
        return [span for span in self.spans if span.trace_id.hex() == number]


class _Taken(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        assert self.path == "/v1/traces"
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                self.server.spans.extend(scope.spans)  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def collecting() -> Iterator[Collector]:
    with Collector() as collector:
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        yield collector
        collector.shutdown()


@pytest.fixture(scope="module")
def migrated(tmp_path_factory):
    """The place of a site that has its tables."""
    place = tmp_path_factory.mktemp("site")
    manage(site_env(place), "migrate", "-v0")
    return place


def test_a_number_of_any_shape_is_a_trace():
    assert f"{traces.trace_id(NUMBER):032x}" == NUMBER
    others = [traces.trace_id(number) for number in ("from-nginx-0123456789", "0" * 32, "z" * 32)]
    assert all(0 < other < 2**128 for other in others)
    assert len({*others}) == 3


def test_a_request_and_the_job_it_asked_for_are_one_trace(tmp_path, postgres_url, redis_url):
    with collecting() as collector:
        env = site_env(
            tmp_path,
            STAFF_SECOND_FACTOR="false",
            DATABASE_URL=postgres_url,
            TASKS_URL=redis_url,
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        )
        manage(env, "migrate", "-v0")
        film = make_clip(tmp_path / "film.mp4", seconds=2, size="320x180")
        in_shell(env, ASK.format(film=str(film), number=NUMBER))
        worker = start_worker(env, tmp_path, "worker", "--queue", "media")
        try:
            until(lambda: any(span.name == "job make" for span in collector.of(NUMBER)), 200)
        finally:
            worker.terminate()
            worker.wait(30)
    seen = collector.of(NUMBER)
    names = {span.name for span in seen}
    assert "POST api/v1/uploads" in names, names
    job = next(span for span in seen if span.name == "job make")
    assert [event.name for event in job.events], "the steps of the work"
    assert any(span.parent_span_id == job.span_id for span in seen), "what the job asks its parts"
    alone = {span.name for span in collector.spans if not span.parent_span_id and span.kind == Span.SPAN_KIND_CLIENT}
    assert not alone, "what a worker asks its database to find work"


def test_what_leaves_names_nobody_and_no_secret(migrated):
    with collecting() as collector:
        env = site_env(migrated, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, SMS_TOKEN="a-secret-of-the-house")
        in_shell(env, SEARCH.format(number=NUMBER))
    asked = collector.of(NUMBER)
    assert [span.name for span in asked] == ["GET api/v1/search"]
    told_of = {one.key: one.value.string_value or one.value.int_value for one in asked[0].attributes}
    assert (told_of["http.response.status_code"], told_of["url.path"]) == (200, "/api/v1/search")
    assert "a-secret-of-the-house" not in str(told_of)
    assert "***" in told_of["url.query"]
    assert not told_of.keys() & traces.ABOUT_PEOPLE
    assert "telephone" not in str(told_of)


def test_a_share_of_traces_is_told(migrated):
    """The share hangs on the number, so that every machine tells of the same ones."""
    numbers = [f"{2**127 + number:016x}"[:16] + f"{number * 2**61:016x}" for number in range(8)]
    with collecting() as collector:
        env = site_env(migrated, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, OTEL_TRACES_SAMPLER_ARG="0.5")
        in_shell(env, "".join(SEARCH.format(number=number) for number in numbers))
    assert {span.trace_id.hex() for span in collector.spans} == {*numbers[:4]}


def test_a_collector_that_is_away_hinders_nobody(migrated):
    in_shell(site_env(migrated, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9"), SEARCH.format(number=NUMBER))
