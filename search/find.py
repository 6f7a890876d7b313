"""Finding courses: what pages, the desk, the API and the commands call."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from prometheus_client import Histogram

from catalog.models import Course
from search import analysis, ask, highlight, rules, vocabulary
from search.answer import SHOWN, Answer, Taught, answer
from search.ask import Ask, Word
from search.engines.choose import COURSES, DESK, engine
from search.engines.contract import Engine, EngineAway, Row
from search.facets import FACETS, place_ancestors
from search.popular import popular_queries
from search.query import Query
from search.results import Facet, FacetValue, Hit, Passage, Results, Suggestion
from search.snapshot import marks
from search.suggest import suggestions

__all__ = [
    "Facet",
    "FacetValue",
    "Hit",
    "Passage",
    "Query",
    "Results",
    "Suggestion",
    "admin_ids",
    "search",
    "similar",
    "suggest",
]

PASSAGES = 3
"""Places shown inside one course."""

VALUES = 200
"""Values of an open filter that are listed; those chosen are always among them."""

POPULAR = 6


SECONDS = Histogram(
    "wenlan_search_seconds",
    "Seconds to answer a search, by the engine or, while it was away, by the titles in the database",
    ["outcome"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
for _outcome in ("answered", "away"):  # shown as 0 until it happens
    SECONDS.labels(_outcome)


def search(query: Query, *, library: Engine | None = None) -> Results:
    """Courses for one query, with facet counts, highlights and passages. Never raises for what a reader typed; when
    the engine is away, titles are looked up in the database and ``degraded`` says so."""
    begun, outcome = time.perf_counter(), "answered"
    try:
        results = _from_engine(query, library or engine(COURSES))
    except EngineAway:
        outcome = "away"
        results = _from_database(query)
    SECONDS.labels(outcome).observe(time.perf_counter() - begun)
    pages = -(-results.total // query.per_page)
    return replace(results, ms=(time.perf_counter() - begun) * 1000, problems=query.problems, pages=pages)


def suggest(text: str, limit: int = 8) -> list[Suggestion]:
    """Completions of what is being typed, best first; none while the engine is away."""
    text = text[:40]
    asked = [(one.text, one.found) for one in popular_queries(analysis.fold(text), limit // 4)]
    try:
        return suggestions(engine(COURSES), text, timezone.localdate(), limit, asked)
    except EngineAway:
        return []


def similar(course: Course, limit: int = 6) -> list[int]:
    """Ids of courses with much the same words in title, themes, places and keywords; none while the engine is away."""
    related = [str(item) for item in (*course.themes.all(), *course.places.all(), *course.subjects)]
    words = tuple(ask.written(word) for text in (course.title, *related) for word in ask.split(text))
    kept, today = words[: ask.WORDS_LIMIT], timezone.localdate()
    asked = Ask(words=kept, loose=True, limit=limit, today=today, without=(course.pk,))
    try:
        return [row.id for row in engine(COURSES).search(asked).rows] if words else []
    except EngineAway:
        return []


def admin_ids(text: str, limit: int = 1000, institutions: Iterable[str] | None = None) -> list[int]:
    """Ids of courses, drafts too, with every word, best first: of all, or of those ``institutions`` (codes), so that
    the few of a small one are not lost behind the many of all others. For the desk only: the caller scopes them."""
    query = Query.from_params({"q": text})
    if institutions is not None:
        query = replace(query, within=(("institution", tuple(institutions)),))
    try:
        answered = answer(engine(DESK), replace(query, per_page=limit), timezone.localdate().min)
        return [row.id for row in answered.found.rows[: answered.matching]]
    except EngineAway:
        return list(_titled(Course.objects.all(), query.text).values_list("pk", flat=True)[:limit])


# With the engine --------------------------------------------------------------------------------


def _from_engine(query: Query, library: Engine) -> Results:
    answered = answer(library, query, timezone.localdate(), SHOWN, _taught(query.text) if query.text else None)
    rows = answered.found.rows
    spoken = [row.id for row in rows if row.source.get("inside", True)]
    inside = library.passages(spoken, answered.words, PASSAGES) if spoken and answered.words else {}
    nearest = _nearest_spelling(answered)
    hits = tuple(_hit(row, answered.words, inside.get(row.id, ()), _why_hit(row, answered)) for row in rows)
    return Results(
        total=answered.found.total,
        hits=hits,
        facets=tuple(_facets(query.filters, answered.found.counts)),
        suggestion=nearest,
        why=_why(answered, nearest),
        popular=() if answered.found.total else tuple(_popular(library, query)),
    )


def _taught(text: str) -> Taught:
    seen = marks()
    return Taught(vocabulary.current(seen), rules.rule_for(text, seen=seen))


def _hit(row: Row, words: Sequence[Word], inside: Iterable[dict] = (), why: str = "") -> Hit:
    slug, titles = row.source["slug"], row.source["titles"]
    return Hit(
        id=row.id,
        url=reverse("course", args=[slug]),
        title=titles[0],
        highlights=_highlights(row.source, words),
        passages=_places_in([_passage(slug, passage, words) for passage in inside]),
        why=why,
        score=round(row.score, 4),
    )


def _highlights(source: Mapping, words: Sequence[Word]) -> dict[str, str]:
    """The title in any case; names and text only where something in them matched."""
    title, *others = source["titles"]
    marked = {"title": highlight.mark(title, highlight.spans_of(title, words))}
    names = [*others, *source["names"]]
    looked = names if highlight.mentions(names, words) else []
    named = [(name, highlight.spans_of(name, words, parts=False)) for name in looked]
    shown = [highlight.mark(name, spans) for name, spans in named if spans]
    if shown:
        marked["names"] = " · ".join(shown[:4])
    body = source["body"]
    spans = highlight.join(span for word in words for span in highlight.written_spans(body, word, parts=False))
    if not spans and "<mark>" not in marked["title"]:
        spans = highlight.join(span for word in words for span in highlight.written_spans(body, word))
    if spans:
        marked["body"] = highlight.snippet(body, spans)
    return marked


def _places_in(passages: Sequence[Passage]) -> tuple[Passage, ...]:
    """Without a lesson's own text where the same lesson has the second or the page: those can be opened."""
    placed = {one.lesson for one in passages if one.seconds is not None or one.page is not None}
    return tuple(one for one in passages if one.seconds is not None or one.page is not None or one.lesson not in placed)


