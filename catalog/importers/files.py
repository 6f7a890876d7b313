"""Reading import files. A format is one function that yields records, and one entry in ``READERS``."""

import codecs
import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from catalog.errors import FileRefused
from catalog.importers.record import FIELD_OF, CourseRecord, record_of

CELL_CHARACTERS = 2_000_000  # the longest text of one cell; csv's own limit of 131,072 cuts real descriptions


def read(path: Path) -> Iterator[CourseRecord]:
    """Records of a csv, xlsx or jsonl file, in order. A row that cannot be read comes as a record with a ``fault``.

    Raises FileRefused when the file as a whole cannot be read.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise FileRefused(
            "format-unknown",
            f"不认识的文件格式“{path.suffix or path.name}”。",
            f"请使用 {'、'.join(sorted(READERS))}。",
        )
    if not path.is_file():
        raise FileRefused("file-missing", f"找不到文件 {path}。", "请检查路径。")
    return reader(path)


def read_csv(path: Path) -> Iterator[CourseRecord]:
    """Comma, semicolon or tab separated; UTF-8 with or without BOM, UTF-16 with BOM, or GB18030."""
    csv.field_size_limit(CELL_CHARACTERS)
    text = _decode(path)
    head = text[: text.find("\n")] if "\n" in text else text
    delimiter = max(",;\t", key=head.count)
    yield from _table(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), path)


def read_xlsx(path: Path) -> Iterator[CourseRecord]:
    """The first sheet of a workbook."""
    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError) as broken:
        raise FileRefused("xlsx-broken", f"{path.name} 不是完好的 xlsx 文件。", "请用表格软件另存为 xlsx。") from broken
    try:
        yield from _table(book.worksheets[0].iter_rows(values_only=True), path)
    finally:
        book.close()


def read_jsonl(path: Path) -> Iterator[CourseRecord]:
    """One JSON object a line, UTF-8. Lists may be JSON lists."""
    for number, line in enumerate(_decode(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            cells = json.loads(line)
        except ValueError:
            yield CourseRecord(row=number, fault="这一行不是完整的 JSON")
            continue
        if isinstance(cells, dict):
            yield record_of(number, cells)
        else:
            yield CourseRecord(row=number, fault="这一行不是 JSON 对象")


READERS: dict[str, Callable[[Path], Iterator[CourseRecord]]] = {
    ".csv": read_csv,
    ".xlsx": read_xlsx,
    ".jsonl": read_jsonl,
}


def _decode(path: Path) -> str:
    data = path.read_bytes()
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace")
    # GB18030 reads almost any bytes, so it comes last
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise FileRefused("encoding-unknown", f"无法识别 {path.name} 的文字编码。", "请另存为 UTF-8。")


def _table(rows: Iterable[Sequence[object]], path: Path) -> Iterator[CourseRecord]:
    lines = iter(rows)
    headings = [str(cell or "").strip() for cell in next(lines, [])]
    known = {FIELD_OF.get(heading.casefold()) for heading in headings}
    for name, label in (("id", "编号"), ("title", "标题")):
        if name not in known:
            raise FileRefused(
                "heading-missing",
                f"{path.name} 的第一行没有“{label}”列。",
                f"请把列标题放在第一行，并至少包括“编号”和“标题”。现有：{'、'.join(filter(None, headings)) or '无'}。",
            )
    for number, cells in enumerate(_whole(lines), 2):
        if isinstance(cells, str):
            yield CourseRecord(row=number, fault=cells)
        elif any(str(cell or "").strip() for cell in cells):
            yield _table_row(number, headings, cells)


def _whole(lines: Iterator[Sequence[object]]) -> Iterator[Sequence[object] | str]:
    """The rows; in the place of one that cannot be read, the reason."""
    while True:
        try:
            yield next(lines)
        except StopIteration:
            return
        except csv.Error as broken:
            yield f"这一行读不出来（{broken}）"


def _table_row(number: int, headings: list[str], cells: Sequence[object]) -> CourseRecord:
    if surplus := [str(cell) for cell in cells[len(headings) :] if cell not in (None, "")]:
        fault = f"比列标题多出 {len(surplus)} 格（“{surplus[0][:20]}”）"
        return CourseRecord(row=number, fault=fault)
    return record_of(number, dict(zip(headings, cells, strict=False)))
