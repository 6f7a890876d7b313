"""From what others write to a record of ours: a course of the kind link that leads to the place it came from."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.html import strip_tags

from catalog.importers import CourseRecord
from catalog.models import Licence

_LICENCE = re.compile(r"creativecommons\.org/(?:licenses/(by(?:-nc|-sa|-nd)*)|publicdomain/(zero))/")
_LANGUAGE = re.compile(r"[a-z]{2}(-[A-Za-z0-9]{2,8})*")
_CHINESE = frozenset({"zho", "chi", "cmn", "zh"})
_GIVEN = frozenset(
    {"id", "source", "kind", "title", "alternative_titles", "summary", "description", "subjects", "language", "licence"}
    | {"origin", "credit", "url"}
)


@dataclass(frozen=True, slots=True)
class Found:
    """One entry as another catalogue tells it. ``key`` is its lasting name there, ``url`` where people open it;
    ``rights`` are texts of which one may be the address of a licence."""

    key: str
    titles: Sequence[str]
    descriptions: Sequence[str]
    url: str
    subjects: Sequence[str]
    language: str
    rights: Sequence[str]
    credit: str

    def record(self, row: int, source: str) -> CourseRecord:
        """The record of these texts, cut to what a course holds. Without an address to open it is a fault."""
        names = [name[:255] for title in self.titles if (name := _plain(title))]
        words = "\n\n".join(filter(None, map(_plain, self.descriptions)))
        first = words.split("\n")[0]
        return CourseRecord(
            row=row,
            id=self.key,
            source=source,
            kind="link",
            title=names[0] if names else "",
            alternative_titles=tuple(names[1:]),
            summary=first if len(first) <= 255 else "",
            description=words,
            subjects=tuple(dict.fromkeys(word[:60] for text in self.subjects if (word := _plain(text)))),
            language=_language(self.language),
            licence=_licence(self.rights),
            origin="imported",
            credit=_plain(self.credit)[:255] or source,
            url=self.url,
            given=_GIVEN,
            fault="" if self.url.startswith(("http://", "https://")) else f"“{self.key[:80]}”没有可以打开的网址",
        )


def _plain(text: str) -> str:
    return html.unescape(strip_tags(text)).replace("\x00", "").strip()


def _language(text: str) -> str:
    """A code the library knows; Chinese where the provider says nothing, or nothing it could know."""
    if text.casefold() in _CHINESE:
        return "zh"
    return text if _LANGUAGE.fullmatch(text) and len(text) <= 20 else {"eng": "en"}.get(text.casefold(), "zh")


def _licence(rights: Sequence[str]) -> str:
    """The licence that the provider names by its address. Where none is, nothing is granted beyond this library."""
    for text in rights:
        if found := _LICENCE.search(text):
            code = "cc0" if found[2] else f"cc-{found[1]}"
            return code if code in Licence.values else Licence.PLATFORM.value
    return Licence.PLATFORM.value
