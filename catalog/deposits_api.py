"""Deposits over HTTP: a partner's machine makes courses, changes them, sends them to review and follows them.

With a token of the scope named at each call, or by session with CSRF. What is not of the institution is 404.
"""

from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

from django.http import Http404, HttpRequest
from ninja import Query, Router, Schema, Status
from pydantic import Field, StringConstraints

from catalog import deposits, policy
from catalog.errors import CallRefused
from catalog.importers.record import CourseRecord
from catalog.kinds import Kind
from catalog.machines import Scope
from catalog.models import Course, Institution
from catalog.tokens import needs
from media_pipeline import tracks
from media_pipeline.errors import Refused
from media_pipeline.models import MediaAsset

router = Router(tags=["deposits"])

NO_NUL = r"^[^\x00]*$"
"""PostgreSQL keeps no NUL."""

Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500, pattern=NO_NUL)]
Text = Annotated[str, Field(max_length=100_000, pattern=NO_NUL)]
Lines = Annotated[list[Line], Field(max_length=100)]


class Problem(Schema):
    """``code`` is for machines and stable, ``message`` for people; ``fields`` says what is wrong with which field."""

    code: str
    message: str
    fields: dict[str, str] | None = None


PROBLEMS = dict.fromkeys((401, 403, 404, 409, 422), Problem)


class LessonIn(Schema):
    """``asset`` is the uid of an upload that was completed; ``url`` for courses of kind link; ``number`` names a lesson
    that is there already, so that its address stays."""

    title: Line = Field(min_length=1, max_length=255)
    asset: UUID | None = None
    url: Line = ""
    chapter: Line = ""
    summary: Text = ""
    number: int | None = Field(None, ge=1, le=100_000)


class Described(Schema):
    """The fields that describe a course, with the values of import tables: themes by name or slug, places by name or
    code, licences as ``cc-by-nc``. What is left out is left alone; ``lessons`` are all lessons, in order."""

    kind: Kind | None = None
    title_en: Line = ""
    alternative_titles: Lines = []
    summary: Line = ""
    description: Text = ""
    themes: Lines = []
    places: Lines = []
    teachers: Lines = []
    subjects: Lines = []
    language: Line = ""
    level: Line = ""
    origin: Line = ""
    licence: Line = ""
    licence_until: Line = ""
    credit: Line = ""
    extra: dict[Line, Line] = {}
    lessons: list[LessonIn] = Field([], max_length=1000)
    cover: UUID | None = None


class NewDeposit(Described):
    """``external_id`` is your own name of the course: the same one again answers the course there is. ``institution``
    may be left out by those who have only one."""

    external_id: Line = Field(min_length=1, max_length=200)
    external_source: Line = Field("deposit", max_length=64)
    institution: Line = ""
    title: Line = Field(min_length=1, max_length=255)


class ChangedDeposit(Described):
    title: Line = Field("", max_length=255)


class DepositOut(Schema):
    """``state``: draft, received, checked, transcoding, failed, in-review, returned (``comment`` says why) or
    published; ``words`` says it to people; ``progress`` 0..1 over the media, null where there are none; ``changed``: a
    newer version than the public one waits. ``url`` opens once it is published."""

    id: int
    external_source: str
    external_id: str
    institution: str
    title: str
    kind: str
    url: str
    state: str
    words: str
    comment: str
    progress: float | None
    changed: bool


class DepositPage(Schema):
    """``next`` is the ``after`` of the next page, null on the last."""

    items: list[DepositOut]
    next: int | None


class CaptionsIn(Schema):
    """``text``: SRT, VTT or ASS; ``kind``: captions, chapters or transcript; ``language`` as ``zh-Hans``."""

    text: Annotated[str, Field(max_length=2_000_000, pattern=NO_NUL)]
    language: str = Field("zh-Hans", pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=20)
    kind: str = Field("captions", pattern="^(captions|chapters|transcript)$")


class Asked(Schema):
    """``after``: the id of the last one of the page before; newest first."""

    external_id: str = Field("", max_length=200, pattern=NO_NUL)
    after: int | None = Field(None, ge=1)
    limit: int = Field(20, ge=1, le=100)


@router.post("/deposits", auth=needs(Scope.COURSES_WRITE), response={200: DepositOut, 201: DepositOut, **PROBLEMS})
def create_deposit(request: HttpRequest, asked: NewDeposit) -> Status:
    """Make a draft. Scope ``courses:write``. 201 for a new one; 200 with the one of the same ``external_id``, as it
    is."""
    institution = _institution(request, asked.institution)
    record = _record(asked, source=asked.external_source, id=asked.external_id)
    course, new = deposits.create(request.user, record, institution, _more(asked))
    return Status(201 if new else 200, _told(course))