def _passage(slug: str, passage: Mapping, words: Sequence[Word]) -> Passage:
    text = passage["text"]
    spans = highlight.join(span for word in words for span in highlight.written_spans(text, word))
    seconds = passage["seconds"]
    for position, second in passage["marks"] if spans else ():
        seconds = second if position <= spans[0][0] else seconds
    place = f"?t={seconds}" if seconds is not None else f"?page={passage['page']}" if passage["page"] else ""
    return Passage(
        lesson=passage["lesson"],
        lesson_title=passage["lesson_title"],
        seconds=seconds,
        page=passage["page"],
        url=reverse("lesson", args=[slug, passage["lesson"]]) + place,
        highlight=highlight.snippet(text, spans),
    )


def _popular(library: Engine, query: Query) -> list[Hit]:
    """What is watched most, in the chosen theme where there is one."""
    theme = {name: values for name, values in query.filters.items() if name == "theme"}
    rows: tuple[Row, ...] = ()
    for filters in ([theme] if theme else []) + [{}]:
        asked = Ask(filters=filters, sort="popular", limit=POPULAR, today=timezone.localdate())
        rows = rows or library.search(asked).rows
    return [_hit(row, ()) for row in rows]


# How it was found -------------------------------------------------------------------------------


def _heard_text(row: Row, words: Sequence[Word]) -> str:
    """What in a course's titles or names sounds like the query."""
    clauses = [clause for word in words for clause in word.spoken]
    for text in (*row.source["titles"], *row.source["names"]):
        spans = highlight.heard_spans(text, clauses)
        if spans:
            start, end = max(spans, key=lambda span: span[1] - span[0])
            return text[start:end]
    return ""


