"""Per title on mixed content: what the fixed ladder of one run a rung costs and gives, and what ours does.

``python -m tests.bench.mix [DIRECTORY]`` makes four films (slides, a talk, a camera, an animation) and takes those of
the directory as well. What "equal" means stands in docs/decisions/pipeline-per-title.md: at each bandwidth the picture
a viewer gets, scaled to the size of the source, scores no lower than theirs by more than TOLERANCE, or at least ENOUGH.
"""

import json
import math
import random
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter, ImageFont

from media_pipeline import ffmpeg, film, probe, produce
from media_pipeline.cage import Cage

SECONDS, WIDTH, HEIGHT, RATE = 32, 1920, 1080, 25
TOLERANCE, ENOUGH = 1.0, 95.0
BANDWIDTHS = (400_000, 800_000, 1_500_000, 3_000_000, 6_000_000)  # bit/s for the picture
GREENS = ("#5aa469", "#3d7a4a", "#79c27d")
# Short side and cap of the ladder most sites publish: 240 to 1080, quality by x264's own default.
LADDER = ((240, 350_000), (360, 800_000), (480, 1_400_000), (720, 3_000_000), (1080, 5_500_000))


@dataclass(frozen=True, slots=True)
class Rung:
    """One encoded file: bit/s of all of it, VMAF at the source's size."""

    codec: str
    height: int
    rate: float
    score: float


@dataclass(frozen=True, slots=True)
class Way:
    """CPU seconds, user and system, of everything the way does; its rungs."""

    cpu: float
    rungs: tuple[Rung, ...]

    def seen(self, bandwidth: int, codecs: tuple[str, ...] = ("h264",)) -> float:
        """The best a viewer with so many bit/s and decoders gets; of what is too much for him the least."""
        playable = [rung for rung in self.rungs if rung.codec in codecs]
        fitting = [rung.score for rung in playable if rung.rate <= bandwidth]
        return max(fitting) if fitting else min(playable, key=lambda rung: rung.rate).score

    def best(self, codec: str = "h264") -> Rung:
        return max((rung for rung in self.rungs if rung.codec == codec), key=lambda rung: rung.score)


@dataclass(frozen=True, slots=True)
class Compared:
    name: str
    theirs: Way
    ours: Way
    with_av1: Way

    def worse(self) -> list[int]:
        """The bandwidths at which ours is not equal."""
        return [
            width for width in BANDWIDTHS if self.ours.seen(width) < min(ENOUGH, self.theirs.seen(width) - TOLERANCE)
        ]


def run(place: Path, directory: Path | None = None) -> tuple[float, float]:
    """Print the comparison of every film; CPU seconds of theirs and of ours over all of them."""
    films = [make(place) for make in MAKERS]
    films += sorted(path for path in directory.iterdir() if path.is_file()) if directory else []
    compared = []
    tell(f"{'film':24} {'way':10} {'CPU s':>6} {'top kb/s':>9} {'VMAF':>5}  " + "VMAF at " + _widths())
    for path in films:
        one = compare(path, place)
        compared.append(one)
        for name, way in (("theirs", one.theirs), ("ours", one.ours), ("with AV1", one.with_av1)):
            tell(_line(path.stem if name == "theirs" else "", name, way))
        if one.worse():
            tell(f"{'':24} not equal at {', '.join(f'{width // 1000}k' for width in one.worse())}")
    theirs, ours, av1 = (sum(way.cpu for way in ways) for ways in zip(*map(_ways, compared), strict=True))
    equal = sum(not one.worse() for one in compared)
    tell(f"mix: equal or better on {equal} of {len(compared)} films; CPU of theirs ÷ with AV1: {theirs / av1:.2f}")
    tell(f"per title at equal VMAF on mixed content, CPU of one run a rung ÷ ours: {theirs / ours:.2f}")
    return theirs, ours


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _ways(one: Compared) -> tuple[Way, Way, Way]:
    return one.theirs, one.ours, one.with_av1


def _widths() -> str:
    return " ".join(f"{width // 1000:>5}k" for width in BANDWIDTHS)


def _line(film_name: str, way_name: str, way: Way) -> str:
    codecs = ("h264", "av1") if way_name == "with AV1" else ("h264",)
    best = way.best(codecs[-1] if any(rung.codec == codecs[-1] for rung in way.rungs) else "h264")
    seen = " ".join(f"{way.seen(width, codecs):6.1f}" for width in BANDWIDTHS)
    return f"{film_name:24} {way_name:10} {way.cpu:6.1f} {best.rate / 1000:9.0f} {best.score:5.1f}          {seen}"


def compare(source: Path, place: Path) -> Compared:
    return Compared(source.stem, theirs(source, place), ours(source, place), ours(source, place, av1=True))


