"""What the templates of editorial pages get beside ``page``. Views and page models both call this module, so the
public page and its preview show the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.core.paginator import EmptyPage, PageNotAnInteger, Paginator
from django.db.models import Count, QuerySet
from django.db.models.functions import Substr
from django.http import Http404
from django.utils.translation import gettext as _

from accounts.look import FEW, FULL
from catalog.covers import Cover, pattern, prepare
from catalog.models import Course, Institution, Place, Teacher, Theme
from catalog.podcasts import heard
from cms import maps
from cms.blocks import for_cards

PEOPLE = 12
ROW = 8
SUGGESTED_TITLE = 10
"""Characters of the titles offered below the search box of the home page."""


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A collection on a card: its page, what it looks like, how many courses it shows."""

    page: Any
    cover: Cover
    count: int


@dataclass(frozen=True, slots=True)
class Counted:
    """A theme or place, with the number of public courses in it and below it."""

    item: Any
    count: int
    cover: Cover | None = None


def home_context(page: Any = None) -> dict[str, Any]:
    """The home page: editors' blocks, or rows that fill themselves while there are none."""
    blocks = list(page.body) if page is not None else []
    opening = blocks[0] if blocks and blocks[0].block_type == "hero" else None
    popular = prepare(for_cards(Course.objects.order_by("-views", "-pk"))[:12])
    context: dict[str, Any] = {
        "opening": opening,
        "opening_context": opening.block.get_context(opening.value) if opening else {},
        "blocks": blocks[1:] if opening else blocks,
        "popular": popular,
        "chips": [course for course in popular if len(course.title) <= SUGGESTED_TITLE][:5],
        "total": Course.objects.public().count(),
        "exhibits": exhibits(limit=1),
    }
    if not context["blocks"]:
        context["newest"] = prepare(for_cards(Course.objects.order_by("-first_published_at", "-pk"))[:ROW])
        context["themes"] = counted_themes(Theme.get_root_nodes())
        context["places"] = counted_places(Place.objects.exclude(brand="").order_by("code")[:5])
    return context


def senior_home_context() -> dict[str, Any]:
    """The home page in senior mode: two rows of two courses, which with the two ways on are all there is to choose."""
    return {"courses": prepare(for_cards(Course.objects.order_by("-views", "-pk"))[: FEW - 2])}


def counted_themes(themes: Iterable[Theme]) -> list[Counted]:
    """Themes with the number of public courses in them and below, in one query a tree level."""
    chosen = list(themes)
    counts: dict[str, int] = {}
    for size in {len(theme.path) for theme in chosen}:
        rows = Course.objects.public().order_by().values(head=Substr("themes__path", 1, size))
        counts.update(rows.annotate(n=Count("pk", distinct=True)).values_list("head", "n"))
    return [
        Counted(theme, counts.get(theme.path, 0), pattern(theme.pattern, theme.colour, theme.pk, theme.name))
        for theme in chosen
    ]


def counted_places(places: Iterable[Place]) -> list[Counted]:
    """Places with the number of public courses in them and below, in one query a length of code."""
    chosen = list(places)
    counts: dict[str, int] = {}
    for size in {len(place.code) for place in chosen}:
        rows = Course.objects.public().order_by().values(head=Substr("places__code", 1, size))
        counts.update(rows.annotate(n=Count("pk", distinct=True)).values_list("head", "n"))
    return [Counted(place, counts.get(place.code, 0), place_cover(place)) for place in chosen]


