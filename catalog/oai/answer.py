"""Answers as XML (OAI-PMH 2.0, section 3.2 and the schema OAI-PMH.xsd)."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parseaddr

from django.conf import settings
from lxml import etree

from catalog.addresses import absolute
from catalog.oai import repository
from catalog.oai.formats import FORMATS
from catalog.oai.protocol import Asked, ProtocolError, stamp
from catalog.oai.repository import Page, Record
from catalog.xml_text import add, clean

OAI = "http://www.openarchives.org/OAI/2.0/"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
NAME = "文澜"


def write(asked: Asked | None, given: Mapping[str, str], error: ProtocolError | None = None) -> bytes:
    """The whole document: the answer to ``asked``, or ``error``. ``given`` are the arguments as sent."""
    root = etree.Element(_name("OAI-PMH"), nsmap={None: OAI, "xsi": XSI})
    root.set(f"{{{XSI}}}schemaLocation", f"{OAI} http://www.openarchives.org/OAI/2.0/OAI-PMH.xsd")
    add(root, _name("responseDate"), stamp(repository.complete_until()))
    request = add(root, _name("request"), absolute("/oai"))
    try:
        if error is not None or asked is None:
            raise error or ProtocolError("badVerb", "verb is missing.")
        for name, value in given.items():
            request.set(name, clean(value))
        root.append(_ANSWERS[asked.verb](asked))
    except ProtocolError as problem:
        add(root, _name("error"), problem.sentence).set("code", problem.code)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _name(name: str) -> str:
    return f"{{{OAI}}}{name}"


def _identify(asked: Asked) -> etree._Element:
    part = etree.Element(_name("Identify"))
    for name, value in (
        ("repositoryName", NAME),
        ("baseURL", absolute("/oai")),
        ("protocolVersion", "2.0"),
        ("adminEmail", parseaddr(settings.DEFAULT_FROM_EMAIL)[1]),
        ("earliestDatestamp", stamp(repository.earliest())),
        ("deletedRecord", "persistent"),
        ("granularity", "YYYY-MM-DDThh:mm:ssZ"),
    ):
        add(part, _name(name), value)
    return part


def _list_formats(asked: Asked) -> etree._Element:
    if asked.identifier:
        repository.one(asked.identifier)
    part = etree.Element(_name("ListMetadataFormats"))
    for module in FORMATS.values():
        entry = add(part, _name("metadataFormat"))
        add(entry, _name("metadataPrefix"), module.PREFIX)
        add(entry, _name("schema"), module.SCHEMA)
        add(entry, _name("metadataNamespace"), module.NAMESPACE)
    return part


def _list_sets(asked: Asked) -> etree._Element:
    if asked.token:
        raise ProtocolError("badResumptionToken", "The list of sets has one part only.")
    part = etree.Element(_name("ListSets"))
    for spec, name in repository.sets():
        entry = add(part, _name("set"))
        add(entry, _name("setSpec"), spec)
        add(entry, _name("setName"), name)
    return part


def _list(asked: Asked) -> etree._Element:
    place = None
    if asked.token:
        asked, place = repository.resume(asked)
    _known_format(asked)
    page = repository.page(asked, place)
    part = etree.Element(_name(asked.verb))
    for record in page.records:
        if asked.verb == "ListRecords":
            _record(part, record, asked.prefix)
        else:
            _header(part, record)
    _resumption(part, page)
    return part


def _get(asked: Asked) -> etree._Element:
    record = repository.one(asked.identifier)
    _known_format(asked)
    part = etree.Element(_name("GetRecord"))
    _record(part, record, asked.prefix)
    return part


def _known_format(asked: Asked) -> None:
    if asked.prefix not in FORMATS:
        raise ProtocolError("cannotDisseminateFormat", f"Formats are: {', '.join(FORMATS)}.")


def _record(parent: etree._Element, record: Record, prefix: str) -> None:
    part = add(parent, _name("record"))
    _header(part, record)
    if record.course is not None and not record.deleted:
        add(part, _name("metadata")).append(FORMATS[prefix].write(record.course))


def _header(parent: etree._Element, record: Record) -> None:
    header = add(parent, _name("header"))
    if record.deleted:
        header.set("status", "deleted")
    add(header, _name("identifier"), repository.identifier(record.key))
    add(header, _name("datestamp"), stamp(record.datestamp))
    for spec in record.specs:
        add(header, _name("setSpec"), spec)


def _resumption(part: etree._Element, page: Page) -> None:
    if page.token is not None:
        add(part, _name("resumptionToken"), page.token).set("cursor", str(page.cursor))


_ANSWERS = {
    "Identify": _identify,
    "ListMetadataFormats": _list_formats,
    "ListSets": _list_sets,
    "ListIdentifiers": _list,
    "ListRecords": _list,
    "GetRecord": _get,
}
