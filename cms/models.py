"""Editorial pages: the home page, curated collections, and what editors add to a theme or a place."""

from typing import Any

from django.conf import settings
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import filesizeformat
from wagtail.admin.panels import FieldPanel
from wagtail.fields import RichTextField, StreamField
from wagtail.models import Page

from accounts.look import Look
from catalog.models import Course, Institution, Membership, Place, Theme
from cms import pages_context
from cms.blocks import TEXT_FEATURES, CollectionBody, HomeBody
from cms.review import ReviewTask
from media_pipeline.models import Upload

__all__ = ["CollectionIndexPage", "CollectionPage", "HomePage", "PlacePage", "ReviewTask", "SavedView", "ThemePage"]

PREVIEW_SIZES = [
    {"name": "phone", "icon": "mobile-alt", "device_width": 390, "label": "手机"},
    {"name": "computer", "icon": "desktop", "device_width": 1440, "label": "电脑"},
    {"name": "tv", "icon": "expand-right", "device_width": 1920, "label": "电视"},
]


class EditorialPage(Page):
    """What all our pages share in the desk: three screens to preview on, and the page as 长辈版 shows it. What is seen
    on television too has ``tv`` among its ``preview_modes``."""

    preview_modes = [("", "网页"), ("senior", "长辈版")]

    class Meta:
        abstract = True

    def serve_preview(self, request: HttpRequest, mode_name: str) -> HttpResponse:
        Look(mode="senior" if mode_name == "senior" else "plain").show(request)
        return super().serve_preview(request, mode_name)

    def get_preview_template(self, request: HttpRequest, mode_name: str) -> str:
        return "tv/rows.html" if mode_name == "tv" else super().get_preview_template(request, mode_name)

    def get_preview_context(self, request: HttpRequest, mode_name: str) -> dict[str, Any]:
        context = super().get_preview_context(request, mode_name)
        return {**context, "rows": pages_context.rows(self)} if mode_name == "tv" else context

    @property
    def preview_sizes(self) -> list[dict[str, Any]]:
        return PREVIEW_SIZES

    @property
    def default_preview_size(self) -> str:
        return "computer"


class HomePage(EditorialPage):
    """The front page, arranged from blocks by editors; ``/tv/`` shows the same rows."""

    headline = models.CharField("标题", max_length=60, blank=True)
    lead = models.CharField("引言", max_length=160, blank=True)
    body = StreamField(HomeBody(), blank=True, verbose_name="内容")

    max_count = 1
    template = "cms/home_page.html"
    preview_modes = [*EditorialPage.preview_modes, ("tv", "电视")]
    content_panels = [
        *Page.content_panels,
        FieldPanel("headline"),
        FieldPanel("lead"),
        FieldPanel("body"),
    ]

    class Meta:
        verbose_name = "首页"

    def get_context(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context(request, *args, **kwargs), **pages_context.home_context(self)}

    def get_preview_template(self, request: HttpRequest, mode_name: str) -> str:
        return "pages/senior_home.html" if mode_name == "senior" else super().get_preview_template(request, mode_name)

    def get_preview_context(self, request: HttpRequest, mode_name: str) -> dict[str, Any]:
        context = super().get_preview_context(request, mode_name)
        return {**context, **pages_context.senior_home_context()} if mode_name == "senior" else context


class CollectionIndexPage(EditorialPage):
    """专辑: lists the collections. There is one, with the slug ``collections``."""

    max_count = 1
    parent_page_types = ["cms.HomePage"]
    subpage_types = ["cms.CollectionPage"]
    template = "cms/collection_index_page.html"

    class Meta:
        verbose_name = "专辑总览"

    def get_context(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context(request, *args, **kwargs), **pages_context.collections_context(self)}


class CollectionPage(EditorialPage):
    """A curated theme: introduction, then courses in the editor's order."""

    introduction = RichTextField("导语", blank=True, features=TEXT_FEATURES)
    body = StreamField(CollectionBody(), blank=True, verbose_name="内容")
    credits = models.CharField("策划", max_length=160, blank=True)

    parent_page_types = ["cms.CollectionIndexPage"]
    subpage_types: list[str] = []
    template = "cms/collection_page.html"
    preview_modes = [*EditorialPage.preview_modes, ("tv", "电视")]
    content_panels = [
        *Page.content_panels,
        FieldPanel("introduction"),
        FieldPanel("body"),
        FieldPanel("credits"),
    ]

    class Meta:
        verbose_name = "专辑"

    def get_context(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context(request, *args, **kwargs), **pages_context.collection_context(self)}


