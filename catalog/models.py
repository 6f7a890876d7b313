"""The catalogue: courses and lessons, and what they are ordered by."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.contenttypes.fields import GenericRelation
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from modelcluster.fields import ParentalKey, ParentalManyToManyField
from modelcluster.models import ClusterableModel
from treebeard.mp_tree import MP_Node
from wagtail.models import (
    DraftStateMixin,
    LockableMixin,
    Orderable,
    PreviewableMixin,
    RevisionMixin,
    WorkflowMixin,
)

from accounts.look import Look
from catalog import exchange  # noqa: F401 - its tables are of this room
from catalog.errors import NotReady
from catalog.kinds import KINDS, Kind
from catalog.machines import ApiToken, Delivery, Webhook  # noqa: F401 – Django looks for models here
from catalog.review_rules import ReviewRules  # noqa: F401 - a table of this room
from catalog.signals import course_saved, courses_shown
from catalog.titles import address_and_order, numbered
from media_pipeline.models import AssetState, MediaAsset, MediaType


class Theme(MP_Node):
    """主题, a tree of two levels or more. ``colour`` and ``pattern`` draw the covers of courses without a picture."""

    slug = models.SlugField(unique=True)
    name = models.CharField("名称", max_length=60)
    name_en = models.CharField("英文名称", max_length=80, blank=True)
    summary = models.CharField("简介", max_length=200, blank=True)
    colour = models.CharField("颜色", max_length=7, default="#2f6f62")
    pattern = models.CharField(
        "纹样",
        max_length=10,
        choices=[("wave", _("水波")), ("ice", _("冰裂")), ("loom", _("织锦")), ("bamboo", _("竹"))],
        default="wave",
    )

    node_order_by: list[str] = []

    class Meta:
        verbose_name = "主题"
        verbose_name_plural = "主题"

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("theme", args=[self.slug])


GAPS = frozenset({"市辖区", "县", "省直辖县级行政区划", "自治区直辖县级行政区划"})
"""Names of rows that only fill a level of the code: no division of their own."""


class PlaceQuerySet(models.QuerySet["Place"]):
    def current(self) -> PlaceQuerySet:
        """Divisions that exist today; the others are kept so that old names lead to their successors."""
        return self.filter(valid_until__isnull=True)


class Place(models.Model):
    """An administrative division, keyed by its official code (2, 4, 6, 9 or 12 digits; a code begins with its
    parent's), never by name: 城关镇 exists 88 times."""

    code = models.CharField("代码", max_length=12, primary_key=True)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="children")
    level = models.PositiveSmallIntegerField(
        "级别",
        choices=[(1, _("省")), (2, _("市")), (3, _("县")), (4, _("乡镇街道")), (5, _("村"))],
        db_index=True,
    )
    name = models.CharField("名称", max_length=80, db_index=True)
    aliases = models.JSONField("别名", default=list, blank=True)
    longitude = models.FloatField(null=True, blank=True)
    latitude = models.FloatField(null=True, blank=True)
    valid_from = models.PositiveSmallIntegerField("启用年份", null=True, blank=True)
    valid_until = models.PositiveSmallIntegerField("弃用年份", null=True, blank=True)
    successor = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="predecessors")
    brand = models.CharField("一地一品", max_length=80, blank=True)

    objects = PlaceQuerySet.as_manager()

    class Meta:
        verbose_name = "地方"
        verbose_name_plural = "地方"
        ordering = ["code"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("place", args=[self.code])

    @property
    def ancestor_codes(self) -> list[str]:
        """Codes of the divisions this one lies in, widest first, its own last."""
        return [self.code[:n] for n in (2, 4, 6, 9, 12) if n <= len(self.code)]

    @property
    def is_gap(self) -> bool:
        """Whether this row only fills a level of the code, as 市辖区 between 北京市 and 东城区 does."""
        return self.level == 2 and self.name in GAPS

    def ancestors(self) -> list[Place]:
        """The divisions this one lies in, widest first, without itself and without gaps. One query."""
        rows = Place.objects.filter(code__in=self.ancestor_codes[:-1])
        return [place for place in sorted(rows, key=lambda row: row.level) if not place.is_gap]

    def divisions(self) -> PlaceQuerySet:
        """The divisions directly below that exist today; those behind a gap count as directly below."""
        below = Place.objects.current()
        gaps = below.filter(parent=self, level=2, name__in=GAPS)
        return below.filter(models.Q(parent=self) | models.Q(parent__in=gaps)).exclude(pk__in=gaps)

    @property
    def full_name(self) -> str:
        """The name with those of the divisions above, e.g. 湖北省襄阳市谷城县. One query."""
        return "".join(place.name for place in [*self.ancestors(), self])


class Institution(MP_Node):
    """A partner, in a tree from province to village. ``code`` never changes: it owns courses and media."""

    code = models.SlugField("代码", max_length=64, unique=True)
    name = models.CharField("名称", max_length=120, unique=True)
    name_en = models.CharField("英文名称", max_length=160, blank=True)
    place = models.ForeignKey(Place, null=True, blank=True, on_delete=models.PROTECT, related_name="institutions")
    summary = models.TextField("简介", blank=True)
    daily_uploads = models.PositiveIntegerField("每天上传（个）", null=True, blank=True)
    daily_gigabytes = models.PositiveIntegerField("每天上传（GB）", null=True, blank=True)

    node_order_by = ["name"]

    class Meta:
        verbose_name = "机构"
        verbose_name_plural = "机构"

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("institution", args=[self.code])


class Membership(models.Model):
    """Whose items a person may work on: this institution's and those of all below it."""

    class Role(models.TextChoices):
        UPLOADER = "uploader", _("上传员")
        EDITOR = "editor", _("编辑")
        REVIEWER = "reviewer", _("审核员")
        TEACHER = "teacher", _("教师")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    institution = models.ForeignKey(Institution, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField("角色", max_length=10, choices=Role.choices, default=Role.EDITOR)

    class Meta:
        verbose_name = "成员"
        verbose_name_plural = "成员"
        constraints = [models.UniqueConstraint(fields=["user", "institution"], name="membership_once")]

    def __str__(self) -> str:
        return f"{self.user} · {self.institution} · {self.get_role_display()}"


class Teacher(models.Model):
    name = models.CharField("姓名", max_length=80)
    title = models.CharField("头衔", max_length=120, blank=True)
    institution = models.ForeignKey(
        Institution, null=True, blank=True, on_delete=models.SET_NULL, related_name="teachers"
    )
    bio = models.TextField("简介", blank=True)
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name="账号",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="此人登录用的账号；角色是教师的成员由此看到自己的课程。",
    )

    class Meta:
        verbose_name = "教师"
        verbose_name_plural = "教师"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("teacher", args=[self.pk])


class Licence(models.TextChoices):
    CC0 = "cc0", _("CC0 公共领域")
    CC_BY = "cc-by", _("CC BY 署名")
    CC_BY_SA = "cc-by-sa", _("CC BY-SA 署名—相同方式共享")
    CC_BY_NC = "cc-by-nc", _("CC BY-NC 署名—非商业")
    CC_BY_NC_ND = "cc-by-nc-nd", _("CC BY-NC-ND 署名—非商业—禁止演绎")
    PLATFORM = "platform", _("仅限本平台")


class Source(models.TextChoices):
    OWN = "own", _("自建")
    JOINT = "joint", _("共建")
    IMPORTED = "imported", _("引进")


class Level(models.TextChoices):
    STARTER = "starter", _("入门")
    MIDDLE = "middle", _("进阶")
    ADVANCED = "advanced", _("提高")


class CourseQuerySet(models.QuerySet["Course"]):
    def public(self) -> CourseQuerySet:
        """What anyone may see now: live, and the licence has not ended."""
        return self.filter(live=True).filter(
            models.Q(licence_until__isnull=True) | models.Q(licence_until__gte=timezone.localdate())
        )

    def under(self, subject: Theme | Place | Institution) -> CourseQuerySet:
        """Those of a theme, place or institution and of what lies below it, each once."""
        if isinstance(subject, Institution):
            return self.filter(institution__in=Institution.get_tree(subject).order_by().values("pk"))
        if isinstance(subject, Theme):
            within = Course.objects.filter(themes__in=Theme.get_tree(subject).order_by().values("pk"))
        else:
            within = Course.objects.filter(places__code__startswith=subject.code)
        return self.filter(pk__in=within.values("pk"))


class Course(PreviewableMixin, WorkflowMixin, LockableMixin, DraftStateMixin, RevisionMixin, ClusterableModel):
    """One entry of the catalogue. ``external_source`` and ``external_id`` name it where it was imported from."""

    institution = models.ForeignKey(Institution, verbose_name="机构", on_delete=models.PROTECT, related_name="courses")
    kind = models.CharField("类型", max_length=10, choices=Kind.choices, default=Kind.VIDEO)
    title = models.CharField("标题", max_length=255)
    slug = models.SlugField("地址", max_length=120, unique=True)
    alternative_titles = models.JSONField("其他标题", default=list, blank=True)
    title_en = models.CharField("英文标题", max_length=255, blank=True)
    summary = models.CharField("一句话简介", max_length=255, blank=True)
    description = models.TextField("简介", blank=True)
    themes = ParentalManyToManyField(Theme, verbose_name="主题", blank=True, related_name="courses")
    places = ParentalManyToManyField(Place, verbose_name="地方", blank=True, related_name="courses")
    teachers = ParentalManyToManyField(Teacher, verbose_name="教师", blank=True, related_name="courses")
    subjects = models.JSONField("关键词", default=list, blank=True)
    language = models.CharField("语言", max_length=20, default="zh-Hans")
    level = models.CharField("程度", max_length=10, choices=Level.choices, blank=True)
    source = models.CharField("来源", max_length=10, choices=Source.choices, default=Source.OWN)
    licence = models.CharField("许可", max_length=12, choices=Licence.choices, default=Licence.CC_BY_NC)
    licence_until = models.DateField("许可到期", null=True, blank=True)
    credit = models.CharField("署名", max_length=255, blank=True)
    cover = models.ForeignKey(
        MediaAsset,
        verbose_name="封面",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="covers",
    )
    extra = models.JSONField("其他信息", default=dict, blank=True, help_text="Facts without a field: label → text.")
    external_source = models.CharField(max_length=64, blank=True)
    external_id = models.CharField(max_length=200, blank=True)
    external_digest = models.CharField(max_length=64, blank=True, editable=False)
    duration = models.FloatField("总时长（秒）", null=True, blank=True)
    has_captions = models.BooleanField("有字幕", default=False)
    views = models.PositiveIntegerField("播放次数", default=0)
    sort_key = models.CharField(
        max_length=255, blank=True, editable=False, db_index=True, help_text="The title in pinyin."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    _revisions = GenericRelation("wagtailcore.Revision", related_query_name="course")
    workflow_states = GenericRelation(
        "wagtailcore.WorkflowState",
        content_type_field="base_content_type",
        object_id_field="object_id",
        related_query_name="course",
        for_concrete_model=False,
    )

    objects = CourseQuerySet.as_manager()

    class Meta:
        verbose_name = "课程"
        verbose_name_plural = "课程"
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["institution", "external_source", "external_id"],
                condition=~models.Q(external_id=""),
                name="course_external_once",
            )
        ]
        indexes = [
            models.Index(fields=["institution", "-id"]),
            models.Index(fields=["live", "-first_published_at"]),
            models.Index(fields=["live", "-views"]),
            models.Index(fields=["live", "licence_until"]),
            models.Index(fields=["live", "-updated_at"]),
        ]

    KEPT = ("external_source", "external_id", "external_digest", "duration", "has_captions", "views", "created_at")
    """What belongs to the course and not to one version of it: an old version that is published again keeps these."""

    preview_sizes = [
        {"name": "mobile", "icon": "mobile-alt", "device_width": 390, "label": _("手机")},
        {"name": "desktop", "icon": "desktop", "device_width": 1440, "label": _("电脑")},
        {"name": "tv", "icon": "view", "device_width": 1920, "label": _("电视")},
    ]
    default_preview_size = "desktop"
    preview_modes = [("", _("网页")), ("senior", _("长辈版")), ("tv", _("电视"))]
    saving = False

    def __str__(self) -> str:
        return self.title

    @property
    def revisions(self):
        return self._revisions

    def get_preview_template(self, request: HttpRequest, mode_name: str) -> str:
        return "tv/course_preview.html" if mode_name == "tv" else "catalog/course_preview.html"

    def serve_preview(self, request: HttpRequest, mode_name: str) -> HttpResponse:
        Look(mode="senior" if mode_name == "senior" else "plain").show(request)
        return super().serve_preview(request, mode_name)

    def with_content_json(self, content: dict[str, Any]) -> Course:
        version = super().with_content_json(content)
        for name in self.KEPT:
            setattr(version, name, getattr(self, name))
        return version

    def full_clean(self, *args: Any, **kwargs: Any) -> None:
        self.name_itself()
        super().full_clean(*args, **kwargs)

    def clean(self) -> None:
        super().clean()
        if self.source == Source.IMPORTED and not self.credit and self.licence.startswith("cc-by"):
            raise ValidationError({"credit": _("引进的课程采用“署名”许可，请在“署名”中写明作者或来源机构。")})
        if not isinstance(self.extra, dict):
            raise ValidationError({"extra": _("“其他信息”应为“名称：内容”的列表。")})

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.name_itself()
        fields = set(kwargs.get("update_fields") or ())
        if "title" in fields:
            kwargs["update_fields"] = fields | {"slug", "sort_key"}
        self.saving = True
        try:
            with transaction.atomic():
                super().save(*args, **kwargs)
                if not fields:
                    course_saved.send(sender=type(self), course=self)
        finally:
            self.saving = False

    def save_revision(self, *args: Any, **kwargs: Any) -> Any:
        self.number_lessons()
        return super().save_revision(*args, **kwargs)

    def publish(self, revision: Any, *args: Any, **kwargs: Any) -> Any:
        """Every way to the public ends here; tells of new versions, as records do of courses. Raises NotReady."""
        version = revision.as_object()
        if lacks := version.missing():
            raise NotReady(version.title, lacks)
        with transaction.atomic():
            seen = Course.objects.public().filter(pk=self.pk).exists()
            answer = super().publish(revision, *args, **kwargs)
            if seen and Course.objects.public().filter(live_revision=revision).exists():
                courses_shown.send(sender=type(self), ids=[self.pk])
        return answer

    def name_itself(self) -> None:
        """Gives address, order and lesson numbers where they are missing; an address once given stays."""
        slug, self.sort_key = address_and_order(self.title)
        self.slug = self.slug or free_slug(slug)
        self.number_lessons()

    def number_lessons(self) -> None:
        """Gives each new lesson the number after the largest one."""
        lessons = list(self.lessons.all())
        last = max((lesson.number for lesson in lessons), default=0)
        for lesson in lessons:
            if not lesson.number:
                last += 1
                lesson.number = last

    def missing(self) -> list[str]:
        """What this course still lacks before it may be published, in sentences for its editor; empty when ready."""
        lessons = list(self.lessons.all())
        rules = KINDS[self.kind]
        lacks = [problem for lesson in lessons for problem in lesson.problems(self.kind)]
        if not lessons and not (rules.text_alone and self.description.strip()):
            if rules.text_alone:
                lacks.append(_("还没有内容：请添加课时，或在“简介”中写下正文。"))
            else:
                lacks.append(_("还没有课时：请至少添加一课。"))
        if self.licence_until and self.licence_until < timezone.localdate():
            lacks.append(_("许可已于 %(date)s 到期：请先更新许可期限。") % {"date": self.licence_until})
        return [str(sentence) for sentence in lacks]

    @property
    def is_public(self) -> bool:
        """The same rule as ``CourseQuerySet.public``, for one object."""
        return self.live and (self.licence_until is None or self.licence_until >= timezone.localdate())

    def get_absolute_url(self) -> str:
        return reverse("course", args=[self.slug])


