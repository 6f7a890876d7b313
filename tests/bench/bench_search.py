"""How fast courses are found, suggested and indexed, beside a bare Elasticsearch.

    make bench-search                        40,000 and 1,000,000 courses in Elasticsearch, 40,000 and 200,000 in FTS5
    make bench-search ARGS=--small           a thousand of each
    make bench-search ARGS="--elastic 40000 --embedded"

Starts an Elasticsearch of its own (heap: WENLAN_ES_HEAP) and a gunicorn, both on loopback, with their data in the
temporary directory. One client asks; the bare question and ours take turns, and so do raw bulk and our writing, so that
what else runs on the machine slows both. Times are milliseconds as the client sees them. What is compared, and what was
found: docs/decisions/search-speed.md.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from urllib.parse import urlencode

import django

from deploy import run, services
from deploy.components import free_port
from deploy.programs import say
from tests.bench import table

SIZES = {"elastic": (40_000, 1_000_000), "embedded": (40_000, 200_000)}
SMALL = 1_000
QUESTIONS, SESSIONS, DEEP = 200, 80, 20
FEWER = 10
"""Times fewer questions for a small library, which is there to try the bench itself."""

WARM_SECONDS = 300
COMPARED, ROUND = 40_000, 5_000
"""Courses whose writing is compared with raw bulk, and how many before the other takes its turn."""

RAW_BATCHES = (500, 2_000)
"""Courses in a request of raw bulk; the faster counts."""

PER_PAGE = 20
DEPTHS = (10_000, 100_000)


@dataclass(frozen=True, slots=True)
class Figures:
    """What one library gave: milliseconds by what was asked, documents a second by how they were written."""

    engine: str
    size: int
    times: dict[str, list[float]] = field(default_factory=dict)
    rates: dict[str, float] = field(default_factory=dict)
    megabytes: float = 0.0

    def at(self, what: str, share: float) -> float:
        ordered = sorted(self.times[what])
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]

    def ratio(self, share: float) -> float:
        return self.at("question", share) / self.at("bare question", share)


def main(arguments: Sequence[str]) -> int:
    chosen = parse(arguments)
    with tempfile.TemporaryDirectory(prefix="wenlan-bench-") as directory:
        prepare(Path(directory))
        found = [measure_embedded(Path(directory), size) for size in chosen.embedded]
        if chosen.elastic:
            with server(chosen.url) as url:
                found += [measure_elastic(Path(directory), url, size) for size in chosen.elastic]
    report(found)
    table.tell([row for one in found for row in rows(one)])
    return 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help=f"libraries of {SMALL} courses")
    for engine, sizes in SIZES.items():
        parser.add_argument(f"--{engine}", nargs="*", type=int, default=sizes, metavar="COURSES", help=f"{sizes}")
    parser.add_argument("--url", default="", help="an Elasticsearch that runs already")
    chosen = parser.parse_args(arguments)
    if chosen.small:
        chosen.elastic, chosen.embedded = [SMALL] * bool(chosen.elastic), [SMALL] * bool(chosen.embedded)
    return chosen


# The ground -------------------------------------------------------------------------------------


def prepare(place: Path) -> None:
    """A database of its own with the rows behind the labels; Django is set up only now, for its settings are read
    from the environment."""
    for name in ("DATABASE_URL", "SEARCH_URL", "SEARCH_EMBEDDED_PATH", "SEARCH_INDEX_PREFIX", "CACHE_URL"):
        os.environ.pop(name, None)
    os.environ |= {"WENLAN_VAR": str(place), "DJANGO_SETTINGS_MODULE": "config.settings", "LOG_LEVEL": "WARNING"}
    django.setup()
    from django.core.management import call_command

    from tests.bench.courses import Words

    say("preparing a database")
    call_command("migrate", verbosity=0)
    Words().put_into_database()


@contextmanager
def server(url: str) -> Iterator[str]:
    """Elasticsearch: the given one, or one that nobody else uses."""
    if url:
        yield url
        return
    started = services.launch("elasticsearch")
    try:
        yield started.url
    finally:
        services.stop_server(started)


@contextmanager
def site(**settings: str) -> Iterator[str]:
    """The site in one gunicorn process, asked as a browser asks it."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    env = {**os.environ, "WEB_WORKERS": "1", "PUBLIC_URL": url, "PYTHONUNBUFFERED": "1", **settings}
    running = run.start({"web server": run.processes("127.0.0.1", port)["web server"]}, env)
    try:
        run.wait_until_up(url, running)
        yield url
    finally:
        run.stop(running)


