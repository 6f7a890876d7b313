"""The catalogue as harvesters read it: the rules of OAI-PMH 2.0, and Sickle, a harvester that is not ours."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from lxml import etree
from sickle import Sickle

from catalog import publishing
from catalog.exchange import OaiRecord, OaiSet
from catalog.models import Course, Institution, Lesson, Teacher, Theme
from catalog.oai import register
from catalog.oai.protocol import ProtocolError, read

NS = {
    "o": "http://www.openarchives.org/OAI/2.0/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "lom": "http://ltsc.ieee.org/xsd/LOM",
}
START = datetime(2026, 1, 1, tzinfo=UTC)


def ask(**arguments: str) -> etree._Element:
    response = Client().get("/oai", {name.rstrip("_"): value for name, value in arguments.items()})
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/xml")
    return etree.fromstring(response.content)


def error_of(**arguments: str) -> str:
    return ask(**arguments).xpath("string(o:error/@code)", namespaces=NS)


def told(answer: etree._Element, path: str) -> list[str]:
    return answer.xpath(path, namespaces=NS)


def make(institution: Institution, title: str, **values: object) -> Course:
    course = Course(institution=institution, title=title, live=True, **values)
    course.lessons = [Lesson(title=title, url="https://example.org/x")]
    course.save()
    return course


def settle(day: int = 0) -> None:
    """All records were last changed long ago, one second after another."""
    for number, record in enumerate(OaiRecord.objects.order_by("pk")):
        moment = START + timedelta(days=day, seconds=number)
        OaiRecord.objects.filter(pk=record.pk).update(datestamp=moment)
        OaiSet.objects.filter(record=record).update(datestamp=moment)


@pytest.fixture
def course(town, theme) -> Course:
    below = theme.add_child(slug="tea", name="茶艺")
    found = make(
        town, "采茶\x08入门", title_en="Tea", summary="一芽一叶", licence="cc-by", subjects=["茶"], duration=3725
    )
    found.themes = [below]
    found.teachers = [Teacher.objects.create(name="王；老师,", institution=town)]
    found.save()
    settle()
    return found


def identifier(course: Course) -> str:
    return told(
        ask(verb="ListIdentifiers", metadataPrefix="oai_dc"), f"string(//o:identifier[contains(., '/{course.pk}')])"
    )


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({}, "badVerb"),
        ({"verb": "Drop"}, "badVerb"),
        ({"verb": "Identify", "x": "1"}, "badArgument"),
        ({"verb": "ListRecords"}, "badArgument"),
        ({"verb": "ListRecords", "metadataPrefix": ""}, "badArgument"),
        ({"verb": "GetRecord", "metadataPrefix": "oai_dc"}, "badArgument"),
        ({"verb": "GetRecord", "metadataPrefix": "oai_dc", "identifier": "oai:x:course/1"}, "idDoesNotExist"),
        ({"verb": "GetRecord", "metadataPrefix": "oai_dc", "identifier": "\x00/²"}, "idDoesNotExist"),
        ({"verb": "ListMetadataFormats", "identifier": "nothing"}, "idDoesNotExist"),
        ({"verb": "ListRecords", "metadataPrefix": "marc\x00"}, "cannotDisseminateFormat"),
        ({"verb": "ListRecords", "metadataPrefix": "oai_dc", "set": "theme.none"}, "noRecordsMatch"),
        ({"verb": "ListRecords", "metadataPrefix": "oai_dc", "set": "主题\x00"}, "badArgument"),
        ({"verb": "ListRecords", "metadataPrefix": "oai_dc", "from_": "2099-01-01"}, "noRecordsMatch"),
        ({"verb": "ListRecords", "metadataPrefix": "oai_dc", "until": "9999-12-31"}, ""),
        ({"verb": "ListRecords", "metadataPrefix": "oai_dc", "from_": "2026-02-30"}, "badArgument"),
        ({"verb": "ListRecords", "metadataPrefix": "oai_dc", "from_": "2026-1-1"}, "badArgument"),
        (
            {"verb": "ListRecords", "metadataPrefix": "oai_dc", "from_": "2026-02-02", "until": "2026-02-01"},
            "badArgument",
        ),
        (
            {"verb": "ListRecords", "metadataPrefix": "oai_dc", "from_": "2026-02-02", "until": "2026-02-03T00:00:00Z"},
            "badArgument",
        ),
        ({"verb": "ListRecords", "resumptionToken": "x"}, "badResumptionToken"),
        ({"verb": "ListSets", "resumptionToken": "x"}, "badResumptionToken"),
        ({"verb": "ListRecords", "resumptionToken": "x", "metadataPrefix": "oai_dc"}, "badArgument"),
        ({"verb": "Identify", "resumptionToken": "x"}, "badArgument"),
    ],
)
def test_oai_names_each_error(course, arguments, code):
    assert error_of(**arguments) == code


def test_oai_refuses_arguments_given_twice():
    with pytest.raises(ProtocolError) as problem:
        read([("verb", "Identify"), ("verb", "Identify")])
    assert problem.value.code == "badVerb"
    with pytest.raises(ProtocolError) as problem:
        read([("verb", "ListRecords"), ("metadataPrefix", "a"), ("metadataPrefix", "b")])
    assert problem.value.code == "badArgument"


def test_oai_answers_post_without_a_token_of_forms(course):
    client = Client(enforce_csrf_checks=True)
    answer = client.post("/oai", {"verb": "ListIdentifiers", "metadataPrefix": "lom"})
    assert len(told(etree.fromstring(answer.content), "//o:header")) == 1
    assert client.put("/oai").status_code == 405


def test_oai_request_shows_arguments_only_of_understood_requests(course):
    assert dict(told(ask(verb="Identify"), "o:request")[0].attrib) == {"verb": "Identify"}
    assert not told(ask(verb="Identify", x="1"), "o:request")[0].attrib


def test_oai_lists_sets_only_of_what_was_public(course, city):
    sets = told(ask(verb="ListSets"), "//o:setSpec/text()")
    assert {"kind.video", "theme.old-age", "theme.tea", "institution.town"} <= set(sets)
    assert "institution.city" not in sets


def test_oai_record_says_the_course_in_both_formats(course):
    key = identifier(course)
    dc = ask(verb="GetRecord", metadataPrefix="oai_dc", identifier=key)
    assert told(dc, "//dc:title/text()") == ["采茶入门", "Tea"]
    assert told(dc, "//dc:creator/text()") == ["王；老师,"]
    assert told(dc, "//dc:rights/text()") == ["https://creativecommons.org/licenses/by/4.0/"]
    assert told(dc, "string(//dc:identifier)").endswith(course.get_absolute_url())
    assert sorted(told(dc, "//o:setSpec/text()")) == ["institution.town", "kind.video", "theme.old-age", "theme.tea"]
    Course.objects.update(duration=3725)
    lom = ask(verb="GetRecord", metadataPrefix="lom", identifier=key)
    assert told(lom, "//lom:general/lom:title/lom:string/text()") == ["采茶入门", "Tea"]
    assert "FN:王；老师\\,\n" in told(lom, "string(//lom:entity)").replace("\r", "")
    assert told(lom, "string(//lom:technical/lom:duration/lom:duration)") == "PT1H2M5S"
    assert told(lom, "//lom:taxon/lom:id/text()") == ["tea"]


def test_oai_dates_are_inclusive_to_the_second(town):
    for number in range(3):
        make(town, f"课 {number}")
    settle()
    ids = "//o:header/o:datestamp/text()"
    middle = "2026-01-01T00:00:01Z"
    assert told(ask(verb="ListIdentifiers", metadataPrefix="oai_dc", from_=middle, until=middle), ids) == [middle]
    assert len(told(ask(verb="ListIdentifiers", metadataPrefix="oai_dc", from_=middle), ids)) == 2
    assert len(told(ask(verb="ListIdentifiers", metadataPrefix="oai_dc", until=middle), ids)) == 2
    assert (
        len(told(ask(verb="ListIdentifiers", metadataPrefix="oai_dc", from_="2026-01-01", until="2026-01-01"), ids))
        == 3
    )


def withdraw(course: Course) -> None:
    publishing.withdraw(course)


def end_licence(course: Course) -> None:
    Course.objects.filter(pk=course.pk).update(licence_until=date(2020, 1, 1))


def delete(course: Course) -> None:
    Course.objects.get(pk=course.pk).delete()


@pytest.mark.parametrize("end", [withdraw, end_licence, delete])
def test_oai_keeps_the_end_of_a_course(course, end):
    key, before = identifier(course), OaiRecord.objects.get().datestamp
    end(course)
    answer = ask(verb="GetRecord", metadataPrefix="oai_dc", identifier=key)
    assert told(answer, "string(//o:header/@status)") == "deleted"
    assert not told(answer, "//o:metadata")
    assert "采茶" not in etree.tostring(answer, encoding="unicode")
    publishing.expire_licences()
    record = OaiRecord.objects.get()
    assert record.deleted
    assert record.datestamp > before
    settle()
    assert told(ask(verb="ListRecords", metadataPrefix="oai_dc", set="theme.tea"), "//o:header/@status") == ["deleted"]


def test_oai_course_that_was_never_public_is_not_told(town):
    draft = Course(institution=town, title="草稿", live=False)
    draft.save()
    draft.delete()
    assert not OaiRecord.objects.exists()


def test_oai_course_that_comes_back_is_told_again(course):
    Course.objects.filter(pk=course.pk).update(kind="link")
    course.refresh_from_db()
    publishing.withdraw(course)
    publishing.publish(Course.objects.get(pk=course.pk))
    assert not OaiRecord.objects.get().deleted


def test_oai_follows_a_course_into_other_sets(course, theme):
    course.themes = [theme]
    course.save()
    assert not OaiSet.objects.filter(spec="theme.tea").exists()
    assert OaiSet.objects.filter(spec="theme.old-age").exists()


def bulk(institution: Institution, number: int) -> None:
    """Public courses with a record each, a hundred a second; every tenth has ended."""
    Course.objects.bulk_create(
        (Course(institution=institution, title=f"课 {n}", slug=f"c{n}", live=True) for n in range(number)),
        batch_size=500,
    )
    while register.keep_missing():
        pass
    first = Course.objects.order_by("pk").values_list("pk", flat=True)[0]
    for start in range(0, number, 100):
        moment, keys = START + timedelta(seconds=start // 100), [first + start, first + start + 99]
        OaiRecord.objects.filter(course_id__range=keys).update(datestamp=moment)
        OaiSet.objects.filter(record_id__gte=keys[0], record_id__lte=keys[1]).update(datestamp=moment)
    gone = [first + n for n in range(0, number, 10)]
    for start in range(0, len(gone), 500):
        part = gone[start : start + 500]
        Course.objects.filter(pk__in=part).update(live=False)
        OaiRecord.objects.filter(pk__in=part).update(deleted=True)


def test_oai_page_costs_the_same_number_of_queries_whatever_the_size(town):
    def cost(**arguments: str) -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert len(told(ask(verb="ListRecords", metadataPrefix="oai_dc", **arguments), "//o:record")) > 1
        plans = [query["sql"] for query in queries if "catalog_oai" in query["sql"] and "ORDER BY" in query["sql"]]
        assert plans
        return len(queries)

    bulk(town, 50)
    few = cost(), cost(set="kind.video")
    Course.objects.all().delete()
    OaiRecord.objects.all().delete()
    bulk(town, 500)
    assert (cost(), cost(set="kind.video")) == few
    assert max(few) <= 6


@pytest.mark.parametrize("spec", ["", "kind.video"])
def test_oai_pages_walk_an_index_without_sorting(town, spec):
    if connection.vendor != "sqlite":
        pytest.skip("reads SQLite's plan")
    from catalog.oai.protocol import Asked
    from catalog.oai.repository import Place, _after, _selected

    asked = Asked("ListRecords", "oai_dc", spec=spec, since=START)
    rows = _after(_selected(asked), Place(START, 5, 100), "record_id" if spec else "course_id")
    plan = rows.explain()
    assert "INDEX" in plan
    assert "TEMP B-TREE" not in plan


@pytest.mark.django_db(transaction=True)
def test_sickle_harvests_fifty_thousand_with_deletions(live_server, settings):
    settings.PUBLIC_URL = live_server.url
    bulk(Institution.add_root(code="town", name="文化馆"), 50_000)
    harvester = Sickle(f"{live_server.url}/oai")
    assert harvester.Identify().deletedRecord == "persistent"
    assert {one.metadataPrefix for one in harvester.ListMetadataFormats()} == {"oai_dc", "lom"}
    seen, ended = set(), 0
    for header in harvester.ListIdentifiers(metadataPrefix="oai_dc", set="kind.video"):
        assert header.identifier not in seen
        seen.add(header.identifier)
        ended += header.deleted
    assert (len(seen), ended) == (50_000, 5_000)


@pytest.mark.django_db(transaction=True)
def test_sickle_misses_nothing_when_courses_change_in_mid_harvest(live_server, settings):
    settings.PUBLIC_URL = live_server.url
    town = Institution.add_root(code="town", name="文化馆")
    bulk(town, 1000)
    courses = list(Course.objects.order_by("pk"))
    versions, titles = set(), {}
    for number, record in enumerate(Sickle(f"{live_server.url}/oai").ListRecords(metadataPrefix="oai_dc")):
        version = (record.header.identifier, record.header.datestamp)
        assert version not in versions
        versions.add(version)
        titles[record.header.identifier] = None if record.deleted else record.metadata["title"][0]
        if number == 250:  # one that was told, one that will be, one that ends, one that is deleted
            for index in (11, 901):
                courses[index].title = "改过"
                courses[index].save()
            publishing.withdraw(courses[902])
            courses[903].delete()
            # they changed before the running second, which lists leave out
            moment = START + timedelta(days=1)
            OaiRecord.objects.filter(datestamp__gt=moment).update(datestamp=moment)
    assert len(titles) == 1000
    assert sum(title == "改过" for title in titles.values()) == 2
    assert sum(title is None for title in titles.values()) == 102
    assert len(versions) == 1001


def test_lists_leave_out_the_second_that_is_running(course):
    moment = datetime.now(UTC) + timedelta(minutes=5)
    OaiRecord.objects.update(datestamp=moment)
    assert error_of(verb="ListIdentifiers", metadataPrefix="oai_dc") == "noRecordsMatch"


def test_records_are_made_for_courses_that_have_none(course):
    OaiRecord.objects.all().delete()
    assert register.keep_missing() == 1
    assert register.keep_missing() == 0
    assert Theme.objects.count() == 2