def place_cover(place: Place) -> Cover:
    """A drawn cover for a place, with its craft on the slip where it has one."""
    number = sum(ord(char) * (index + 3) for index, char in enumerate(place.code))
    colours = ("#2f6f62", "#33484f", "#7d4a3d", "#3d5a7d", "#8a5a2b", "#5d6b3a")
    motifs = ("wave", "bamboo", "loom", "ice")
    return pattern(motifs[number % 4], colours[number // 4 % 6], number, place.brand or place.name)


def picked(page: Any) -> QuerySet[Course]:
    """The public courses picked by hand in a page's blocks."""
    return Course.objects.public().filter(pk__in=_chosen_courses(page))


def _chosen_courses(page: Any) -> list[int]:
    """Keys of the courses picked by hand in a page's blocks, in order, without reading the courses."""
    return [
        key
        for block in page.body.raw_data
        if block["type"] == "courses"
        for key in _course_keys(block["value"].get("courses", ()))
    ]


def _course_keys(items: Sequence[Any]) -> list[int]:
    """List items are bare values or ``{"type", "value", "id"}``, by the age of the page."""
    values = [item["value"] if isinstance(item, dict) else item for item in items]
    return [int(value) for value in values if value]


def _collections() -> QuerySet:
    return apps.get_model("cms", "CollectionPage").objects.live().public().order_by("-first_published_at", "-pk")


def exhibits(pages: Iterable[Any] | None = None, limit: int | None = None) -> list[Exhibit]:
    """Collections as cards. Queries do not grow with their number."""
    chosen = list(pages if pages is not None else _collections()[:limit])
    keys = {page.pk: _chosen_courses(page) for page in chosen}
    firsts = {pk: courses[0] for pk, courses in keys.items() if courses}
    found = {course.pk: course for course in prepare(for_cards(Course.objects.filter(pk__in=firsts.values())))}
    out = []
    for page in chosen:
        first = found.get(firsts.get(page.pk, 0))
        shown = first.card_cover if first else pattern("ice", "#3d7d70", page.pk, page.title)
        out.append(Exhibit(page, shown, len(keys[page.pk])))
    return out


def collections_context(page: Any = None) -> dict[str, Any]:
    return {"exhibits": exhibits()}


def collection_context(page: Any) -> dict[str, Any]:
    shown = picked(page)
    return {
        "chapters": [
            (n, block.value["title"]) for n, block in enumerate(page.body, 1) if block.block_type == "chapter"
        ],
        "makers": Institution.objects.filter(courses__in=shown).distinct().order_by("name"),
        "exhibit": exhibits([page])[0],
        "heard": heard(shown).exists(),
        "others": [other for other in exhibits(limit=4) if other.page.pk != page.pk][:3],
    }


def listed(courses: QuerySet[Course], number: str, per_page: int) -> dict[str, Any]:
    """One page of a list of courses. Raises Http404 for a page that is not there."""
    paginator = Paginator(for_cards(courses.order_by("-first_published_at", "-pk")), per_page)
    try:
        page = paginator.page(number or 1)
    except (PageNotAnInteger, EmptyPage) as error:
        raise Http404(_("没有“%(page)s”这一页。") % {"page": str(number)[:20]}) from error
    prepare(page.object_list)
    numbers = list(paginator.get_elided_page_range(page.number, on_each_side=2, on_ends=1))
    return {"page_obj": page, "page_range": numbers, "courses": page.object_list, "total": paginator.count}


def theme_context(theme: Theme, page: Any = None, number: str = "1", per_page: int = FULL) -> dict[str, Any]:
    return {
        "theme": theme,
        "theme_page": page,
        "blocks": list(page.body) if page is not None and number == "1" else [],
        "above": list(theme.get_ancestors()),
        "children": [child for child in counted_themes(theme.get_children()) if child.count],
        "cover": pattern(theme.pattern, theme.colour, theme.pk, theme.name),
        **listed(Course.objects.under(theme), number, per_page),
    }


def place_context(place: Place, page: Any = None, number: str = "1", per_page: int = FULL) -> dict[str, Any]:
    inside = Course.objects.under(place)
    divisions = counted_places(place.divisions())
    above = list(place.ancestors())
    neighbours = divisions or counted_places(above[-1].divisions() if above else [])
    public = inside.public()
    keys = set(public.values_list("pk", flat=True)[:2000])
    picked = set(_chosen_courses(page)) if page is not None and number == "1" else set()
    return {
        "place": place,
        "place_page": page,
        "blocks": list(page.body) if page is not None and number == "1" else [],
        "above": above,
        "divisions": divisions,
        "place_drawing": place_cover(place),
        "all_above": bool(keys) and keys <= picked,
        "map": maps.draw(
            [row.item for row in neighbours],
            {row.item.code: row.count for row in neighbours},
            here="" if divisions else place.code,
        ),
        "teachers": Teacher.objects.filter(courses__in=public.values("pk"))
        .select_related("institution")
        .distinct()[:PEOPLE],
        "institutions": Institution.objects.filter(place__code__startswith=place.code)[:PEOPLE],
        "exhibits": exhibits([one for one in _collections()[:200] if keys.intersection(_chosen_courses(one))][:6]),
        **listed(inside, number, per_page),
    }


def institution_context(institution: Institution, number: str, per_page: int) -> dict[str, Any]:
    """Raises Http404 for an institution of which nothing can be seen."""
    courses = Course.objects.under(institution)
    public = courses.public().order_by()
    owners = set(public.values_list("institution__path", flat=True).distinct())
    if not owners:
        raise Http404(_("这家机构还没有公开的课程。"))
    below = [one for one in institution.get_children() if any(path.startswith(one.path) for path in owners)]
    teachers = Teacher.objects.filter(courses__in=public.values("pk")).select_related("institution").distinct()
    return {
        "institution": institution,
        "above": list(institution.get_ancestors()),
        "below": below,
        "teachers": teachers[:PEOPLE],
        "heard": heard(courses).exists(),
        **listed(courses, number, per_page),
    }


def teacher_context(teacher: Teacher, number: str, per_page: int) -> dict[str, Any]:
    """Raises Http404 for a teacher of whom nothing can be seen."""
    found = listed(Course.objects.filter(teachers=teacher), number, per_page)
    if not found["total"]:
        raise Http404(_("这位老师还没有公开的课程。"))
    return {"teacher": teacher, **found}


def places_context() -> dict[str, Any]:
    """The overview: provinces on a map and by name, and the places known for a craft."""
    provinces = counted_places(Place.objects.current().filter(level=1))
    branded = counted_places(Place.objects.exclude(brand="").order_by("code")[:60])
    return {
        "provinces": provinces,
        "branded": branded,
        "map": maps.draw([row.item for row in provinces], {row.item.code: row.count for row in provinces}),
    }


def themes_context() -> dict[str, Any]:
    """The theme tree in two levels, with counts."""
    roots = counted_themes(Theme.get_root_nodes())
    below = counted_themes(Theme.objects.filter(depth=2).order_by("path"))
    tree = [(root, [row for row in below if row.item.path.startswith(root.item.path)]) for root in roots]
    return {"tree": tree}


def rows(page: Any) -> list[tuple[str, list[Course]]]:
    """Titled rows of courses for a television: the editors' rows of a page. While the home page has none, the newest
    and each theme's."""
    found: list[tuple[str, list[Course]]] = []
    for block in page.body if page is not None else ():
        if block.block_type in {"courses", "rule"}:
            found.append((block.value["title"], block.block.get_context(block.value)["courses"]))
    if not found and (page is None or isinstance(page, apps.get_model("cms", "HomePage"))):
        found.append((_("新到"), list(for_cards(Course.objects.order_by("-first_published_at", "-pk"))[:20])))
        for theme in Theme.get_root_nodes()[:6]:
            found.append((theme.name, list(for_cards(Course.objects.under(theme).order_by("-pk"))[:20])))
    prepare([course for _title, courses in found for course in courses])
    return [(title, prepare(courses)) for title, courses in found if courses]
