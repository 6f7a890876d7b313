"""What is made from a title: its address and its place in the alphabet. Pure; pinyin comes from pypinyin."""

import re
import unicodedata
from collections.abc import Container

from pypinyin import Style, lazy_pinyin

SLUG_LENGTH = 100  # leaves room for a suffix in the column of 120


def _syllables(title: str) -> list[str]:
    """The title as pinyin syllables without tones and words of other scripts, lower case."""
    text = unicodedata.normalize("NFKC", title)
    others = re.compile(r"\w+").findall
    words = lazy_pinyin(text, style=Style.NORMAL, errors=others)  # type: ignore[arg-type]  # a list is taken too
    return [word.lower() for word in words]


def _ascii(word: str) -> str:
    plain = unicodedata.normalize("NFKD", word).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


def address_and_order(title: str) -> tuple[str, str]:
    """``(slug, sort key)`` of a title, e.g. 苗绣针法 → ``miao-xiu-zhen-fa``, ``miao xiu zhen fa``.

    The slug is ASCII, at most 100 characters, never empty, not yet unique. The sort key orders by syllable, so that
    ``an hui`` stands before ``ang``.
    """
    words = _syllables(title)
    slug = "-".join(filter(None, map(_ascii, words)))
    if len(slug) > SLUG_LENGTH:
        slug = slug[:SLUG_LENGTH].rsplit("-", 1)[0]
    return slug or "course", " ".join(words)[:255]


def numbered(slug: str, taken: Container[str]) -> str:
    """``slug``, or the first of ``slug-2``, ``slug-3`` … that is not ``taken``."""
    number, candidate = 1, slug
    while candidate in taken:
        number += 1
        candidate = f"{slug}-{number}"
    return candidate