def timed(work: Iterable[object]) -> float:
    """Seconds of a piece of work that yields as it goes."""
    begun = time.perf_counter()
    for _ in work:
        pass
    return time.perf_counter() - begun


# Libraries --------------------------------------------------------------------------------------


def measure_embedded(place: Path, size: int) -> Figures:
    from search.engines.embedded.engine import Embedded
    from tests.bench.courses import Library, Words

    figures, made = Figures("embedded", size), Library(Words())
    say(f"FTS5: writing {size:,} courses")
    folder = place / f"embedded-{size}"
    engine = Embedded(folder, "courses")
    fresh = engine.fresh()
    seconds = 0.0
    documents = made.documents(size)
    while batch := list(islice(documents, ROUND)):
        begun = time.perf_counter()
        fresh.put(batch)
        seconds += time.perf_counter() - begun
    engine.adopt(fresh)
    figures.rates["ours"] = size / seconds
    megabytes = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    with site(SEARCH_URL="", SEARCH_EMBEDDED_PATH=str(folder)) as url:
        ask(figures, made, url)
    return show(Figures("embedded", size, figures.times, figures.rates, megabytes))


def measure_elastic(place: Path, url: str, size: int) -> Figures:
    from search.engines.elastic.cluster import Cluster
    from search.engines.elastic.engine import Elastic
    from search.engines.elastic.library import Library as Indices
    from tests.bench import bare
    from tests.bench.courses import Library, Words

    prefix = f"bench-{os.getpid()}-{size}"
    figures, made, line = Figures("elastic", size), Library(Words()), bare.Line(url)
    engine = Elastic(Indices(Cluster([url], replicas=0), f"{prefix}-courses"))
    fresh = engine.fresh()
    try:
        say(f"Elasticsearch: writing {size:,} courses")
        documents = made.documents(size)
        compare_writing(figures, fresh, bare.Raw(line, f"{prefix}-raw"), islice(documents, COMPARED))
        begun = time.perf_counter()
        fresh.put(documents)
        if size > COMPARED:
            figures.rates["ours, the rest"] = (size - COMPARED) / (time.perf_counter() - begun)
        engine.adopt(fresh)
        bare.make(line, f"{prefix}-bare")
        bare.fill(line, f"{prefix}-bare", made.documents(size))
        megabytes = settle(line, f"{prefix}-courses-*")
        with site(SEARCH_URL=url, SEARCH_INDEX_PREFIX=prefix) as ours:
            ask(figures, made, ours, line, f"{prefix}-bare")
    finally:
        engine.drop()
        line.tell("DELETE", f"/{prefix}-bare?ignore_unavailable=true")
    return show(Figures("elastic", size, figures.times, figures.rates, megabytes))


def compare_writing(figures: Figures, fresh, raw, documents: Iterator) -> None:
    """Our writing, tokenising included, and raw bulk of the same bodies, in turns. Drops the raw indices."""
    ours, ready, count = 0.0, dict.fromkeys(RAW_BATCHES, 0.0), 0
    while batch := list(islice(documents, ROUND)):
        count += len(batch)
        for size in RAW_BATCHES:
            bodies = raw.ready(batch, size)
            begun = time.perf_counter()
            raw.put(bodies)
            ready[size] += time.perf_counter() - begun
        begun = time.perf_counter()
        fresh.put(batch)
        ours += time.perf_counter() - begun
    raw.drop()
    figures.rates["raw bulk"] = count / min(ready.values())
    figures.rates["ours"] = count / ours


def settle(line, indices: str) -> float:
    """Waits for merges to end; megabytes of the indices."""
    line.tell("POST", f"/{indices}/_refresh")
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        found = line.tell("GET", f"/{indices}/_stats/store,merge")["_all"]["primaries"]
        if not found["merges"]["current"]:
            break
        time.sleep(1)
    return found["store"]["size_in_bytes"] / 1e6


# Asking -----------------------------------------------------------------------------------------


