"""The first sheet of a workbook as lines of JSON, by openpyxl."""

import json
import mimetypes
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

mimetypes.knownfiles = []  # read when openpyxl is imported; in here they are out of reach

from openpyxl import load_workbook  # noqa: E402
from openpyxl.utils.exceptions import InvalidFileException  # noqa: E402

from media_pipeline.errors import Refused  # noqa: E402
from media_pipeline.product import Report  # noqa: E402

MAX_ROWS, MAX_COLUMNS = 200_000, 200


def unpack(source: str, name: str, out: str, report: Report) -> dict[str, Any]:
    """Writes ``rows.jsonl`` into ``out``: one list of cells a line, text, numbers, truth or null; days as 2026-05-08.
    Answers ``rows``, their number. Raises Refused when it is no workbook or has too many rows."""
    try:
        book = load_workbook(source, read_only=True, data_only=True)
        sheet = book.worksheets[0]
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, IndexError, SyntaxError) as broken:
        raise Refused("xlsx-broken", f"{name} 不是完好的 xlsx 文件。", "请用表格软件另存为 xlsx。") from broken
    number = 0
    with (Path(out) / "rows.jsonl").open("w", encoding="utf-8") as lines:
        for number, cells in enumerate(sheet.iter_rows(values_only=True, max_col=MAX_COLUMNS), 1):
            if number > MAX_ROWS:
                raise Refused("xlsx-long", f"{name} 超过 {MAX_ROWS} 行。", "请拆成几个文件。")
            lines.write(json.dumps([_plain(cell) for cell in cells], ensure_ascii=False) + "\n")
            if number % 1000 == 0:
                report("read", 0.5)
    return {"rows": number}


def _plain(cell: Any) -> Any:
    if isinstance(cell, date):
        return cell.isoformat()[:10]
    return cell if cell is None or isinstance(cell, (str, int, float, bool)) else str(cell)
