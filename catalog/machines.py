"""What machines of partners are known by: tokens to call with, addresses to be told at, and what was told.

Rows only; ``catalog.tokens`` and ``catalog.webhooks`` say what they do. ``catalog.models`` takes them in.
"""

import base64
import hashlib
import secrets
import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

PREFIX = "wl_"


class Scope(models.TextChoices):
    """What a token may be used for, at most what its person may do."""

    UPLOAD = "upload", _("上传文件和字幕")
    COURSES_READ = "courses:read", _("查看本机构的课程")
    COURSES_WRITE = "courses:write", _("建立和修改课程")
    COURSES_SUBMIT = "courses:submit", _("送审和撤回")


def hash_of(secret: str) -> str:
    """SHA-256 in hex. A secret has 256 random bits, so nothing slower is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


class ApiToken(models.Model):
    """A key for a program that works for one person at one institution (and below it). The secret is not kept."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    institution = models.ForeignKey(
        "catalog.Institution", verbose_name="机构", on_delete=models.CASCADE, related_name="+"
    )
    name = models.CharField("名称", max_length=60)
    scopes = models.JSONField("权限", default=list)
    secret_hash = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField("建立", auto_now_add=True)
    last_used = models.DateField("上次使用", null=True, blank=True, editable=False)
    expires = models.DateField("到期", null=True, blank=True, help_text="最后一天；不填则一直有效。")

    wagtail_reference_index_ignore = True

    class Meta:
        verbose_name = "令牌"
        verbose_name_plural = "令牌"
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.name

    def make_secret(self) -> str:
        """A new secret, which only the caller has from now on; the row is not saved."""
        secret = PREFIX + secrets.token_urlsafe(32)
        self.secret_hash = hash_of(secret)
        return secret

    @property
    def expired(self) -> bool:
        return self.expires is not None and self.expires < timezone.localdate()


class Event(models.TextChoices):
    """What a webhook may be told."""

    ASSET_READY = "asset.ready", _("文件可以播放")
    ASSET_REFUSED = "asset.refused", _("文件被退回或处理失败")
    COURSE_RETURNED = "course.returned", _("课程被退回")
    COURSE_PUBLISHED = "course.published", _("课程已发布")
    COURSE_UNPUBLISHED = "course.unpublished", _("课程已撤下")


class Webhook(models.Model):
    """An address of a partner that is told what happens to the institution's things. The secret is kept, for every
    delivery is signed with it."""

    institution = models.ForeignKey(
        "catalog.Institution", verbose_name="机构", on_delete=models.CASCADE, related_name="+"
    )
    address = models.URLField("地址", max_length=500)
    events = models.JSONField("事件", default=list)
    secret = models.CharField(max_length=80, editable=False)
    active = models.BooleanField("启用", default=True)
    failures = models.PositiveIntegerField("连续失败", default=0, editable=False)

    wagtail_reference_index_ignore = True

    class Meta:
        verbose_name = "网络钩子"
        verbose_name_plural = "网络钩子"
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.address

    def make_secret(self) -> str:
        """A new secret as Standard Webhooks writes it: ``whsec_`` and 32 bytes in base64; the row is not saved."""
        self.secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
        return self.secret


class Delivery(models.Model):
    """One message to one webhook. ``uid`` stays the same over all attempts, so that a receiver can drop doubles;
    ``body`` is kept as it is signed; ``answer`` says how the last attempt ended."""

    class State(models.TextChoices):
        WAITING = "waiting", _("等待")
        DONE = "done", _("已送达")
        FAILED = "failed", _("已放弃")

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    event = models.CharField(max_length=30)
    body = models.TextField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    due = models.DateTimeField(default=timezone.now)
    answer = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    wagtail_reference_index_ignore = True

    class Meta:
        indexes = [models.Index(fields=["state", "webhook", "id"]), models.Index(fields=["webhook", "-id"])]

    def __str__(self) -> str:
        return f"{self.event} {self.uid}"
