"""Reading import files. A format is one function that yields records, and one entry in ``READERS``."""

import codecs
import csv
import io
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from catalog.errors import FileRefused
from catalog.formulas import unguarded
from catalog.importers.record import DERIVED, FIELD_OF, CourseRecord, record_of
from media_pipeline.cage import Cage
from media_pipeline.errors import Refused

CELL_CHARACTERS = 2_000_000  # the longest text of one cell; csv's own limit of 131,072 cuts real descriptions


Names = Mapping[str, str]
"""What a person said of headings that are not known: heading → the name of a field, or ``IGNORED``."""

IGNORED = "-"
_SAMPLE = 50  # lines of JSON whose names are looked at


def read(path: Path, names: Names | None = None) -> Iterator[CourseRecord]:
    """Records of a csv, xlsx or jsonl file, in order. A row that cannot be read comes as a record with a ``fault``.

    Raises FileRefused when the file as a whole cannot be read.
    """
    return _records(iter(_reader(path)(path)), path, names or {})


def unknown_headings(path: Path) -> list[str]:
    """The headings of a file that are no field's: they become facts of the course, or are given a field by a person.
    Raises FileRefused when the file cannot be read."""
    rows = _reader(path)(path)
    if path.suffix.lower() == ".jsonl":
        keys = (key for cells in islice(rows, _SAMPLE) if isinstance(cells, dict) for key in cells)
    else:
        keys = (str(cell or "").strip() for cell in next(iter(rows), []))
    return [key for key in dict.fromkeys(keys) if key and key.casefold() not in FIELD_OF and key not in DERIVED]


def _reader(path: Path) -> Callable[[Path], Iterator]:
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise FileRefused(
            "format-unknown",
            f"不认识的文件格式“{path.suffix or path.name}”。",
            f"请使用 {'、'.join(sorted(READERS))}。",
        )
    if not path.is_file():
        raise FileRefused("file-missing", f"找不到文件 {path}。", "请检查路径。")
    return reader


def read_csv(path: Path) -> Iterator[Sequence[object]]:
    """Comma, semicolon or tab separated; UTF-8 with or without BOM, UTF-16 with BOM, or GB18030. The guard of
    exports against formulas is taken away."""
    csv.field_size_limit(CELL_CHARACTERS)
    text = _decode(path)
    head = text[: text.find("\n")] if "\n" in text else text
    delimiter = max(",;\t", key=head.count)
    return map(_unguarded, csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


def _unguarded(cells: list[str]) -> list[object]:
    return [unguarded(cell) for cell in cells]


def read_xlsx(path: Path) -> Iterator[Sequence[object]]:
    """The first sheet of a workbook, opened in the cage."""
    with tempfile.TemporaryDirectory(prefix="wenlan-table-") as folder:
        cage = Cage(Path(folder), (path.resolve(),))
        try:
            cage.call("media_pipeline.caged.workbook:unpack", source=str(path.resolve()), name=path.name, out=folder)
        except Refused as refused:
            raise FileRefused(refused.code, refused.sentence, refused.remedy) from refused
        with (Path(folder) / "rows.jsonl").open(encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)


def read_jsonl(path: Path) -> Iterator[object]:
    """One JSON object a line, UTF-8; an empty line is an empty list, a broken one the reason as text."""
    for line in _decode(path).split("\n"):
        try:
            cells = json.loads(line) if line.strip() else []
        except ValueError:
            cells = "这一行不是完整的 JSON"
        yield cells if cells == [] or isinstance(cells, (dict, str)) else "这一行不是 JSON 对象"


READERS: dict[str, Callable[[Path], Iterator]] = {
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


def _records(rows: Iterator, path: Path, names: Names) -> Iterator[CourseRecord]:
    return _objects(rows, names) if path.suffix.lower() == ".jsonl" else _table(rows, path, names)


def _objects(rows: Iterator, names: Names) -> Iterator[CourseRecord]:
    for number, cells in enumerate(rows, 1):
        if isinstance(cells, str):
            yield CourseRecord(row=number, fault=cells)
        elif cells:
            yield record_of(number, _named(cells, names))


def _named(cells: Mapping[str, object], names: Names) -> dict[str, object]:
    return {names.get(heading, heading): value for heading, value in cells.items() if names.get(heading) != IGNORED}


def _table(rows: Iterable[Sequence[object]], path: Path, names: Names) -> Iterator[CourseRecord]:
    lines = iter(rows)
    written = [str(cell or "").strip() for cell in next(lines, [])]
    headings = [names.get(heading, heading) for heading in written]
    known = {FIELD_OF.get(heading.casefold()) for heading in headings}
    for name, label in (("id", "编号"), ("title", "标题")):
        if name not in known:
            raise FileRefused(
                "heading-missing",
                f"{path.name} 的第一行没有“{label}”列。",
                f"请把列标题放在第一行，并至少包括“编号”和“标题”。现有：{'、'.join(filter(None, written)) or '无'}。",
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
    return record_of(number, {name: cell for name, cell in zip(headings, cells, strict=False) if name != IGNORED})
