"""What all tests may ask for: real servers, a real browser, and the site as it runs.

Servers are started once (``make services``, or the first test that asks) and shared; what a test gets on them is its
own: a database, a bucket, an index prefix, a broker's virtual host or number. Where a server cannot be had the test is
skipped with the way to get it, and fails with ``CI=true``.
"""

import json
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from deploy import services
from deploy.components import ACCESS_KEY, S3_KEYS, SECRET_KEY
from deploy.programs import Missing
from tests.running import Site, production_site, run_site, s3_endpoint

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
STORE, BROKER = os.environ.get("WENLAN_STORE", "s3"), os.environ.get("WENLAN_BROKER", "rabbitmq")
SCREENS = Path(__file__).parents[1] / "test-results" / "screens"
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]


def pytest_configure(config: pytest.Config) -> None:
    """The first process of a run notes which servers it found, so that it stops only those that its tests started."""
    if not hasattr(config, "workerinput"):
        config.stash[_FOUND] = set(services.read_state())


def pytest_unconfigure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput") or _FOUND not in config.stash or os.environ.get("WENLAN_KEEP_SERVICES"):
        return
    started = set(services.read_state()) - config.stash[_FOUND]
    if started and os.environ.get("PYTEST_XDIST_WORKER") is None:
        services.stop(list(started), tell=False)


@pytest.fixture(autouse=True)
def _transaction_of_this_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """What workers do from time to time keeps the connection of a test that is one transaction, as Django's own test
    client does."""
    from django.db import close_old_connections, connection

    def close() -> None:
        if not connection.in_atomic_block:
            close_old_connections()

    for module in ("periodic", "jobs"):
        monkeypatch.setattr(f"media_pipeline.{module}.close_old_connections", close)


@pytest.fixture(autouse=True)
def _labels_of_this_test() -> None:
    """What is kept of one test's database is not shown in the next one's."""
    from search.facets import forget_labels

    forget_labels()


_FOUND = pytest.StashKey[set[str]]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that use a real server or a browser carry the marker without saying so twice."""
    for item in items:
        used = set(getattr(item, "fixturenames", ()))
        if used & {"postgres_url", "elasticsearch_url", "s3_url", "redis_url", "amqp_url", "real_site"}:
            item.add_marker("services")
        if used & {"browser", "page"}:
            item.add_marker("browser")


def server(name: str) -> services.Running:
    """The running server, started if need be."""
    try:
        return services.ensure(name)
    except Missing as reason:
        if services.IN_CI:
            pytest.fail(f"{name}: {reason}")
        pytest.skip(f"{name}: {reason}")


# A part of a server for one test -------------------------------------------------------------------
@pytest.fixture(scope="session")
def new_database() -> Iterator[Callable[[], str]]:
    """Makes empty PostgreSQL databases; they go when the session ends."""
    made: list[str] = []

    def make() -> str:
        name = f"wenlan_{uuid.uuid4().hex[:12]}"
        _sql(f'CREATE DATABASE "{name}"')
        made.append(name)
        return server("postgres").url.rpartition("/")[0] + f"/{name}"

    yield make
    for name in made:
        _sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _sql(statement: str) -> None:
    import psycopg

    url = server("postgres").url.replace("postgres://", "postgresql://")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


@pytest.fixture(scope="session")
def new_bucket() -> Iterator[Callable[..., str]]:
    """Makes empty buckets and returns their ``STORAGE_URL``; they go when the session ends. The keys are in the
    environment (``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``), where S3 clients look for them."""
    made: list[tuple[str, str]] = []

    def make(store: str = "s3") -> str:
        name = f"wenlan-{uuid.uuid4().hex[:12]}"
        endpoint = s3_endpoint(server(store).url)
        s3_client(endpoint).create_bucket(Bucket=name)
        made.append((endpoint, name))
        return f"s3://{name}?endpoint={endpoint}"

    os.environ.update(S3_KEYS)
    yield make
    for endpoint, name in made:
        client = s3_client(endpoint)
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=name):
            for item in page.get("Contents", []):
                client.delete_object(Bucket=name, Key=item["Key"])
        for begun in client.list_multipart_uploads(Bucket=name).get("Uploads", []):
            client.abort_multipart_upload(Bucket=name, Key=begun["Key"], UploadId=begun["UploadId"])
        client.delete_bucket(Bucket=name)


def s3_client(endpoint: str):
    """A bare boto3 client, for looking at what the site stored."""
    import boto3
    from botocore.config import Config

    keys = {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": SECRET_KEY, "region_name": "us-east-1"}
    return boto3.client("s3", endpoint_url=endpoint, config=Config(signature_version="s3v4"), **keys)


@pytest.fixture
def postgres_url(new_database: Callable[[], str]) -> str:
    """``DATABASE_URL`` of an empty database."""
    return new_database()


@pytest.fixture(params=["s3", "s3proxy"])
def s3_url(request: pytest.FixtureRequest, new_bucket: Callable[..., str]) -> str:
    """``STORAGE_URL`` of an empty bucket: on one S3 server, then on another that others wrote."""
    return new_bucket(request.param)


@pytest.fixture(scope="session")
def elasticsearch_url() -> str:
    """``SEARCH_URL``. Ask for ``index_prefix`` too, or name indexes so that no other test has them."""
    return server("elasticsearch").url


@pytest.fixture
def index_prefix(elasticsearch_url: str) -> Iterator[str]:
    """A ``SEARCH_INDEX_PREFIX`` of its own; its indexes go when the test ends."""
    prefix = f"t{uuid.uuid4().hex[:10]}"
    yield prefix
    drop_indexes(elasticsearch_url, prefix)


def drop_indexes(url: str, prefix: str) -> None:
    from elasticsearch import Elasticsearch

    client = Elasticsearch(url)
    if names := list(client.indices.get(index=f"{prefix}*", expand_wildcards="all")):
        client.indices.delete(index=",".join(names))


@pytest.fixture
def redis_url() -> str:
    """``CACHE_URL`` or ``TASKS_URL`` of an empty Redis database, the same for all tests of one worker process."""
    import redis

    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 15 + 1
    url = server("redis").url.rpartition("/")[0] + f"/{number}"
    redis.from_url(url).flushdb()
    return url


@pytest.fixture(scope="session")
def amqp_url() -> str:
    """``TASKS_URL`` of the broker. Queues are shared between tests: name your own."""
    return server("rabbitmq").url


# The browser ---------------------------------------------------------------------------------------
@pytest.fixture(scope="session")
def chromium() -> Path:
    """The installed Chromium; Playwright brings only its driver."""
    if not Path(CHROMIUM).exists():
        reason = (
            "Chromium is not on this machine (Debian: apt install chromium fonts-noto-cjk; else set CHROMIUM=/path)."
        )
        if services.IN_CI:
            pytest.fail(reason)
        pytest.skip(reason)
    return Path(CHROMIUM)


@pytest.fixture(scope="session")
def browser(chromium: Path):
    """A Playwright ``Browser``: one real Chromium for the session; ``browser.new_context(...)`` for each visit."""
    from playwright.sync_api import sync_playwright

    # Playwright's loop runs in this thread; Django would take it for an asynchronous view.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        window = playwright.chromium.launch(executable_path=str(chromium), args=CHROMIUM_FLAGS)
        _keep_pictures(window)
        yield window
        window.close()


def _keep_pictures(window: Any) -> None:
    """What stands on the screen when a visit ends, under ``test-results/screens``: people look at it after a run."""
    from playwright.sync_api import Error

    open_visit = window.new_context

    def new_context(**options: Any) -> Any:
        visit = open_visit(**options)
        visit.on("console", lambda said: BREACH.search(said.text) and _breaches.append(f"{said.page.url}: {said.text}"))
        end = visit.close

        def close() -> None:
            test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" (")[0].rpartition("::")[2]
            name = re.sub(r"[^\w.-]+", "-", test)[:110]
            for number, page in enumerate(visit.pages, 1):
                with suppress(Error):  # a page that is gone or busy has no picture, and that is no fault of the test
                    SCREENS.mkdir(parents=True, exist_ok=True)
                    page.screenshot(path=SCREENS / f"{name}-{number}.jpg", type="jpeg", quality=60, timeout=3000)
            end()

        visit.close = close
        return visit

    window.new_context = new_context


BREACH = re.compile(r"^(?!.*frame-ancestors).*violates the following Content Security Policy|requires 'Trusted")
_breaches: list[str] = []


@pytest.fixture(autouse=True)
def breaches() -> Iterator[list[str]]:
    """What a browser refused in this test because the page's policy does not allow it; no page of ours asks for such
    a thing, so a test that provokes it empties the list."""
    _breaches.clear()
    yield _breaches
    assert not _breaches


@pytest.fixture
def page(browser):
    """A page of a fresh 1440 px visit in Chinese."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="zh-CN", timezone_id="Asia/Shanghai")
    yield context.new_page()
    context.close()


