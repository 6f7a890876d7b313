"""The library of ``corpus``, indexed by either engine."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings
from elasticsearch import Elasticsearch

from catalog.models import Course
from search import index
from search.engines.choose import COURSES, DESK, engine
from search.engines.contract import Engine
from tests.search import corpus

ENGINES = ["embedded", pytest.param("elastic", marks=pytest.mark.services)]


@contextmanager
def configured(request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    """Settings of one engine, with indexes of their own."""
    if request.param == "embedded":
        with override_settings(SEARCH_EMBEDDED_PATH=folder, SEARCH_URL=""):
            yield "embedded"
        return
    url = os.environ.get("SEARCH_TEST_URL") or request.getfixturevalue("elasticsearch_url")
    prefix = f"search-test-{uuid.uuid4().hex[:10]}"
    with override_settings(SEARCH_EMBEDDED_PATH=folder, SEARCH_URL=url, SEARCH_INDEX_PREFIX=prefix):
        yield "elastic"
    client = Elasticsearch(url)
    if made := list(client.indices.get(index=f"{prefix}-*")):
        client.indices.delete(index=",".join(made))


@pytest.fixture(params=ENGINES)
def engine_name(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with configured(request, tmp_path / "search") as name:
        yield name


@pytest.fixture(scope="module", params=ENGINES)
def readonly_library(
    request: pytest.FixtureRequest, tmp_path_factory: Any, django_db_setup: None, django_db_blocker: Any
) -> Iterator[Engine]:
    """The library for a whole module of tests that only read; rolled back at its end."""
    folder = tmp_path_factory.mktemp("search")
    with configured(request, folder), django_db_blocker.unblock(), transaction.atomic():
        corpus.make()
        for name in (COURSES, DESK):
            index.rebuild(engine(name), name)
        yield engine(COURSES)
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def stored(django_db_setup: None, django_db_blocker: Any) -> Iterator[dict[str, Course]]:
    """The library in the database for a module; each test takes back what it changes."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield corpus.make()
        transaction.set_rollback(True)


@pytest.fixture
def courses(stored: dict[str, Course], db: None) -> dict[str, Course]:
    return stored


@pytest.fixture
def library(engine_name: str, courses: dict[str, Course]) -> Engine:
    """The public library, built; the desk's too."""
    for name in (COURSES, DESK):
        index.rebuild(engine(name), name)
    return engine(COURSES)
