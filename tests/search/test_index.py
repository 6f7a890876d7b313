"""Keeping the index true to the catalogue, on both engines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import fields, replace
from datetime import timedelta
from hashlib import blake2b
from itertools import islice
from typing import Any

import opencc
import pytest
from django.utils import timezone

from catalog.models import Course, Lesson
from media_pipeline import periodic
from media_pipeline.models import DocumentPage, TextTrack
from search import analysis, documents, find, grams, index, outbox
from search.audit import audit
from search.documents import CourseDocument, Name, PassageDocument, public_courses
from search.engines.choose import COURSES, engine
from search.engines.contract import Engine
from search.engines.elastic.mapping import MAPPINGS, SETTINGS, course_body, name_body, passage_body
from search.engines.embedded.library import SCHEMA
from search.models import StaleDocument
from search.query import Query
from tests.search import corpus
from tests.search.asking import counts, slugs
from tests.search.conftest import ENGINES

SOON = 60
"""Seconds in which a change is searched for, at the latest."""


def change(*courses: Course) -> None:
    """What a receiver does, and the flush after the commit."""
    index.mark_stale([course.pk for course in courses])
    index.flush_stale()


def test_search_leaves_out_what_is_withdrawn(library: Engine, courses: dict[str, Course]) -> None:
    Course.objects.filter(pk=courses["shu-xiu"].pk).update(live=False)
    change(courses["shu-xiu"])
    assert "shu-xiu" not in slugs("蜀绣")
    assert "shu-xiu" not in [one.url for one in find.suggest("蜀绣")]
    assert courses["shu-xiu"].pk in find.admin_ids("蜀绣")


def test_half_a_character_keeps_no_course_out(library: Engine, courses: dict[str, Course]) -> None:
    """JSON has escapes for lone halves of UTF-16 pairs; SQLite stores them with it."""
    halves = {"extra": {"注": "半个字\ud83d独门剪法"}, "subjects": ["\udc00剪影"]}
    Course.objects.filter(pk=courses["paper"].pk).update(**halves)
    change(courses["paper"])
    for text in ("独门剪法", "剪影"):
        assert slugs(text)[:1] == ["paper"], text
    assert audit(library, COURSES).agrees


def test_search_forgets_deleted_courses(library: Engine, courses: dict[str, Course]) -> None:
    course, pk = courses["miao-xiu"], courses["miao-xiu"].pk
    Lesson.objects.filter(course=course).delete()
    Course.objects.filter(pk=pk).delete()
    index.mark_stale([pk])
    index.flush_stale()
    assert slugs("绕线三圈") == [] or "miao-xiu" not in slugs("绕线三圈")
    assert find.admin_ids("苗绣") == []


def test_search_leaves_out_ended_licences_by_itself(library: Engine, courses: dict[str, Course]) -> None:
    today = timezone.localdate()
    Course.objects.filter(pk=courses["shu-xiu"].pk).update(licence_until=today)
    Course.objects.filter(pk=courses["chuan-ju"].pk).update(licence_until=today - timedelta(days=1))
    change(courses["shu-xiu"], courses["chuan-ju"])
    assert "shu-xiu" in slugs("蜀绣")
    assert "chuan-ju" not in slugs("川剧")
    assert not [one for one in find.suggest("川剧") if one.kind == "course"]


def test_search_follows_replaced_captions(library: Engine, courses: dict[str, Course]) -> None:
    TextTrack.objects.update(cues=[[0, 5, "这里改讲盘金绣。"]])
    change(courses["miao-xiu"])
    assert find.search(Query(text="盘金绣")).hits[0].passages[0].seconds == 0
    assert all(not hit.passages for hit in find.search(Query(text="绕线三圈")).hits)


def test_search_follows_fewer_pages(library: Engine, courses: dict[str, Course]) -> None:
    DocumentPage.objects.filter(number__gt=1).delete()
    change(courses["xia-bu"])
    assert "xia-bu" not in slugs("指甲掐头")
    assert "xia-bu" in slugs("苎麻长在坡地")


def test_admin_ids_include_drafts(library: Engine, courses: dict[str, Course]) -> None:
    Course.objects.filter(pk=courses["tai-ji"].pk).update(live=False, title="四十二式太极剑")
    change(courses["tai-ji"])
    assert find.admin_ids("太极剑") == [courses["tai-ji"].pk]
    assert courses["tai-ji"].pk in find.admin_ids("tjj")
    assert slugs("太极剑") != ["tai-ji"]


def test_engine_keeps_the_newer_of_two_writes(library: Engine, courses: dict[str, Course]) -> None:
    one = public_courses().filter(pk=courses["tai-ji"].pk)
    old = list(documents.documents(one))
    Course.objects.filter(pk=courses["tai-ji"].pk).update(title="四十八式太极拳")
    library.put(documents.documents(one))
    library.put(old)
    assert "tai-ji" in slugs("四十八式")
    library.remove([courses["tai-ji"].pk], old[0].version)
    assert "tai-ji" in slugs("四十八式")


def test_rebuild_beside_the_live_index_catches_up(library: Engine, courses: dict[str, Course]) -> None:
    """Changes in the middle of a rebuild reach the live index at once and the new one before it is live."""
    seen = []

    def meanwhile(done: int, total: int) -> None:
        Course.objects.filter(pk=courses["tai-ji"].pk).update(title="五十六式太极拳")
        Course.objects.filter(pk=courses["chuan-ju"].pk).update(live=False)
        change(courses["tai-ji"], courses["chuan-ju"])
        seen.append((slugs("五十六式")[:1], slugs("苗绣")[:1]))

    index.rebuild(engine(COURSES), COURSES, meanwhile)
    assert seen == [(["tai-ji"], ["miao-xiu"])]
    assert slugs("五十六式")[:1] == ["tai-ji"]
    assert "chuan-ju" not in slugs("川剧")
    assert library.count() == 39
    assert counts(find.search(Query()), "kind")["video"] == 30


# By themselves ----------------------------------------------------------------------------------


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """One turn of the worker's round, with the search index due and nothing else in it."""
    turn = periodic._turns["search index"]
    assert turn.seconds <= SOON
    monkeypatch.setattr(periodic, "_turns", {"search index": turn})

    def go_round() -> None:
        turn.due = 0
        assert periodic.do_what_is_due() == ["search index"]

    return go_round


