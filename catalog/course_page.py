"""Everything the page of a course shows, read once: the lesson that is open, how to play it, what stands around it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import or_

from django.db.models import Q
from django.http import Http404
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts.scripts import simplified, traditional
from catalog.covers import Cover, cover, plates
from catalog.kinds import Kind
from catalog.models import Course, Lesson, Licence, Place
from media_pipeline.follow import follow
from media_pipeline.models import AssetState, DocumentPage, MediaAsset, TextTrack
from media_pipeline.playback import Heading, Playback, playback, section_html

FOUND_PAGES, FOUND_AROUND = 50, 24
"""Pages told of a search inside a reading, and characters shown on each side of what was found."""

WAITING = frozenset({AssetState.RECEIVED, AssetState.CHECKED, AssetState.PROCESSING})


@dataclass(frozen=True, slots=True)
class Cue:
    """A line of the transcript; ``start`` in seconds."""

    start: float
    text: str


@dataclass(frozen=True, slots=True)
class Plate:
    """One picture of a gallery: its lesson, the sizes for the page, the largest file, and the tiles of a picture that
    is larger than that: ``{"tile", "levels", "url"}`` as in the package's manifest, or None."""

    lesson: Lesson
    cover: Cover
    full: str
    zoom: dict | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why there is nothing to open yet. ``percent`` is None when nobody works on it any more."""

    sentence: str
    reason: str = ""
    percent: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A page of a reading that has the words looked for: the words as they stand there, with those around them."""

    page: int
    before: str
    words: str
    after: str


@dataclass(frozen=True, slots=True)
class CoursePage:
    """``lesson`` is the one that is open, None in a course without lessons; ``start`` in seconds."""

    course: Course
    lessons: Sequence[Lesson]
    lesson: Lesson | None
    cover: Cover
    playback: Playback | None = None
    waiting: Waiting | None = None
    start: int = 0
    cues: Sequence[Cue] = ()
    page: DocumentPage | None = None
    page_count: int = 0
    chapters: Sequence[Cue] = ()
    html: str = ""
    contents: Sequence[Heading] = ()
    heading: Heading | None = None
    plates: Sequence[Plate] = ()
    find: str = ""
    found: Sequence[Found] = ()
    next_lesson: Lesson | None = None
    places: Sequence[Sequence[Place]] = ()
    player: dict = field(default_factory=dict)

    @property
    def kind_template(self) -> str:
        return f"catalog/kinds/{self.course.kind}.html"

    @property
    def text_only(self) -> bool:
        """A reading that is its own description, without a lesson."""
        return self.course.kind == Kind.READING and not self.lessons and bool(self.course.description)

    @property
    def has_side(self) -> bool:
        """Whether lessons, text or contents stand beside the stage; a gallery's lessons are its plates."""
        lessons = len(self.lessons) > 1 and self.course.kind != Kind.GALLERY
        return lessons or bool(self.cues or self.chapters or self.contents)

    @property
    def zooms(self) -> dict[int, dict]:
        """Tiles of the plates that have them, by the number of the lesson."""
        return {plate.lesson.number: plate.zoom for plate in self.plates if plate.zoom}

    @property
    def caption_languages(self) -> int:
        return sum(track.kind == "captions" for track in self.playback.tracks) if self.playback else 0

    @property
    def captioned(self) -> bool:
        return self.caption_languages > 0

    @property
    def text_first(self) -> bool:
        """A sound is followed by its text; a film by the list of its lessons."""
        return self.course.kind == Kind.AUDIO and bool(self.cues)

    @property
    def shareable(self) -> bool:
        """Whether the course may leave the site, as a file or in other people's pages."""
        return self.course.licence != Licence.PLATFORM

    @property
    def keepable(self) -> bool:
        """Whether the open lesson may be kept on a reader's device: it is here, and may leave the site."""
        return bool(self.shareable and self.lesson and self.playback and self.course.kind != Kind.LINK)

    @property
    def embed_path(self) -> str:
        """Where the player stands alone, for frames; "" for what has none or may not leave the site."""
        if not (self.shareable and self.lesson and self.playback and self.playback.hls):
            return ""
        return reverse("embed_lesson", args=[self.course.slug, self.lesson.number])

    @property
    def download(self) -> str:
        """The address of the film as one file, where the course may leave the site; else ""."""
        return self.playback.download if self.playback and self.shareable else ""

    @property
    def picture_url(self) -> str:
        """The picture of the open page of a reading, or ""."""
        number = self.page.number if self.page else 0
        pages = self.playback.pages if self.playback else ()
        return next((page.picture_url for page in pages if page.number == number), "")


