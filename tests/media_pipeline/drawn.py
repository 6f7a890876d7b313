"""Films of some scenes, lectures of some slides, talks in one room: drawn by chance that is the same each time; and
what people make of a film before they send it once more."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image, ImageDraw

from tests.media_pipeline import clips

SIZE = (480, 270)
SECONDS = 24
QUIET = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-an")

COPIES = {
    "360p, crf 38": ("-vf", "scale=-2:180", "-crf", "38"),
    "logo": ("-vf", "drawbox=x=iw*0.84:y=ih*0.04:w=iw*0.13:h=ih*0.12:color=white:t=fill", "-crf", "28"),
    "letterbox": ("-vf", "pad=iw:max(ih\\,trunc(iw*3/8)*2):0:(oh-ih)/2:black", "-crf", "30"),
    "other rate": ("-vf", "fps=15", "-crf", "26"),
    "brighter": ("-vf", "eq=brightness=0.06:contrast=1.15", "-crf", "33"),
    "half a second less": ("-ss", "0.5", "-crf", "30"),
}
"""What is told of a copy → how ffmpeg makes it. Half the sizes of the films that people send, so 360p is 180."""


def copy(source: Path, name: str) -> Path:
    return clips.encode("copy.mp4", "-i", str(source), *COPIES[name], *QUIET)


def film(seed: int) -> Path:
    """Another scene each second or two."""
    return _film(f"film-{seed}", _scenes(seed))


def lecture(seed: int) -> Path:
    """Slides of one template, whatever the ``seed``: the words differ."""
    return _film(f"lecture-{seed}", _slides(seed))


def talk(seed: int) -> Path:
    """One speaker, who moves a little, in one room."""
    return _film(f"talk-{seed}", _gestures(seed))


def still(seed: int) -> Path:
    """One picture all the time."""
    return _film(
        f"still-{seed}", (_scene(random.Random(1)) for _second in range(SECONDS)), "-metadata", f"title={seed}"
    )


def _film(name: str, pictures: Iterator[Image.Image], *extra: str) -> Path:
    frames = clips.place(name)
    if not frames.exists():
        frames.mkdir()
        for number, picture in enumerate(pictures):
            picture.save(frames / f"{number:02}.png")
    source = ("-framerate", "1", "-i", str(frames / "%02d.png"))
    return clips.encode(f"{name}.mp4", *source, "-vf", "fps=5", "-crf", "20", *extra, *QUIET)


def _scenes(seed: int) -> Iterator[Image.Image]:
    chance = random.Random(seed)
    scene = _scene(chance)
    for _second in range(SECONDS):
        if chance.random() < 0.7:
            scene = _scene(chance)
        yield scene


def _scene(chance: random.Random) -> Image.Image:
    image = Image.new("RGB", SIZE, _colour(chance))
    pen = ImageDraw.Draw(image)
    for _shape in range(14):
        x, y = chance.randrange(-60, SIZE[0]), chance.randrange(-40, SIZE[1])
        box = (x, y, x + chance.randrange(30, 220), y + chance.randrange(20, 140))
        shape: Callable = chance.choice([pen.rectangle, pen.ellipse])
        shape(box, fill=_colour(chance))
    return image


def _slides(seed: int) -> Iterator[Image.Image]:
    chance = random.Random(seed)
    for second in range(SECONDS):
        if second % 2 == 0:
            image = Image.new("RGB", SIZE, "#fafaf5")
            pen = ImageDraw.Draw(image)
            pen.rectangle((0, 0, SIZE[0], 40), fill="#205080")
            pen.rectangle((0, SIZE[1] - 12, *SIZE), fill="#c08030")
            pen.ellipse((440, 6, 468, 34), fill="white")
            _words(pen, chance, (16, 12), chance.randrange(5, 12), "white")
            for line in range(chance.randrange(3, 8)):
                _words(pen, chance, (30, 56 + 24 * line), chance.randrange(6, 26), "#222222")
            if chance.random() < 0.3:
                pen.rectangle((300, 110, 450, 225), fill=_colour(chance))
        yield image


def _words(pen: ImageDraw.ImageDraw, chance: random.Random, at: tuple[int, int], count: int, colour: str) -> None:
    """Blocks as wide as characters, with a stroke or two left out."""
    for number in range(count):
        x, y = at[0] + 15 * number, at[1]
        pen.rectangle((x, y, x + 12, y + 12), fill=colour)
        for _stroke in range(3):
            row = y + chance.randrange(12)
            pen.line((x, row, x + 12, row), fill="#999999")


def _gestures(seed: int) -> Iterator[Image.Image]:
    room, chance = _scene(random.Random(0)), random.Random(seed)
    for _second in range(SECONDS):
        image = room.copy()
        pen = ImageDraw.Draw(image)
        x, y = 240 + chance.randrange(-20, 20), 90 + chance.randrange(-8, 8)
        pen.ellipse((x - 26, y - 34, x + 26, y + 34), fill="#d8b090")
        pen.rectangle((x - 60, y + 34, x + 60, SIZE[1]), fill="#203050")
        pen.line((x - 52, y + 60, x - 92, y + 60 + chance.randrange(-45, 45)), fill="#d8b090", width=14)
        yield image


def _colour(chance: random.Random) -> tuple[int, ...]:
    return tuple(chance.randrange(256) for _channel in range(3))


MANY: dict[str, Callable[[int], Path]] = {"film": film, "lecture": lecture, "talk": talk, "still": still}
