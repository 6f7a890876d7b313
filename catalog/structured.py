"""What search engines and other catalogues read in the page of a course: schema.org, with the terms of LRMI 1.1."""

from __future__ import annotations

from collections.abc import Iterator

from catalog.addresses import absolute
from catalog.course_page import CoursePage
from catalog.kinds import Kind
from catalog.models import Level, Licence

LICENCES = {
    Licence.CC0: "https://creativecommons.org/publicdomain/zero/1.0/",
    Licence.CC_BY: "https://creativecommons.org/licenses/by/4.0/",
    Licence.CC_BY_SA: "https://creativecommons.org/licenses/by-sa/4.0/",
    Licence.CC_BY_NC: "https://creativecommons.org/licenses/by-nc/4.0/",
    Licence.CC_BY_NC_ND: "https://creativecommons.org/licenses/by-nc-nd/4.0/",
}
LEVELS = {Level.STARTER: "Beginner", Level.MIDDLE: "Intermediate", Level.ADVANCED: "Advanced"}
"""The words schema.org gives as examples of ``educationalLevel``."""

RESOURCES = {
    Kind.VIDEO: "video",
    Kind.AUDIO: "audio",
    Kind.READING: "reading",
    Kind.GALLERY: "images",
    Kind.LINK: "link",
}
TRANSCRIPT = 5000
"""Characters of a transcript that are told; the page has all of it."""


def structured(page: CoursePage, url: str) -> list[dict]:
    """The course and, for film and sound, the open lesson. ``url`` is absolute."""
    described = {"@context": "https://schema.org", **{name: value for name, value in _course(page) if value}}
    play = page.playback
    if not (page.lesson and play and play.hls):
        return [described]
    film = {name: value for name, value in _film(page, url) if value}
    return [described, {"@context": "https://schema.org", **film}]


def _course(page: CoursePage) -> Iterator[tuple[str, object]]:
    course = page.course
    yield "@type", ["Course", "LearningResource"]
    yield "name", course.title
    yield "alternateName", course.title_en
    yield "description", _words(page)
    yield "url", absolute(course.get_absolute_url())
    yield "inLanguage", course.language
    yield "isAccessibleForFree", True
    yield "provider", _provider(page)
    yield "about", [theme.name for theme in course.themes.all()]
    yield "spatialCoverage", [place.name for place in course.places.all()]
    yield "author", [{"@type": "Person", "name": teacher.name} for teacher in course.teachers.all()]
    yield "learningResourceType", RESOURCES.get(Kind(course.kind))
    yield "educationalLevel", LEVELS.get(Level(course.level)) if course.level else None
    yield "timeRequired", _iso_duration(course.duration) if course.duration else None
    yield "license", LICENCES.get(Licence(course.licence))
    yield "image", absolute(page.cover.url)
    workload = _iso_duration(course.duration or 0)
    yield "hasCourseInstance", {"@type": "CourseInstance", "courseMode": "online", "courseWorkload": workload}
    yield "offers", {"@type": "Offer", "category": "Free", "price": 0, "priceCurrency": "CNY"}


def _film(page: CoursePage, url: str) -> Iterator[tuple[str, object]]:
    course, lesson, play = page.course, page.lesson, page.playback
    if lesson is None or play is None:
        return
    yield "@type", "VideoObject" if course.kind == Kind.VIDEO else "AudioObject"
    yield "name", lesson.title
    yield "description", (lesson.summary or _words(page))[:500]
    yield "url", url
    yield "duration", _iso_duration(play.duration or 0)
    yield "uploadDate", (course.first_published_at or course.created_at).isoformat()
    yield "contentUrl", absolute(page.download or play.hls)
    yield "thumbnailUrl", [absolute(play.poster or page.cover.url)]
    yield "embedUrl", absolute(page.embed_path) if page.embed_path else None
    yield "inLanguage", course.language
    yield "license", LICENCES.get(Licence(course.licence))
    yield "transcript", "\n".join(cue.text for cue in page.cues)[:TRANSCRIPT]
    ends = [*(cue.start for cue in page.chapters[1:]), play.duration or 0]
    yield (
        "hasPart",
        [
            {
                "@type": "Clip",
                "name": cue.text,
                "startOffset": int(cue.start),
                "endOffset": int(end),
                "url": f"{url}?t={int(cue.start)}",
            }
            for cue, end in zip(page.chapters, ends, strict=False)
        ],
    )


def _words(page: CoursePage) -> str:
    course = page.course
    return (course.summary or course.description or course.title)[:500]


def _provider(page: CoursePage) -> dict[str, str]:
    institution = page.course.institution
    return {
        "@type": "Organization",
        "name": institution.name,
        "url": absolute(institution.get_absolute_url()),
    }


def _iso_duration(seconds: float) -> str:
    return f"PT{int(seconds // 3600)}H{int(seconds % 3600 // 60)}M{int(seconds % 60)}S"