def ask(figures: Figures, made, url: str, line=None, index: str = "") -> None:
    """Everything that is asked of one library; with ``line``, the bare question in turns with ours. The second half of
    the questions and words counts; the first is asked over and over before, until Java has compiled what answers."""
    from tests.bench import bare

    ours = bare.Line(url)
    fewer, seconds = (FEWER, 1) if figures.size <= SMALL else (1, WARM_SECONDS)
    questions, words = made.questions(2 * QUESTIONS // fewer), made.sessions(2 * SESSIONS // fewer)
    say(f"warming up {figures.engine} of {figures.size:,}")
    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        ask_questions({}, questions[: len(questions) // 2], ours, line, index)
        ask_words({}, words[: len(words) // 2], ours)
    say("asking")
    ask_questions(figures.times, questions[len(questions) // 2 :], ours, line, index)
    ask_words(figures.times, words[len(words) // 2 :], ours)
    figures.times["empty suggestion"] = [ours.ask("GET", "/api/v1/suggest?q=")[0] for _ in range(100)]
    for depth in DEPTHS:
        pages = [depth // PER_PAGE - number for number in range(DEEP)] if depth < figures.size else []
        paths = [f"/api/v1/search?{urlencode({'page': page, 'sort': 'newest'})}" for page in pages]
        if paths:
            figures.times[f"hit {depth:,}"] = [ours.ask("GET", path)[0] for path in paths]


def ask_questions(times: dict[str, list[float]], questions: Sequence, ours, line, index: str) -> None:
    from tests.bench import bare

    for number, asked in enumerate(questions):
        turns = [("question", ours, "GET", address(asked), None)]
        if line is not None:
            turns.append(("bare question", line, "POST", f"/{index}/_search", bare.question(asked)))
        for what, connection, method, path, body in turns[:: 1 if number % 2 else -1]:
            times.setdefault(what, []).append(connection.ask(method, path, body)[0])


def ask_words(times: dict[str, list[float]], sessions: Sequence, ours) -> None:
    for session in sessions:
        for key in session.keys:
            spent, _said = ours.ask("GET", f"/api/v1/suggest?{urlencode({'q': key})}")
            times.setdefault("suggestions", []).append(spent)
            times.setdefault(f"suggestions, {session.way}", []).append(spent)


def address(asked) -> str:
    return f"/api/v1/search?{urlencode([('q', asked.text), *asked.filters])}"


# Telling ----------------------------------------------------------------------------------------


def show(figures: Figures) -> Figures:
    tell(f"\n{figures.engine}, {figures.size:,} courses: index {figures.megabytes:,.0f} MB")
    for what, rate in figures.rates.items():
        tell(f"  {what:28} {rate:8,.0f} documents/s")
    tell(f"  {'ms':28} {'p50':>8} {'p95':>8} {'p99':>8}")
    for what in figures.times:
        shares = " ".join(f"{figures.at(what, share):8.1f}" for share in (0.5, 0.95, 0.99))
        tell(f"  {what:28} {shares}   of {len(figures.times[what])}")
    return figures


def report(found: Iterable[Figures]) -> None:
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    tell(f"\nload of the machine at the end: {load} on {os.cpu_count()} cores")
    tell(f"{'':10} {'courses':>10} {'API ÷ bare p50':>15} {'p95':>6} {'suggest p95':>12} {'writing ÷ raw':>14}")
    for one in found:
        compared = "bare question" in one.times
        ratios = f"{one.ratio(0.5):15.2f} {one.ratio(0.95):6.2f}" if compared else f"{'–':>15} {'–':>6}"
        writing = f"{one.rates['ours'] / one.rates['raw bulk']:14.2f}" if compared else f"{'–':>14}"
        tell(f"{one.engine:10} {one.size:10,} {ratios} {one.at('suggestions', 0.95):9.1f} ms {writing}")


def rows(one: Figures) -> Iterator[table.Row]:
    bare, of = "bare question" in one.times, f"{one.engine}, {one.size:,} courses"
    aim = "≤ 2.0 × it" if one.size < 1_000_000 else "≤ 1.3 × it"
    for share in (0.5, 0.95):
        limit = one.at("bare question", share) if bare else None
        what = f"{of}: search through the API, p{share:.0%}".replace("%", "")
        yield table.Row(what, "ms", one.at("question", share), limit=limit, aim=aim if bare else "")
    yield table.Row(f"{of}: suggestions, p95", "ms", one.at("suggestions", 0.95), aim="≤ 10")
    if bare:
        what = f"{of}: writing, raw bulk of ready documents"
        yield table.Row(what, "documents/s", one.rates["ours"], limit=one.rates["raw bulk"], aim="≥ 0.8 of it")


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
