"""What a film costs in CPU, wall and memory: the floor, the ways of two well-known sites, ours, and ours per title.

    make bench-pipeline                 films made here
    make bench-pipeline ARGS=DIRECTORY  the films of a directory beside them

The floor is one decode and bare x264 encodes of ready frames (raw, in memory) at the five rungs of the profile
``wide``, with the settings the product uses. Ours is the whole of ``produce``: probe, loudness, five rungs, sound,
storyboard, poster, waveform, scenes, verification, package, and the Python around them. The last line is
``ours ÷ floor: X``.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import ffmpeg as graph

from media_pipeline import ffmpeg, plan, probe, profiles
from media_pipeline.cage import Cage
from media_pipeline.formats import VIDEO
from media_pipeline.formats.grid import Grid
from media_pipeline.plan import FilmPlan, VideoStep
from media_pipeline.probe import VideoFacts
from media_pipeline.produce import produce
from tests.bench import mix, table

PROFILE = "wide"
SECONDS = 12  # of each of the four kinds
REPEATS = 2  # of the floor and of ours, the lesser counts: other work on the machine only adds
MEMORY = Path("/dev/shm")
QUIET = ("-v", "error", "-nostdin", "-y")
SPRITES = "fps=1/10:round=up,scale=160:90:out_range=full,format=yuvj420p"
ONE_FILE = ("-f", "hls", "-hls_time", "4", "-hls_list_size", "0", "-hls_playlist_type", "vod")
ONE_FILE += ("-hls_segment_type", "fmp4", "-hls_flags", "single_file")


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of CPU (user and system) and of wall; bytes of the largest process."""

    cpu: float = 0.0
    wall: float = 0.0
    peak: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.cpu + other.cpu, self.wall + other.wall, max(self.peak, other.peak))


@dataclass(frozen=True, slots=True)
class Film:
    source: Path
    video: VideoFacts
    planned: FilmPlan


def main(arguments: Iterable[str]) -> int:
    memory = MEMORY if os.access(MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="wenlan-bench-", dir=memory) as directory:
        place = Path(directory)
        given = [path for name in arguments for path in sorted(Path(name).iterdir()) if path.is_file()]
        films = [known for path in [mixed(place), *given] if (known := known_film(path, place))]
        cpu = compare(films, place)
        theirs, ours = mix.run(place)
        tell(f"ours ÷ floor: {cpu['ours'] / cpu['floor']:.3f}")
    usual = cpu["one run a rung"]
    table.tell(
        [
            table.Row(
                "five rungs, sound, pictures", "CPU s", cpu["ours"], usual, cpu["floor"], aim="≤ 1.03 of the limit"
            ),
            table.Row("mixed films at equal VMAF, per title", "CPU s", ours, theirs, aim="≤ 0.33 of usual"),
        ]
    )
    return 0


def compare(films: list[Film], place: Path) -> dict[str, float]:
    """Print what each way costs for each film; CPU seconds of each way over all of them."""
    ways = {"floor": floor, "one run a rung": run_a_rung, "runs at medium": medium_runs, "ours": ours}
    total = dict.fromkeys(ways, Cost())
    tell(f"{'film':22} {'way':16} {'CPU s':>8} {'wall s':>8} {'peak MB':>8} {'÷ floor':>8}")
    for film in films:
        costs = {name: way(film, place) for name, way in ways.items()}
        for _ in range(REPEATS - 1):
            costs |= {name: min(costs[name], ways[name](film, place), key=by_cpu) for name in ("floor", "ours")}
        for name, cost in costs.items():
            total[name] += cost
            share = cost.cpu / costs["floor"].cpu
            tell(f"{film.source.stem:22} {name:16} {cost.cpu:8.1f} {cost.wall:8.1f} {cost.peak >> 20:8} {share:8.3f}")
    return {name: cost.cpu for name, cost in total.items()}


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def by_cpu(cost: Cost) -> float:
    return cost.cpu


# Films --------------------------------------------------------------------------------------------
def mixed(place: Path) -> Path:
    """Slides, a talk, a camera and an animation behind one another, with sound."""
    parts = [make(place) for make in mix.MAKERS]
    listed = place / "parts.txt"
    listed.write_text("".join(f"file '{part}'\noutpoint {SECONDS}\n" for part in parts))
    film = place / "slides-talk-camera-animation.mp4"
    sound = f"anoisesrc=c=pink:a=0.2:d={SECONDS * len(parts)}:s=3:r=48000,tremolo=f=3:d=0.8"
    made = ("-f", "concat", "-safe", "0", "-i", listed, "-f", "lavfi", "-i", sound, "-map", "0:v", "-map", "1:a")
    spend(*QUIET, *made, "-c:v", "copy", "-c:a", "aac", "-ac", "2", "-shortest", film)
    return film


