"""System checks: what is set wrong, and the remedy."""

import shlex
import shutil
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from media_pipeline.storage import Bucket

LEAST_PART = 5 * 1024**2  # S3 takes no smaller part but the last


@register("media")
def check_storage(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Settings of the store say something sensible; nothing is contacted."""
    if not settings.STORAGE_URL:
        return []
    try:
        bucket = Bucket.from_url(settings.STORAGE_URL)
    except ImproperlyConfigured as error:
        hint = "STORAGE_URL=s3://bucket?endpoint=https://s3.example.cn&region=us-east-1"
        return [Error(str(error), hint=hint, id="media.E001")]
    found: list[CheckMessage] = []
    if settings.UPLOAD_PART_BYTES < LEAST_PART:
        says = f"UPLOAD_PART_BYTES={settings.UPLOAD_PART_BYTES} 小于 S3 允许的最小分块（5 MiB）。"
        found.append(Error(says, hint="设为 16777216（16 MiB）或删去这个设置。", id="media.E002"))
    if bucket.endpoint and "://" not in bucket.endpoint:
        hint = "写成 endpoint=http://主机:端口 或 endpoint=https://主机。"
        found.append(Error(f"STORAGE_URL 的 endpoint “{bucket.endpoint}”缺少协议。", hint=hint, id="media.E003"))
    return found


@register("media")
def check_jobs(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if settings.JOB_LEASE_SECONDS < 4:
        says = f"JOB_LEASE_SECONDS={settings.JOB_LEASE_SECONDS} 太短：心跳来不及续约，任务会被重复执行。"
        found.append(Error(says, hint="至少 4 秒，默认 30 秒。", id="media.E004"))
    if settings.TASKS_URL and settings.TASKS_URL.split(":")[0] not in {"amqp", "amqps", "redis", "rediss"}:
        hint = "TASKS_URL=amqp://user:password@host:5672// 或 redis://host:6379/0；留空则使用数据库。"
        found.append(Error("TASKS_URL 不是 RabbitMQ 或 Redis 的地址。", hint=hint, id="media.E005"))
    return found


@register("media")
def check_plugs(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """The scanner and the transcriber can be imported, and the commands that are shipped have one to run."""
    found: list[CheckMessage] = []
    for number, setting, shipped in (
        (6, "MEDIA_SCANNER", "media_pipeline.scanners.command"),
        (7, "TRANSCRIBER", "media_pipeline.transcribers.command"),
    ):
        path, command = getattr(settings, setting), getattr(settings, f"{setting}_COMMAND")
        try:
            callable_ = import_string(path) if path else None
        except ImportError as error:
            hint = f"写成“模块.函数”，如 {shipped}；留空则不用。"
            found.append(Error(f"{setting}={path} 无法载入：{error}", hint=hint, id=f"media.E{number:03d}"))
            continue
        words = shlex.split(command)
        if path == shipped and callable_ and (not words or shutil.which(words[0]) is None):
            says = f"{setting}_COMMAND 的程序“{words[0] if words else ''}”找不到或不能执行。"
            hint = "写明程序的绝对路径和参数。"
            found.append(Error(says, hint=hint, id=f"media.E{number + 2:03d}"))
    return found


@register("media", deploy=True)
def check_deployment(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """What several machines need, and one does not."""
    found: list[CheckMessage] = []
    if settings.TASKS_URL and not settings.STORAGE_URL:
        says = "工作进程可能在别的机器上，而媒体存在本机目录。"
        hint = f"设置 STORAGE_URL，或让所有机器共享 {Path(settings.MEDIA_STORE_DIR)}。"
        found.append(Warning(says, hint=hint, id="media.W001"))
    return found
