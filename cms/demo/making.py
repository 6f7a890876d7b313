"""Makes one piece of the demo's media and hands it to the pipeline like any upload."""

from __future__ import annotations

import hashlib
import json
import os
from functools import cache
from pathlib import Path

from catalog.models import Institution, Lesson
from cms.demo import books, films, loading
from cms.demo.content import CourseText, LessonText, library
from cms.demo.sheet import font_path
from media_pipeline import captions, intake, tracks
from media_pipeline.models import MediaAsset

CACHE = "WENLAN_DEMO_CACHE"
SUFFIX = {"video": ".mp4", "audio": ".m4a", "gallery": ".jpg"}


def cache_folder() -> Path:
    """Where made files are kept from one set-up to the next; may be emptied at any time."""
    named = os.environ.get(CACHE)
    return Path(named) if named else Path.home() / ".cache" / "wenlan" / "demo"


def make(course_id: str, number: int) -> MediaAsset | None:
    """Makes the file, stores it as an asset of the course's institution, adds captions and gives it to the lesson.

    Returns None when the lesson has its media already or is gone. Raises KeyError for a course that is not in the
    texts, errors.Failed when ffmpeg does not run.
    """
    course = library().course(course_id)
    text = next(lesson for lesson in course.lessons if lesson.number == number)
    waiting = Lesson.objects.filter(
        course__external_source=loading.SOURCE, course__external_id=course_id, number=number, asset__isnull=True
    )
    if not waiting.exists():
        return None
    path = made(course, text)
    name = f"{course.title} {text.title}" if text.title != course.title else course.title
    asset = intake.receive_file(path, owner=course.institution, title=name, filename=name + path.suffix)
    if course.kind in {"video", "audio"}:
        _caption(asset, text)
    loading.attach(course_id, number, asset)
    return asset


def _caption(asset: MediaAsset, text: LessonText) -> None:
    seconds = films.seconds_for(text.text)
    spoken = films.cues(text.text, seconds)
    tracks.set_track(asset, captions.to_vtt(spoken), language="zh-Hans", label="中文字幕")
    if text.english:
        english = films.cues(text.text, seconds, list(text.english))
        tracks.set_track(asset, captions.to_vtt(english), language="en", label="English")


def made(course: CourseText, text: LessonText) -> Path:
    """The file of a lesson: from the cache, or made now. Its name tells what it was made from, so it is never stale."""
    facts = json.dumps([course.id, course.title, course.book, course.sections, text.title, text.text, text.drawing])
    name = hashlib.sha256((_makers() + facts).encode()).hexdigest()[:20]
    suffix = SUFFIX.get(course.kind) or f".{course.book}"
    path = cache_folder() / f"{name}{suffix}"
    if path.is_file():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{os.getpid()}-{name}{suffix}")
    _write(aside, course, text)
    aside.replace(path)
    return path


def _write(path: Path, course: CourseText, text: LessonText) -> None:
    seconds = films.seconds_for(text.text)
    if course.kind == "video":
        films.film(path, motif=text.drawing, series=course.title, title=text.title, seconds=seconds)
    elif course.kind == "audio":
        films.audio(path, series=course.title, title=text.title, seconds=seconds)
    elif course.kind == "gallery":
        films.picture(path, motif=text.drawing, seed=course.title + text.title)
    else:
        by = Institution.objects.get(code=course.institution).name
        write = books.pdf if course.book == "pdf" else books.epub
        write(path, title=course.title, by=by, sections=course.sections, motif=text.drawing)


@cache
def _makers() -> str:
    """The programs and the font that make the files, as one digest."""
    here = Path(__file__).parent
    sources = sorted([*here.glob("*.py"), *(here / "motifs").glob("*.py")])
    code = hashlib.sha256(b"".join(path.read_bytes() for path in sources if path.stem not in {"loading", "pages"}))
    code.update(str(font_path() and font_path().name).encode())  # type: ignore[union-attr]
    return code.hexdigest()
