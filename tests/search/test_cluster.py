"""The search on a cluster of three nodes, some of which are killed: nothing fails, nothing is lost."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any

import dj_database_url
import pytest
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connections
from django.test import override_settings

from catalog.models import Course, Institution
from deploy import services
from deploy.programs import Missing
from media_pipeline import periodic
from media_pipeline.models import TextTrack
from search import find, index
from search.audit import audit
from search.engines.choose import COURSES, DESK, engine
from search.query import Query
from tests.search import corpus
from tests.search.nodes import Nodes

pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]

LECTURES = 1200
"""Courses beside those of the corpus, so that a rebuild takes several batches."""

CHANGES = 10
"""Courses that an editor changes between two batches of a rebuild."""

READERS, PAUSE = 2, 0.02
"""How many people search at once, and the seconds between two of their questions, which leave the nodes some time."""

AFTERWARDS = 60
"""Questions that readers put after something happened, before the test goes on."""

PATIENCE = 600
"""Turns of waiting, half a second each, for what has to happen by itself; only a test that fails uses them up."""

ASKED = [
    "苗绣",
    "苗繡",
    "绕线三圈",
    "太极拳",
    "taijiquan",
    "mxrm",
    "川剧 变脸",
    "C语言",
    "苎麻",
    "四季养生",
    "荣昌",
    "秦腔",
]
TYPED = ["苗", "苗繡", "miaox", "tj", "龙井", "荣昌", "音乐"]


# The ground -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    made = Nodes()
    try:
        made.start(made.names[0])
        made.start(*made.names[1:])
        yield made
    except Missing as reason:
        (pytest.fail if services.IN_CI else pytest.skip)(f"elasticsearch: {reason}")
    finally:
        made.stop()


@pytest.fixture(scope="module")
def database(new_database: Callable[[], str], django_db_blocker: Any) -> Iterator[None]:
    """PostgreSQL with real commits, which the index follows, for several threads at once."""
    usual, url = connections.settings["default"], new_database()
    # Wagtail's migrations are made for the database of the process that reads them first.
    migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(migrate, env={**os.environ, "DATABASE_URL": url}, cwd=settings.BASE_DIR, check=True)
    with django_db_blocker.unblock():
        connections.settings["default"] = {**usual, "OPTIONS": {}, **dj_database_url.parse(url)}
        kept, connections["default"] = connections["default"], connections.create_connection("default")
        # Numbers of content types are remembered by the process, and those of another database mean nothing here.
        ContentType.objects.clear_cache()
        try:
            yield
        finally:
            connections["default"].close()
            connections.settings["default"], connections["default"] = usual, kept
            ContentType.objects.clear_cache()


@pytest.fixture(scope="module")
def library(nodes: Nodes, database: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Course]]:
    """The corpus and many lectures, indexed by the cluster in two shards with two copies each."""
    folder = tmp_path_factory.mktemp("search")
    with override_settings(
        SEARCH_URL=nodes.url, SEARCH_SHARDS=2, SEARCH_REPLICAS=1, SEARCH_INDEX_PREFIX="c", SEARCH_EMBEDDED_PATH=folder
    ):
        courses = corpus.make()
        house = Institution.objects.get(code="beijing")
        lectures = [
            Course(slug=f"lecture-{number}", title=f"公开讲座第{number}场", kind="video", institution=house, live=True)
            for number in range(LECTURES)
        ]
        Course.objects.bulk_create(lectures)
        for name in (COURSES, DESK):
            index.rebuild(engine(name), name)
        yield courses


def answers() -> dict[str, object]:
    """What readers are told, by what they ask."""
    return {
        **{f"search {text}": _found(text) for text in ASKED},
        **{f"type {text}": _suggested(text) for text in TYPED},
    }


def _found(text: str) -> object:
    results = find.search(Query(text=text))
    return "degraded" if results.degraded else [hit.id for hit in results.hits]


def _suggested(text: str) -> object:
    return [(one.kind, one.text) for one in find.suggest(text)]


class Readers:
    """Search and type all the time, until the block ends. ``wrong``: what they were told that they were not told
    before."""

    def __init__(self) -> None:
        self.before = answers()
        self.asked = 0
        self.wrong: list[tuple[str, object]] = []
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._read) for _ in range(READERS)]

    def __enter__(self) -> Readers:
        assert all(self.before.values())
        assert "degraded" not in self.before.values()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _read(self) -> None:
        for question in cycle(self.before):
            if self._ended.is_set():
                break
            how, _, text = question.partition(" ")
            try:
                told = _found(text) if how == "search" else _suggested(text)
            except Exception as error:  # noqa: BLE001 (whatever it is, a reader would have seen it)
                told = repr(error)
            if told != self.before[question]:
                self.wrong.append((question, told))
            self.asked += 1
            time.sleep(PAUSE)
        connections.close_all()

    def go_on(self) -> None:
        """Waits until they have asked a good deal more."""
        enough = self.asked + AFTERWARDS
        until(lambda: self.asked >= enough)


def until(condition: Callable[[], object], meanwhile: Callable[[], object] = lambda: None) -> None:
    for _ in range(PATIENCE):
        if condition():
            return
        meanwhile()
        time.sleep(0.5)
    pytest.fail("it never happened")


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """One turn of the worker's round, with the search index due and nothing else in it."""
    turn = periodic._turns["search index"]
    monkeypatch.setattr(periodic, "_turns", {"search index": turn})

    def go_round() -> None:
        turn.due = 0
        periodic.do_what_is_due()

    return go_round


