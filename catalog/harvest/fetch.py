"""Reading XML from an address that a person outside typed.

Only http and https; the host must be public and is connected to by the address that was looked at (``catalog.links``),
every redirect anew; size and time are limited. A document with a DOCTYPE is refused, so no entity is ever resolved
(OWASP, XML External Entity Prevention).
"""

from __future__ import annotations

import http.client
import time
from contextlib import closing
from urllib.parse import urljoin, urlsplit

from django.conf import settings
from lxml import etree

from catalog import links
from catalog.errors import CatalogueError

LARGEST = 20 * 1024**2  # bytes of one answer
LONGEST = 60.0  # seconds for one answer, redirects included
REDIRECTS = 4
_PIECE = 64 * 1024
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
    ends = time.monotonic() + LONGEST
    asked = url
    for _turn in range(REDIRECTS + 1):
        try:
            status, further, body = _ask(asked, ends)
        except links.Unreachable as error:
            raise CannotHarvest(f"{asked}：{error}", "请核对网址；对方暂时不通时，下次会再试。") from error
        if further:
            asked = urljoin(asked, further)
        elif status != _SUCCESS:
            raise CannotHarvest(f"{asked} 回答 {status}。", "请核对网址；对方暂时不通时，下次会再试。")
        else:
            return body
    raise CannotHarvest(f"{url} 一再转到别的地址：", "请填写最终的网址。")


def _ask(url: str, ends: float) -> tuple[int, str, bytes]:
    """Status, where it sends on to, and the body of a success. Raises links.Unreachable, CannotHarvest."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise links.Unreachable("网址写法不对。") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise links.Unreachable("不是网址：应以 http:// 或 https:// 开头。")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {
        "User-Agent": "Wenlan harvester",
        "Accept": "application/xml, text/xml, application/rss+xml, application/atom+xml, */*;q=0.5",
        "Accept-Encoding": "identity",
        "Host": parts.netloc.rpartition("@")[2],
    }
    private = settings.HARVEST_PRIVATE_HOSTS
    try:
        with closing(links.connect(parts.scheme, parts.hostname, port, private=private)) as connection:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            further = answer.getheader("Location", "") if 300 <= answer.status < 400 else ""
            body = _body(answer, url, ends) if answer.status == _SUCCESS else b""
            return answer.status, further, body
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise links.Unreachable("连接不上，或中途断开。") from error


def _body(answer: http.client.HTTPResponse, url: str, ends: float) -> bytes:
    pieces, size = [], 0
    while piece := answer.read1(_PIECE):
        size += len(piece)
        if size > LARGEST:
            raise CannotHarvest(f"{url} 的回答超过 {LARGEST // 1024**2} MB：", "请对方分页，或改用更小的集合。")
        if time.monotonic() > ends:
            raise CannotHarvest(f"{url} 在 {LONGEST:.0f} 秒内没有答完：", "下次会再试。")
        pieces.append(piece)
    return b"".join(pieces)
