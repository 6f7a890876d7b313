"""What was filmed is what is seen and heard: colours at known places, every frame, sound with its picture."""

import io
import subprocess
from itertools import pairwise

import pytest
from PIL import Image

from media_pipeline import ffmpeg
from tests.media_pipeline import clips

RATE = 48_000
# Left half red, right half blue, the upper quarter of both green: a turn, a flip or a stretch would show.
MARKED = "color=red:s={0}x{1}:r=25:d=0.4,drawbox=x={0}/2:w={0}/2:h={1}:c=blue:t=fill,drawbox=h={1}/4:c=lime:t=fill"


def marked(name: str, *options: str, size: tuple[int, int] = (320, 180)):
    options = options or ("-pix_fmt", "yuv420p")
    return clips.encode(name, "-f", "lavfi", "-i", MARKED.format(*size), "-c:v", "libx264", *options)


def seen(source) -> Image.Image:
    """The first picture of the largest rung, as a viewer gets it."""
    product, out = clips.produced(source)
    track = clips.track(out, product.renditions[0].spec)
    command = [
        ffmpeg.binary(),
        "-v",
        "error",
        "-i",
        str(track),
        "-frames:v",
        "1",
        "-c:v",
        "png",
        "-f",
        "image2pipe",
        "-",
    ]
    answer = subprocess.run(command, check=True, capture_output=True, timeout=60)
    return Image.open(io.BytesIO(answer.stdout)).convert("RGB")


def colour(picture: Image.Image, across: float, down: float) -> str:
    values = picture.getpixel((int(picture.width * across), int(picture.height * down)))
    return ("red", "green", "blue")[values.index(max(values))]


@pytest.mark.parametrize("turn", ["90", "180", "270"])
def test_a_turned_film_stands_upright(turn):
    flat = marked("marked.mp4")
    turned = clips.encode(f"marked-{turn}.mp4", "-display_rotation", turn, "-i", str(flat), "-c", "copy")
    picture = seen(turned)
    assert picture.size == ((320, 180) if turn == "180" else (180, 320))
    # Counter-clockwise: the green edge goes from the top to the left, the bottom, the right.
    green = {"90": (0.1, 0.5), "180": (0.5, 0.9), "270": (0.9, 0.5)}[turn]
    red = {"90": (0.6, 0.75), "180": (0.75, 0.4), "270": (0.4, 0.25)}[turn]
    assert (colour(picture, *green), colour(picture, *red)) == ("green", "red")


def test_a_flipped_film_is_flipped_back():
    flat = marked("marked.mp4")
    picture = seen(clips.encode("flipped.mp4", "-display_hflip", "-i", str(flat), "-c", "copy"))
    assert (colour(picture, 0.25, 0.6), colour(picture, 0.75, 0.6)) == ("blue", "red")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("yuv444p.mkv", ("-pix_fmt", "yuv444p")),
        ("yuv422p10.mkv", ("-pix_fmt", "yuv422p10le")),
        ("full.mp4", ("-pix_fmt", "yuvj420p", "-color_range", "pc")),
    ],
)
def test_other_pixels_keep_their_colours(name, options):
    picture = seen(marked(name, *options))
    for place, wanted in (((0.25, 0.6), (254, 0, 0)), ((0.75, 0.6), (0, 0, 254)), ((0.5, 0.1), (0, 255, 0))):
        found = picture.getpixel((int(320 * place[0]), int(180 * place[1])))
        assert all(abs(a - b) < 24 for a, b in zip(found, wanted, strict=True)), (place, found)


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_tone_mapped_pictures_say_so(transfer):
    """A screen told of BT.2020 would shift every colour of pictures that are BT.709."""
    tags = f"log-level=none:colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc"
    picture = ("-f", "lavfi", "-i", "color=c=gray:s=320x240:d=0.4", "-vf", "format=yuv420p10le")
    product, out = clips.produced(clips.encode(f"{transfer}.mp4", *picture, "-c:v", "libx265", "-x265-params", tags))
    command = [ffmpeg.binary(), "-hide_banner", "-i", str(clips.track(out, product.renditions[0].spec))]
    said = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60).stderr
    assert "yuv420p(tv, bt709" in said
    assert "bt2020" not in said


def test_squeezed_pixels_are_widened():
    picture = seen(marked("wide.mp4", "-pix_fmt", "yuv420p", "-vf", "setsar=2", size=(160, 180)))
    assert picture.size == (320, 180)
    assert colour(picture, 0.45, 0.6) == "red"
    assert colour(picture, 0.55, 0.6) == "blue"


def _levels(source) -> list[int]:
    """Mean brightness of every frame of the largest rung."""
    product, out = clips.produced(source)
    track = clips.track(out, product.renditions[0].spec)
    options = ("-vf", "scale=1:1:flags=area", "-pix_fmt", "gray", "-f", "rawvideo", "-fps_mode", "passthrough", "-")
    command = [ffmpeg.binary(), "-v", "error", "-i", str(track), *options]
    return list(subprocess.run(command, check=True, capture_output=True, timeout=60).stdout)


def test_every_frame_arrives_once_and_in_order():
    """Each frame is brighter than the one before."""
    source = "color=black:s=64x64:r=25:d=2,format=gray,geq=lum='30+4*N',format=yuv420p"
    levels = _levels(clips.encode("steps.mp4", "-f", "lavfi", "-i", source, "-c:v", "libx264", "-qp", "4"))
    assert len(levels) == 50
    assert all(later > earlier for earlier, later in pairwise(levels))


FLASH = 0.6  # seconds


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("beat.mp4", ()),
        ("beat.mkv", ()),
        ("beat.ts", ()),
        ("beat-late.mkv", ("-output_ts_offset", "3")),
        ("beat.avi", ("-bf", "0", "-c:a", "pcm_s16le")),
    ],
)
def test_flash_and_click_stay_together(name, options):
    """At the same instant in the source, within 20 ms in the package."""
    picture = f"color=black:s=64x64:r=50:d=1.2,drawbox=c=white:t=fill:enable='gte(t,{FLASH})'"
    sound = f"aevalsrc='gte(t,{FLASH})*0.5*sin(6000*t)':s={RATE}:d=1.2"
    inputs = ("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound)
    source = clips.encode(name, *inputs, "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac", *options)
    _, out = clips.produced(source)
    flash = next(n for n, level in enumerate(_levels(source)) if level > 128) / 50
    assert abs(_click(out) - flash) <= 0.020


def _click(out) -> float:
    """Seconds until the sound is heard."""
    track = clips.track(out, next(out.glob("audio-*.m3u8")).stem)
    command = [ffmpeg.binary(), "-v", "error", "-i", str(track), "-ac", "1", "-f", "s16le", "-"]
    data = memoryview(subprocess.run(command, check=True, capture_output=True, timeout=60).stdout).cast("h")
    loudest = max(map(abs, data))
    return next(n for n, value in enumerate(data) if abs(value) > loudest / 3) / RATE
