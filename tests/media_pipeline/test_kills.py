"""kill -9 over whole films and films in parts: every job ends, one set of objects, no orphan after the sweep.

The moments come from a seed and what the jobs say. More of them: ``python -m tests.bench.kills``."""

import random

import pytest

from tests.bench import kills

SECONDS = 240  # to give up after, not to measure


@pytest.fixture(scope="module")
def migrated(tmp_path_factory):
    """A database that all runs begin with a copy of."""
    place = tmp_path_factory.mktemp("migrated")
    with kills.a_site() as site:
        (site.place / "var").rename(place / "var")
    return place / "var"


@pytest.mark.parametrize(("queue", "count"), [("database", 3), ("redis", 2)])
def test_killed_workers_leave_one_set_of_objects(request, tmp_path, migrated, queue, count):
    url = request.getfixturevalue("redis_url") if queue == "redis" else ""
    films = kills.make_films(tmp_path)
    with kills.a_site(url, migrated) as site:
        site.shell(kills.RECEIVE.format(paths=[str(path) for path in films.values()]))
        fell = kills.kill_some(site, count, random.Random(5), SECONDS)
        assert kills.problems(kills.finish(site, SECONDS)) == []
    assert sum(fell.values()) == count
