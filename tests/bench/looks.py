"""Whether copies of films are found and other films are not, and what that costs among many:

.venv/bin/python -m tests.bench.looks --films 8        # drawn films and their copies, through ffmpeg
.venv/bin/python -m tests.bench.looks --looks 100000   # looks made by chance, in a database of their own
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import django

PLACE = tempfile.TemporaryDirectory(prefix="wenlan-looks-")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ["WENLAN_VAR"] = PLACE.name
os.environ.pop("DATABASE_URL", None)
django.setup()

import ffmpeg as graph  # noqa: E402
from django.core.management import call_command  # noqa: E402
from PIL import Image  # noqa: E402

from media_pipeline import ffmpeg, lookalikes, looks  # noqa: E402
from media_pipeline.formats import storyboard  # noqa: E402
from media_pipeline.models import Look, Lookalike, MediaAsset, Package  # noqa: E402
from media_pipeline.plan import StoryboardStep  # noqa: E402
from tests.media_pipeline import drawn  # noqa: E402

SEED = 7


# Found, and rightly -------------------------------------------------------------------------------------------------
def films(count: int, own: list[Path]) -> None:
    """Every pair of ``count`` films of each kind, those of ``own``, and the copies of all."""
    sources = [make(seed) for make in drawn.MANY.values() for seed in range(count)] + own
    seen: list[tuple[str, str, bytes]] = []
    for source in sources:
        name = source.stem
        seen.append((name, "", _look(source)))
        seen += [(name, change, _look(drawn.copy(source, change))) for change in drawn.COPIES]
    found: Counter[tuple[str, bool]] = Counter()
    pairs: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for (one, change, look), (other, change_of_other, look_of_other) in itertools.combinations(seen, 2):
        alike = looks.resemble(look, look_of_other)
        if one != other:
            both = one.split("-")[0], other.split("-")[0]
            pairs[f"other films, {both[0]}" if both[0] == both[1] else "other films, mixed"] += 1
            wrong[f"other films, {both[0]}" if both[0] == both[1] else "other films, mixed"] += alike
        elif not change or not change_of_other:
            kind = one.split("-")[0] if one.split("-")[0] in drawn.MANY else one
            for label in (kind, change or change_of_other):
                found[label, alike] += 1
    for label in dict.fromkeys(label for label, _alike in found):
        _say(f"{label}: {found[label, True]} of {found[label, True] + found[label, False]} found")
    for label, number in pairs.items():
        _say(f"{label}: {wrong[label]} of {number} pairs called the same")


def _look(film: Path) -> bytes:
    """The storyboard as the pipeline makes it, without the rungs."""
    told = subprocess.run([ffmpeg.binary(), "-i", film], capture_output=True, text=True, check=False).stderr
    hours, minutes, rest = told.split("Duration: ")[1].split(",")[0].split(":")
    seconds = int(hours) * 3600 + int(minutes) * 60 + float(rest)
    interval = max(1.0, -(-seconds // 200))
    count = max(1, int(-(-seconds // interval)))
    step = StoryboardStep("storyboard", 160, 90, interval, min(10, count), -(-count // 10))
    with tempfile.TemporaryDirectory() as place:
        out = storyboard.output(graph.input(str(film)), step, Path(place))
        graph.run(out, cmd=ffmpeg.binary(), quiet=True, overwrite_output=True)
        with Image.open(Path(place) / storyboard.SPRITE) as board:
            return looks.of_film(board, storyboard.areas(storyboard.track(step, seconds)))


# What it costs ------------------------------------------------------------------------------------------------------
def many(count: int) -> None:
    """Seconds are those of the processor."""
    call_command("migrate", verbosity=0)
    for kind, new in (("video", 1000), ("picture", 100)):
        MediaAsset.objects.all().delete()
        _fill(count, kind)
        for some in (new, 1):
            Look.objects.update(compared=True)
            chosen = list(Look.objects.order_by("?").values_list("pk", flat=True)[:some])
            Look.objects.filter(pk__in=chosen).update(compared=False)
            before, began = _memory(), time.process_time()
            while lookalikes.compare():
                pass
            spent = time.process_time() - began
            _say(f"{some} new {kind} among {count}: {spent:.2f} s, {_memory() - before:.0f} MB more")
        _say(f"  found {Lookalike.objects.count()} pairs")
    one, two = random.randbytes(512), random.randbytes(512)
    numbers, began = (int.from_bytes(one), int.from_bytes(two)), time.process_time()
    for _turn in range(1_000_000):
        looks.far(*numbers, 512)
    _say(f"pairs a second that are far: {1_000_000 / (time.process_time() - began):,.0f}")
    began = time.process_time()
    for _turn in range(2_000):
        looks.agreeing(one, two)
    _say(f"pairs a second that are looked at closely: {2_000 / (time.process_time() - began):,.0f}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _memory() -> float:
    """The most that was ever resident, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _fill(count: int, kind: str) -> None:
    """Lessons of five minutes to an hour and a half, half of them in 300 series whose moments are all alike; one in a
    hundred is a copy of the one before."""
    chance = random.Random(SEED)
    size = looks.MOMENT * looks.MOMENTS if kind == "video" else looks.MOMENT + looks.COLOURS
    templates = [chance.randbytes(32) * (size // 32) for _series in range(300)]
    look, seconds, copies = b"", 0.0, 0
    for start in range(0, count, 5000):
        names = range(start, min(count, start + 5000))
        new = [
            MediaAsset(owner="a", title=f"{n}", filename="a", sha256=f"{n:064x}", media_type=kind, state="published")
            for n in names
        ]
        assets = MediaAsset.objects.bulk_create(new)
        made = Package.objects.bulk_create(
            [Package(asset=asset, prefix=f"packages/{asset.uid.hex}/x/", current=True) for asset in assets]
        )
        rows = []
        for number, package in zip(names, made, strict=True):
            if number % 100 == 99:
                look, copies = _noisy(look, 0.03, chance), copies + 1
            else:
                look = chance.randbytes(size) if number % 2 else _noisy(chance.choice(templates), 0.15, chance)
                seconds = min(5400.0, max(300.0, chance.lognormvariate(7.5, 0.5))) if kind == "video" else 0.0
            rows.append(Look(package=package, bits=look, seconds=seconds))
        Look.objects.bulk_create(rows)
    _say(f"{copies} copies among {count} of {kind}")


def _noisy(look: bytes, share: float, chance: random.Random) -> bytes:
    """With about so many bits turned over."""
    flips = 0
    for _bit in range(round(share * 8 * len(look))):
        flips |= 1 << chance.randrange(8 * len(look))
    return (int.from_bytes(look) ^ flips).to_bytes(len(look))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=int, default=0)
    parser.add_argument("--looks", type=int, default=0)
    parser.add_argument("own", nargs="*", type=Path, help="films of one's own")
    asked = parser.parse_args()
    if asked.films or asked.own:
        films(asked.films, asked.own)
    if asked.looks:
        many(asked.looks)
