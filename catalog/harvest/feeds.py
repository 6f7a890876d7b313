"""Records of RSS 2.0, Atom (RFC 4287) and podcasts; what a feed no longer shows is not gone, only no longer new."""

from __future__ import annotations

from collections.abc import Iterator

import feedparser

from catalog.harvest.fetch import CannotHarvest, document
from catalog.harvest.words import Found
from catalog.importers import CourseRecord


def records(address: str, source: str) -> Iterator[CourseRecord]:
    """One record an entry. Raises CannotHarvest."""
    body, _root = document(address)
    feed = feedparser.parse(body)
    if not feed.version:
        raise CannotHarvest(f"{address} 不是 RSS 或 Atom：", "请核对网址和种类。")
    rights = feed.feed.get("license", "")
    for row, entry in enumerate(feed.entries, 1):
        files = [link.get("href", "") for link in entry.get("links", ()) if link.get("rel") == "enclosure"]
        url = entry.get("link") or next(iter(files), "")
        yield Found(
            key=entry.get("id") or url,
            titles=[entry.get("title", "")],
            descriptions=[entry.get("summary", "")],
            url=url,
            subjects=[tag.get("term") or "" for tag in entry.get("tags", ())],
            language=entry.get("language") or feed.feed.get("language", ""),
            rights=[entry.get("license", rights)],
            credit=entry.get("author") or feed.feed.get("author") or feed.feed.get("title", ""),
        ).record(row, source)
