"""StreamField blocks that choose courses, themes, places and collections.

Each block's template ``cms/blocks/<type>.html`` gets ``value`` and, worked out once:

| type         | value                                      | also in the context                                     |
|--------------|--------------------------------------------|---------------------------------------------------------|
| hero         | headline, lead, course, page, button       | ``item`` (a public Course or live page), ``url``         |
| courses      | title, courses                             | ``courses``                                             |
| rule         | title, what to look for, order, count      | ``courses``, ``more_url``                               |
| themes       | title, themes                              | ``items``: Theme                                        |
| places       | title, places, count                       | ``items``: Place with a brand                           |
| collections  | title, collections, count                  | ``items``: CollectionPage                               |
| text         | rich text                                  | –                                                       |
| chapter      | title, text                                | –                                                       |
| picture      | course, number, caption, wide              | ``plate``: lesson, cover and largest file, or None      |

``courses`` are Courses that are public now, in the editor's order, with institution, cover, themes and places loaded:
a block costs a fixed number of queries, however many courses it names.
"""

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.urls import reverse
from wagtail.blocks import (
    BooleanBlock,
    CharBlock,
    ChoiceBlock,
    IntegerBlock,
    ListBlock,
    PageChooserBlock,
    RichTextBlock,
    StreamBlock,
    StructBlock,
    StructBlockValidationError,
)
from wagtail.snippets.blocks import SnippetChooserBlock

from catalog.covers import plates
from catalog.kinds import Kind
from catalog.models import Course, Institution, Lesson, Place, Theme
from search import find
from search.query import PER_PAGE, Query

TEXT_FEATURES = ["h3", "h4", "bold", "italic", "ol", "ul", "hr", "blockquote", "link"]


def for_cards(queryset: QuerySet[Course]) -> QuerySet[Course]:
    """Public courses with everything a card shows, in four queries whatever their number."""
    return queryset.public().select_related("institution", "cover").prefetch_related("themes", "places")  # type: ignore[attr-defined]


def in_order(chosen: Iterable[Course | None]) -> list[Course]:
    """The public ones among hand-picked courses, in the editor's order, each once."""
    keys = [course.pk for course in chosen if course is not None]
    found = for_cards(Course.objects.filter(pk__in=keys)).in_bulk()
    return [found[key] for key in dict.fromkeys(keys) if key in found]


class CourseRowBlock(StructBlock):
    """A titled row of courses picked by hand."""

    title = CharBlock(label="标题", max_length=60)
    courses = ListBlock(SnippetChooserBlock("catalog.Course", label="课程"), label="课程", min_num=1, max_num=60)

    class Meta:
        label = "课程一排"
        icon = "list-ul"
        group = "课程"
        template = "cms/blocks/courses.html"

    def get_context(self, value: Any, parent_context: dict[str, Any] | None = None) -> dict[str, Any]:
        context = super().get_context(value, parent_context)
        context["courses"] = in_order(value["courses"])
        return context


class CourseRuleBlock(StructBlock):
    """A titled row that fills itself: "the newest 20 on 苗绣 from 重庆". What is left empty does not narrow."""

    title = CharBlock(label="标题", max_length=60)
    words = CharBlock(label="搜索词", max_length=60, required=False, help_text="如 苗绣；像读者那样搜索。")
    theme = SnippetChooserBlock("catalog.Theme", label="主题", required=False)
    place = SnippetChooserBlock("catalog.Place", label="地方", required=False)
    institution = SnippetChooserBlock("catalog.Institution", label="机构", required=False)
    kind = ChoiceBlock(label="类型", choices=Kind.choices, required=False)
    order = ChoiceBlock(
        label="次序",
        choices=[("newest", "最新上线"), ("popular", "播放最多"), ("relevance", "最贴切（要有搜索词）")],
        default="newest",
    )
    count = IntegerBlock(label="数量", default=8, min_value=1, max_value=40)

    class Meta:
        label = "课程一排（自动）"
        icon = "rotate"
        group = "课程"
        template = "cms/blocks/rule.html"

    def clean(self, value: Any) -> Any:
        value = super().clean(value)
        if value["order"] == "relevance" and not value["words"]:
            raise StructBlockValidationError({"words": ValidationError("次序是“最贴切”，请写搜索词。")})
        return value

    def get_context(self, value: Any, parent_context: dict[str, Any] | None = None) -> dict[str, Any]:
        context = super().get_context(value, parent_context)
        subjects = [value[name] for name in ("theme", "place", "institution") if value[name]]
        query = _query(value)
        context["courses"] = _found(query) if query.text else _filtered(subjects, query)
        alone = len(subjects) == 1 and not (query.text or value["kind"])
        context["more_url"] = (
            subjects[0].get_absolute_url() if alone else f"{reverse('search')}?{query.params(per_page=PER_PAGE)}"
        )
        return context


