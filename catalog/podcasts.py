"""Podcasts: recordings of audio courses as RSS 2.0 with Apple's terms, which every podcast client reads.

Of a course all lessons in order (``serial``); of an institution or a collection the newest (``episodic``). Only public
courses whose licence lets them leave the site, and only lessons that can be heard now.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib.syndication.views import Feed
from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.feedgenerator import Enclosure, Rss201rev2Feed
from django.utils.translation import gettext as _

from catalog.addresses import absolute
from catalog.kinds import Kind
from catalog.models import Course, Institution, Lesson, Licence
from catalog.xml_text import clean
from media_pipeline.access import media_url
from media_pipeline.models import AssetState
from media_pipeline.playback import SoundFile, sound_files

ITUNES = "http://www.itunes.com/dtds/podcast-1.0.dtd"
LENGTH = 100
"""Episodes of an institution or a collection; a course has all of its lessons."""


def heard(courses: QuerySet[Course] | None = None) -> QuerySet[Course]:
    """Those of ``courses`` (default: all) that may be a podcast."""
    chosen = Course.objects.all() if courses is None else courses
    return chosen.filter(pk__in=Course.objects.public(), kind=Kind.AUDIO).exclude(licence=Licence.PLATFORM)


class PodcastRss(Rss201rev2Feed):
    """RSS with the namespace of podcasts; texts may hold what an editor pasted."""

    content_type = "application/rss+xml; charset=utf-8"

    def __init__(self, title: str, link: str, description: str, **kwargs: Any) -> None:
        super().__init__(clean(title), link, clean(description), **kwargs)

    def rss_attributes(self) -> dict[str, str]:
        return {**super().rss_attributes(), "xmlns:itunes": ITUNES}

    def add_root_elements(self, handler: Any) -> None:
        super().add_root_elements(handler)
        handler.addQuickElement("itunes:author", clean(self.feed["author"]))
        handler.addQuickElement("itunes:type", self.feed["type"])
        handler.addQuickElement("itunes:explicit", "false")
        handler.startElement("itunes:category", {"text": "Education"})
        handler.addQuickElement("itunes:category", attrs={"text": "Courses"})
        handler.endElement("itunes:category")
        if self.feed["image"]:
            handler.addQuickElement("itunes:image", attrs={"href": self.feed["image"]})

    def add_item(self, title: str, link: str, description: str, *args: Any, **kwargs: Any) -> None:
        super().add_item(clean(title), link, clean(description), *args, **kwargs)

    def add_item_elements(self, handler: Any, item: dict[str, Any]) -> None:
        super().add_item_elements(handler, item)
        handler.addQuickElement("itunes:explicit", "false")
        for name in ("duration", "episode"):
            if item[name]:
                handler.addQuickElement(f"itunes:{name}", str(item[name]))
        if item["image"]:
            handler.addQuickElement("itunes:image", attrs={"href": item["image"]})


class Podcast(Feed):
    """What the podcasts of a course, an institution and a collection share. ``subject`` has a title and an address."""

    feed_type = PodcastRss
    language = "zh-Hans"
    shape = "episodic"

    def courses(self, subject: Any) -> QuerySet[Course]:
        raise NotImplementedError

    def title(self, subject: Any) -> str:
        return str(subject)

    def link(self, subject: Any) -> str:
        return subject.get_absolute_url()

    def description(self, subject: Any) -> str:
        return getattr(subject, "summary", "") or _("文澜公开的录音")

    def author(self, subject: Any) -> str:
        return str(subject)

    def image(self, subject: Any) -> str:
        return ""

    def feed_extra_kwargs(self, subject: Any) -> dict[str, Any]:
        return {"author": self.author(subject), "type": self.shape, "image": self.image(subject)}

    def items(self, subject: Any) -> list[tuple[Lesson, SoundFile]]:
        lessons = Lesson.objects.filter(course__in=self.courses(subject), asset__state=AssetState.PUBLISHED)
        everything = lessons.select_related("course__institution", "course__cover", "asset")
        chosen = list(self.ordered(everything))
        sounds = sound_files(lesson.asset for lesson in chosen if lesson.asset)
        return [(lesson, sounds[lesson.asset_id]) for lesson in chosen if lesson.asset_id in sounds]

    def ordered(self, lessons: QuerySet[Lesson]) -> QuerySet[Lesson]:
        return lessons.order_by("-course__first_published_at", "-course", "sort_order", "pk")[:LENGTH]

    def item_link(self, item: tuple[Lesson, SoundFile]) -> str:
        return item[0].get_absolute_url()

    def item_title(self, item: tuple[Lesson, SoundFile]) -> str:
        lesson = item[0]
        return lesson.title if lesson.title == lesson.course.title else f"{lesson.course.title}：{lesson.title}"

    def item_description(self, item: tuple[Lesson, SoundFile]) -> str:
        return item[0].summary or item[0].course.summary

    def item_pubdate(self, item: tuple[Lesson, SoundFile]) -> datetime:
        # clients sort by moment: lessons of a course keep their order by a second each
        lesson = item[0]
        return (lesson.course.first_published_at or lesson.course.created_at) + timedelta(
            seconds=lesson.sort_order or 0
        )

    def item_enclosures(self, item: tuple[Lesson, SoundFile]) -> list[Enclosure]:
        sound = item[1]
        return [Enclosure(absolute(sound.url), str(sound.bytes), sound.type)]

    def item_extra_kwargs(self, item: tuple[Lesson, SoundFile]) -> dict[str, Any]:
        lesson = item[0]
        seconds = round((lesson.asset.duration if lesson.asset else None) or 0)
        return {"duration": seconds, "episode": 0, "image": picture(lesson.course)}


class CoursePodcast(Podcast):
    """One course, its lessons as numbered episodes."""

    shape = "serial"

    def get_object(self, request: HttpRequest, slug: str) -> Course:
        return get_object_or_404(heard().select_related("institution", "cover"), slug=slug)

    def courses(self, subject: Course) -> QuerySet[Course]:
        return heard().filter(pk=subject.pk)

    def ordered(self, lessons: QuerySet[Lesson]) -> QuerySet[Lesson]:
        return lessons.order_by("sort_order", "pk")

    def items(self, subject: Course) -> list[tuple[Lesson, SoundFile]]:
        found = super().items(subject)
        for place, (lesson, _sound) in enumerate(found, 1):
            lesson.sort_order = place
        return found

    def description(self, subject: Course) -> str:
        return subject.summary or subject.description or subject.title

    def author(self, subject: Course) -> str:
        return subject.credit or subject.institution.name

    def image(self, subject: Course) -> str:
        return picture(subject)

    def feed_copyright(self, subject: Course) -> str:
        return clean(f"{self.author(subject)}，{subject.get_licence_display()}")

    def item_title(self, item: tuple[Lesson, SoundFile]) -> str:
        return item[0].title

    def item_extra_kwargs(self, item: tuple[Lesson, SoundFile]) -> dict[str, Any]:
        return {**super().item_extra_kwargs(item), "episode": item[0].sort_order}


class InstitutionPodcast(Podcast):
    """The newest recordings of an institution and of those below it."""

    def get_object(self, request: HttpRequest, code: str) -> Institution:
        found = get_object_or_404(Institution, code=code)
        if not self.courses(found).exists():
            raise Http404
        return found

    def courses(self, subject: Institution) -> QuerySet[Course]:
        return heard(Course.objects.under(subject))


def picture(course: Course) -> str:
    """The absolute address of a course's cover, a JPEG or PNG, as Apple asks; "" where it is drawn or no such."""
    shown = course.cover
    fits = shown is not None and shown.poster_key.endswith((".jpg", ".png"))
    return absolute(media_url(shown, shown.poster_key)) if shown and fits else ""