# The site ------------------------------------------------------------------------------------------
@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The site as ``make run`` starts it: embedded parts, demo library (texts, and one film), server and worker;
    uploads in parts of 1 MiB, so that small files have several; webhooks reach receivers on this machine."""
    settings = {"UPLOAD_PART_BYTES": str(1024 * 1024), "OUTGOING_PRIVATE": "1"}
    with run_site(tmp_path_factory.mktemp("site"), settings) as running:
        yield running


@pytest.fixture(scope="session")
def real_site(
    tmp_path_factory: pytest.TempPathFactory,
    new_database: Callable[[], str],
    new_bucket: Callable[[], str],
    elasticsearch_url: str,
) -> Iterator[Site]:
    """The same site by environment alone on PostgreSQL, Elasticsearch, S3 and Celery on RabbitMQ, behind nginx; with
    ``WENLAN_STORE=s3proxy`` and ``WENLAN_BROKER=redis`` on the other store and broker. ``site.url`` is nginx. A set
    that runs already may be given (``WENLAN_REAL_SITE``, by ``make chaos``)."""
    if given := os.environ.get("WENLAN_REAL_SITE"):
        told = json.loads(given)
        yield Site(told["url"], told["env"], Path(told["var"]))
        return
    prefix = f"t{uuid.uuid4().hex[:10]}"
    try:
        broker = services.launch(BROKER)  # its own: a bell rung here must not wake another test's worker
    except Missing as reason:
        (pytest.fail if services.IN_CI else pytest.skip)(f"{BROKER}: {reason}")
    parts = {
        "DATABASE_URL": new_database(),
        "SEARCH_URL": elasticsearch_url,
        "SEARCH_INDEX_PREFIX": prefix,
        "STORAGE_URL": new_bucket(STORE),
        "TASKS_URL": broker.url,
        "CACHE_URL": server("redis").url,
    }
    try:
        with production_site(tmp_path_factory.mktemp("real-site"), parts) as front_site:
            yield front_site
    finally:
        services.stop_server(broker)
        drop_indexes(elasticsearch_url, prefix)
