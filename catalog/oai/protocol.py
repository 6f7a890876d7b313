"""What a request asks, by the rules of OAI-PMH 2.0: pure, without database or Django's settings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

REQUIRED: dict[str, frozenset[str]] = {
    "Identify": frozenset(),
    "ListMetadataFormats": frozenset(),
    "ListSets": frozenset(),
    "ListIdentifiers": frozenset({"metadataPrefix"}),
    "ListRecords": frozenset({"metadataPrefix"}),
    "GetRecord": frozenset({"identifier", "metadataPrefix"}),
}
_SELECTIVE = frozenset({"from", "until", "set"})
OPTIONAL: dict[str, frozenset[str]] = {
    "ListMetadataFormats": frozenset({"identifier"}),
    "ListIdentifiers": _SELECTIVE,
    "ListRecords": _SELECTIVE,
}
RESUMED = frozenset({"ListSets", "ListIdentifiers", "ListRecords"})
"""Verbs that take a resumptionToken, and then nothing else (section 4)."""

_SPEC = re.compile(r"[A-Za-z0-9\-_.!~*'()]+(:[A-Za-z0-9\-_.!~*'()]+)*")
_SECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


class ProtocolError(Exception):
    """``code`` is one of section 3.6; ``sentence`` says what was wrong with what."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code, self.sentence = code, sentence


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. ``since`` and ``until`` are inclusive, to the second, UTC; None where not given."""

    verb: str
    prefix: str = ""
    identifier: str = ""
    spec: str = ""
    since: datetime | None = None
    until: datetime | None = None
    token: str = ""


def read(arguments: Iterable[tuple[str, str]]) -> Asked:
    """The request of these arguments, in the order sent. Raises ProtocolError (badVerb, badArgument)."""
    given: dict[str, str] = {}
    twice = []
    for name, value in arguments:
        if name in given:
            twice.append(name)
        given[name] = value
    verb = given.pop("verb", "")
    if "verb" in twice or verb not in REQUIRED:
        raise ProtocolError("badVerb", f"verb must be given once, as one of: {', '.join(REQUIRED)}.")
    if twice:
        raise ProtocolError("badArgument", f"Given more than once: {_names(twice)}.")
    if "resumptionToken" in given and verb in RESUMED:
        if len(given) > 1:
            raise ProtocolError("badArgument", "resumptionToken is exclusive: send it with verb alone.")
        return Asked(verb, token=given["resumptionToken"])
    if unknown := set(given) - REQUIRED[verb] - OPTIONAL.get(verb, frozenset()):
        raise ProtocolError("badArgument", f"Not an argument of {verb}: {_names(unknown)}.")
    if missing := REQUIRED[verb] - {name for name, value in given.items() if value}:
        raise ProtocolError("badArgument", f"{verb} also needs: {_names(missing)}.")
    if "set" in given and not _SPEC.fullmatch(given["set"]):
        raise ProtocolError("badArgument", f"Not a setSpec: {given['set'][:40]}.")
    since, until = _range(given)
    return Asked(verb, given.get("metadataPrefix", ""), given.get("identifier", ""), given.get("set", ""), since, until)


def _names(names: Iterable[str]) -> str:
    return ", ".join(sorted({name[:40] for name in names}))


def _range(given: Mapping[str, str]) -> tuple[datetime | None, datetime | None]:
    texts = {name: given[name] for name in ("from", "until") if name in given}
    since, until = (_moment(name, texts[name]) if name in texts else None for name in ("from", "until"))
    if since and until and len(texts["from"]) != len(texts["until"]):
        raise ProtocolError("badArgument", "from and until must have the same granularity.")
    if until and _DAY.fullmatch(texts["until"]):
        until += timedelta(days=1, seconds=-1)
    if since and until and since > until:
        raise ProtocolError("badArgument", "from lies after until.")
    return since, until


def _moment(name: str, text: str) -> datetime:
    """A UTCdatetime (section 3.3) of either granularity; of a day, its first second."""
    form = "%Y-%m-%dT%H:%M:%SZ" if _SECONDS.fullmatch(text) else "%Y-%m-%d" if _DAY.fullmatch(text) else ""
    try:
        moment = datetime.strptime(text, form or "-").replace(tzinfo=UTC)
        return moment if moment.year < 9999 else moment.replace(year=9998)  # the end of a day stays a date
    except ValueError as error:
        sentence = f"{name} must be YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ, in UTC; it was “{text[:40]}”."
        raise ProtocolError("badArgument", sentence) from error


def stamp(moment: datetime) -> str:
    """A moment as UTCdatetime to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