def build(
    course: Course, *, number: int | None = None, page: int = 1, start: int = 0, signed: bool = False
) -> CoursePage:
    """Reads the page of ``course``. ``number`` names the lesson, else the first ready one; ``page`` is of a
    reading. ``signed``: for previews by people whose right to see the course was checked. Raises Http404 for
    a lesson or page that is not there."""
    lessons = list(course.lessons.select_related("asset").order_by("sort_order", "pk"))
    lesson = _open_lesson(lessons, number)
    asset = lesson.asset if lesson else None
    play = playback(asset, signed=signed) if asset else None
    sheet = _sheet(asset, play, page) if play and course.kind == Kind.READING else None
    following = _next(lessons, lesson)
    contents = _contents(play) if play else []
    return CoursePage(
        course=course,
        lessons=lessons,
        lesson=lesson,
        cover=cover(course),
        playback=play,
        waiting=_waiting(asset) if asset and not play else None,
        start=start,
        cues=_cues(asset, play, {"captions", "transcript"}) if asset and play else (),
        chapters=_cues(asset, play, {"chapters"}) if asset and play else (),
        page=sheet,
        page_count=len(play.pages) if play else 0,
        html=section_html(asset, sheet, signed=signed) if asset and sheet else "",
        contents=contents,
        heading=_heading(contents, sheet.number) if sheet else None,
        plates=[Plate(*row) for row in plates(lessons)] if course.kind == Kind.GALLERY else (),
        next_lesson=following,
        places=_places(course),
        player=_player(course, lesson, play, following, start) if lesson and play else {},
    )


def _open_lesson(lessons: Sequence[Lesson], number: int | None) -> Lesson | None:
    if number is not None:
        for lesson in lessons:
            if lesson.number == number:
                return lesson
        raise Http404(_("这门课没有第 %(number)s 讲。") % {"number": number})
    return next((lesson for lesson in lessons if lesson.ready), lessons[0] if lessons else None)


def _next(lessons: Sequence[Lesson], lesson: Lesson | None) -> Lesson | None:
    if lesson is None:
        return None
    after = lessons[list(lessons).index(lesson) + 1 :]
    return next((other for other in after if other.ready), None)


def _sheet(asset: MediaAsset | None, play: Playback, page: int) -> DocumentPage | None:
    if not play.pages:
        return None
    sheet = DocumentPage.objects.filter(asset=asset, number=page).first()
    if sheet is None:
        raise Http404(_("这本读本没有第 %(number)s 页。") % {"number": page})
    return sheet


def look_inside(page: CoursePage, words: str) -> CoursePage:
    """The page of a reading with the first of its pages that have ``words``, in simplified or traditional characters,
    whichever the book is written in; what is no reading stays as it is."""
    asset = page.lesson.asset if page.lesson else None
    return replace(page, find=words, found=_found(asset, words)) if asset and page.page and words else page


def _found(asset: MediaAsset, words: str) -> list[Found]:
    written = {words, simplified(words), traditional(words)}
    asked = reduce(or_, (Q(text__icontains=one) for one in written))
    pages = DocumentPage.objects.filter(asset=asset).filter(asked).order_by("number")[:FOUND_PAGES]
    pattern = re.compile("|".join(map(re.escape, written)), re.IGNORECASE)
    return [_surrounded(page.number, " ".join(page.text.split()), pattern) for page in pages]