Commit = Callable[..., AbstractContextManager]


@pytest.mark.parametrize("at_once", [True, False], ids=["on commit", "by the worker"])
def test_a_replaced_caption_is_searched_soon(
    library: Engine, django_capture_on_commit_callbacks: Commit, worker: Callable[[], None], at_once: bool
) -> None:
    """Saving is all that is done; where the process ends right after its commit, the worker's next round follows it."""
    track = TextTrack.objects.get()
    track.cues = [[0, 5, "这里改讲盘金绣。"]]
    with django_capture_on_commit_callbacks(execute=at_once):
        track.save()
    if not at_once:
        assert index.pending()
        worker()
    assert index.pending() == 0
    assert find.search(Query(text="盘金绣")).hits[0].passages[0].seconds == 0
    assert all(not hit.passages for hit in find.search(Query(text="绕线三圈")).hits)
    assert audit(library, COURSES).agrees


def test_what_is_withdrawn_leaves_at_once(
    library: Engine, courses: dict[str, Course], django_capture_on_commit_callbacks: Commit, worker: Callable[[], None]
) -> None:
    """Ahead of a large change that is left to the worker."""
    house = courses["shu-xiu"].institution
    Course.objects.bulk_create(
        Course(slug=f"lecture-{n}", title=f"讲座{n}", institution=house) for n in range(index.AT_ONCE + 1)
    )
    index.mark_stale(Course.objects.exclude(slug="shu-xiu").values_list("pk", flat=True))
    course = Course.objects.get(slug="shu-xiu")
    course.first_published_at = timezone.now()
    with django_capture_on_commit_callbacks(execute=True):
        course.unpublish()
    assert "shu-xiu" not in slugs("蜀绣")
    assert find.suggest("蜀绣") == []
    assert index.pending() > index.AT_ONCE
    worker()
    assert index.pending() == 0
    assert audit(library, COURSES).agrees


@pytest.mark.parametrize("engine_name", ENGINES[1:], indirect=True)
def test_a_document_that_is_refused_holds_up_no_other(
    library: Engine, courses: dict[str, Course], worker: Callable[[], None]
) -> None:
    """Elasticsearch takes no keyword of more than 32,766 bytes."""
    bad, good = courses["paper"], courses["xian-wall"]
    Course.objects.filter(pk=bad.pk).update(sort_key="x" * 40_000)
    Course.objects.filter(pk=good.pk).update(title="明城墙")
    index.mark_stale([bad.pk, good.pk])
    worker()
    assert slugs("明城墙")[:1] == ["xian-wall"]
    (refusal,) = outbox.refusals()
    assert (refusal.course, refusal.attempts) == (bad.pk, 1)
    assert "failed to parse field [sort_key]" in refusal.reason
    Course.objects.filter(pk=bad.pk).update(sort_key="jianzhi")
    StaleDocument.objects.update(next_try_at=timezone.now())
    worker()
    assert outbox.refusals() == []
    assert audit(library, COURSES).agrees


