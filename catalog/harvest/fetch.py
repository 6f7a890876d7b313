"""Reading XML from an address that a person outside typed.

Only http and https; the host must be public and is connected to by the address that was looked at
(``catalog.outgoing``), every redirect anew; size and time are limited. A document with a DOCTYPE is refused, so no
entity is ever resolved (OWASP, XML External Entity Prevention).
"""

from __future__ import annotations

from urllib.parse import urljoin

from lxml import etree

from catalog import outgoing
from catalog.errors import CatalogueError

LARGEST = 20 * 1024**2  # bytes of one answer
LONGEST = 60.0  # seconds for one answer
REDIRECTS = 4
HEADERS = {
    "User-Agent": "Wenlan harvester",
    "Accept": "application/xml, text/xml, application/rss+xml, application/atom+xml, */*;q=0.5",
    "Accept-Encoding": "identity",
}
_SUCCESS = 200


class CannotHarvest(CatalogueError):
    """Why a source could not be read to its end."""

    def __init__(self, sentence: str, remedy: str = "") -> None:
        super().__init__("harvest-failed", sentence, remedy)


def document(url: str) -> tuple[bytes, etree._Element]:
    """The XML at ``url``, as sent and parsed. Raises CannotHarvest."""
    body = read(url)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise CannotHarvest(f"{url} 的回答不是完整的 XML：", "请核对网址和种类，或请对方检查。") from error
    if root.getroottree().docinfo.doctype:
        raise CannotHarvest(f"{url} 的回答带有 DOCTYPE，不予读取：", "请对方去掉它。")
    return body, root


def read(url: str) -> bytes:
    """What is at ``url``. Raises CannotHarvest."""
    asked = url
    for _turn in range(REDIRECTS + 1):
        try:
            status, further, body = _ask(asked)
        except outgoing.Unreachable as error:
            raise CannotHarvest(f"{asked}：{error}", "请核对网址；对方暂时不通时，下次会再试。") from error
        if further:
            asked = urljoin(asked, further)
        elif status != _SUCCESS:
            raise CannotHarvest(f"{asked} 回答 {status}。", "请核对网址；对方暂时不通时，下次会再试。")
        else:
            return body
    raise CannotHarvest(f"{url} 一再转到别的地址：", "请填写最终的网址。")


def _ask(url: str) -> tuple[int, str, bytes]:
    """Status, where it sends on to, and the body of a success. Raises outgoing.Unreachable, CannotHarvest."""
    answer = outgoing.call(url, headers=HEADERS, limits=outgoing.Limits(LARGEST + 1, LONGEST))
    if len(answer.body) > LARGEST:
        raise CannotHarvest(f"{url} 的回答超过 {LARGEST // 1024**2} MB：", "请对方分页，或改用更小的集合。")
    further = answer.headers.get("location", "") if 300 <= answer.status < 400 else ""
    return answer.status, further, answer.body
