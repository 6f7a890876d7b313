"""Text that may hold anything an editor pasted, for XML."""

import re

from lxml import etree

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no way to write (section 2.2)."""


def clean(text: str) -> str:
    """``text`` without the characters that XML cannot hold."""
    return _FORBIDDEN.sub("", text)


def add(parent: etree._Element, name: str, text: str = "") -> etree._Element:
    """A new last child with ``text``, cleaned."""
    child = etree.SubElement(parent, name)
    if text:
        child.text = clean(text)
    return child
