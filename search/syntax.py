"""What may be typed beside plain words: phrases in quotation marks, words to leave out, fields. Pure.

====================  ==================================================
typed                 means
====================  ==================================================
``"苗绣 针法"``         these words, next to each other, as they stand; also “…”, 「…」, 『…』
``-机绣``              without this word, or without a quoted phrase
``标题:苗绣``           in this field only: ``FIELDS``, in Chinese or English
====================  ==================================================
"""

from __future__ import annotations

import re
from dataclasses import dataclass

FIELDS = {
    **dict.fromkeys(("标题", "题名", "title"), "title"),
    **dict.fromkeys(("正文", "内容", "text"), "text"),
    **dict.fromkeys(("教师", "老师", "teacher"), "teacher"),
    **dict.fromkeys(("机构", "institution"), "institution"),
    **dict.fromkeys(("主题", "theme"), "theme"),
    **dict.fromkeys(("地方", "地区", "place"), "place"),
}
"""Names before a colon. ``title`` and ``text`` are parts of a course; the others are filters (``search.facets``)
chosen by name."""

_QUOTED = r'"([^"]*)"|“([^”]*)”|「([^」]*)」|『([^』]*)』'
_PART = re.compile(
    rf"(?<!\S)(-)?(?:({'|'.join(FIELDS)})[:：]\s*)?(?:{_QUOTED}|([^\s\"“「『]+))|{_QUOTED}|([^\s\"“「『]+)", re.I
)


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a query. ``exact``: it stood in quotation marks. ``field``: a value of ``FIELDS`` or ""."""

    text: str
    exact: bool = False
    excluded: bool = False
    field: str = ""


def parse(text: str) -> tuple[Part, ...]:
    """The pieces of a query as typed, in order; those without a letter are left out.
    ``标题:苗绣 -“机绣”`` → ``(Part("苗绣", field="title"), Part("机绣", exact=True, excluded=True))``."""
    parts = []
    for match in _PART.finditer(text):
        minus, field, *pieces = match.groups()
        at, piece = next(((at, piece) for at, piece in enumerate(pieces) if piece is not None), (0, ""))
        if any(map(str.isalnum, piece)):
            named = FIELDS.get((field or "").lower(), "")
            parts.append(Part(piece, exact=at < QUOTED_PIECES, excluded=bool(minus), field=named))
    return tuple(parts)


QUOTED_PIECES = 4
"""Pieces of ``_PART`` that ask for a phrase: those in quotation marks after a blank. Marks in the middle of a sentence
are punctuation."""
