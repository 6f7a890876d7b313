"""How long people wait for their films, and what it costs: 100,000 hours on 1 to 200 workers, simulated from step times
that are measured in the same run.

    .venv/bin/python -m tests.bench.bench_workers [--films FILE…] [--cores 2] [--price 0.25]

A worker is a machine of so many cores that encodes one thing at a time; ``price`` is for a core and an hour. Three ways
of working are compared: films whole in the order of arrival, films in parts in the order of arrival, and films in parts
in the order of ``leases.rank``.
"""

import argparse
import heapq
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import count
from pathlib import Path

import django
import imageio_ffmpeg

os.environ.setdefault("WENLAN_VAR", tempfile.mkdtemp(prefix="wenlan-bench-"))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.conf import settings  # noqa: E402

from media_pipeline import chunks, film, leases, produce  # noqa: E402
from media_pipeline.formats import cmaf  # noqa: E402

HOUR, DAY = 3600.0, 86400.0
LIBRARY_HOURS = 100_000
WORKERS = (1, 5, 20, 50, 200)
LOAD = 0.7  # of what the workers can do, on an ordinary day
# Lengths of films and how many of a hundred films have them: clips, talks, lessons, lectures, days.
LENGTHS = ((180, 30), (300, 25), (900, 15), (2700, 20), (5400, 8), (3 * HOUR, 2))
CLASSES = (("≤ 10 min", 0, 600), ("10–60 min", 600, HOUR), ("> 1 h", HOUR, math.inf))


@dataclass(frozen=True, slots=True)
class Costs:
    """CPU seconds. ``look``, ``cut`` and ``part`` for each film or part; the others for each second of film."""

    look: float
    whole: float
    pictures: float
    sides: float
    join: float
    part: float


@dataclass(slots=True)
class Film:
    arrived: float
    seconds: float
    owner: int
    left: int = 1
    done: float = 0.0


# Measured ------------------------------------------------------------------------------------------
SOURCES = (
    "mandelbrot=s=1280x720:r=25:end_scale=0.1",
    "testsrc2=s=1280x720:r=25",
)


def make_clips(place: Path, seconds: int = 8) -> list[Path]:
    made = []
    for number, source in enumerate(SOURCES):
        path = place / f"{number}.mp4"
        pictures, sound = f"{source},trim=duration={seconds}", f"anoisesrc=a=0.1:d={seconds}"
        lavfi = ("-f", "lavfi", "-i", pictures, "-f", "lavfi", "-i", sound)
        codecs = (
            "-c:v",
            "libx264",
            "-preset",
            "veryfast",
            "-g",
            "50",
            "-pix_fmt",
            "yuv420p",
            "-c:a",
            "aac",
            "-shortest",
        )
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-v", "error", *lavfi, *codecs, str(path)]
        subprocess.run(command, check=True)
        made.append(path)
    return made


def measure(source: Path, place: Path) -> Costs:
    """One film made in one go and in two parts."""
    spent, began = {}, 0.0

    def begin(name: str):
        work = produce.begin(source, place / f"{source.stem}-{name}", report=lambda step, done: None)
        return work, work.cage.cpu_seconds

    work, look = begin("whole")
    planned = produce.plan_film(work)
    look_and_tune = work.cage.cpu_seconds
    made = film.encode(work, planned)
    produce.package_film(work, planned, made)
    seconds = work.facts.duration or 1.0
    spent["whole"] = (work.cage.cpu_seconds - look_and_tune) / seconds
    spent["look"] = look_and_tune
    work, began = begin("sides")
    film.encode(work, planned, film.Sides())
    spent["sides"] = (work.cage.cpu_seconds - began) / seconds
    spans, cpu = chunks.cut(planned, work.facts, seconds / 2), []
    places = []
    for number, span in enumerate(spans):
        part, began = begin(f"span-{number}")
        film.encode(part, planned, span)
        cpu.append(part.cage.cpu_seconds - began)
        places.append(part.out)
    spent["pictures"] = sum(cpu) / seconds
    clock = time.process_time()
    for step in planned.videos:
        cmaf.splice([folder / f"{step.spec}.mp4" for folder in places], place / f"{source.stem}-{step.spec}.mp4")
    spent["join"] = (time.process_time() - clock) / seconds
    return Costs(**spent, part=look)


def average(measured: list[Costs]) -> Costs:
    return Costs(**{f.name: statistics.mean(getattr(one, f.name) for one in measured) for f in fields(Costs)})


# Simulated -----------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Way:
    name: str
    in_parts: bool
    ranked: bool


WAYS = (
    Way("whole, by arrival", False, False),
    Way("in parts, by arrival", True, False),
    Way("in parts, by rank", True, True),
)


def jobs_of(one: Film, costs: Costs, way: Way) -> list[float]:
    """CPU seconds of the jobs that may run side by side; joining is added to the last."""
    if not way.in_parts or one.seconds <= settings.MEDIA_WHOLE_SECONDS:
        return [costs.look + costs.whole * one.seconds]
    spans = max(1, round(one.seconds / settings.MEDIA_SPAN_SECONDS))
    span = costs.part + costs.pictures * one.seconds / spans
    return [costs.look + costs.sides * one.seconds, *[span] * spans]


