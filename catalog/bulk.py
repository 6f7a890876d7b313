"""A change to many courses: what is asked, and what it would do to each. ``catalog.bulk_job`` does it.

A course is changed whole or left out with one reason. Public courses are changed only by people who may publish them,
because nobody reviews the change afterwards. A change reaches what is public and, where there are unpublished edits,
those too: both become versions of their own, the edits stay unpublished, and publishing them later keeps the change.
Left out is what somebody else is just deciding on: courses in review, locked courses, versions with a set hour.

A *standing* is what a change can touch, in JSON: ``{"row": {field: value}, "newest": {field: value}, "live": bool}``;
``row`` is what the course shows, ``newest`` what its newest version says. Lists are sorted keys, dates ISO 8601.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    Model,
    OuterRef,
    Q,
    QuerySet,
    TextChoices,
    Value,
    When,
)
from django.db.models.functions import Cast
from wagtail.models import Revision

from catalog import policy
from catalog.models import Course, Level, Licence, Place, Source, Teacher, Theme
from catalog.quality import in_review

LISTS: dict[str, type[Model]] = {"themes": Theme, "places": Place, "teachers": Teacher}
SCALARS = ("licence", "licence_until", "level", "language", "source")
NAMES = {
    "themes": "主题",
    "places": "地方",
    "teachers": "教师",
    "licence": "许可",
    "licence_until": "许可到期",
    "level": "程度",
    "language": "语言",
    "source": "来源",
}
WORDS = {"add": "添加", "remove": "移除", "set": "改为"}
CHOICES: dict[str, Any] = {"licence": Licence, "level": Level, "source": Source}
PUBLISH, WITHDRAW = "publish", "withdraw"

LOOKED_AT = 300
"""Courses of a preview that are looked at one by one, where the database alone cannot say; the others are at work."""

EXAMPLES = 5


class Reason(TextChoices):
    """Why a course is left as it is, the first that holds."""

    RIGHTS = "rights", "无权修改"
    PUBLIC = "public", "已发布，而您没有发布权限"
    LOCKED = "locked", "已锁定"
    REVIEW = "review", "正在审核"
    SCHEDULED = "scheduled", "已定时发布"
    CREDIT = "credit", "引进的课程采用“署名”许可，却没有写署名"
    SAME = "same", "已经是这样"
    LACKS = "lacks", "缺少发布所需内容"
    SINCE = "since", "后来又改过"
    GONE = "gone", "课程已删除"
    FAILED = "failed", "出错，没有修改"


CHANGE = "change"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be changed. ``lists``: field → (add, remove or set; keys). ``scalars``: field → value."""

    lists: dict[str, tuple[str, list[Any]]] = field(default_factory=dict)
    scalars: dict[str, Any] = field(default_factory=dict)
    state: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Asked:
        lists = {name: (how, keys) for name, (how, keys) in stored.get("lists", {}).items()}
        return cls(lists, stored.get("scalars", {}), stored.get("state", ""))

    def __bool__(self) -> bool:
        return bool(self.lists or self.scalars or self.state)


# What stands ------------------------------------------------------------------------------------------


def has_draft(course: Course) -> bool:
    """Whether the newest version says something else than the row."""
    return course.latest_revision_id is not None and course.has_unpublished_changes


def standing(course: Course) -> dict[str, Any]:
    row: dict[str, Any] = {name: _plain(getattr(course, name)) for name in SCALARS}
    row |= {name: sorted(item.pk for item in getattr(course, name).all()) for name in LISTS}
    newest = row
    if has_draft(course):
        content = course.latest_revision.content
        newest = {name: content.get(name, row[name]) for name in SCALARS}
        newest |= {name: sorted(content.get(name, row[name])) for name in LISTS}
    return {"row": row, "newest": newest, "live": course.live}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def wanted(before: dict[str, Any], asked: Asked) -> dict[str, Any]:
    """The standing after a change."""
    live = {PUBLISH: True, WITHDRAW: False}.get(asked.state, before["live"])
    return {"row": _changed(before["row"], asked), "newest": _changed(before["newest"], asked), "live": live}


def _changed(values: dict[str, Any], asked: Asked) -> dict[str, Any]:
    new = {**values, **asked.scalars}
    for name, (how, keys) in asked.lists.items():
        old = set() if how == "set" else set(values[name])
        new[name] = sorted(old - set(keys) if how == "remove" else old | set(keys))
    return new


