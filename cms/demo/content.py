"""The texts of the demo library, read from the TOML files beside this module."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "content"
COURSE_FILES = ("local", "senior", "health", "family", "career")
BOOK_COVERS = {
    "senior": "ink:bamboo",
    "health": "mountain:jade",
    "family": "home:shelf",
    "career": "chart:columns",
    "local": "carve:flower",
}


@dataclass(frozen=True, slots=True)
class LessonText:
    """One lesson. ``drawing`` names the motif of its film, picture or book cover; ``english`` its other captions."""

    number: int
    title: str
    text: str
    chapter: str = ""
    drawing: str = ""
    url: str = ""
    english: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CourseText:
    """One course. A reading is one lesson (the book) whose ``sections`` are its chapters, ``(heading, text)``."""

    id: str
    kind: str
    title: str
    institution: str
    themes: tuple[str, ...]
    summary: str
    lessons: tuple[LessonText, ...]
    sections: tuple[tuple[str, str], ...] = ()
    book: str = ""
    place: str = ""
    teacher: str = ""
    title_en: str = ""
    also: tuple[str, ...] = ()
    description: str = ""
    subjects: tuple[str, ...] = ()
    level: str = "starter"
    language: str = "zh-Hans"
    source: str = "own"
    licence: str = "cc-by-nc"
    until: str = ""

    @property
    def digest(self) -> str:
        """Changes when anything a reader sees changes; 16 hex digits."""
        return hashlib.sha256(json.dumps(asdict(self), ensure_ascii=False).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Library:
    """Everything: ``partners`` and ``pages`` as they stand in their files."""

    courses: tuple[CourseText, ...]
    partners: dict[str, Any]
    pages: dict[str, Any] = field(default_factory=dict)

    def course(self, key: str) -> CourseText:
        """Raises KeyError for an id that is not there."""
        for course in self.courses:
            if course.id == key:
                return course
        raise KeyError(key)


@cache
def library() -> Library:
    """All texts, read once."""
    courses = [course for name in COURSE_FILES for course in _courses(name)]
    return Library(tuple(courses), _read("partners"), _read("pages"))


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{name}.toml").read_text("utf-8"))


def _courses(name: str) -> Iterator[CourseText]:
    data = _read(name)
    for entry in data["course"]:
        yield _course({**data["defaults"], **entry}, name)


def _course(entry: dict[str, Any], file: str) -> CourseText:
    kind = entry["kind"]
    sections = tuple((title, text) for title, text in entry["lessons"]) if kind == "reading" else ()
    return CourseText(
        id=entry["id"],
        kind=kind,
        title=entry["title"],
        institution=entry["by"],
        themes=tuple(entry["theme"].split()),
        summary=entry["summary"],
        lessons=_book(entry, sections, file) if kind == "reading" else _lessons(entry),
        sections=sections,
        book=entry.get("format", ""),
        place=entry.get("place", ""),
        teacher=entry.get("teacher", ""),
        title_en=entry.get("en", ""),
        also=tuple(entry.get("also", ())),
        description=entry.get("description") or _description(entry),
        subjects=tuple(entry["subjects"]),
        level=entry.get("level", "starter"),
        source=entry.get("source", "own"),
        licence=entry.get("licence", "cc-by-nc"),
        until=entry.get("until", ""),
    )


def _lessons(entry: dict[str, Any]) -> tuple[LessonText, ...]:
    chapters, chapter, lessons = entry.get("chapters", {}), "", []
    for number, (title, text) in enumerate(entry["lessons"], 1):
        chapter = chapters.get(str(number), chapter)
        lessons.append(
            LessonText(
                number=number,
                title=title,
                text=text,
                chapter=chapter,
                drawing=_nth(entry.get("films"), number),
                url=_nth(entry.get("urls"), number),
                english=tuple(entry.get("en_captions", {}).get(str(number), ())),
            )
        )
    return tuple(lessons)


def _nth(values: list[str] | None, number: int) -> str:
    return values[number - 1] if values else ""


def _book(entry: dict[str, Any], sections: tuple[tuple[str, str], ...], file: str) -> tuple[LessonText, ...]:
    contents = "\n\n".join(f"{heading}\n{text}" for heading, text in sections)
    return (LessonText(1, entry["title"], contents, drawing=entry.get("picture") or BOOK_COVERS[file]),)


MEASURES = {"video": "讲", "audio": "段", "reading": "章", "gallery": "幅", "link": "处"}


def _description(entry: dict[str, Any]) -> str:
    titles = "、".join(title for title, _ in entry["lessons"])
    count = f"共{len(entry['lessons'])}{MEASURES[entry['kind']]}"
    return f"{entry['summary']}{count}：{titles}。\n{entry['lessons'][0][1]}"