class ThemePage(EditorialPage):
    """What editors put on a theme's page above its courses. Its address is the theme's."""

    theme = models.OneToOneField(Theme, on_delete=models.PROTECT, related_name="page", verbose_name="主题")
    body = StreamField(HomeBody(), blank=True, verbose_name="内容")

    parent_page_types = ["cms.HomePage"]
    subpage_types: list[str] = []
    template = "cms/theme_page.html"
    content_panels = [*Page.content_panels, FieldPanel("theme"), FieldPanel("body")]

    class Meta:
        verbose_name = "主题页"

    def serve(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return redirect(self.theme.get_absolute_url())

    def get_context(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context(request, *args, **kwargs)
        return {**context, **pages_context.theme_context(self.theme, page=self)}


class PlacePage(EditorialPage):
    """What editors put on a place's page: its one-place-one-craft brand, told. Its address is the place's."""

    place = models.OneToOneField(Place, on_delete=models.PROTECT, related_name="page", verbose_name="地方")
    introduction = RichTextField("导语", blank=True, features=TEXT_FEATURES)
    body = StreamField(HomeBody(), blank=True, verbose_name="内容")

    parent_page_types = ["cms.HomePage"]
    subpage_types: list[str] = []
    template = "cms/place_page.html"
    content_panels = [
        *Page.content_panels,
        FieldPanel("place"),
        FieldPanel("introduction"),
        FieldPanel("body"),
    ]

    class Meta:
        verbose_name = "地方页"

    def serve(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return redirect(self.place.get_absolute_url())

    def get_context(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context(request, *args, **kwargs)
        return {**context, **pages_context.place_context(self.place, page=self)}


class SavedView(models.Model):
    """The list of courses as somebody narrowed it. ``query`` is a query string as ``cms.saved_views.normal`` writes it;
    shared without an institution: within the centre."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views")
    name = models.CharField("名称", max_length=40)
    query = models.CharField(max_length=2000, blank=True)
    shared = models.BooleanField("共享", default=False)
    institution = models.ForeignKey(Institution, null=True, blank=True, on_delete=models.CASCADE, related_name="+")

    wagtail_reference_index_ignore = True

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="saved_view_once")]

    def __str__(self) -> str:
        return self.name


# Tables that come in --------------------------------------------------------------------------------


class ImportRun(models.Model):
    """One table of courses: first looked through, then, when a person says so, brought in. ``rows`` of the file (0
    until it was read), ``done`` of the present phase. See ``cms.import_job``.

    ``source``: where its files are, "" for those uploaded before. ``left_out``: ``[name, reason, remedy]`` of what an
    archive holds and does not give. ``coming``: institution's code → ``[files, bytes]`` that it brings and were new."""

    ARCHIVE = "archive"
    BUCKET = "bucket:"
    """Begins a ``source``; the name of the bucket follows."""

    class Phase(models.TextChoices):
        CHECK = "check", "检查"
        BRING = "bring", "导入"

    class State(models.TextChoices):
        WORKING = "working", "进行中"
        DONE = "done", "完成"
        REFUSED = "refused", "读不出来"

    institution = models.ForeignKey(Institution, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    filename = models.CharField(max_length=255)
    content = models.BinaryField()
    source = models.CharField(max_length=140, blank=True, db_default="")
    archive = models.ForeignKey(Upload, null=True, on_delete=models.SET_NULL, related_name="+")
    left_out = models.JSONField(default=list, db_default=[])
    coming = models.JSONField(default=dict, db_default={})
    publish = models.BooleanField(default=False)
    phase = models.CharField(max_length=8, choices=Phase.choices, default=Phase.CHECK)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WORKING)
    reason = models.TextField(blank=True)
    rows = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    wagtail_reference_index_ignore = True

    class Meta:
        verbose_name = "导入"
        verbose_name_plural = "导入"
        ordering = ["-pk"]
        indexes = [models.Index(fields=["institution", "-id"]), models.Index(fields=["state", "lease_until"])]

    def __str__(self) -> str:
        return self.filename

    @property
    def source_label(self) -> str:
        """Where its files are, in words; "" for those uploaded before."""
        if self.source == self.ARCHIVE:
            return f"压缩包“{self.archive.filename}”" if self.archive else "压缩包（已删除）"
        return f"存储桶“{self.source.removeprefix(self.BUCKET)}”" if self.source else ""


class ImportedRow(models.Model):
    """What became of one row, or would. ``told``: changes as ``[column, before, after]`` under "changes", under
    "problems" ``[column, value, reason, remedy]``, and under "files" those it brings: ``[name, where it lies, bytes,
    kind, whether the library has it]``."""

    class Fate(models.TextChoices):
        CREATED = "created", "新建"
        UPDATED = "updated", "更新"
        UNCHANGED = "unchanged", "不变"
        REJECTED = "rejected", "退回"

    run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="fates")
    row = models.PositiveIntegerField()
    fate = models.CharField(max_length=10, choices=Fate.choices)
    external_id = models.CharField(max_length=200, blank=True)
    title = models.CharField(max_length=255, blank=True)
    told = models.JSONField(default=dict)

    wagtail_reference_index_ignore = True

    class Meta:
        ordering = ["row"]
        constraints = [models.UniqueConstraint(fields=["run", "row"], name="imported_row_once")]
        indexes = [models.Index(fields=["run", "fate", "row"])]

    def __str__(self) -> str:
        return f"{self.run_id}:{self.row} {self.fate}"

    @property
    def file_sentences(self) -> list[str]:
        """What is to be said of each file that the row brings."""
        return [
            f"文件“{name}”：{kind}，{filesizeformat(size)}{f'，在 {found}' if found != name else ''}，"
            f"{'资料库里已有，不再收' if known else '新文件'}"
            for name, found, size, kind, known in self.told.get("files", ())
        ]


class Heading(models.Model):
    """What an institution says a heading of its tables means: the name of a field, or ``files.IGNORED``."""

    institution = models.ForeignKey(Institution, on_delete=models.CASCADE, related_name="+")
    heading = models.CharField(max_length=120)
    field = models.CharField(max_length=40)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["institution", "heading"], name="heading_once")]

    def __str__(self) -> str:
        return f"{self.heading} → {self.field}"


# Review and people ----------------------------------------------------------------------------------


class FieldComment(models.Model):
    """What somebody said about one field of a course while it was written or reviewed. ``field`` is a name of
    ``cms.comments.fields``."""

    course = models.ForeignKey(Course, on_delete=models.CASCADE, related_name="field_comments")
    field = models.CharField(max_length=40)
    text = models.CharField("批注", max_length=1000)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    resolved_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    resolved_at = models.DateTimeField(null=True)

    wagtail_reference_index_ignore = True

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.course_id} {self.field}: {self.text}"


