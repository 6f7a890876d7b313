"""The pieces of titles and names: what is stored, and what of it is asked for."""

from __future__ import annotations

import pytest

from search import grams
from search.ask import Clause


def test_grams_are_as_specified() -> None:
    assert grams.stored(["苗绣C"]).split() == [
        *("苗", "绣", "苗绣", "c"),
        *("m", "mi", "mia", "miao", "x", "xi", "xiu", "miao.x", "miao.xi", "miao.xiu", "xiu.c"),
        *("-mx", "-xc", "-mxc"),
    ]


@pytest.mark.parametrize(
    ("clause", "wanted"),
    [
        (Clause("text", ("苗",), True), ("苗",)),
        (Clause("text", ("苗绣", "绣针")), ("苗绣", "绣针")),
        (Clause("text", ("embroidery",), True), ("embroide",)),
        (Clause("py", ("miao", "x"), True), ("miao.x",)),
        (Clause("init", ("m", "x")), ("-mx",)),
        (Clause("init", ("m", "x", "r", "m")), ("-mxr", "-xrm")),
    ],
)
def test_grams_of_a_clause_are_among_the_stored(clause: Clause, wanted: tuple[str, ...]) -> None:
    assert grams.wanted(clause) == wanted
    assert set(wanted) <= set(grams.stored(["苗绣针法", "苗绣入门", "Embroidery"]).split())