@router.get("/deposits", auth=needs(Scope.COURSES_READ), response={200: DepositPage, **PROBLEMS})
def list_deposits(request: HttpRequest, asked: Annotated[Asked, Query()]) -> dict[str, Any]:
    """All courses of the institution with their state, newest first. Scope ``courses:read``."""
    own = policy.scope(Course.objects.all(), request.user)
    if asked.external_id:
        own = own.filter(external_id=asked.external_id)
    if asked.after:
        own = own.filter(pk__lt=asked.after)
    found = own.select_related("institution").prefetch_related("lessons__asset").order_by("-pk")
    courses = list(found[: asked.limit + 1])
    shown = courses[: asked.limit]
    stands = deposits.standings(shown)
    items = [_out(course, stands[course.pk]) for course in shown]
    return {"items": items, "next": shown[-1].pk if len(courses) > asked.limit else None}


@router.get("/deposits/{int:course_id}", auth=needs(Scope.COURSES_READ), response={200: DepositOut, **PROBLEMS})
def get_deposit(request: HttpRequest, course_id: int) -> dict[str, Any]:
    """Where a course stands. Scope ``courses:read``."""
    return _told(_course(request, course_id, "view"))


@router.patch("/deposits/{int:course_id}", auth=needs(Scope.COURSES_WRITE), response={200: DepositOut, **PROBLEMS})
def change_deposit(request: HttpRequest, course_id: int, asked: ChangedDeposit) -> dict[str, Any]:
    """Change what is given. Scope ``courses:write``. Changes of a public course wait until they are reviewed."""
    course = _course(request, course_id, "change")
    return _told(deposits.change(request.user, course, _record(asked), _more(asked)))


@router.post(
    "/deposits/{int:course_id}/submit", auth=needs(Scope.COURSES_SUBMIT), response={200: DepositOut, **PROBLEMS}
)
def submit_deposit(request: HttpRequest, course_id: int) -> dict[str, Any]:
    """Send to review. Scope ``courses:submit``. May be repeated."""
    course = _course(request, course_id, "add")
    deposits.submit(request.user, course)
    return _told(course)


@router.post(
    "/deposits/{int:course_id}/withdraw", auth=needs(Scope.COURSES_SUBMIT), response={200: DepositOut, **PROBLEMS}
)
def withdraw_deposit(request: HttpRequest, course_id: int) -> dict[str, Any]:
    """Take a submission back, or, as a reviewer, a public course. Scope ``courses:submit``. May be repeated."""
    course = _course(request, course_id, "change")
    deposits.withdraw(request.user, course)
    course.refresh_from_db()
    return _told(course)


@router.put("/assets/{uuid:uid}/captions", auth=needs(Scope.UPLOAD), response={204: None, **PROBLEMS})
def put_captions(request: HttpRequest, uid: UUID, asked: CaptionsIn) -> Status:
    """Put captions, chapters or a transcript beside a file, in place of those of the same language. Scope
    ``upload``."""
    asset = policy.scope(MediaAsset.objects.all(), request.user, "change").filter(uid=uid).first()
    if asset is None:
        raise Http404
    try:
        tracks.set_track(asset, asked.text, kind=asked.kind, language=asked.language)
    except Refused as error:
        raise CallRefused(422, error.code, error.reason) from error
    return Status(204, None)


def _institution(request: HttpRequest, code: str) -> Institution:
    own = policy.institutions_of(request.user, policy.roles_for(Course, "add"))
    if code:
        if found := own.filter(code=code).first():
            return found
        raise Http404
    several = list(own[:2])
    if len(several) != 1:
        raise CallRefused(422, "no-institution", "没有说明为哪个机构建立课程。", "请在 institution 里写机构代码。")
    return several[0]


def _course(request: HttpRequest, course_id: int, action: str) -> Course:
    """A course of the person's institutions. Raises Http404, or CallRefused where the role is too small."""
    everything = Course.objects.select_related("institution", "latest_revision").filter(pk=course_id)
    course = policy.scope(everything, request.user).first()
    if course is None:
        raise Http404
    if not policy.may(request.user, action, course):
        raise CallRefused(403, "role", "您在这个机构的角色不能这样做。", "请与本机构的编辑联系。")
    return course


def _record(asked: NewDeposit | ChangedDeposit, **more: str) -> CourseRecord:
    """What is asked as the record of a table's row."""
    beside = {"external_id", "external_source", "institution", "lessons", "cover"}
    said = asked.model_dump(mode="json", exclude_unset=True, exclude=beside, exclude_none=True)
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in said.items()}
    return CourseRecord(row=1, **{**values, **more, "given": frozenset(values)})


def _more(asked: Described) -> dict[str, Any]:
    given = asked.model_fields_set
    more: dict[str, Any] = {"cover": asked.cover} if "cover" in given else {}
    if "lessons" in given:
        more["lessons"] = [deposits.Part(**lesson.model_dump()) for lesson in asked.lessons]
    return more


def _told(course: Course) -> dict[str, Any]:
    return _out(course, deposits.standings([course])[course.pk])


def _out(course: Course, standing: deposits.Standing) -> dict[str, Any]:
    return {
        "id": course.pk,
        "external_source": course.external_source,
        "external_id": course.external_id,
        "institution": course.institution.code,
        "title": course.title,
        "kind": course.kind,
        "url": course.get_absolute_url(),
        **asdict(standing),
    }