def _surrounded(number: int, text: str, pattern: re.Pattern[str]) -> Found:
    match = pattern.search(text)
    if match is None:  # the words stand across a line of the page
        return Found(number, text[: 2 * FOUND_AROUND], "", "")
    start, end = match.span()
    return Found(number, text[max(0, start - FOUND_AROUND) : start], match[0], text[end : end + FOUND_AROUND])


def _contents(play: Playback) -> list[Heading]:
    """The book's own contents, else the titles of its pages."""
    return list(play.contents) or [Heading(0, page.title, page.number) for page in play.pages if page.title]


def _heading(contents: Sequence[Heading], number: int) -> Heading | None:
    """The line of the contents under which page ``number`` stands: the page's own, else the last before."""
    here = next((heading for heading in contents if heading.page == number), None)
    return here or max((h for h in contents if h.page < number), key=lambda h: h.page, default=None)


def _waiting(asset: MediaAsset) -> Waiting:
    if asset.state in WAITING:
        percent = follow(asset).percent
        return Waiting(_("正在处理 %(percent)s %%") % {"percent": percent}, percent=percent)
    if asset.state == AssetState.PUBLISHED:
        return Waiting(_("正在准备，马上就好"), percent=99)
    return Waiting(_("这一讲暂时打不开"), asset.reason)


def _cues(asset: MediaAsset, play: Playback, kinds: set[str]) -> list[Cue]:
    """The lines of one track of these kinds, in the language nearest to the page's."""
    wanted = [track for track in play.tracks if track.kind in kinds]
    if not wanted:
        return []
    english = get_language() == "en"
    best = min(wanted, key=lambda track: track.language.startswith("en") != english)
    row = TextTrack.objects.filter(asset=asset, kind=best.kind, language=best.language, draft=False).first()
    return [Cue(start, text) for start, _end, text in row.cues] if row else []


def _places(course: Course) -> list[list[Place]]:
    """Each place of the course with the divisions it lies in, widest first."""
    places = list(course.places.all())
    known = Place.objects.in_bulk({code for place in places for code in place.ancestor_codes})
    return [[known[code] for code in place.ancestor_codes if code in known] for place in places]


def _player(course: Course, lesson: Lesson, play: Playback, following: Lesson | None, start: int) -> dict[str, object]:
    """What the player's module needs, as JSON."""
    return {
        "lesson": lesson.pk,
        "course": course.title,
        "title": lesson.title,
        "url": lesson.get_absolute_url(),
        "institution": course.institution.name,
        "kind": course.kind,
        "hls": play.hls,
        "av1": _av1(play),
        "sound": play.sound,
        "radio": play.radio,
        "waveform": play.waveform,
        "cover": cover(course).url,
        "artwork": play.poster or cover(course).url,
        "start": start,
        "duration": play.duration,
        "sizes": sorted({min(r.width, r.height) for r in play.renditions if r.width and r.height}, reverse=True),
        "next": following.get_absolute_url() if following and following.asset else "",
        "words": {
            "resumed": _("上次看到 {time}，已接着播放"),
            "failed": _("现在播放不了。请检查网络后再试；如果一直这样，请换一个浏览器。"),
            "retry": _("再试一次"),
            "lost": _("网络断了，正在重新连接…"),
            "place": _("播放进度"),
            "sparing": _("设备开着省流量，先放最省的。"),
            "all": _("照常播放"),
        },
    }


def _av1(play: Playback) -> dict[str, object] | None:
    """What a browser must know of the AV1 list to say whether it plays it well: its largest picture."""
    films = [r for r in play.renditions if r.codecs.startswith("av01") and r.width and r.height]
    if not play.hls_av1 or not films:
        return None
    best = max(films, key=lambda r: (r.width or 0) * (r.height or 0))
    return {
        "url": play.hls_av1,
        "type": f'video/mp4; codecs="{best.codecs}"',
        "width": best.width,
        "height": best.height,
        "bitrate": best.bitrate or 1_000_000,
    }


def canonical(page: CoursePage, number: int | None) -> str:
    """One address for one content: the first lesson's page is the course's own."""
    if number is None or page.lesson is None or page.lessons[0].pk == page.lesson.pk:
        return page.course.get_absolute_url()
    return reverse("lesson", args=[page.course.slug, number])