class Lesson(Orderable):
    """集: one asset of a course, in order, under an optional chapter heading. ``number`` is its address within the
    course, from 1, and does not move when lessons are reordered."""

    course = ParentalKey(Course, on_delete=models.CASCADE, related_name="lessons")
    number = models.PositiveIntegerField("编号", default=0, help_text="0: the next free one, given on saving.")
    title = models.CharField("标题", max_length=255)
    chapter = models.CharField("章", max_length=120, blank=True)
    summary = models.TextField("内容", blank=True)
    asset = models.ForeignKey(
        MediaAsset,
        verbose_name="媒体",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="lessons",
    )
    url = models.URLField("链接", max_length=500, blank=True)

    class Meta(Orderable.Meta):
        verbose_name = "课时"
        verbose_name_plural = "课时"
        constraints = [models.UniqueConstraint(fields=["course", "number"], name="lesson_number_once")]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("lesson", args=[self.course.slug, self.number])

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self.number:
            taken = Lesson.objects.filter(course_id=self.course_id).aggregate(last=models.Max("number"))["last"]
            self.number = (taken or 0) + 1
        super().save(*args, **kwargs)

    def clean(self) -> None:
        super().clean()
        if self.asset_id and self.url:
            raise ValidationError({"url": _("一课只能有一个内容：请在“媒体”和“链接”中只留一个。")})

    def problems(self, kind: str) -> list[str]:
        """What keeps this lesson from being shown in a course of ``kind``, in sentences; empty when nothing does."""
        rules, name = KINDS[kind], {"lesson": self.title or self.number}
        if not rules.media_types:
            return [] if self.url else [_("“%(lesson)s”还没有链接：请填写网址。") % name]
        if self.asset is None:
            return [] if self.summary.strip() else [_("“%(lesson)s”还没有媒体或正文：请上传文件或写下内容。") % name]
        if self.asset.state in {AssetState.REJECTED, AssetState.FAILED}:
            return [_("“%(lesson)s”的文件不能使用：%(reason)s") % {**name, "reason": self.asset.reason}]
        if self.asset.media_type not in {*rules.media_types, MediaType.OTHER}:
            words = {
                **name,
                "found": self.asset.get_media_type_display(),
                "kind": Kind(kind).label,
                "wanted": "、".join(str(MediaType(one).label) for one in sorted(rules.media_types)),
            }
            return [_("“%(lesson)s”是%(found)s，而“%(kind)s”课程需要%(wanted)s：请更换文件或课程类型。") % words]
        return []

    @property
    def ready(self) -> bool:
        """Whether there is something to open now."""
        if self.asset is None:
            return bool(self.url or self.summary)
        return self.asset.state == AssetState.PUBLISHED