def _query(value: Any) -> Query:
    keys = {"theme": "slug", "place": "code", "institution": "code"}
    filters = {name: (getattr(value[name], key),) for name, key in keys.items() if value[name]}
    if value["kind"]:
        filters["kind"] = (value["kind"],)
    return Query(value["words"] or "", filters, value["order"], per_page=value["count"])


def _found(query: Query) -> list[Course]:
    keys = [hit.id for hit in find.search(query).hits]
    found = for_cards(Course.objects.filter(pk__in=keys)).in_bulk()
    return [found[key] for key in keys if key in found]


def _filtered(subjects: list[Theme | Place | Institution], query: Query) -> list[Course]:
    """Without words the database answers, so that a row is there while the search is away."""
    courses = Course.objects.order_by(
        *(["-views", "-pk"] if query.sort == "popular" else ["-first_published_at", "-pk"])
    )
    for subject in subjects:
        courses = courses.under(subject)
    if "kind" in query.filters:
        courses = courses.filter(kind__in=query.filters["kind"])
    return list(for_cards(courses)[: query.per_page])


class HeroBlock(StructBlock):
    """The opening picture: one course or one collection with a headline."""

    headline = CharBlock(label="大标题", max_length=40)
    lead = CharBlock(label="引言", max_length=120, required=False)
    course = SnippetChooserBlock("catalog.Course", label="课程", required=False)
    page = PageChooserBlock(page_type=["cms.CollectionPage"], label="专辑", required=False)
    button = CharBlock(label="按钮文字", max_length=12, required=False, help_text="留空时为“去看看”。")

    class Meta:
        label = "大图开篇"
        icon = "image"
        template = "cms/blocks/hero.html"

    def clean(self, value: Any) -> Any:
        value = super().clean(value)
        if bool(value["course"]) == bool(value["page"]):
            raise StructBlockValidationError({"course": ValidationError("请选择一门课程或一个专辑，二者选一。")})
        return value

    def get_context(self, value: Any, parent_context: dict[str, Any] | None = None) -> dict[str, Any]:
        context = super().get_context(value, parent_context)
        page = value.get("page")
        chosen = in_order([value.get("course")])
        context["item"] = chosen[0] if chosen else (page if page is not None and page.live else None)
        context["url"] = ""
        if chosen:
            context["url"] = chosen[0].get_absolute_url()
        elif context["item"] is not None:
            context["url"] = page.get_url((parent_context or {}).get("request")) or ""
        return context


class ThemesBlock(StructBlock):
    """A strip of themes; all of the first level when none is chosen."""

    title = CharBlock(label="标题", max_length=60, required=False)
    themes = ListBlock(SnippetChooserBlock("catalog.Theme", label="主题"), label="主题", default=[], required=False)

    class Meta:
        label = "主题一排"
        icon = "tag"
        template = "cms/blocks/themes.html"

    def get_context(self, value: Any, parent_context: dict[str, Any] | None = None) -> dict[str, Any]:
        context = super().get_context(value, parent_context)
        chosen = [theme for theme in value["themes"] if theme is not None]
        context["items"] = chosen or list(Theme.get_root_nodes())
        return context


