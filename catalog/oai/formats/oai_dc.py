"""Simple Dublin Core, which every provider has (openarchives.org/OAI/2.0/oai_dc.xsd; DCMI 1.1)."""

from collections.abc import Iterator

from lxml import etree

from catalog.addresses import absolute
from catalog.kinds import Kind
from catalog.models import Course, Licence
from catalog.structured import LICENCES
from catalog.xml_text import add

PREFIX = "oai_dc"
NAMESPACE = "http://www.openarchives.org/OAI/2.0/oai_dc/"
SCHEMA = "http://www.openarchives.org/OAI/2.0/oai_dc.xsd"
DC = "http://purl.org/dc/elements/1.1/"
XSI = "http://www.w3.org/2001/XMLSchema-instance"

TYPES = {
    Kind.VIDEO: "MovingImage",
    Kind.AUDIO: "Sound",
    Kind.READING: "Text",
    Kind.GALLERY: "StillImage",
    Kind.LINK: "InteractiveResource",
}
"""Words of the DCMI Type Vocabulary."""


def write(course: Course) -> etree._Element:
    root = etree.Element(f"{{{NAMESPACE}}}dc", nsmap={"oai_dc": NAMESPACE, "dc": DC, "xsi": XSI})
    root.set(f"{{{XSI}}}schemaLocation", f"{NAMESPACE} {SCHEMA}")
    for name, value in _terms(course):
        if value:
            add(root, f"{{{DC}}}{name}", value)
    return root


def _terms(course: Course) -> Iterator[tuple[str, str]]:
    for title in (course.title, course.title_en, *course.alternative_titles):
        yield "title", title
    for teacher in course.teachers.all():
        yield "creator", teacher.name
    for word in dict.fromkeys([*(theme.name for theme in course.themes.all()), *course.subjects]):
        yield "subject", word
    yield "description", course.summary
    yield "description", course.description
    yield "publisher", course.institution.name
    yield "contributor", course.credit
    yield "date", (course.first_published_at or course.created_at).date().isoformat()
    yield "type", TYPES[Kind(course.kind)]
    yield "identifier", absolute(course.get_absolute_url())
    yield "language", course.language
    for place in course.places.all():
        yield "coverage", place.name
    yield "rights", LICENCES.get(Licence(course.licence)) or str(course.get_licence_display())
