"""IEEE Learning Object Metadata in its XML binding (IEEE 1484.12.1, 1484.12.3).

Chosen over LRMI, which is a vocabulary without an XML Schema of its own, and OAI-PMH asks for one (section 2.5); pages
of courses carry LRMI as JSON-LD (``catalog.structured``).
"""

from lxml import etree

from catalog.addresses import absolute
from catalog.kinds import Kind
from catalog.models import Course, Level, Licence
from catalog.structured import LICENCES
from catalog.xml_text import add

PREFIX = "lom"
NAMESPACE = "http://ltsc.ieee.org/xsd/LOM"
SCHEMA = "http://ltsc.ieee.org/xsd/lomv1.0/lom.xsd"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
SOURCE = "LOMv1.0"

RESOURCES = {Kind.READING: "narrative text", Kind.GALLERY: "figure"}
"""Words of 5.2 learningResourceType; it has none for film, sound or a link."""

FORMATS = {Kind.VIDEO: "video/mp4", Kind.AUDIO: "audio/mp4", Kind.LINK: "text/html"}
DIFFICULTIES = {Level.STARTER: "easy", Level.MIDDLE: "medium", Level.ADVANCED: "difficult"}


def write(course: Course) -> etree._Element:
    root = etree.Element(_name("lom"), nsmap={None: NAMESPACE, "xsi": XSI})
    root.set(f"{{{XSI}}}schemaLocation", f"{NAMESPACE} {SCHEMA}")
    _general(add(root, _name("general")), course)
    _lifecycle(add(root, _name("lifeCycle")), course)
    _technical(add(root, _name("technical")), course)
    _educational(add(root, _name("educational")), course)
    _rights(add(root, _name("rights")), course)
    _classification(root, course)
    return root


def _name(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _words(parent: etree._Element, name: str, text: str, language: str = "") -> None:
    """A LangString element, left out where there is nothing to say."""
    if text:
        string = add(add(parent, _name(name)), _name("string"), text)
        if language:
            string.set("language", language)


def _term(parent: etree._Element, name: str, word: str | None) -> None:
    if word:
        term = add(parent, _name(name))
        add(term, _name("source"), SOURCE)
        add(term, _name("value"), word)


def _general(part: etree._Element, course: Course) -> None:
    entry = add(part, _name("identifier"))
    add(entry, _name("catalog"), "URI")
    add(entry, _name("entry"), absolute(course.get_absolute_url()))
    title = add(part, _name("title"))
    for text, language in ((course.title, course.language), (course.title_en, "en")):
        if text:
            add(title, _name("string"), text).set("language", language)
    add(part, _name("language"), course.language)
    _words(part, "description", course.description or course.summary, course.language)
    for word in course.subjects:
        _words(part, "keyword", word, course.language)
    for place in course.places.all():
        _words(part, "coverage", place.name, "zh-Hans")


def _lifecycle(part: etree._Element, course: Course) -> None:
    people = [("author", teacher.name, False) for teacher in course.teachers.all()]
    for role, name, house in (*people, ("publisher", course.institution.name, True)):
        contribute = add(part, _name("contribute"))
        _term(contribute, "role", role)
        add(contribute, _name("entity"), _vcard(name, house=house))
    date = add(contribute, _name("date"))
    add(date, _name("dateTime"), (course.first_published_at or course.created_at).date().isoformat())


def _vcard(name: str, *, house: bool) -> str:
    """RFC 2426: text values escape the backslash, comma, semicolon and line break."""
    text = name.replace("\\", "\\\\").replace(",", "\\,").replace(";", "\\;").replace("\n", "\\n")
    organisation = f"ORG:{text}\r\n" if house else ""
    return f"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:{text}\r\nN:{text};;;;\r\n{organisation}END:VCARD"


def _technical(part: etree._Element, course: Course) -> None:
    if kind := FORMATS.get(Kind(course.kind)):
        add(part, _name("format"), kind)
    add(part, _name("location"), absolute(course.get_absolute_url()))
    if course.duration:
        seconds = int(course.duration)
        duration = add(part, _name("duration"))
        add(duration, _name("duration"), f"PT{seconds // 3600}H{seconds % 3600 // 60}M{seconds % 60}S")


def _educational(part: etree._Element, course: Course) -> None:
    _term(part, "learningResourceType", RESOURCES.get(Kind(course.kind)))
    _term(part, "difficulty", DIFFICULTIES.get(Level(course.level)) if course.level else None)
    add(part, _name("language"), course.language)


def _rights(part: etree._Element, course: Course) -> None:
    _term(part, "cost", "no")
    _term(part, "copyrightAndOtherRestrictions", "no" if course.licence == Licence.CC0 else "yes")
    _words(part, "description", LICENCES.get(Licence(course.licence)) or str(course.get_licence_display()))


def _classification(root: etree._Element, course: Course) -> None:
    for theme in course.themes.all():
        part = add(root, _name("classification"))
        _term(part, "purpose", "discipline")
        path = add(part, _name("taxonPath"))
        _words(path, "source", absolute("/themes/"))
        taxon = add(path, _name("taxon"))
        add(taxon, _name("id"), theme.slug)
        _words(taxon, "entry", theme.name, "zh-Hans")