def test_a_library_is_filled_without_what_came_and_went_meanwhile(library: Engine, courses: dict[str, Course]) -> None:
    """A text that became shorter after the rebuild had read it leaves nothing of its end."""

    def meanwhile(done: int, total: int) -> None:
        TextTrack.objects.update(cues=corpus.CUES[:1])
        index.mark_stale([courses["miao-xiu"].pk])

    index.rebuild(library, COURSES, meanwhile)
    assert all(not hit.passages for hit in find.search(Query(text="绕线三圈")).hits)
    index.flush_stale()
    assert audit(library, COURSES).agrees


def test_two_writers_of_one_course_leave_the_newer_text(library: Engine, courses: dict[str, Course]) -> None:
    """A slow writer, who read before the text became shorter, writes after the quick one; then one who read before
    the course was deleted. The course is new in the library, so nothing there tells of its older text."""
    one = public_courses().filter(pk=courses["miao-xiu"].pk)
    old = list(documents.documents(one))
    library.remove([courses["miao-xiu"].pk], old[0].version - 1)
    TextTrack.objects.update(cues=corpus.CUES[:1])
    library.put(documents.documents(one))
    library.put(old)
    assert audit(library, COURSES).differing == []
    library.remove([courses["miao-xiu"].pk], old[0].version + 10**15)
    library.put(old)
    assert audit(library, COURSES).differing == [courses["miao-xiu"].pk]
    assert "miao-xiu" not in slugs("绕线三圈")


# Both scripts -----------------------------------------------------------------------------------


def pairs() -> Iterator[tuple[str, str]]:
    """Pieces of titles, summaries and of what is said inside, in simplified and in traditional characters, where those
    differ."""
    to_traditional = opencc.OpenCC("s2t").convert
    texts = [text for row in corpus.ROWS for text in row[1:3]] + [cue[2] for cue in corpus.CUES]
    pieces = (
        run[n : n + size]
        for text in texts
        for run in analysis.runs(text)
        for size in (2, 3, 4)
        for n in range(len(run) - size + 1)
    )
    for piece in dict.fromkeys(pieces):
        if (traditional := to_traditional(piece)) != piece:
            yield piece, traditional


def test_two_hundred_queries_find_the_same_in_both_scripts(library: Engine) -> None:
    asked = list(islice(pairs(), 200))
    assert len(asked) == 200
    differ = []
    for simplified, traditional in asked:
        here, there = find.search(Query(text=simplified)), find.search(Query(text=traditional))
        assert not here.degraded
        assert here.hits
        if [hit.id for hit in here.hits] != [hit.id for hit in there.hits] or here.total != there.total:
            differ.append((simplified, traditional))
    assert differ == []


# What documents look like -----------------------------------------------------------------------

LOOKS = {
    "version": 6,
    "documents": "27ff255a35f5",
    "analysis": "cbdd7ac0c75e",
    "elastic": "cd7d520fdd19",
    "embedded": "3d3f38a7ae72",
}
"""``search.documents.VERSION`` and what it stands for."""

SAMPLES = [
    *("苗绣针法入门", "苗繡ＡＢＣ", "重庆音乐C语言5G", "90后的C++", "Miao embroidery (1900–1950)", "中正路ㄅ"),
    *("カタカナ 한글", "𠀀𠮷野家", "长长的女儿绿了", "x" * 50),
]


def looks(document: CourseDocument) -> dict[str, Any]:
    """Digests of all that decides what stands in an index, for a course with pages and for fixed texts."""
    passage = documents.windows(1, "丝线", corpus.CUES)
    name = Name("theme", "craft", "手艺")
    shapes = [
        [(field.name, str(field.type)) for field in fields(kind)] for kind in (CourseDocument, PassageDocument, Name)
    ]
    parts = {
        "documents": (shapes, replace(document, passages=()), document.source, document.passages, list(passage)),
        "analysis": (
            analysis.streams(SAMPLES),
            [analysis.text_tokens(text) for text in SAMPLES],
            grams.stored(SAMPLES),
        ),
        "elastic": (MAPPINGS, SETTINGS, course_body(document), passage_body(1, document.passages[0]), name_body(name)),
        "embedded": SCHEMA,
    }
    digests = {part: blake2b(repr(told).encode(), digest_size=6).hexdigest() for part, told in parts.items()}
    return {"version": documents.VERSION, **digests}


def test_every_change_of_documents_is_counted(courses: dict[str, Course]) -> None:
    (document,) = documents.documents(public_courses().filter(slug="xia-bu"))
    now = looks(replace(document, id=1, version=1, published=0.0))
    changed = [part for part, digest in now.items() if digest != LOOKS[part]]
    assert now == LOOKS, (
        f"What libraries hold changed ({', '.join(changed)}), so those that are built must be built anew: raise"
        f" VERSION in search/documents.py by one (once for a release), and put this here: LOOKS = {now}"
    )
