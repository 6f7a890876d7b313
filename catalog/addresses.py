"""Addresses of this site as readers elsewhere see them, and what an address says of a film."""

from __future__ import annotations

from django.conf import settings

LONGEST = 7 * 24 * 3600
"""Seconds that ``?t=`` may ask for; more is a typing slip and starts at the beginning."""


def absolute(path: str) -> str:
    """An address on this site with its host, for readers outside."""
    return path if "://" in path else settings.PUBLIC_URL.rstrip("/") + path


def start(text: str) -> int:
    """The second at which ``?t=`` begins; 0 for what is none."""
    return int(text) if text.isascii() and text.isdigit() and int(text[:9]) <= LONGEST else 0
