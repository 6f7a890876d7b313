"""What the pipeline remembers: originals, what was made of them, and the work still to do."""

import uuid
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class MediaType(models.TextChoices):
    VIDEO = "video", _("视频")
    AUDIO = "audio", _("音频")
    DOCUMENT = "document", _("文档")
    PICTURE = "picture", _("图片")
    OTHER = "other", _("未知")


class AssetState(models.TextChoices):
    RECEIVED = "received", _("已收到")
    CHECKED = "checked", _("已检查")
    PROCESSING = "processing", _("处理中")
    PUBLISHED = "published", _("可播放")
    REJECTED = "rejected", _("已退回")
    FAILED = "failed", _("处理失败")


class MediaAsset(models.Model):
    """The original upload, never altered. ``sha256`` is its identity; ``owner`` is an opaque key given by the rooms
    above (the institution's code), the pipeline only stores it."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    owner = models.CharField("所属", max_length=64, db_index=True)
    title = models.CharField("名称", max_length=255)
    filename = models.CharField("文件名", max_length=255)
    media_type = models.CharField("类型", max_length=10, choices=MediaType.choices, default=MediaType.OTHER)
    sha256 = models.CharField(max_length=64, blank=True, db_index=True)
    bytes = models.PositiveBigIntegerField("大小", default=0)
    original_key = models.CharField(max_length=400, blank=True)
    facts = models.JSONField(default=dict, blank=True)
    duration = models.FloatField("时长（秒）", null=True, blank=True)
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    state = models.CharField(
        "状态",
        max_length=10,
        choices=AssetState.choices,
        default=AssetState.RECEIVED,
        db_index=True,
    )
    reason_code = models.CharField(max_length=64, blank=True)
    reason = models.CharField("原因", max_length=500, blank=True)
    public = models.BooleanField("公开", default=False, help_text="公开后任何人可读；否则只有带签名的地址可读。")
    poster_key = models.CharField(max_length=400, blank=True)
    poster_seconds = models.FloatField(
        "封面时间（秒）", null=True, blank=True, help_text="编辑选定的画面；空白时自动选取。"
    )
    created_at = models.DateTimeField("上传时间", auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )

    class Meta:
        verbose_name = "媒体"
        verbose_name_plural = "媒体"
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(fields=["owner", "created_at", "bytes"]),  # with the bytes: costs are summed from it alone
            models.Index(fields=["-created_at", "-id"]),
        ]

    def __str__(self) -> str:
        return self.title or self.filename

    @property
    def package(self) -> "Package | None":
        """The package players open now, or None while there is none. Until it is ``complete`` a better one follows."""
        return self.packages.filter(current=True).first()


class Rendition(models.Model):
    """One encoded file. Its name is deterministic, so making it twice is finding it."""

    asset = models.ForeignKey(MediaAsset, on_delete=models.CASCADE, related_name="renditions")
    spec = models.CharField(max_length=80)
    source_sha256 = models.CharField(max_length=64)
    key = models.CharField(max_length=400)
    bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(
        max_length=64,
        blank=True,
        default="",
        db_default="",
        help_text="Of the encoded file; empty: made before it was kept.",
    )
    bitrate = models.PositiveIntegerField(null=True, help_text="bit/s")
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    codecs = models.CharField(max_length=80, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["asset", "spec", "source_sha256"], name="rendition_once")]
        indexes = [models.Index(fields=["asset", "bytes"])]  # costs are summed from it alone
        ordering = ["spec"]

    def __str__(self) -> str:
        return f"{self.asset_id}:{self.spec}"


class Package(models.Model):
    """The playable set of one asset under one immutable key prefix. At most one is current."""

    asset = models.ForeignKey(MediaAsset, on_delete=models.CASCADE, related_name="packages")
    prefix = models.CharField(max_length=300, unique=True)
    current = models.BooleanField(default=False)
    complete = models.BooleanField(default=True, help_text="False: the first rung, shown while the rest is made.")
    replaced_at = models.DateTimeField(null=True, blank=True, help_text="When it ceased to be current.")
    hls_key = models.CharField(max_length=400, blank=True)
    dash_key = models.CharField(max_length=400, blank=True)
    storyboard_key = models.CharField(max_length=400, blank=True)
    manifest = models.JSONField(
        default=dict,
        blank=True,
        help_text="What a page needs: sizes of a picture, pages of a reading.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["asset"], condition=models.Q(current=True), name="package_one_current")
        ]

    def __str__(self) -> str:
        return self.prefix


class Look(models.Model):
    """What a package looks like (``media_pipeline.looks``); no ``bits`` where there is nothing to go by."""

    package = models.OneToOneField(Package, on_delete=models.CASCADE, related_name="look")
    seconds = models.FloatField(db_index=True, help_text="Length of the film; 0 of a picture.")
    bits = models.BinaryField(help_text="As ``looks`` makes them.")
    compared = models.BooleanField(default=False)

    class Meta:
        indexes = [models.Index(fields=["seconds"], condition=models.Q(compared=False), name="look_not_compared")]

    def __str__(self) -> str:
        return f"{self.package} {self.seconds:.0f} s"


class Lookalike(models.Model):
    """Two assets whose files differ and show the same pictures; ``first`` has the smaller key. ``different``: a person
    has said that they are not the same, for ever."""

    first = models.ForeignKey(MediaAsset, on_delete=models.CASCADE, related_name="+")
    second = models.ForeignKey(MediaAsset, on_delete=models.CASCADE, related_name="+")
    different = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["first", "second"], name="lookalike_once")]

    def __str__(self) -> str:
        return f"{self.first_id} = {self.second_id}"


class TextTrack(models.Model):
    """Timed text of an asset. ``cues`` is a list of ``[start seconds, end seconds, text]`` in time order."""

    class Kind(models.TextChoices):
        CAPTIONS = "captions", _("字幕")
        CHAPTERS = "chapters", _("章节")
        TRANSCRIPT = "transcript", _("文稿")

    asset = models.ForeignKey(MediaAsset, on_delete=models.CASCADE, related_name="tracks")
    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.CAPTIONS)
    language = models.CharField("语言", max_length=20, default="zh-Hans")
    label = models.CharField("名称", max_length=60, blank=True)
    cues = models.JSONField(default=list)
    draft = models.BooleanField("草稿", default=False, help_text="自动生成，尚未经编辑确认；确认之前不提供给观众。")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["asset", "kind", "language"], name="track_once")]
        ordering = ["language"]

    def __str__(self) -> str:
        return f"{self.asset} {self.get_kind_display()} {self.language}"


class DocumentPage(models.Model):
    """One page of a PDF or one section of an EPUB: its text for search, its picture or cleaned HTML for the reader."""

    asset = models.ForeignKey(MediaAsset, on_delete=models.CASCADE, related_name="pages")
    number = models.PositiveIntegerField(help_text="from 1")
    title = models.CharField(max_length=255, blank=True)
    text = models.TextField(blank=True)
    html = models.TextField(blank=True)
    picture_key = models.CharField(max_length=400, blank=True)
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["asset", "number"], name="page_once")]
        ordering = ["number"]

    def __str__(self) -> str:
        return f"{self.asset} p. {self.number}"


class Upload(models.Model):
    """A file on its way in, in parts. See ``media_pipeline.uploads`` for the protocol."""

    class State(models.TextChoices):
        OPEN = "open", _("上传中")
        COMPLETE = "complete", _("已完成")
        ABORTED = "aborted", _("已取消")

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    owner = models.CharField(max_length=64, db_index=True)
    filename = models.CharField(max_length=255)
    bytes = models.PositiveBigIntegerField()
    part_bytes = models.PositiveIntegerField()
    fingerprint = models.CharField(
        max_length=128, blank=True, help_text="The client's name for the file, to find it again."
    )
    key = models.CharField(max_length=400)
    target_id = models.CharField(max_length=400, blank=True, help_text="The store's multipart id.")
    archive = models.BooleanField(
        default=False,
        db_default=False,
        help_text="A ZIP of files for an import; no asset, though its files become some.",
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    asset = models.OneToOneField(MediaAsset, null=True, on_delete=models.SET_NULL, related_name="upload")
    replaces = models.ForeignKey(
        MediaAsset,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="replacements",
        help_text="The asset whose original this file becomes, instead of an asset of its own.",
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    touched_at = models.DateTimeField(auto_now=True, db_index=True)

    class Meta:
        verbose_name = "上传"
        verbose_name_plural = "上传"
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "fingerprint"],
                condition=models.Q(state="open") & ~models.Q(fingerprint=""),
                name="upload_one_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.filename} ({self.uid})"


class JobState(models.TextChoices):
    QUEUED = "queued", _("等待")
    RUNNING = "running", _("进行中")
    DONE = "done", _("完成")
    FAILED = "failed", _("失败")
    CANCELLED = "cancelled", _("已取消")


class JobKind(models.TextChoices):
    """A short film is one ``make``. A long one is looked at and cut by ``make``; then come the others. ``whole`` is a
    film, however long, that cannot be cut."""

    MAKE = "make", _("检查与制作")
    WHOLE = "whole", _("整片制作")
    FIRST = "first", _("先可观看")
    SIDES = "sides", _("声音与图片")
    PICTURES = "pictures", _("画面分段")
    JOIN = "join", _("合并与发布")
    POSTER = "poster", _("更换封面")
    CAPTIONS = "captions", _("自动字幕")


class Job(models.Model):
    """A unit of work and the only truth about it; any broker is a bell. A running job belongs to ``worker`` until
    ``lease_until``; whoever finds the lease expired may queue it again. ``log`` is a list of
    ``{"step", "attempt", "at" (ISO 8601), "seconds", "note"}`` in the order of events."""

    asset = models.ForeignKey(MediaAsset, on_delete=models.CASCADE, related_name="jobs")
    kind = models.CharField(max_length=8, choices=JobKind.choices, default=JobKind.MAKE)
    span = models.PositiveIntegerField(default=0, help_text="Which part of a long film, from 0.")
    place = models.CharField(max_length=200, blank=True, help_text="Prefix where the parts of a long film meet.")
    owner = models.CharField(max_length=64, blank=True, help_text="The asset's, to be fair between owners.")
    queue = models.CharField(max_length=40, default="media")
    priority = models.SmallIntegerField(default=0, help_text="Larger runs earlier, whatever the rank.")
    rank = models.DateTimeField(default=timezone.now, help_text="Earlier runs earlier; see ``leases.rank``.")
    seconds = models.FloatField(default=0.0, help_text="Length of the film, known or guessed.")
    state = models.CharField(max_length=9, choices=JobState.choices, default=JobState.QUEUED)
    attempt = models.PositiveSmallIntegerField(
        default=0, help_text="Claims so far; with ``worker`` it names one claim."
    )
    failures = models.PositiveSmallIntegerField(default=0, help_text="Attempts that ended in an error.")
    not_before = models.DateTimeField(default=timezone.now)
    worker = models.CharField(max_length=120, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    step = models.CharField(max_length=80, blank=True)
    progress = models.FloatField(default=0.0, help_text="0..1, never goes back")
    seconds_left = models.FloatField(null=True, blank=True, help_text="By the speed of this attempt.")
    log = models.JSONField(default=list, blank=True)
    reason_code = models.CharField(max_length=64, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    cpu_seconds = models.FloatField(null=True, blank=True)
    request_id = models.CharField(
        max_length=64, blank=True, db_default="", help_text="Number of the request that asked for it."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True, help_text="First claim.")
    finished_at = models.DateTimeField(null=True, blank=True)
    rung_at = models.DateTimeField(null=True, blank=True, help_text="When a worker was last told of it.")

    class Meta:
        verbose_name = "任务"
        verbose_name_plural = "任务"
        ordering = ["-priority", "rank", "pk"]
        indexes = [
            models.Index(fields=["state", "queue", "-priority", "rank"]),
            models.Index(fields=["owner", "state", "-rank"]),
            models.Index(fields=["state", "-finished_at", "queue"]),  # with the queue: the day is counted from it alone
            models.Index(fields=["queue", "state", "created_at", "seconds"]),  # queues are counted from it alone
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["asset", "kind", "span"],
                condition=models.Q(state__in=["queued", "running"]),
                name="job_one_open",
            )
        ]

    def __str__(self) -> str:
        return f"job {self.pk} {self.kind} {self.span} {self.state} {self.asset_id}"


ALIVE = timedelta(minutes=1)


class WorkerQuerySet(models.QuerySet["Worker"]):
    def alive(self) -> "WorkerQuerySet":
        """Those that told of themselves in the last minute."""
        return self.filter(seen_at__gt=timezone.now() - ALIVE)


class Worker(models.Model):
    """A process that takes jobs, as it tells of itself while it lives; what it does now stands in the jobs it holds."""

    name = models.CharField(max_length=80, unique=True, help_text="Begins the ``worker`` of the jobs it holds.")
    queues = models.CharField(max_length=200)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    objects = WorkerQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Tally(models.Model):
    """What is only ever counted up, kept when jobs go with their media. See ``media_pipeline.tallies``."""

    class What(models.TextChoices):
        """``name`` is the queue; for CPU the institution's code, for STEP kind and step."""

        CLAIMED = "claimed"
        CPU = "cpu"
        FAILED = "failed"
        HANDED_BACK = "handed-back"
        LOST = "lost"
        STEP = "step"

    what = models.CharField(max_length=12, choices=What.choices)
    name = models.CharField(max_length=100)
    period = models.CharField(max_length=10, blank=True, help_text="Empty: ever; else 2026-11 or 2026-11-27.")
    bound = models.FloatField(default=0.0, help_text="STEP: at most so many seconds each.")
    number = models.PositiveBigIntegerField(default=0)
    seconds = models.FloatField(default=0.0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["what", "period", "name", "bound"], name="tally_once")]

    def __str__(self) -> str:
        return f"{self.what} {self.name} {self.period}"
