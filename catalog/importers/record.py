"""One row of an import or export, the same whatever the file, and the columns that it may have."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields

LISTS = frozenset({"alternative_titles", "themes", "places", "teachers", "subjects", "files"})
"""Fields with several values; in a cell they are separated by ； or a line break."""

HEADINGS: dict[str, tuple[str, ...]] = {
    "id": ("编号", "id", "identifier", "external_id"),
    "source": ("来源系统", "source", "external_source"),
    "institution": ("机构", "institution"),
    "kind": ("类型", "kind", "type"),
    "title": ("标题", "title", "名称", "课程名称"),
    "title_en": ("英文标题", "title_en"),
    "alternative_titles": ("其他标题", "alternative_titles", "别名"),
    "summary": ("一句话简介", "summary"),
    "description": ("简介", "description", "介绍", "正文"),
    "themes": ("主题", "themes", "theme"),
    "places": ("地方", "places", "place", "地区", "地点"),
    "teachers": ("教师", "teachers", "teacher", "主讲", "主讲人"),
    "subjects": ("关键词", "subjects", "keywords", "标签"),
    "language": ("语言", "language", "lang"),
    "level": ("程度", "level"),
    "origin": ("来源", "origin"),
    "licence": ("许可", "licence", "license"),
    "licence_until": ("许可到期", "licence_until", "到期日期"),
    "credit": ("署名", "credit"),
    "url": ("链接", "url", "link", "网址"),
    "files": ("文件", "files", "file", "文件名"),
    "exported_version": ("导出版本", "exported_version"),
}
"""Field → its headings; the first is the Chinese one that exports write, the second the English one."""

EXTRA_LABELS = {
    "creator": "作者",
    "publisher": "发布单位",
    "address": "地址",
    "lat": "纬度",
    "lon": "经度",
    "description_en": "英文简介",
    "ich_code": "项目编号",
    "ich_kind": "项目类别",
    "announced": "公布批次",
}
"""English names of facts without a field of their own → the label they are kept under in ``Course.extra``."""

DERIVED = frozenset({"title_hans", "title_derived"})
"""Columns that can be made from others at any time and are not kept."""

FIELD_OF = {heading.casefold(): name for name, headings in HEADINGS.items() for heading in headings}


@dataclass(frozen=True, slots=True)
class CourseRecord:
    """A course as text. ``row`` is its place in the file as a spreadsheet shows it (or the line), ``given`` names the
    fields that the file has a column for: what is not given is left alone when the course exists already.
    ``extra`` are facts without a field, label → text. ``exported_version`` names what the course said when it was
    exported. ``fault`` tells why the row could not be read, "" when it could.
    """

    row: int
    id: str = ""
    source: str = ""
    institution: str = ""
    kind: str = ""
    title: str = ""
    title_en: str = ""
    alternative_titles: tuple[str, ...] = ()
    summary: str = ""
    description: str = ""
    themes: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    teachers: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    language: str = ""
    level: str = ""
    origin: str = ""
    licence: str = ""
    licence_until: str = ""
    credit: str = ""
    url: str = ""
    files: tuple[str, ...] = ()
    exported_version: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)
    given: frozenset[str] = frozenset()
    fault: str = ""


FIELDS = tuple(one.name for one in fields(CourseRecord) if one.name in HEADINGS)


def text_of(value: object) -> str:
    """A cell as text: whole numbers without ``.0``, dates as 2026-05-08, None as ""."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (list, tuple)):
        return "；".join(map(text_of, value))
    if hasattr(value, "isoformat"):
        return value.isoformat()[:10]
    return str(value).strip()


def list_of(value: object) -> tuple[str, ...]:
    """The values of a cell or list, without blanks and repetitions, in order."""
    if isinstance(value, (list, tuple)):
        parts: Iterable[str] = map(text_of, value)
    else:
        parts = text_of(value).replace("；", "\n").replace(";", "\n").splitlines()
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))


def record_of(row: int, cells: Mapping[str, object]) -> CourseRecord:
    """The record of one row, given as heading → value. Headings are matched without regard to case; a heading that
    is not known is kept as a fact under its own name."""
    values: dict[str, str | tuple[str, ...]] = {}
    extra: dict[str, str] = {}
    for heading, value in cells.items():
        name = FIELD_OF.get(heading) or FIELD_OF.get(heading.strip().casefold())
        if name is not None:
            if not values.get(name):
                values[name] = list_of(value) if name in LISTS else text_of(value)
        elif heading and heading not in DERIVED and (fact := text_of(value)):
            extra[EXTRA_LABELS.get(heading, heading.strip())] = fact
    given = frozenset(values) | ({"extra"} if extra else frozenset())
    return CourseRecord(row=row, extra=extra, given=given, **values)  # type: ignore[arg-type]