def put(course: Course, values: dict[str, Any], names: Iterable[str]) -> None:
    """Writes values of a standing into a course in memory."""
    for name in names:
        value = values[name]
        if name in LISTS:
            getattr(course, name).set(LISTS[name]._default_manager.filter(pk__in=value))
        elif name == "licence_until":
            course.licence_until = date.fromisoformat(value) if value else None
        else:
            setattr(course, name, value)


def restored(now: dict[str, Any], before: dict[str, Any], after: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The standing after taking a change back, and the names of what it touched and somebody changed since."""
    back = {"row": dict(now["row"]), "newest": dict(now["newest"]), "live": now["live"]}
    kept = []
    for name in (*SCALARS, *LISTS):
        if all(before[part][name] == after[part][name] for part in ("row", "newest")):
            continue
        if any(now[part][name] != after[part][name] for part in ("row", "newest")):
            kept.append(NAMES[name])
            continue
        for part in ("row", "newest"):
            back[part][name] = before[part][name]
    if before["live"] != after["live"] and now["live"] == after["live"]:
        back["live"] = before["live"]
    elif before["live"] != after["live"]:
        kept.append("发布状态")
    return back, kept


# What a change would do -------------------------------------------------------------------------------


def sorted_out(courses: QuerySet[Course], asked: Asked, user: policy.Person) -> QuerySet[Course]:
    """``courses`` with ``fate``: a ``Reason``, or ``change``, as far as the database alone can tell."""
    own = policy.institutions_of(user, policy.roles_for(Course, "change")).order_by().values("pk")
    public = ~Q(pk__in=policy.scope(Course.objects.order_by(), user, "publish").values("pk"))
    rules = [
        (~Q(institution__in=own), Reason.RIGHTS),
        (public if asked.state else public & Q(live=True), Reason.PUBLIC),
        (Q(locked=True), Reason.LOCKED),
        (Q(in_review()), Reason.REVIEW),
        (Q(Exists(_scheduled())), Reason.SCHEDULED),
    ]
    if uncredited := _uncredited(asked):
        rules.append((uncredited, Reason.CREDIT))
    if asked:
        rules.append((_same(asked), Reason.SAME))
    cases = [When(condition, then=Value(reason.value)) for condition, reason in rules]
    return courses.annotate(fate=Case(*cases, default=Value(CHANGE), output_field=CharField()))


def _scheduled() -> QuerySet:
    return Revision.objects.filter(
        base_content_type=ContentType.objects.get_for_model(Course),
        object_id=Cast(OuterRef("pk"), CharField()),
        approved_go_live_at__isnull=False,
    )


def _uncredited(asked: Asked) -> Q | None:
    """The rule of ``Course.clean`` about credit, for what would stand after the change."""
    if not {"source", "licence"} & set(asked.scalars):
        return None
    found = Q(credit="")
    source, licence = asked.scalars.get("source"), asked.scalars.get("licence")
    if source not in {None, Source.IMPORTED} or (licence is not None and not licence.startswith("cc-by")):
        return None
    if source is None:
        found &= Q(source=Source.IMPORTED)
    return found if licence is not None else found & Q(licence__startswith="cc-by")


def _same(asked: Asked) -> Q:
    """Courses on which the change has no effect; not those whose newest version must be looked at."""
    looked_into = asked.lists or asked.scalars or asked.state == PUBLISH
    same = Q(latest_revision=None) | Q(has_unpublished_changes=False) if looked_into else Q()
    for name, value in asked.scalars.items():
        same &= Q(**{name: value}) if value is not None else Q(**{f"{name}__isnull": True})
    for name, (how, keys) in asked.lists.items():
        links = getattr(Course, name).through.objects.filter(course=OuterRef("pk"))
        column = f"{LISTS[name]._meta.model_name}__in"
        if how == "remove":
            same &= ~Q(Exists(links.filter(**{column: keys})))
            continue
        for key in keys:
            same &= Q(Exists(links.filter(**{column: [key]})))
        if how == "set":
            same &= ~Q(Exists(links.exclude(**{column: keys})))
    if asked.state:
        same &= Q(live=asked.state == PUBLISH)
    return same


def looked_at(course: Course, asked: Asked) -> tuple[str, str]:
    """``(fate, sentence)`` of a course that the database would change, after a closer look."""
    before = standing(course)
    pending = asked.state == PUBLISH and has_draft(course)
    if wanted(before, asked) == before and not pending:
        return Reason.SAME, ""
    if asked.state == PUBLISH:
        version = course.get_latest_revision_as_object()
        put(version, wanted(before, asked)["newest"], asked.scalars)
        if lacks := version.missing():
            return Reason.LACKS, "".join(lacks)[:300]
    return CHANGE, ""


@dataclass(frozen=True, slots=True)
class Share:
    """Courses of one fate in a preview. ``examples``: title and what is said of it."""

    fate: str
    label: str
    count: int
    examples: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Preview:
    """What a change would do. ``unsure``: courses among ``changed`` that are looked at only when it is their turn."""

    changed: Share
    left: list[Share]
    unsure: int

    @property
    def total(self) -> int:
        return self.changed.count + self.left_count

    @property
    def left_count(self) -> int:
        return sum(share.count for share in self.left)


def preview(courses: QuerySet[Course], asked: Asked, user: policy.Person) -> Preview:
    """Looks at the fate of each course without changing one. The number of queries does not grow with the courses,
    but for the first ``LOOKED_AT`` of those with unpublished edits or to be published."""
    fates = sorted_out(courses.order_by(), asked, user)
    counts = counted(fates)
    closer = fates.filter(fate=CHANGE)
    if asked.state != PUBLISH:
        closer = closer.exclude(latest_revision=None).filter(has_unpublished_changes=True)
    unsure = max(0, closer.count() - LOOKED_AT)
    said: dict[str, list[tuple[str, str]]] = {}
    spared = []
    for course in with_parts(closer.order_by("pk")[:LOOKED_AT]):
        fate, sentence = looked_at(course, asked)
        if fate != CHANGE:
            spared.append(course.pk)
            said.setdefault(fate, []).append((course.title, sentence))
            counts[fate] = counts.get(fate, 0) + 1
            counts[CHANGE] -= 1
    left = []
    for reason in Reason:
        if count := counts.get(reason, 0):
            titles = fates.filter(fate=reason).order_by("pk").values_list("title", flat=True)[:EXAMPLES]
            examples = [*said.get(reason, []), *((title, "") for title in titles)]
            left.append(Share(reason, str(reason.label), count, examples[:EXAMPLES]))
    shown = fates.filter(fate=CHANGE).exclude(pk__in=spared).order_by("pk")[:EXAMPLES]
    examples = [(course.title, difference(course, asked)) for course in with_parts(shown)]
    return Preview(Share(CHANGE, "将修改", counts.get(CHANGE, 0), examples), left, unsure)


def counted(fates: QuerySet[Course]) -> dict[str, int]:
    """How many courses of ``sorted_out`` have which fate. One query."""
    return dict(fates.order_by().values_list("fate").annotate(Count("pk")))


def with_parts(courses: QuerySet[Course]) -> QuerySet[Course]:
    return courses.select_related("latest_revision").prefetch_related(*LISTS, "lessons__asset")


# In words ---------------------------------------------------------------------------------------------


def difference(course: Course, asked: Asked) -> str:
    """e.g. ``主题：无 → 非遗；许可：CC BY → CC0``."""
    before = standing(course)
    after = wanted(before, asked)
    parts = [
        f"{NAMES[name]}：{said(name, before['newest'][name])} → {said(name, after['newest'][name])}"
        for name in (*asked.lists, *asked.scalars)
        if before["newest"][name] != after["newest"][name]
    ]
    if before["live"] != after["live"]:
        parts.append("未发布 → 已发布" if after["live"] else "已发布 → 未发布")
    return "；".join(parts)


def said(name: str, value: Any) -> str:
    if name in LISTS:
        items = LISTS[name]._default_manager.filter(pk__in=value) if value else []
        return "、".join(map(str, items)) or "无"
    if name in CHOICES and value:
        return str(CHOICES[name](value).label)
    return str(value or "无")


def describe(asked: Asked) -> str:
    """What is asked, in words: ``主题添加“非遗”；发布``."""
    parts = [f"{NAMES[name]}{WORDS[how]}“{said(name, keys)}”" for name, (how, keys) in asked.lists.items()]
    parts += [f"{NAMES[name]}改为“{said(name, value)}”" for name, value in asked.scalars.items()]
    parts += [{PUBLISH: "发布", WITHDRAW: "撤回"}[asked.state]] if asked.state else []
    return "；".join(parts)