class PlacesBlock(StructBlock):
    """一地一品: places with their craft; those that have a brand and courses when none is chosen."""

    title = CharBlock(label="标题", max_length=60, required=False)
    places = ListBlock(SnippetChooserBlock("catalog.Place", label="地方"), label="地方", default=[], required=False)
    count = IntegerBlock(label="数量", default=12, min_value=1, max_value=40)

    class Meta:
        label = "一地一品"
        icon = "site"
        template = "cms/blocks/places.html"

    def get_context(self, value: Any, parent_context: dict[str, Any] | None = None) -> dict[str, Any]:
        context = super().get_context(value, parent_context)
        chosen = [place for place in value["places"] if place is not None]
        context["items"] = chosen or list(Place.objects.exclude(brand="").order_by("code")[: value["count"]])
        return context


class CollectionsBlock(StructBlock):
    """A row of collections; the newest when none is chosen."""

    title = CharBlock(label="标题", max_length=60, required=False)
    collections = ListBlock(
        PageChooserBlock(page_type=["cms.CollectionPage"], label="专辑"), label="专辑", default=[], required=False
    )
    count = IntegerBlock(label="数量", default=6, min_value=1, max_value=24)

    class Meta:
        label = "专辑一排"
        icon = "folder-open-inverse"
        template = "cms/blocks/collections.html"

    def get_context(self, value: Any, parent_context: dict[str, Any] | None = None) -> dict[str, Any]:
        context = super().get_context(value, parent_context)
        keys = [page.pk for page in value["collections"] if page is not None]
        pages = apps.get_model("cms", "CollectionPage").objects.live().public()
        if keys:
            found = pages.in_bulk(keys)
            context["items"] = [found[key] for key in dict.fromkeys(keys) if key in found]
        else:
            context["items"] = list(pages.order_by("-first_published_at", "-pk")[: value["count"]])
        return context


class ChapterBlock(StructBlock):
    """Opens a chapter of an exhibition; the rows and pictures after it belong to it."""

    title = CharBlock(label="标题", max_length=60)
    text = RichTextBlock(label="文字", features=TEXT_FEATURES, required=False)

    class Meta:
        label = "章"
        icon = "title"
        group = "展览"
        template = "cms/blocks/chapter.html"


class PictureBlock(StructBlock):
    """One picture out of a gallery of the catalogue, so that who made it and how it may be used come with it."""

    course = SnippetChooserBlock("catalog.Course", label="图集")
    number = IntegerBlock(label="第几幅", default=1, min_value=1)
    caption = CharBlock(label="说明", max_length=160, required=False, help_text="留空时用图集里的题名。")
    wide = BooleanBlock(label="通栏", required=False)

    class Meta:
        label = "图"
        icon = "image"
        group = "展览"
        template = "cms/blocks/picture.html"

    def clean(self, value: Any) -> Any:
        value = super().clean(value)
        course, number = value["course"], value["number"]
        if course.kind != Kind.GALLERY:
            raise StructBlockValidationError({"course": ValidationError(f"《{course}》不是图集，请选择一个图集。")})
        if not course.lessons.filter(number=number).exists():
            message = f"《{course}》只有 {course.lessons.count()} 幅，没有第 {number} 幅。"
            raise StructBlockValidationError({"number": ValidationError(message)})
        return value

    def get_context(self, value: Any, parent_context: dict[str, Any] | None = None) -> dict[str, Any]:
        context = super().get_context(value, parent_context)
        lessons = Lesson.objects.filter(
            course=value["course"], number=value["number"], course__in=Course.objects.public()
        ).select_related("asset", "course__institution")
        context["plate"] = next(iter(plates(lessons)), None)
        return context


class _Body(StreamBlock):
    courses = CourseRowBlock()
    rule = CourseRuleBlock()
    text = RichTextBlock(
        label="文字", features=TEXT_FEATURES, template="cms/blocks/text.html", icon="pilcrow", group="文字"
    )


class CollectionBody(_Body):
    """What a curated collection is made of."""

    chapter = ChapterBlock()
    picture = PictureBlock()


class HomeBody(_Body):
    """What the home page and the pages of themes and places are made of."""

    hero = HeroBlock()
    themes = ThemesBlock()
    places = PlacesBlock()
    collections = CollectionsBlock()
