"""Pinyin above the characters few people read at sight (髹, 缂, 婺), on the pages of readers who asked for it.

Known at sight are the 3,755 characters of level 1 of GB/T 2312-1980, chosen for how common they are; a traditional
character is as well known as its simplified form. What a character sounds like is told by the words around it
(pypinyin). The finished page is annotated, so that what partners and editors wrote has it too, with HTML's ``<ruby>``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import groupby

from pypinyin import Style, pinyin

from accounts.scripts import simplified

LEVEL_2 = 0xD8
"""Lead byte from which GB/T 2312 has its less common characters."""

_PARTS = re.compile(
    r"<(script|style|title|textarea|select|svg|ruby|noscript)\b.*?</\1\s*>|<!--.*?-->|<[^>]*>|(?P<text>[^<]+)",
    re.DOTALL | re.IGNORECASE,
)
_HAN = re.compile("[\u3400-\u9fff\U00020000-\U0003ffff]")


def annotate(page: str) -> str:
    """``page`` (HTML) with every difficult character of its body under its pinyin; tags, scripts and form values stay
    as they are."""
    start = page.find("<body")
    if start < 0:
        return page
    return page[:start] + _PARTS.sub(lambda part: _sounded(part["text"]) if part["text"] else part[0], page[start:])


@lru_cache(maxsize=8192)
def difficult(char: str) -> bool:
    """Whether ``char`` is Chinese and not known at sight."""
    if not _HAN.match(char):
        return False
    try:
        return simplified(char).encode("gb2312")[0] >= LEVEL_2
    except UnicodeEncodeError:
        return True


def _sounded(text: str) -> str:
    if not any(map(difficult, text)):
        return text
    sounds = [sound for (sound,) in pinyin(text, style=Style.TONE, errors=list)]  # type: ignore[arg-type]  # a list is taken too
    if len(sounds) != len(text):
        return text
    runs = groupby(zip(text, sounds, strict=True), key=lambda pair: difficult(pair[0]))
    return "".join(_ruby(list(run)) if hard else "".join(char for char, _sound in run) for hard, run in runs)


def _ruby(run: list[tuple[str, str]]) -> str:
    """One base and one reading a character, so that each stands above its own; in parentheses where there is no ruby.
    What has no reading stays bare."""
    pairs = (
        f"{char}<rp>(</rp><rt>{sound}</rt><rp>)</rp>" if sound != char else f"{char}<rt></rt>" for char, sound in run
    )
    return f"<ruby>{''.join(pairs)}</ruby>"
