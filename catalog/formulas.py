"""Texts that a spreadsheet would take for formulas: written so that they stay text, and read back as they were.

The signs are those of OWASP's page on CSV injection, with their full-width forms. A CSV has no types, so an apostrophe
is put before such a text; one that already looks guarded gets one more, and each that is taken away was put there.
"""

import re
from typing import Any

from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

_FORMULA = re.compile(r"'*[=+\-@＝＋－＠\t\r\n]")
_GUARDED = re.compile(r"'+[=+\-@＝＋－＠\t\r\n]")
XLSX_CHARACTERS = 32_767


def guarded(text: str) -> str:
    """``text`` for a cell of a CSV."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguarded(text: str) -> str:
    """What ``guarded`` was given. A cell without a guard is left as it is."""
    return text[1:] if _GUARDED.match(text) else text


def xlsx_text(sheet: Any, text: str) -> Any:
    """A cell of a write-only workbook that holds ``text`` as text, also after somebody edits it; without control
    characters, cut to what a cell can hold."""
    cell = WriteOnlyCell(sheet, value=ILLEGAL_CHARACTERS_RE.sub("", text)[:XLSX_CHARACTERS])
    cell.data_type = "s"  # openpyxl makes a formula of what begins with "=", an error of "#N/A"
    if _FORMULA.match(text):
        cell.quotePrefix = True
    return cell
