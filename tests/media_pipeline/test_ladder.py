"""Sizes: never larger than the source, even, and far enough apart."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_pipeline import profiles
from media_pipeline.ladder import FRAME, fit

RUNGS = profiles.load("default").ladders()["h264"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ((1920, 1080), [(1920, 1080), (1280, 720), (854, 480), (640, 360)]),
        ((3840, 2160), [(1920, 1080), (1280, 720), (854, 480), (640, 360)]),
        ((1080, 1920), [(1080, 1920), (720, 1280), (480, 854), (360, 640)]),
        ((640, 480), [(640, 480), (480, 360)]),
        ((853, 479), [(852, 478), (640, 360)]),
        ((320, 240), [(320, 240)]),
        ((161, 121), [(160, 120)]),
        ((8, 8), [(8, 8)]),
        ((1920, 800), [(1920, 800), (1280, 534), (854, 356), (640, 266)]),
        ((3026, 1386), [(1920, 880), (1280, 586), (854, 390), (640, 294)]),
        ((1080, 2400), [(864, 1920), (576, 1280), (384, 854), (288, 640)]),
    ],
)
def test_fit_gives_the_sizes(source, expected):
    assert [(size.width, size.height) for size in fit(*source, Fraction(25), RUNGS)] == expected


def test_fit_gives_more_bits_to_more_frames():
    slow, fast = (fit(1280, 720, Fraction(rate), RUNGS)[0].max_rate for rate in (25, 60))
    assert fast == slow * 3 // 2


@given(st.integers(2, 8000), st.integers(2, 8000))
def test_fit_never_enlarges_and_is_even(width, height):
    sizes = fit(width, height, Fraction(25), RUNGS)
    assert sizes
    for size in sizes:
        assert size.width <= width
        assert size.height <= height
        assert not size.width % 2
        assert not size.height % 2
        assert max(size.width, size.height) <= RUNGS[-1].short * FRAME
    assert [size.name for size in sizes] == sorted({size.name for size in sizes}, reverse=True)