def theirs(source: Path, place: Path) -> Way:
    """One run a rung: x264 veryfast at its default quality, a cap for each size, key frames every two seconds."""
    with tempfile.TemporaryDirectory(dir=place) as directory:
        out = Path(directory)
        width, height, rate = _size(source, out)
        before = _cpu()
        for short, cap in _rungs(width, height):
            scale = f"scale={'-2' if width >= height else short}:{short if width >= height else '-2'}"
            options = f"-preset veryfast -b_strategy 1 -bf 16 -maxrate {cap} -bufsize {2 * cap} -g {round(2 * rate)}"
            _ffmpeg(
                "-i", source, "-an", "-vf", scale, "-r", str(rate), "-c:v", "libx264", *options.split(),
                "-pix_fmt", "yuv420p", out / f"video-{short}-h264.mp4",
            )  # fmt: skip
        cpu = _cpu() - before
        return Way(cpu, tuple(_rung(path, source, (width, height), rate) for path in sorted(out.glob("video-*.mp4"))))


def ours(source: Path, place: Path, *, av1: bool = False) -> Way:
    """All of what an upload costs, from probing to verified packages, the look at the film included."""
    with tempfile.TemporaryDirectory(dir=place) as directory:
        out = Path(directory)
        work = produce.begin(source, out, report=lambda step, fraction: None)
        if not av1:
            only = tuple(rung for rung in work.profile.rungs if rung.codec == "h264")
            work = replace(work, profile=replace(work.profile, rungs=only))
        planned = produce.plan_film(work)
        made = film.encode(work, planned)
        width, height, rate = _size(source, out)
        rungs = tuple(_rung(out / f"{step.spec}.mp4", source, (width, height), rate) for step in planned.videos)
        produce.package_film(work, planned, made)
        return Way(work.cage.cpu_seconds, rungs)


def _rungs(width: int, height: int) -> list[tuple[int, int]]:
    short = min(width, height)
    own = next((cap for name, cap in LADDER if name >= short), LADDER[-1][1])
    return [rung for rung in LADDER if rung[0] < short] + [(short, own)]


def _size(source: Path, out: Path) -> tuple[int, int, float]:
    video = probe.probe(source, Cage(out, readable=(source,))).video
    assert video
    return video.width, video.height, video.fps[0] / video.fps[1]


def _rung(path: Path, source: Path, size: tuple[int, int], rate: float) -> Rung:
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "vmaf.json"
        same = f"fps={rate},scale={size[0]}:{size[1]}:flags=bicubic,format=yuv420p,setpts=N/25/TB"
        graph = f"[0:v]{same}[a];[1:v]{same}[b];[a][b]libvmaf=n_subsample=8:n_threads=2:log_fmt=json:log_path={log}"
        _ffmpeg("-i", path, "-i", source, "-lavfi", graph, "-f", "null", "-")
        judged = json.loads(log.read_text("utf-8"))
    frames = len(judged["frames"]) * 8
    _, short, codec = path.stem.split("-")
    return Rung(codec, int(short), path.stat().st_size * 8 * rate / frames, judged["pooled_metrics"]["vmaf"]["mean"])


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _ffmpeg(*arguments: str | Path) -> None:
    command = [ffmpeg.binary(), "-v", "error", "-nostdin", "-y", *map(str, arguments)]
    subprocess.run(command, check=True, stderr=subprocess.PIPE)


def _film(place: Path, name: str, pictures: dict[str, Image.Image], graph: str) -> Path:
    """A film of still pictures moved by ``graph``, whose inputs are the pictures in their order."""
    path = place / f"{name}.mp4"
    inputs: list[str | Path] = []
    stand = ";".join(f"[{n}]loop=-1:1:0,setpts=N/{RATE}/TB[i{n}]" for n in range(len(pictures)))
    for title, picture in pictures.items():
        file = place / f"{name}-{title}.png"
        picture.save(file)
        inputs += ["-i", file]
    _ffmpeg(
        *inputs, "-filter_complex", f"{stand};{graph},format=yuv420p", "-t", str(SECONDS), "-c:v", "libx264",
        "-preset", "veryfast", "-crf", "16", path,
    )  # fmt: skip
    return path


def slides(place: Path) -> Path:
    """Pages of text and bars, a new one every sixteen seconds, and a pointer that moves."""
    pages = {str(number): _page(number) for number in range(math.ceil(SECONDS / 16))}
    pages["pointer"] = Image.new("RGB", (14, 14), "red")
    last = len(pages) - 1
    chain, stream = "", "[i0]"
    for number in range(1, last):
        chain += f"{stream}[i{number}]overlay=enable='gte(t,{16 * number})'[p{number}];"
        stream = f"[p{number}]"
    return _film(place, "slides", pages, f"{chain}{stream}[i{last}]overlay=x='200+40*t':y='500+120*sin(t/3)'")