def agrees() -> None:
    """Both libraries hold what the database says: as many courses, the same checksum, nothing waiting."""
    for name in (COURSES, DESK):
        told = audit(engine(name), name)
        assert told.agrees, (name, told)
        assert told.index.courses == told.database.courses == index.courses_of(name).count()
        assert told.index.checksum == told.database.checksum
    call_command("check_index", stdout=None)


# What may happen --------------------------------------------------------------------------------


def test_a_node_killed_during_queries_is_not_noticed(
    nodes: Nodes, library: dict[str, Course], record_testsuite_property: Callable[[str, object], None]
) -> None:
    with Readers() as readers:
        readers.go_on()
        killed = nodes.master()
        nodes.kill(killed)
        readers.go_on()
        nodes.start(killed)
        readers.go_on()
    record_testsuite_property("answers with one node killed", readers.asked)
    assert readers.wrong == []


def test_a_node_killed_during_a_rebuild_loses_nothing(
    nodes: Nodes,
    library: dict[str, Course],
    worker: Callable[[], None],
    record_testsuite_property: Callable[[str, object], None],
) -> None:
    """While courses are renamed, withdrawn and deleted all the time, some of them before the rebuild reaches them,
    some after."""
    lectures = list(Course.objects.filter(slug__startswith="lecture").order_by("pk"))
    changed, killed = [], []
    ended = threading.Event()

    def change() -> None:
        for number, course in enumerate(lectures[::7]):
            if ended.is_set():
                break
            if number % 3 == 0:
                course.title = f"改期的讲座第{number}场"
                course.save()
            elif number % 3 == 1:
                course.unpublish()
            else:
                course.delete()
            changed.append(course)
        connections.close_all()

    def kill(done: int, total: int) -> None:
        if not killed:
            (made,) = set(nodes.client.indices.get(index="c-courses-courses-*")) - before
            killed.append(nodes.writing(made))
            nodes.kill(*killed)
        # Between two batches somebody changes some, however fast or slow the machine is.
        enough = len(changed) + CHANGES
        until(lambda: len(changed) >= enough or not editor.is_alive())

    before = set(nodes.client.indices.get(index="c-courses-courses-*"))
    editor = threading.Thread(target=change)
    with Readers() as readers:
        readers.go_on()
        editor.start()
        index.rebuild(engine(COURSES), COURSES, kill)
        index.rebuild(engine(DESK), DESK)
        ended.set()
        editor.join()
        readers.go_on()
        until(lambda: not index.pending(), worker)
        readers.go_on()
    record_testsuite_property("answers with one node killed during a rebuild", readers.asked)
    assert readers.wrong == []
    record_testsuite_property("changes during the rebuild", len(changed))
    assert len(changed) >= CHANGES
    assert before.isdisjoint(nodes.client.indices.get_alias(name="c-courses-courses"))
    agrees()


def test_the_whole_cluster_away_and_back(nodes: Nodes, library: dict[str, Course], worker: Callable[[], None]) -> None:
    """The node that was killed last comes back too, with copies of long ago."""
    before = answers()
    nodes.kill(*nodes.names)
    results = find.search(Query(text="苗绣"))
    assert results.degraded
    assert [hit.title for hit in results.hits] == ["非遗苗绣入门"]
    assert find.suggest("苗") == []
    course, track = library["tai-ji"], TextTrack.objects.get()
    course.title = "四十八式太极拳"
    course.save()
    library["chuan-ju"].unpublish()
    library["qin-qiang"].delete()
    track.cues = [[0, 5, "这里改讲盘金绣。"]]
    track.save()
    worker()
    assert index.pending() >= 4
    assert [hit.id for hit in find.search(Query(text="四十八式")).hits] == [course.pk]
    nodes.start(*nodes.names)
    until(lambda: not find.search(Query(text="苗绣")).degraded and not index.pending(), worker)
    assert find.search(Query(text="四十八式")).hits[0].id == course.pk
    assert find.search(Query(text="盘金绣")).hits[0].passages[0].seconds == 0
    after = answers()
    assert after["search 苗绣"] == before["search 苗绣"]
    assert library["chuan-ju"].pk not in after["search 川剧 变脸"]
    agrees()
