"""The demo's pages: the front page, collections, themes and places. Made where they are missing, never overwritten."""

from __future__ import annotations

from typing import Any

from wagtail.models import Page

from catalog.models import Course, Place, Theme
from cms.demo.loading import SOURCE
from cms.models import CollectionIndexPage, CollectionPage, HomePage, PlacePage, ThemePage

Block = dict[str, Any]


class Rows:
    """Blocks of courses named by their demo ids."""

    def __init__(self) -> None:
        courses = Course.objects.filter(external_source=SOURCE)
        self.keys = dict(courses.values_list("external_id", "pk"))

    def row(self, title: str, ids: list[str]) -> Block:
        """Raises KeyError for a course that is not in the texts."""
        return {"type": "courses", "value": {"title": title, "courses": [self.keys[name] for name in ids]}}

    def rows(self, entries: list[list[Any]]) -> list[Block]:
        return [self.row(title, ids) for title, ids in entries]

    def chapter(self, entry: dict[str, Any]) -> list[Block]:
        """A chapter of an exhibition: its text, a picture out of a gallery, its courses."""
        blocks: list[Block] = [
            {"type": "chapter", "value": {"title": entry["title"], "text": f"<p>{entry['text']}</p>"}}
        ]
        if "picture" in entry:
            gallery, number, caption, wide = entry["picture"]
            value = {"course": self.keys[gallery], "number": number, "caption": caption, "wide": wide}
            blocks.append({"type": "picture", "value": value})
        return [*blocks, self.row(entry["row"], entry["courses"])]


def load_pages(pages: dict[str, Any]) -> int:
    """Makes the missing pages and returns how many were made or filled."""
    home = HomePage.objects.first()
    index = CollectionIndexPage.objects.first()
    if home is None or index is None:
        return 0
    rows = Rows()
    made = _collections(index, pages["collection"], rows)
    made += _themes(home, pages["theme"], rows)
    made += _places(home, pages["place"], rows)
    return made + _front(home, pages["home"], rows)


def _add(parent: Page, page: Page) -> None:
    parent.add_child(instance=page)
    page.save_revision().publish()


def _collections(index: CollectionIndexPage, entries: list[dict[str, Any]], rows: Rows) -> int:
    known = set(CollectionPage.objects.values_list("slug", flat=True))
    missing = [entry for entry in entries if entry["slug"] not in known]
    for entry in missing:
        page = CollectionPage(title=entry["title"], slug=entry["slug"], credits=entry["credits"])
        page.introduction = f"<p>{entry['introduction']}</p>"
        page.search_description = entry["introduction"][:150]
        chapters = (block for chapter in entry.get("chapter", []) for block in rows.chapter(chapter))
        page.body = [*chapters, *rows.rows(entry.get("rows", []))]
        _add(index, page)
    return len(missing)


def _themes(home: HomePage, entries: dict[str, list[Any]], rows: Rows) -> int:
    themes = Theme.objects.filter(slug__in=entries, page__isnull=True)
    for theme in themes:
        title, ids = entries[theme.slug]
        _add(home, ThemePage(title=theme.name, slug=f"theme-{theme.slug}", theme=theme, body=[rows.row(title, ids)]))
    return len(themes)


def _places(home: HomePage, entries: dict[str, list[Any]], rows: Rows) -> int:
    places = Place.objects.filter(code__in=entries, page__isnull=True)
    for place in places:
        _, brand, introduction, ids = entries[place.code]
        page = PlacePage(title=f"{place.name}：{brand}", slug=f"place-{place.code}", place=place)
        page.introduction = f"<p>{introduction}</p>"
        page.body = [rows.row(f"{brand}，从这里学", ids)]
        _add(home, page)
    return len(places)


def _front(home: HomePage, entry: dict[str, Any], rows: Rows) -> int:
    if home.body:
        return 0
    headline, lead, course = entry["hero"]
    hero = {"headline": headline, "lead": lead, "course": rows.keys[course], "page": None, "button": ""}
    first, *others = rows.rows(entry["rows"])
    home.headline, home.lead = entry["headline"], entry["lead"]
    home.body = [
        {"type": "hero", "value": hero},
        {"type": "themes", "value": {"title": "", "themes": []}},
        first,
        {"type": "places", "value": {"title": "一地一品", "places": [], "count": 12}},
        {"type": "collections", "value": {"title": "专辑", "collections": [], "count": 6}},
        *others,
        {"type": "rule", "value": {"title": "最新上线", "order": "newest", "count": 8}},
    ]
    home.save_revision().publish()
    return 1
