"""Courses out to files that the importers read back: exporting and importing again changes nothing.

A new format is one function here and one entry in ``WRITERS``; it takes ``CourseRecord``s.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, BinaryIO

from django.db.models import QuerySet
from django.utils import translation
from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from catalog.formulas import guarded, xlsx_text
from catalog.importers.current import record_of
from catalog.importers.record import FIELDS, HEADINGS, LISTS, CourseRecord
from catalog.kinds import Kind
from catalog.models import Course, Level, Licence, Source, Theme


def records(courses: QuerySet[Course]) -> Iterator[CourseRecord]:
    """The records of ``courses``, by id, of their newest versions."""
    everything = courses.select_related("institution", "latest_revision").prefetch_related(
        "themes", "places", "teachers", "lessons__asset"
    )
    for number, course in enumerate(everything.order_by("pk").iterator(chunk_size=500), 1):
        yield record_of(number, course)


def write_csv(courses: Iterable[CourseRecord], out: BinaryIO) -> int:
    """Chinese headings, several values separated by ；; facts without a field have columns of their own at the end.
    UTF-8 with BOM, which spreadsheets recognise; what would be a formula is guarded. Returns the number of courses."""
    rows = list(courses)
    text = io.TextIOWrapper(out, encoding="utf-8-sig", newline="")
    csv.writer(text).writerows([guarded(cell) for cell in cells] for cells in _table(rows))
    text.detach()
    return len(rows)


def _table(rows: list[CourseRecord]) -> Iterator[list[str]]:
    labels = sorted({label for record in rows for label in record.extra})
    yield [*(HEADINGS[name][0] for name in FIELDS), *labels]
    for record in rows:
        cells = [_cell(getattr(record, name), name) for name in FIELDS]
        yield [*cells, *(record.extra.get(label, "") for label in labels)]


HEAD = PatternFill("solid", fgColor="E8EFEC")
LIST_ROWS = 10_000
"""Rows in which a spreadsheet offers the values of a column with a list."""


def write_xlsx(courses: Iterable[CourseRecord], out: BinaryIO) -> int:
    """The table of ``write_csv`` as a workbook: the first sheet has the courses, with lists to choose from where a
    column has a few values, the last says what each column means. Without courses it is the template of an import.
    Returns the number of courses."""
    rows = list(courses)
    book = Workbook(write_only=True)
    sheet = book.create_sheet("课程")
    sheet.freeze_panes = "A2"
    for number, name in enumerate(FIELDS, 1):
        sheet.column_dimensions[get_column_letter(number)].width = 40 if name in {"title", "description"} else 16
    for number, cells in enumerate(_table(rows)):
        sheet.append(
            [_head(sheet, cell) for cell in cells] if number == 0 else [xlsx_text(sheet, cell) for cell in cells]
        )
    choices = book.create_sheet("可选的值")
    for row, (name, values) in enumerate(choices_of_fields().items(), 1):
        choices.append([xlsx_text(choices, value) for value in (HEADINGS[name][0], *values)])
        last = get_column_letter(len(values) + 1)
        rule = DataValidation(type="list", formula1=f"'可选的值'!$B${row}:${last}${row}", allow_blank=True)
        rule.error, rule.errorTitle, rule.showErrorMessage = "请从列表里选。", HEADINGS[name][0], name != "themes"
        column = get_column_letter(FIELDS.index(name) + 1)
        rule.add(f"{column}2:{column}{LIST_ROWS}")
        sheet.data_validations.append(rule)
    told = book.create_sheet("说明")
    told.column_dimensions["A"].width, told.column_dimensions["B"].width = 16, 90
    for name in FIELDS:
        told.append([HEADINGS[name][0], MEANING[name]])
    book.save(out)
    return len(rows)


def choices_of_fields() -> dict[str, list[str]]:
    """The words that may stand in columns with a few values."""
    with translation.override("zh-hans"):
        return {
            "kind": [str(label) for label in Kind.labels],
            "themes": list(Theme.objects.order_by("path").values_list("name", flat=True)[:200]),
            "level": [str(label) for label in Level.labels],
            "origin": [str(label) for label in Source.labels],
            "licence": [str(label) for label in Licence.labels],
        }


MEANING = {
    "id": "必填。课程在您那里的编号，以后不变；再次导入时凭它认出同一门课。",
    "source": "编号来自哪个系统。在这里建立的课程是 wenlan。可以不填。",
    "institution": "机构的代码或全名。不填就是导入时选的机构。",
    "kind": "视频、音频、读本、图集、链接。不填就看文件和链接。",
    "title": "必填，最多 255 个字。",
    "title_en": "",
    "alternative_titles": "几个用 ； 分开。",
    "summary": "一句话，最多 255 个字，出现在卡片上。",
    "description": "没有文件的读本，这里就是正文。",
    "themes": "已有主题的名称，几个用 ； 分开。",
    "places": "全名或区划代码，几个用 ； 或 、 分开。",
    "teachers": "姓名，几个用 ； 分开；没有的会新建。",
    "subjects": "几个用 ； 分开。",
    "language": "zh-Hans、zh-Hant、en……，或“普通话”“英语”。",
    "level": "入门、进阶、提高。",
    "origin": "自建、共建、引进。",
    "licence": "例如 CC BY 署名，或 cc-by。",
    "licence_until": "2026-12-31。",
    "credit": "引进的课程采用“署名”许可时必填。",
    "url": "http 或 https 开头；成为一讲。",
    "files": "已经传好的文件名，几个用 ； 分开；各成一讲。",
    "exported_version": "导出时写的，请不要改：导出以后别人改过的课程不会被覆盖。",
}


def _head(sheet: Any, text: str) -> Any:
    cell = xlsx_text(sheet, text)
    cell.font, cell.fill, cell.alignment = Font(bold=True), HEAD, Alignment(vertical="center")
    return cell


def write_sheet(name: str, heads: Sequence[str], rows: Iterable[Sequence[Any]], out: BinaryIO) -> None:
    """A workbook with one sheet: heads, then rows of texts and numbers."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(name)
    sheet.freeze_panes = "A2"
    sheet.column_dimensions["A"].width = 40
    sheet.append([_head(sheet, head) for head in heads])
    for row in rows:
        sheet.append([xlsx_text(sheet, cell) if isinstance(cell, str) else cell for cell in row])
    book.save(out)


def write_jsonl(courses: Iterable[CourseRecord], out: BinaryIO) -> int:
    """One object a line, English names. Returns the number of courses."""
    count = 0
    for record in courses:
        cells = {name: getattr(record, name) for name in FIELDS}
        out.write((json.dumps({**cells, **record.extra}, ensure_ascii=False) + "\n").encode())
        count += 1
    return count


WRITERS: dict[str, Callable[[Iterable[CourseRecord], BinaryIO], int]] = {
    ".csv": write_csv,
    ".xlsx": write_xlsx,
    ".jsonl": write_jsonl,
}


def _cell(value: str | tuple[str, ...], name: str) -> str:
    return "；".join(value) if name in LISTS else str(value)
