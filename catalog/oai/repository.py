"""Pages of records, and the tokens that lead from one to the next.

The order is (datestamp, id), and a token names the last record that was told. A course that is edited meanwhile moves
behind all others, so none is passed over, and what was told comes a second time only as a newer version. A token holds
everything that was asked, signed; nothing is kept here for it, and it does not expire.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.core import signing
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Concat
from django.utils import timezone

from catalog.exchange import OaiRecord, OaiSet
from catalog.kinds import Kind
from catalog.models import Course, Institution, Theme
from catalog.oai.protocol import Asked, ProtocolError

PAGE = 100
SETTLED = timedelta(seconds=2)
"""Lists end this long ago: in the second that is running, a record with a smaller id may still come."""

_SALT = "catalog.oai"


@dataclass(frozen=True, slots=True)
class Record:
    """What is told of one course. ``course`` is None when it is deleted, or its metadata were not asked for."""

    key: int
    datestamp: datetime
    deleted: bool
    specs: tuple[str, ...]
    course: Course | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """How far a list was told: key of the last record, and the number of records before the next page."""

    datestamp: datetime
    key: int
    cursor: int


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a list. ``token`` leads on, "" at the end, None when the list has one part only."""

    records: list[Record]
    token: str | None
    cursor: int


def complete_until() -> datetime:
    """The moment up to which lists are complete: what harvesters begin with the next time."""
    return timezone.now().replace(microsecond=0) - SETTLED


def page(asked: Asked, place: Place | None = None) -> Page:
    """The records after ``place``. Raises ProtocolError (noRecordsMatch). Six queries, whatever the size."""
    rows = list(_after(_selected(asked), place, "record_id" if asked.spec else "course_id")[: PAGE + 1])
    cursor = place.cursor if place else 0
    told = rows[:PAGE]
    if not told and place is None:
        raise ProtocolError("noRecordsMatch", "No record matches from, until and set.")
    token: str | None = None if place is None else ""
    if len(rows) > PAGE:
        token = _token(asked, Place(told[-1][1], told[-1][0], cursor + PAGE))
    return Page(_records(told, courses=asked.verb == "ListRecords"), token, cursor)


def one(identifier: str) -> Record:
    """The record of an identifier. Raises ProtocolError (idDoesNotExist)."""
    head, _, key = identifier.rpartition("/")
    found = OaiRecord.objects.filter(course_id=int(key)) if key.isascii() and key.isdigit() and len(key) < 19 else None
    row = found.values_list("course_id", "datestamp", "deleted").first() if found and head == _prefix() else None
    if row is None:
        raise ProtocolError("idDoesNotExist", f"There is no record {identifier[:80]}.")
    return _records([row], courses=True)[0]


def identifier(key: int) -> str:
    """By the guideline for oai-identifiers: ``oai:<host>:course/<id>``."""
    return f"{_prefix()}/{key}"


def _prefix() -> str:
    return f"oai:{urlsplit(settings.PUBLIC_URL).hostname}:course"


def earliest() -> datetime:
    """No record is older, now or later."""
    first = OaiRecord.objects.order_by("datestamp").values_list("datestamp", flat=True).first()
    return first or complete_until()


def sets() -> list[tuple[str, str]]:
    """(setSpec, name) of kinds, of themes, and of institutions that ever had something public. Two queries."""
    spec = Concat(Value("institution."), OuterRef("code"))
    shown = Institution.objects.filter(Exists(OaiSet.objects.filter(spec=spec)))
    return [
        *((f"kind.{kind.value}", str(kind.label)) for kind in Kind),
        *((f"theme.{slug}", name) for slug, name in Theme.objects.order_by("path").values_list("slug", "name")),
        *((f"institution.{code}", name) for code, name in shown.order_by("path").values_list("code", "name")),
    ]


# Lists ------------------------------------------------------------------------------------------------


def _selected(asked: Asked) -> QuerySet:
    last = min(asked.until, complete_until()) if asked.until else complete_until()
    dates = {"datestamp__lte": last} | ({"datestamp__gte": asked.since} if asked.since else {})
    if asked.spec:
        return OaiSet.objects.filter(spec=asked.spec, **dates)
    return OaiRecord.objects.filter(**dates)


def _after(rows: QuerySet, place: Place | None, key: str) -> QuerySet:
    if place is not None:
        later = Q(datestamp__gt=place.datestamp) | Q(datestamp=place.datestamp, **{f"{key}__gt": place.key})
        rows = rows.filter(later, datestamp__gte=place.datestamp)
    deleted = F("record__deleted") if key == "record_id" else F("deleted")
    return rows.order_by("datestamp", key).values_list(key, "datestamp", deleted)


def _records(rows: list[tuple[int, datetime, bool]], *, courses: bool) -> list[Record]:
    keys = [key for key, _datestamp, _deleted in rows]
    specs: dict[int, list[str]] = {key: [] for key in keys}
    for key, spec in OaiSet.objects.filter(record__in=keys).order_by("spec").values_list("record", "spec"):
        specs[key].append(spec)
    public = Course.objects.public()
    if courses:
        public = public.select_related("institution").prefetch_related("themes", "places", "teachers")
    else:
        public = public.only("pk")
    shown = public.in_bulk(keys)
    return [
        # A licence that ended today ends the record, before anyone has withdrawn the course.
        Record(key, datestamp, deleted or key not in shown, tuple(specs[key]), None if deleted else shown.get(key))
        for key, datestamp, deleted in rows
    ]


# Tokens -----------------------------------------------------------------------------------------------


def _token(asked: Asked, place: Place) -> str:
    moments = [moment and int(moment.timestamp()) for moment in (asked.since, asked.until, place.datestamp)]
    return signing.dumps([asked.verb, asked.prefix, asked.spec, *moments, place.key, place.cursor], salt=_SALT)


def resume(asked: Asked) -> tuple[Asked, Place]:
    """What a token goes on with. Raises ProtocolError (badResumptionToken)."""
    try:
        verb, prefix, spec, since, until, last, key, cursor = signing.loads(asked.token, salt=_SALT)
    except (signing.BadSignature, ValueError) as error:
        raise ProtocolError("badResumptionToken", "This token was not given here, or is cut. Begin again.") from error
    if verb != asked.verb:
        raise ProtocolError("badResumptionToken", f"This token goes on with {verb}.")
    moments = [_moment(since), _moment(until)]
    again = replace(asked, prefix=prefix, spec=spec, since=moments[0], until=moments[1])
    return again, Place(datetime.fromtimestamp(last, tz=UTC), key, cursor)


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, tz=UTC)