def simulate(films: list[Film], costs: Costs, way: Way, workers: int, cores: int) -> float:
    """Run the films through the workers; when the last is done, in seconds. ``done`` of each is set."""
    waiting: list[tuple[float, int, int, float]] = []
    free = [0.0] * workers
    number, last_rank = count(), defaultdict(list)
    arrivals = iter(sorted(range(len(films)), key=lambda n: films[n].arrived))
    upcoming = next(arrivals, None)
    end = 0.0
    while waiting or upcoming is not None:
        now = free[0]
        if not waiting and upcoming is not None:
            now = max(now, films[upcoming].arrived)
        while upcoming is not None and films[upcoming].arrived <= now:
            one = films[upcoming]
            turn = rank(one, last_rank) if way.ranked else one.arrived
            work = jobs_of(one, costs, way)
            one.left = len(work)
            for cpu in work:
                heapq.heappush(waiting, (turn, next(number), upcoming, cpu / cores))
            upcoming = next(arrivals, None)
        if not waiting:
            continue
        _, _, which, seconds = heapq.heappop(waiting)
        one, finished = films[which], now + seconds
        one.left -= 1
        one.done = max(one.done, finished)
        if not one.left and way.in_parts and one.seconds > settings.MEDIA_WHOLE_SECONDS:
            one.done += costs.join * one.seconds / cores
            finished = max(finished, one.done)
        end = max(end, one.done)
        heapq.heapreplace(free, finished)
    return end


def rank(one: Film, last: dict[int, list[tuple[float, float]]]) -> float:
    """As ``leases.rank``; what the owner brought more than its turn ago does not count any more."""
    open_ones = [(turn, seconds) for turn, seconds in last[one.owner] if turn > one.arrived]
    begins = max((turn for turn, seconds in open_ones if seconds <= one.seconds), default=one.arrived)
    turn = max(begins, one.arrived) + leases.OVERTAKEN * one.seconds
    last[one.owner] = [*open_ones[-40:], (turn, one.seconds)]
    return turn


def lengths(dice: random.Random) -> Iterator[float]:
    kinds, weights = zip(*LENGTHS, strict=True)
    while True:
        yield dice.choices(kinds, weights)[0] * dice.uniform(0.7, 1.3)


def ordinary_days(workers: int, costs: Costs, cores: int, days: float) -> list[Film]:
    """Films that come evenly from fifty partners, and each morning one who brings forty hours of lectures at once."""
    dice, films = random.Random(7), []
    budget = LOAD * workers * cores * days * DAY / costs.whole  # seconds of film
    morning = 40 * HOUR if budget > 80 * HOUR * days else budget / days / 3
    steady = lengths(dice)
    while budget > morning * days:
        films.append(Film(dice.uniform(0, days * DAY), next(steady), dice.randrange(50)))
        budget -= films[-1].seconds
    for day in range(math.ceil(days)):
        films += [Film(day * DAY + 9 * HOUR, HOUR, 99) for _ in range(int(morning / HOUR))]
    return films


def waits(films: list[Film], low: float, high: float) -> tuple[float, float]:
    """Median and 95th percentile of the time from arrival to the whole film, in seconds."""
    known = sorted(one.done - one.arrived for one in films if low < one.seconds <= high)
    return (known[len(known) // 2], known[int(len(known) * 0.95)]) if known else (0.0, 0.0)


def library(costs: Costs, workers: int, cores: int, share: int) -> float:
    """Days for the whole library brought at once, from a part of it that is large for these workers."""
    dice, films, total = random.Random(3), [], 0.0
    source = lengths(dice)
    while total < LIBRARY_HOURS * HOUR / share:
        films.append(Film(0.0, next(source), dice.randrange(50)))
        total += films[-1].seconds
    return simulate(films, costs, WAYS[1], workers, cores) * share / DAY


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def told(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 2 * HOUR else f"{seconds / HOUR:.1f} h"


def report(costs: Costs, cores: int, price: float) -> None:
    core_hours = LIBRARY_HOURS * costs.whole
    in_parts = costs.pictures + costs.sides + costs.join + costs.part / settings.MEDIA_SPAN_SECONDS
    say("measured, CPU seconds a second of film (look and part: each):")
    say("  " + " · ".join(f"{f.name} {getattr(costs, f.name):.3f}" for f in fields(Costs)))
    say(f"  a film in parts costs {in_parts / costs.whole:.2f} of the same film in one go")
    say(f"{LIBRARY_HOURS} h of film: {core_hours:,.0f} core-hours, {core_hours * price:,.0f} at {price} an hour")
    say(f"\n{'workers':>8} {'library':>10} {'h of film/day':>14}   from arrival to the whole film, p50 / p95")
    heads = "  ".join(f"{name:>19}" for name, *_ in CLASSES)
    say(f"{'':>36} {'':>22}{heads}")
    for workers in WORKERS:
        days = library(costs, workers, cores, share=max(1, 2000 // workers))
        head = f"{workers:>8} {days:>8.1f} d {LIBRARY_HOURS / days:>14,.0f}"
        for way in WAYS:
            films = ordinary_days(workers, costs, cores, days=max(0.5, min(20, 100 / workers)))
            simulate(films, costs, way, workers, cores)
            cells = "  ".join(f"{' / '.join(map(told, waits(films, low, high))):>19}" for _, low, high in CLASSES)
            say(f"{head:<36} {way.name:<22}{cells}")
            head = ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=Path, nargs="*", default=[])
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--price", type=float, default=0.25)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        films = asked.films or make_clips(place)
        costs = average([measure(source, place) for source in films])
    report(costs, asked.cores, asked.price)
    return 0


if __name__ == "__main__":
    sys.exit(main())
