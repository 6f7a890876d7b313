"""Records of a provider of OAI-PMH 2.0, from its Dublin Core, which every provider has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlencode

from lxml import etree

from catalog.harvest.fetch import CannotHarvest, document
from catalog.harvest.words import Found
from catalog.importers import CourseRecord

NS = {
    "o": "http://www.openarchives.org/OAI/2.0/",
    "dc": "http://purl.org/dc/elements/1.1/",
}
PAGES = 10_000
DAY = len("2026-11-27")


@dataclass(slots=True)
class Provider:
    """One walk through a provider. ``gone`` collects identifiers told as deleted; ``until`` is, after the first page,
    the provider's clock when the walk began, in its own granularity: what to ask ``since`` the next time."""

    address: str
    source: str
    spec: str = ""
    since: str = ""
    until: str = ""
    gone: list[str] = field(default_factory=list)

    def records(self) -> Iterator[CourseRecord]:
        """Raises CannotHarvest when the walk does not come to its end."""
        by_day = self._granularity() == "YYYY-MM-DD"
        asked = {"verb": "ListRecords", "metadataPrefix": "oai_dc", "set": self.spec}
        asked["from"] = self.since[:DAY] if by_day else self.since
        row, seen = 0, set()
        for _page in range(PAGES):
            root = self._ask({name: value for name, value in asked.items() if value})
            if not self.until:
                moment = _text(root, "o:responseDate")
                self.until = moment[:DAY] if by_day else moment
            for record in root.iterfind("o:ListRecords/o:record", NS):
                row += 1
                if (found := self._record(record, row)) is not None:
                    yield found
            token = _text(root, "o:ListRecords/o:resumptionToken")
            if not token:
                return
            if token in seen:
                break
            seen.add(token)
            asked = {"verb": "ListRecords", "resumptionToken": token}
        raise CannotHarvest("对方的 resumptionToken 没有尽头：", "请对方检查。")

    def _granularity(self) -> str:
        root = self._ask({"verb": "Identify"})
        if not (found := _text(root, "o:Identify/o:granularity")):
            raise CannotHarvest(f"{self.address} 不是 OAI-PMH 的地址：", "请填写对方给出的 baseURL。")
        return found

    def _ask(self, arguments: dict[str, str]) -> etree._Element:
        joint = "&" if "?" in self.address else "?"
        _body, root = document(f"{self.address}{joint}{urlencode(arguments)}")
        for error in root.iterfind("o:error", NS):
            if error.get("code") != "noRecordsMatch":
                said = f"{error.get('code')} {error.text or ''}".strip()
                raise CannotHarvest(f"对方回答：{said[:200]}。", "请核对网址和集合。")
        return root

    def _record(self, record: etree._Element, row: int) -> CourseRecord | None:
        """None for a deleted one, which is noted."""
        key = _text(record, "o:header/o:identifier")
        header = record.find("o:header", NS)
        if header is not None and header.get("status") == "deleted":
            self.gone.append(key)
            return None
        found = {
            name: [text for one in record.iterfind(f".//dc:{name}", NS) if (text := (one.text or "").strip())]
            for name in ("title", "creator", "subject", "description", "publisher", "identifier", "language", "rights")
        }
        url = next((text for text in found["identifier"] if text.startswith(("http://", "https://"))), "")
        return Found(
            key=key,
            titles=found["title"],
            descriptions=found["description"],
            url=url,
            subjects=found["subject"],
            language=(found["language"] or [""])[0],
            rights=found["rights"],
            credit="、".join(found["creator"] or found["publisher"]),
        ).record(row, self.source)


def _text(element: etree._Element, path: str) -> str:
    return (element.findtext(path, "", NS) or "").strip()