def free_slug(slug: str) -> str:
    """``slug`` with a number behind it where a course has it already or had it. One query."""
    taken = Course.objects.filter(slug__startswith=slug).values_list("slug", flat=True)
    former = FormerAddress.objects.filter(slug__startswith=slug).values_list("slug", flat=True)
    return numbered(slug, set(taken.order_by().union(former)))


def make_slug(title: str) -> str:
    """An address for a new course: the title in pinyin, ASCII, not in use. One query."""
    return free_slug(address_and_order(title)[0])


# Keeping many courses in order ----------------------------------------------------------------------


class BulkChange(models.Model):
    """One change to many courses, done by a job: who, what, to which. ``asked`` is as ``catalog.bulk.Asked.as_json``
    writes it; ``selection`` is the query string of the list the courses were selected in. See ``catalog.bulk_job``."""

    class State(models.TextChoices):
        WAITING = "waiting", _("等待")
        RUNNING = "running", _("进行中")
        DONE = "done", _("完成")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    asked = models.JSONField(default=dict)
    selection = models.TextField(blank=True)
    skipped = models.JSONField(default=dict, help_text="Selected and left out from the start: reason → number.")
    undoes = models.ForeignKey("self", null=True, blank=True, on_delete=models.CASCADE, related_name="undone_by")
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    lease_until = models.DateTimeField(null=True, blank=True, help_text="Until then one worker has it.")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    wagtail_reference_index_ignore = True

    class Meta:
        verbose_name = "批量修改"
        verbose_name_plural = "批量修改"
        ordering = ["-pk"]
        indexes = [models.Index(fields=["user", "-id"]), models.Index(fields=["state", "lease_until"])]

    def __str__(self) -> str:
        return f"批量修改 {self.pk}"


