"""A long film through the real pipeline in parts, with a number in every frame: what is lost, doubled or late?

    .venv/bin/python -m tests.bench.long [--hours 2]

Prints the jobs, the frames lost and the drift at the end, in milliseconds; ends with 0 only when both are 0.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import imageio_ffmpeg

from tests.bench.kills import a_site, say

RATE, COLUMNS, ROWS = 25, 6, 3  # eighteen bits a frame, each a block
WIDTH, HEIGHT = 192, 96
DARK, LIGHT = 40, 200
RUN = """
import json
from pathlib import Path
from media_pipeline import intake, jobs, storage
from media_pipeline.models import Job
asset = intake.receive_file(Path({path!r}), owner="a")
jobs.run_until_done([asset])
asset.refresh_from_db()
package = asset.package
print(json.dumps({{
    "state": asset.state, "reason": asset.reason, "duration": asset.duration,
    "list": str(storage.store().path(package.hls_key)), "objects": len(list(storage.store().list(package.prefix))),
    "jobs": [[job.kind, job.cpu_seconds or 0.0] for job in Job.objects.order_by("pk")],
}}))
"""


def picture(number: int) -> bytes:
    """A grey picture whose blocks are the bits of ``number``, the highest first."""
    bits = [LIGHT if number >> bit & 1 else DARK for bit in reversed(range(COLUMNS * ROWS))]
    lines = (
        b"".join(bytes([bit]) * (WIDTH // COLUMNS) for bit in bits[row * COLUMNS :][:COLUMNS]) for row in range(ROWS)
    )
    return b"".join(line * (HEIGHT // ROWS) for line in lines)


def make(path: Path, frames: int) -> None:
    """Key frames at odd places, pictures out of order, and a sound as long."""
    shape = ("-f", "rawvideo", "-pix_fmt", "gray", "-s", f"{WIDTH}x{HEIGHT}", "-r", str(RATE), "-i", "-")
    sound = ("-f", "lavfi", "-i", f"sine=f=440:d={frames / RATE}")
    codecs = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "20", "-g", "137", "-bf", "2", "-pix_fmt", "yuv420p")
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-v", "error", *shape, *sound, *codecs, "-c:a", "aac", str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as encoder:
        assert encoder.stdin
        for number in range(frames):
            encoder.stdin.write(picture(number))
        encoder.stdin.close()
    if encoder.returncode:
        raise SystemExit(encoder.returncode)


def shown(playlist: str) -> Iterator[int]:
    """The numbers of the frames that a player shows, in order."""
    small = f"scale={COLUMNS}:{ROWS}:flags=area,format=gray"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", playlist, "-map", "0:v:0", "-vf", small]
    command += ["-fps_mode", "passthrough", "-f", "rawvideo", "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as decoder:
        assert decoder.stdout
        while block := decoder.stdout.read(COLUMNS * ROWS):
            yield int("".join("1" if level > (DARK + LIGHT) / 2 else "0" for level in block), 2)


def last_time(playlist: str, stream: str) -> float:
    """When the last packet of a stream ends, in seconds."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", playlist, "-map", stream, "-c", "copy"]
    answer = subprocess.run([*command, "-f", "framecrc", "-"], check=True, capture_output=True, text=True)
    lines = answer.stdout.splitlines()
    base = next(line.split()[-1] for line in lines if line.startswith("#tb"))
    top, bottom = map(int, base.split("/"))
    packets = [line.split(",") for line in lines if not line.startswith("#")]
    return max((int(fields[2]) + int(fields[3])) for fields in packets) * top / bottom


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=2)
    frames = round(parser.parse_args().hours * 3600 * RATE)
    with tempfile.TemporaryDirectory() as folder, a_site(whole=600, span=180) as site:
        source = Path(folder) / "long.mp4"
        make(source, frames)
        began = time.monotonic()
        told = json.loads(site.shell(RUN.format(path=str(source))).splitlines()[-1])
        kinds, cpu = Counter(kind for kind, _ in told["jobs"]), sum(cpu for _, cpu in told["jobs"])
        say(f"{told['state']} {told['reason']}: {dict(kinds)}, {told['objects']} objects, {cpu:.0f} s of CPU")
        numbers = list(shown(told["list"]))
        wrong = sum(seen != number for number, seen in enumerate(numbers)) + abs(frames - len(numbers))
        drift = [round(1000 * (last_time(told["list"], stream) - frames / RATE), 1) for stream in ("0:v:0", "0:a:0")]
        say(f"{len(numbers)} frames of {frames}, {wrong} lost, doubled or out of place")
        say(f"drift at the end: picture {drift[0]} ms, sound {drift[1]} ms ({time.monotonic() - began:.0f} s)")
    return int(bool(wrong) or abs(drift[0]) > 0)


if __name__ == "__main__":
    sys.exit(main())