def _page(number: int) -> Image.Image:
    chance = random.Random(number)
    page = Image.new("RGB", (WIDTH, HEIGHT), "#f8f7ee")
    draw = ImageDraw.Draw(page)
    draw.rectangle((0, 0, WIDTH, 140), fill="#1f4e8c")
    draw.text((80, 30), f"Lesson {number + 1}: measuring at home", fill="white", font=ImageFont.load_default(64))
    for line in range(6):
        words = " ".join("".join(chance.choices("abcdefghiklmnoprstuvw", k=chance.randint(3, 9))) for _ in range(6))
        draw.text((120, 240 + 110 * line), f"{line + 1}. {words}", fill="#222222", font=ImageFont.load_default(44))
    for bar in range(7):
        high = chance.randint(20, 300)
        draw.rectangle((1300 + 70 * bar, 950 - high, 1350 + 70 * bar, 950), fill="#3a8c5a")
    return page


def talk(place: Path) -> Path:
    """A head that nods and a mouth that moves before a blurred room, with the grain of a webcam."""
    room = _texture(7, 60).filter(ImageFilter.GaussianBlur(6))
    head = Image.new("RGBA", (620, 800))
    draw = ImageDraw.Draw(head)
    draw.ellipse((60, 20, 560, 640), fill="#d9a98c")
    draw.rectangle((60, 620, 560, 800), fill="#34495e")
    for x in (190, 370):
        draw.ellipse((x, 240, x + 70, 280), fill="#3b2a20")
    head = head.filter(ImageFilter.GaussianBlur(2))
    mouth = Image.new("RGBA", (150, 60))
    ImageDraw.Draw(mouth).ellipse((0, 0, 150, 60), fill="#8c3b3b")
    sway = "sin(t*1.3)*14"
    graph = (
        f"[i0][i1]overlay=x='650+{sway}':y='280+sin(t*2.1)*9'[a];"
        f"[a][i2]overlay=x='885+{sway}':y='720+sin(t*2.1)*9+sin(t*11)*10',noise=alls=2:allf=t:all_seed=1"
    )
    return _film(place, "talk", {"room": room, "head": head, "mouth": mouth}, graph)


def camera(place: Path) -> Path:
    """A pan over a rough landscape, something passing, and grain."""
    wide = _texture(3, 100, (WIDTH + 1000, HEIGHT + 300))
    passing = _texture(5, 120, (360, 240))
    graph = (
        f"[i0]crop={WIDTH}:{HEIGHT}:x='500+400*sin(t/4)':y='150+60*sin(t/2.5)'[a];"
        f"[a][i1]overlay=x='mod(t*260,2280)-360':y=700,noise=alls=3:allf=t:all_seed=2"
    )
    return _film(place, "camera", {"wide": wide, "passing": passing}, graph)


def animation(place: Path) -> Path:
    """Flat shapes with hard edges that move before a painted sky."""
    sky = Image.linear_gradient("L").resize((WIDTH, HEIGHT)).convert("RGB")
    draw = ImageDraw.Draw(sky)
    chance = random.Random(4)
    for _ in range(40):
        x, y, r = chance.randrange(WIDTH), chance.randrange(700, HEIGHT), chance.randrange(20, 120)
        draw.ellipse(
            (x - r, y - r, x + r, y + r), fill=chance.choice(["#5aa469", "#3d7a4a", "#79c27d"]), outline="black"
        )
    pictures = {"sky": sky}
    chain, stream = "", "[i0]"
    for number in range(1, 6):
        shape = Image.new("RGBA", (260, 260))
        pen = ImageDraw.Draw(shape)
        pen.regular_polygon((130, 130, 120), number + 2, fill=f"hsl({number * 67},80%,60%)", outline="black", width=6)
        pictures[f"shape{number}"] = shape
        wide, fast, high = 500 + 60 * number, 0.5 + number / 7, 0.4 + number / 9
        way = f"x='830+{wide}*sin(t*{fast:.2f}+{number})':y='400+300*cos(t*{high:.2f})'"
        chain += f"{stream}[i{number}]overlay={way}" + (f"[s{number}];" if number < 5 else "")
        stream = f"[s{number}]"
    return _film(place, "animation", pictures, chain)


def _texture(seed: int, strength: int, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Image.Image:
    """Coarse to fine grain added up, as bark, grass and walls have it."""
    chance = random.Random(seed)
    picture = Image.new("RGB", size, "#6b7a58")
    for step in (160, 40, 12, 5):
        small = size[0] // step + 2, size[1] // step + 2
        grain = Image.frombytes("RGB", small, chance.randbytes(3 * small[0] * small[1]))
        picture = Image.blend(picture, grain.resize(size, Image.Resampling.BICUBIC), strength / 400)
    return picture


MAKERS: tuple[Callable[[Path], Path], ...] = (slides, talk, camera, animation)


def main(arguments: Iterable[str]) -> int:
    place = Path(tempfile.mkdtemp(prefix="wenlan-mix-"))
    try:
        run(place, next((Path(argument) for argument in arguments), None))
    finally:
        shutil.rmtree(place)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