def known_film(source: Path, place: Path) -> Film | None:
    """A film with what will be made of it; nothing for other files, those with faults and those of no whole rate."""
    work = place / "known"
    try:
        facts = probe.probe(source, Cage(work, readable=(source,)))
    except Exception as error:  # noqa: BLE001  a directory given by hand may hold anything
        tell(f"{source.name}: {error}")
        return None
    if not facts.video or facts.video.variable or facts.video.interlaced or facts.video.hdr:
        return None
    return Film(source, facts.video, plan.film(facts, profiles.load(PROFILE), "0" * 64))


# Ways ---------------------------------------------------------------------------------------------
def floor(film: Film, place: Path) -> Cost:
    """One decode, and the encodes of frames that are ready."""
    cost = spend(*QUIET, "-i", film.source, "-map", "0:v:0", "-f", "null", "-")
    raw = place / "frames.yuv"
    for step in film.planned.videos:
        size = f"{step.width}x{step.height}"
        scaled = ("-vf", f"scale={step.width}:{step.height}:flags=bicubic,fps={rate(film)},format=yuv420p")
        spend(*QUIET, "-i", film.source, "-map", "0:v:0", *scaled, "-f", "rawvideo", raw)
        cost += spend(*bare(step, raw, size, film, place))
        raw.unlink()
    return cost


def rate(film: Film) -> str:
    return f"{film.planned.fps[0]}/{film.planned.fps[1]}"


def bare(step: VideoStep, raw: Path, size: str, film: Film, place: Path) -> list[str]:
    """The product's own encoder with its own settings."""
    frames = graph.input(str(raw), format="rawvideo", pix_fmt="yuv420p", s=size, r=rate(film))
    output = VIDEO[step.codec](frames, step, place, Grid(film.planned.segment_seconds))
    return output.global_args(*QUIET).compile(cmd="")[1:]


def run_a_rung(film: Film, place: Path) -> Cost:
    """As PeerTube does: for each size its own run over the source, x264 veryfast with a cap, key frames every two
    seconds, the sound with each."""
    cost = Cost()
    for step in film.planned.videos:
        keys = round(2 * film.planned.fps[0] / film.planned.fps[1])
        capped = ("-maxrate", step.max_rate, "-bufsize", 2 * step.max_rate, "-g", keys, "-b_strategy", "1", "-bf", "16")
        video = ("-vf", f"scale={step.width}:{step.height}", "-r", rate(film), "-pix_fmt", "yuv420p", "-c:v", "libx264")
        video += ("-preset", "veryfast", *capped)
        cost += spend(
            *QUIET, "-i", film.source, *video, "-c:a", "aac", "-b:a", "128k", *ONE_FILE, place / f"{step.spec}.m3u8"
        )
    return cost


def medium_runs(film: Film, place: Path) -> Cost:
    """As MediaCMS does: a run a size at ``medium`` into MP4, then a packaging pass over each, then one for the
    seek bar's pictures (one in ten seconds, 160 wide)."""
    cost = Cost()
    for step in film.planned.videos:
        file = place / f"{step.spec}-medium.mp4"
        keys = round(4 * film.planned.fps[0] / film.planned.fps[1])
        video = ("-vf", f"scale={step.width}:{step.height}", "-pix_fmt", "yuv420p", "-c:v", "libx264")
        video += ("-preset", "medium", "-crf", step.crf, "-maxrate", step.max_rate, "-bufsize", 2 * step.max_rate)
        video += ("-g", keys, "-keyint_min", keys, "-sc_threshold", "0")
        cost += spend(*QUIET, "-i", film.source, *video, "-c:a", "aac", "-b:a", "128k", "-movflags", "+faststart", file)
        cost += spend(*QUIET, "-i", file, "-c", "copy", *ONE_FILE, place / f"{step.spec}.m3u8")
        file.unlink()
    return cost + spend(*QUIET, "-i", film.source, "-vf", SPRITES, place / "sprite-%03d.jpg")


def ours(film: Film, place: Path) -> Cost:
    """``produce`` in a process of its own, as a worker that is already running does it."""
    with tempfile.TemporaryDirectory(dir=place) as out:
        command = [sys.executable, "-m", "tests.bench.bench_pipeline", "--produce", str(film.source), out]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return Cost(**json.loads(done.stdout))


def produced(source: str, out: str) -> int:
    """Make one film and print what it cost, this process included, its start excluded."""
    before, began = used(resource.RUSAGE_SELF), time.perf_counter()
    produce(Path(source), Path(out), profile=PROFILE, report=lambda step, fraction: None)
    cpu = used(resource.RUSAGE_SELF) - before + used(resource.RUSAGE_CHILDREN)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    sys.stdout.write(json.dumps({"cpu": cpu, "wall": time.perf_counter() - began, "peak": peak}))
    return 0


def used(who: int) -> float:
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def spend(*arguments: str | int | Path) -> Cost:
    """Run the product's ffmpeg. Raises when it fails."""
    began = time.perf_counter()
    command = [ffmpeg.binary(), *map(str, arguments)]
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command)
    return Cost(usage.ru_utime + usage.ru_stime, time.perf_counter() - began, usage.ru_maxrss * 1024)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--produce"]:
        sys.exit(produced(*sys.argv[2:]))
    sys.exit(main(sys.argv[1:]))