class BulkItem(models.Model):
    """What one bulk change does to one course. ``before`` and ``after`` are standings of ``catalog.bulk``; ``note`` is
    a sentence about what was left as it is."""

    class State(models.TextChoices):
        WAITING = "waiting", _("等待")
        DONE = "done", _("已修改")
        LEFT = "left", _("未修改")

    change = models.ForeignKey(BulkChange, on_delete=models.CASCADE, related_name="items")
    course = models.ForeignKey(Course, null=True, on_delete=models.SET_NULL, related_name="bulk_items")
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    reason = models.CharField(max_length=12, blank=True)
    note = models.CharField(max_length=300, blank=True)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)

    wagtail_reference_index_ignore = True

    class Meta:
        constraints = [models.UniqueConstraint(fields=["change", "course"], name="bulk_item_once")]
        indexes = [models.Index(fields=["change", "state", "id"])]

    def __str__(self) -> str:
        return f"{self.change_id}:{self.course_id} {self.state}"


class FormerAddress(models.Model):
    """The address of a course that was merged into another. ``numbers`` says where its lessons went: former number (as
    text) → number in ``course``."""

    slug = models.SlugField(max_length=120, unique=True)
    course = models.ForeignKey(Course, on_delete=models.CASCADE, related_name="former_addresses")
    numbers = models.JSONField(default=dict)

    wagtail_reference_index_ignore = True

    def __str__(self) -> str:
        return self.slug


class LinkCheck(models.Model):
    """What the last look at the link of a lesson found. A link is dead after ``catalog.links.DEAD_AFTER`` failures."""

    lesson = models.OneToOneField(Lesson, on_delete=models.CASCADE, related_name="link_check")
    url = models.URLField(max_length=500)
    checked_at = models.DateTimeField(db_index=True)
    failures = models.PositiveSmallIntegerField(default=0, db_index=True)
    reason = models.CharField(max_length=200, blank=True)

    wagtail_reference_index_ignore = True

    def __str__(self) -> str:
        return f"{self.url} {self.failures}"