def _nearest_spelling(answered: Answer) -> str:
    """The spelling most of the first courses have, when they were found by sound."""
    spoken = answered.level == "heard" or any(word.spoken for word in answered.words)
    if not spoken or len(answered.words) != 1:
        return ""
    spelled = Counter(filter(None, (_heard_text(row, answered.words) for row in answered.found.rows[:10])))
    best = spelled.most_common(1)[0][0] if spelled else ""
    typed = answered.words[0].text
    return best if best and ask.split(best) != [typed] else ""


def _why_hit(row: Row, answered: Answer) -> str:
    words = answered.words
    typed = all(highlight.written_spans(text, word, parts=False) for word in words for text in row.source["titles"][:1])
    heard = "" if typed else _heard_text(row, words)
    return _("按拼音找到“%(text)s”") % {"text": heard} if heard else ""


def _why(answered: Answer, nearest: str) -> str:
    if not answered.found.total and answered.found.unfiltered:
        return _("去掉筛选后有 %(count)d 门课程。") % {"count": answered.found.unfiltered}
    if nearest:
        return _("按拼音找到“%(text)s”") % {"text": nearest}
    if answered.level == "loose" and answered.matching:
        return _("完全符合的有 %(count)d 门，其后是最接近的。") % {"count": answered.matching}
    if answered.level == "loose":
        return _("没有完全相同的内容，以下是最接近的。")
    return ""


# Filters ----------------------------------------------------------------------------------------


def _facets(filters: Mapping[str, tuple[str, ...]], counts: Mapping[str, Mapping[str, int]]) -> Iterable[Facet]:
    for name, counted in counts.items():
        field, chosen = FACETS[name], filters.get(name, ())
        values = list(dict.fromkeys((*_ordered(name, counted), *chosen)))
        if not values:
            continue
        labels = field.labels(values)
        yield Facet(
            name,
            str(field.label),
            tuple(
                FacetValue(value, str(labels.get(value, value)), counted.get(value, 0), value in chosen, depth)
                for value, depth in zip(values, _depths(values) if field.tree else [0] * len(values), strict=True)
            ),
        )


def _ordered(name: str, counted: Mapping[str, int]) -> list[str]:
    """Values in the order they are shown: as declared, as a tree, or the largest first."""
    field = FACETS[name]
    if field.fixed:
        return [value for value in field.fixed if value in counted]
    if field.tree:
        size = {code: [-counted.get(above, 0) for above in place_ancestors(code)] for code in counted}
        return sorted(counted, key=lambda code: [*zip(size[code], place_ancestors(code), strict=True)])
    return sorted(counted, key=lambda value: (-counted[value], value))[:VALUES]


def _depths(codes: Sequence[str]) -> list[int]:
    """How deep each place stands among those that are shown."""
    shown = set(codes)
    return [sum(above in shown for above in place_ancestors(code)[:-1]) for code in codes]


# Without the engine -----------------------------------------------------------------------------

DATABASE_FIELDS = {
    "kind": "kind__in",
    "language": "language__in",
    "level": "level__in",
    "institution": "institution__code__in",
    "theme": "themes__slug__in",
}


def _titled(courses, text: str):
    """Courses with every word of a text in their title."""
    for word in ask.split(text):
        courses = courses.filter(Q(title__icontains=word) | Q(title_en__icontains=word))
    return courses.order_by("-views", "-pk")


def _from_database(query: Query) -> Results:
    courses = _titled(Course.objects.public(), query.text)
    for name, values in query.filters.items():
        if name in DATABASE_FIELDS:
            courses = courses.filter(**{DATABASE_FIELDS[name]: values})
    courses = courses.distinct()
    words = ask.as_written(query.text).words
    rows = [
        Row(course.pk, 0.0, {"slug": course.slug, "titles": [course.title], "names": [], "body": course.summary})
        for course in courses[query.offset : query.offset + query.per_page]
    ]
    return Results(total=courses.count(), hits=tuple(_hit(row, words) for row in rows), degraded=True)