class Reminder(models.Model):
    """That a review which is late was mailed about."""

    task_state = models.OneToOneField("wagtailcore.TaskState", on_delete=models.CASCADE, related_name="reminder")
    created_at = models.DateTimeField(auto_now_add=True)

    wagtail_reference_index_ignore = True

    def __str__(self) -> str:
        return str(self.task_state_id)


class Invitation(models.Model):
    """An offer to work for an institution, sent to an address. ``nonce`` is in the signed link: a link that was sent
    before it changed is good no longer. See ``cms.invitations``."""

    email = models.EmailField("邮箱")
    institution = models.ForeignKey(
        Institution, verbose_name="机构", on_delete=models.CASCADE, related_name="invitations"
    )
    role = models.CharField("角色", max_length=10, choices=Membership.Role.choices, default=Membership.Role.EDITOR)
    nonce = models.CharField(max_length=22)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    sent_at = models.DateTimeField()

    wagtail_reference_index_ignore = True

    class Meta:
        ordering = ["-sent_at"]
        constraints = [models.UniqueConstraint(fields=["email", "institution"], name="invitation_once")]

    def __str__(self) -> str:
        return f"{self.email} · {self.institution} · {self.get_role_display()}"


class NightlyAudit(models.Model):
    """What the audit of one night found; ``found`` as ``cms.auditing`` writes it. The row is made first, so that one
    worker of all does it."""

    night = models.DateField(unique=True)
    started_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    found = models.JSONField(default=list)

    wagtail_reference_index_ignore = True

    class Meta:
        ordering = ["-night"]

    def __str__(self) -> str:
        return str(self.night)
