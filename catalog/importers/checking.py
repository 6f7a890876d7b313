"""From a record of texts to the values a course gets, or to what is wrong with which cell."""

import hashlib
import json
import re
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.utils import translation

from catalog.importers.media import MediaSource, Received
from catalog.importers.record import HEADINGS, CourseRecord
from catalog.kinds import KINDS, Kind
from catalog.models import Course, Institution, Level, Licence, Source, Theme
from catalog.places import Gazetteer
from media_pipeline.errors import Refused
from media_pipeline.models import MediaAsset

OWN_SOURCE = "wenlan"
"""``source`` of exported courses that were made here; their ``id`` is the slug."""

SUBJECT_OF_KIND = {
    "article": "百科",
    "ich": "非物质文化遗产",
    "how-to": "生活技能",
    "local-culture": "地方文化",
}
"""Kinds of other catalogues that are readings here, and the keyword that keeps what they were."""

PLACE_NOTE = "所在地"
"""The fact under which a place is kept as it was written, when no division has (all of) that name."""

_PLAIN_READINGS = frozenset({"course", "text", *SUBJECT_OF_KIND})
_LANGUAGES = {
    "zh": "zh-Hans",
    "zh-cn": "zh-Hans",
    "zh-hans": "zh-Hans",
    "zh-sg": "zh-Hans",
    "cmn": "zh-Hans",
    "中文": "zh-Hans",
    "汉语": "zh-Hans",
    "普通话": "zh-Hans",
    "简体中文": "zh-Hans",
    "zh-tw": "zh-Hant",
    "zh-hk": "zh-Hant",
    "zh-mo": "zh-Hant",
    "zh-hant": "zh-Hant",
    "繁體中文": "zh-Hant",
    "繁体中文": "zh-Hant",
    "英文": "en",
    "英语": "en",
}
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?$")
_SENTENCE_END = re.compile(r"[（(，,。；;：:！!？?\n]")
_WIKI_MARKS = re.compile(r"-\{|\}-")
_SUFFIX_KINDS = {
    Kind.VIDEO: {".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".ts", ".mpg", ".flv", ".wmv"},
    Kind.AUDIO: {".mp3", ".m4a", ".aac", ".wav", ".flac", ".ogg", ".opus"},
    Kind.READING: {".pdf", ".epub"},
    Kind.GALLERY: {".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".avif"},
}
_check_url = URLValidator(schemes=["http", "https"])


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one cell: row and column as the file shows them, the value (cut to 80 characters), why, and
    what to do about it."""

    row: int
    column: str
    value: str
    reason: str
    remedy: str


@dataclass(slots=True)
class Prepared:
    """A record that may be stored. ``values`` has only fields of Course that the file gives; ``themes`` (ids),
    ``places`` (codes) and ``teachers`` (names) are None where it does not. ``first`` are values for a new course
    only. ``digest`` names all that the row says."""

    record: CourseRecord
    institution: Institution
    source: str
    values: dict[str, Any]
    first: dict[str, Any] = field(default_factory=dict)
    themes: tuple[int, ...] | None = None
    places: tuple[str, ...] | None = None
    teachers: tuple[str, ...] | None = None
    url: str = ""
    files: tuple[str, ...] = ()
    digest: str = ""
    assets: dict[str, MediaAsset] = field(default_factory=dict)
    """Of ``files``, those that are in the library already, or were just taken in."""

    @property
    def key(self) -> tuple[int, str, str]:
        return self.institution.pk, self.source, self.record.id

    @property
    def complete(self) -> bool:
        """Whether a new course of this record has what its kind asks for."""
        values = {**self.first, **{name: value for name, value in self.values.items() if value}}
        if values["kind"] == Kind.LINK:
            return bool(self.url)
        return bool(self.files) or (KINDS[values["kind"]].text_alone and bool(values.get("description")))


@dataclass(slots=True)
class Checker:
    """Checks one file's records against what the library knows. ``institution``: where rows without one belong;
    ``only``: institutions that rows may name, None for all. ``files``: where the files that rows name are found, None
    when no place of files was given."""

    institution: Institution | None
    gazetteer: Gazetteer
    only: Container[int] | None = None
    files: MediaSource | Received | None = None
    warnings: list[Problem] = field(default_factory=list)
    _institutions: dict[str, Institution] = field(default_factory=dict)
    _themes: dict[str, int] = field(default_factory=dict)
    _seen: dict[tuple[int, str, str], int] = field(default_factory=dict)
    _faults: list[Problem] = field(default_factory=list)

    def __post_init__(self) -> None:
        for institution in Institution.objects.all():
            self._institutions.update({institution.code: institution, institution.name: institution})
        for pk, slug, name in Theme.objects.values_list("pk", "slug", "name"):
            self._themes.update({slug: pk, name: pk})

    def check(self, record: CourseRecord) -> Prepared | list[Problem]:
        """The record ready to be stored, or all that is wrong with it. Warnings are collected apart."""
        self._faults = []
        if record.fault:
            return [Problem(record.row, "", "", record.fault, "请改正这一行后重新导入。")]
        institution = self._institution(record)
        values = self._values(record)
        prepared = Prepared(
            record=record,
            institution=institution or Institution(),
            source=record.source,
            values=values,
            themes=self._theme_ids(record),
            places=self._place_codes(record, values),
            teachers=record.teachers if "teachers" in record.given else None,
            url=self._url(record),
            files=self._files(record),
        )
        self._once(prepared)
        if self._faults:
            return self._faults
        prepared.first = _first_values(prepared)
        prepared.digest = _digest(prepared)
        return prepared

    def remember(self, record: CourseRecord) -> None:
        """Notes the number of a row that was dealt with before, so that a later one of the same number is told."""
        institution = self._institutions.get(record.institution) if record.institution else self.institution
        if institution and record.id:
            self._seen.setdefault((institution.pk, record.source, record.id), record.row)

    def _fault(self, record: CourseRecord, name: str, value: str, reason: str, remedy: str) -> None:
        self._faults.append(Problem(record.row, HEADINGS[name][0], value[:80], reason, remedy))

    def _warn(self, record: CourseRecord, name: str, value: str, reason: str, remedy: str) -> None:
        self.warnings.append(Problem(record.row, HEADINGS[name][0], value[:80], reason, remedy))

    def _institution(self, record: CourseRecord) -> Institution | None:
        if not record.institution:
            return self.institution
        found = self._institutions.get(record.institution)
        if found is None:
            self._fault(
                record, "institution", record.institution, "没有这个机构", "请填写机构的代码或全名，或先建立机构。"
            )
        elif self.only is not None and found.pk not in self.only:
            self._fault(record, "institution", record.institution, "不属于您可以导入的机构", "请改为您所在的机构。")
        return found

    def _once(self, prepared: Prepared) -> None:
        record = prepared.record
        if not record.id:
            self._fault(record, "id", "", "缺少编号", "请给每门课程一个不变的编号，再次导入时凭它识别。")
            return
        if len(record.id) > 200:
            self._fault(record, "id", record.id, "编号超过 200 个字符", "请缩短编号。")
        first = self._seen.setdefault(prepared.key, record.row)
        if first != record.row:
            self._fault(record, "id", record.id, f"编号与第 {first} 行重复", "请给每门课程不同的编号。")

    def _values(self, record: CourseRecord) -> dict[str, Any]:
        values: dict[str, Any] = {"title": self._title(record)}
        for name in ("title_en", "summary", "description", "credit"):
            if name in record.given:
                values[name] = getattr(record, name)
                limit = Course._meta.get_field(name).max_length
                if limit and len(values[name]) > limit:
                    self._fault(record, name, values[name], f"超过 {limit} 个字符", "请缩短。")
        if "alternative_titles" in record.given:
            values["alternative_titles"] = list(record.alternative_titles)
        self._kind(record, values)
        self._choices(record, values)
        if "extra" in record.given:
            values["extra"] = _facts(record)
        return values

    def _title(self, record: CourseRecord) -> str:
        title = record.title
        if not title and record.description:
            title = _SENTENCE_END.split(_WIKI_MARKS.sub("", record.description).strip(), maxsplit=1)[0][:60].strip()
            if title:
                self._warn(record, "title", title, "没有标题，取自简介的开头", "请在表格中补上标题。")
        if not title:
            self._fault(record, "title", "", "缺少标题", "请填写标题。")
        elif len(title) > 255:
            self._fault(record, "title", title, f"标题有 {len(title)} 个字符，最多 255 个", "请缩短标题。")
        return title

    def _kind(self, record: CourseRecord, values: dict[str, Any]) -> None:
        if record.kind:
            values["kind"] = kind = _kind_of(record)
            if kind is None:
                allowed = "、".join(_choices_of(Kind).labels)
                self._fault(record, "kind", record.kind, "不认识的类型", f"请填写：{allowed}。")
        subjects = list(record.subjects)
        keyword = SUBJECT_OF_KIND.get(record.kind.casefold())
        if keyword and keyword not in subjects:
            subjects.append(keyword)
        if "subjects" in record.given or subjects:
            values["subjects"] = subjects

    def _choices(self, record: CourseRecord, values: dict[str, Any]) -> None:
        if record.language:
            values["language"] = language = _language(record.language)
            if not _LANGUAGE.match(language) or len(language) > 20:
                self._fault(
                    record, "language", record.language, "不认识的语言", "请填写语言代码，例如 zh-Hans、zh-Hant、en。"
                )
        for name, field_name, choices in (
            ("level", "level", Level),
            ("origin", "source", Source),
            ("licence", "licence", Licence),
        ):
            text = getattr(record, name)
            if not text:
                continue
            written = text.casefold() if name != "licence" else _licence(text)
            found = _choices_of(choices).values.get(written)
            if found is None:
                allowed = "、".join(_choices_of(choices).labels)
                self._fault(record, name, text, "不在可选范围内", f"请填写：{allowed}。")
            values[field_name] = found
        if "licence_until" in record.given:
            values["licence_until"] = self._date(record)

    def _date(self, record: CourseRecord) -> date | None:
        text = record.licence_until
        if not text:
            return None
        if found := _DATE.match(text.split("T")[0].split(" ")[0]):
            year, month, day = map(int, found.groups())
            try:
                return date(year, month, day)
            except ValueError:
                pass  # 2026-02-30 is as wrong as "soon"
        self._fault(record, "licence_until", text, "不是日期", "请写成 2026-12-31。")
        return None

    def _theme_ids(self, record: CourseRecord) -> tuple[int, ...] | None:
        if "themes" not in record.given:
            return None
        unknown = [name for name in record.themes if name not in self._themes]
        for name in unknown:
            self._fault(record, "themes", name, "没有这个主题", "请填写已有主题的名称，或先建立主题。")
        return tuple(sorted(self._themes[name] for name in record.themes if name in self._themes))

    def _place_codes(self, record: CourseRecord, values: dict[str, Any]) -> tuple[str, ...] | None:
        if "places" not in record.given:
            return None
        codes: dict[str, None] = {}
        notes = []
        for text in record.places:
            answer = self.gazetteer.resolve(text)
            codes.update(dict.fromkeys(answer.codes))
            if answer.rest:
                notes.append(answer.rest)
            if answer.reason:
                notes.append(text)
                self._warn(record, "places", text, answer.reason, "原文已保留在“其他信息”中，请改用全名或区划代码。")
        if notes:
            values["extra"] = {**values.get("extra", {}), PLACE_NOTE: "、".join(dict.fromkeys(notes))}
        return tuple(sorted(codes))

    def _url(self, record: CourseRecord) -> str:
        if record.url:
            try:
                _check_url(record.url)
            except ValidationError:
                self._fault(record, "url", record.url, "不是网址", "请填写以 http:// 或 https:// 开头的完整网址。")
            if len(record.url) > 500:
                self._fault(record, "url", record.url, "网址超过 500 个字符", "请使用较短的网址。")
        return record.url

    def _files(self, record: CourseRecord) -> tuple[str, ...]:
        if self.files is None:
            if record.files:
                reason = "没有指定文件所在的位置，文件未导入"
                self._warn(
                    record, "files", "；".join(record.files), reason, "请用 --media 指出文件夹、ZIP 压缩包或存储桶。"
                )
            return ()
        for name in record.files:
            path = PurePosixPath(name.replace("\\", "/"))
            if path.is_absolute() or ".." in path.parts:
                self._fault(record, "files", name, "指向别的地方", "请只写文件名，或文件夹和文件名。")
                continue
            try:
                self.files.find(name)
            except Refused as refused:
                self._faults.append(file_problem(record, name, refused))
        return record.files


def file_problem(record: CourseRecord, name: str, refused: Refused) -> Problem:
    """Why a file of a row cannot come."""
    return Problem(record.row, HEADINGS["files"][0], name[:80], refused.sentence.rstrip("。"), refused.remedy)


def _facts(record: CourseRecord) -> dict[str, str]:
    facts = dict(record.extra)
    if record.kind == "ich" and "作者" in facts:
        facts["保护单位"] = facts.pop("作者")
    return facts


def _kind_of(record: CourseRecord) -> str | None:
    text = record.kind.casefold()
    if text and text not in _PLAIN_READINGS:
        return _choices_of(Kind).values.get(text)
    if record.files:
        suffix = PurePosixPath(record.files[0]).suffix.lower()
        return next((kind for kind, suffixes in _SUFFIX_KINDS.items() if suffix in suffixes), Kind.VIDEO)
    return Kind.LINK if record.url else Kind.READING


@dataclass(frozen=True, slots=True)
class _Choices:
    """What people may write for a choice: the Chinese ``labels``, and everything accepted → its value."""

    labels: tuple[str, ...]
    values: Mapping[str, str]


@lru_cache(maxsize=8)
def _choices_of(choices: Any) -> _Choices:
    with translation.override("zh-hans"):
        labels = {str(one.label): one.value for one in choices}
    written = {**labels, **{one.value: one.value for one in choices}}
    return _Choices(tuple(labels), {text.casefold(): value for text, value in written.items()})


def _licence(text: str) -> str:
    """A licence as its code: CC BY-NC 4.0 → cc-by-nc; what is none stays as it is."""
    bare = re.sub(r"\s*\d\.\d.*$", "", text.casefold())
    return re.sub(r"[\s_]+", "-", bare) if bare.isascii() else text.casefold()


def _language(text: str) -> str:
    return _LANGUAGES.get(text.strip().casefold().replace("_", "-"), text.strip())


def _first_values(prepared: Prepared) -> dict[str, Any]:
    """What a new course gets beyond the row: its kind, and, for a text alone without a description, the row's facts
    told as one, so that its page says something."""
    values = prepared.values
    first: dict[str, Any] = {"kind": values.get("kind") or _kind_of(prepared.record)}
    if first["kind"] != Kind.READING or prepared.files or values.get("description"):
        return first
    told = dict(values.get("extra", {}))
    if subjects := values.get("subjects"):
        told = {"类别": "、".join(subjects), **told}
    if told:
        first["description"] = "\n".join(f"{label}：{fact}" for label, fact in told.items())
    return first


def _digest(prepared: Prepared) -> str:
    """Names what would be stored; equal rows have equal names, whatever file they come from."""
    parts = [prepared.values, prepared.themes, prepared.places, prepared.teachers, prepared.url, prepared.files]
    text = json.dumps(parts, ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
