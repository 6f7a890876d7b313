"""Breaks the production set under load and tells what people noticed.

    .venv/bin/python -m tests.chaos [--minutes 20] [--calm 20] [--seed 1] [--write docs/chaos.md]

Boots PostgreSQL, three nodes of Elasticsearch, versitygw, RabbitMQ, Redis, two nginx, two web processes, and four
workers on two network namespaces; walks the journeys that use real parts through nginx; then kills or cuts every part
in turn, again and again, while readers read, viewers watch and partners upload. Exits with 1 when anything was lost or
wrong, or more than one page in a thousand failed. Needs Linux and root.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from deploy.programs import Missing, say
from tests.chaos import afterwards, faults, load
from tests.chaos.load import PAGE, PLAY, Event
from tests.chaos.production import Production, production
from tests.journeys.conftest import make_film

JOURNEYS = ["tests/journeys", "-k", "real_parts or nginx", "-q", "-p", "no:cacheprovider"]
FAILED_PAGES = 0.001


@dataclass(frozen=True, slots=True)
class Episode:
    """One fault and what was met from its beginning to the beginning of the next."""

    name: str
    began: float
    away: float
    events: list[Event]


def walk_journeys(set_: Production) -> None:
    """Raises RuntimeError when one fails."""
    env = os.environ | set_.told_to_tests()
    done = subprocess.run([sys.executable, "-m", "pytest", *JOURNEYS], env=env, check=False)
    if done.returncode:
        raise RuntimeError("The journeys through nginx fail before anything is broken; see above.")


def break_things(set_: Production, running: load.Load, minutes: float, calm: float, seed: int) -> list[Episode]:
    """All faults in a random order, again and again until the minutes are over, ``calm`` seconds apart."""
    dice, ledger = random.Random(seed), running.ledger
    marks: list[tuple[str, float, float]] = []
    while ledger.now() < 60 * minutes:
        order = faults.all_of(set_)
        dice.shuffle(order)
        for fault in order:
            time.sleep(calm)
            if ledger.now() >= 60 * minutes:
                break
            began = ledger.now()
            say(f"{began:6.0f} s  {fault.name}")
            fault.begin()
            time.sleep(fault.seconds)
            fault.end()
            marks.append((fault.name, began, ledger.now() - began))
    ends = [began for _name, began, _away in marks[1:]] + [ledger.now() + calm]
    time.sleep(calm)
    return [
        Episode(name, began, away, ledger.between(began, end))
        for (name, began, away), end in zip(marks, ends, strict=True)
    ]


def table(episodes: list[Episode], events: list[Event]) -> str:
    lines = ["| what | times | seconds away, mean | pages / failed | plays / failed | uploads | wrong answers |"]
    lines.append("|---|---|---|---|---|---|---|")
    for name in sorted({episode.name for episode in episodes}):
        mine = [episode for episode in episodes if episode.name == name]
        met = [event for episode in mine for event in episode.events]
        away = sum(episode.away for episode in mine) / len(mine)
        lines.append(f"| {name} | {len(mine)} | {away:.0f} | {load.told(met)} |")
    away = sum(episode.away for episode in episodes) / max(1, len(episodes))
    lines.append(f"| **all, calm between included** | {len(episodes)} | {away:.0f} | {load.told(events)} |")
    return "\n".join(lines)


def report(episodes: list[Episode], running: load.Load, found: afterwards.Found, minutes: float) -> tuple[str, bool]:
    """The page and whether all stands."""
    events = running.ledger.events
    pages = [event for event in events if event.kind == PAGE]
    share = sum(not event.ok for event in pages) / max(1, len(pages))
    failed_plays = sum(event.kind == PLAY and not event.ok for event in events)
    wrong = sum(event.wrong for event in events)
    stands = share <= FAILED_PAGES and not (failed_plays or wrong or found.problems)
    sums = [
        f"failed page reads: {share:.4%} of {len(pages)} (at most {FAILED_PAGES:.1%})",
        f"failed plays: {failed_plays}; wrong answers: {wrong}",
        f"uploads: {len(running.ledger.uploaded)}, lost: {len(found.lost)}; jobs: {found.jobs}, lost: {found.stuck}",
        f"jobs that began more than once because their worker or its line went away: {found.repeated}",
        *found.problems,
    ]
    for event in events:
        if not event.ok or event.wrong:
            say(f"{event.at:6.1f} s  {event.kind} {event.what}")
    kinds = Counter(event.what.partition(":")[2].strip() for event in pages if not event.ok)
    sums += (
        [f"what failed pages said: {', '.join(f'{what} ({n})' for what, n in kinds.most_common(6))}"] if kinds else []
    )
    words = "\n".join(f"- {line}" for line in sums)
    return f"{minutes:g} minutes.\n\n{table(episodes, events)}\n\n{words}\n", stands


HEAD = """# What happens when parts fail

Made by `make chaos`: the production set on one machine of {cores} cores (PostgreSQL, three nodes of Elasticsearch,
versitygw, RabbitMQ, Redis, two web processes behind two nginx, four workers on two hosts with lines of their own), six
readers, two viewers and two partners at it. Each part is killed as by a power cut, restarted, or its line cut. A reader
asks once; a player and an uploader try again as they do in a browser. A line of the table counts from the fault to the
next one.

"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--calm", type=float, default=20, help="seconds between two faults")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", type=Path, help="the page to write")
    parser.add_argument("--no-journeys", action="store_true")
    asked = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="wenlan-chaos-") as place, production(Path(place)) as set_:
            film = make_film(Path(place) / "film.mp4")
            courses, token = afterwards.prepare(set_, film)
            if not asked.no_journeys:
                walk_journeys(set_)
            running = load.begin(set_.site.url, courses, token, film.read_bytes())
            episodes = break_things(set_, running, asked.minutes, asked.calm, asked.seed)
            running.end()
            found = afterwards.look(set_, running.ledger.uploaded)
            text, stands = report(episodes, running, found, asked.minutes)
    except Missing as reason:
        say(f"✗ {reason}")
        return 1
    sys.stdout.write(text)
    if asked.write:
        asked.write.write_text(HEAD.format(cores=os.cpu_count()) + text)
    return 0 if stands else 1


if __name__ == "__main__":
    sys.exit(main())
