"""Buckets that institutions may bring files from. The operator names them in ``IMPORT_BUCKETS``; people choose a name,
and nothing that they write becomes an address or a key.

``{"name people see": {"url": "s3://key:secret@bucket/prefix?endpoint=URL", "institutions": {"code": "folder/"}}}``; an
institution reads its own folder below the prefix, "" all of it. One that is not named does not see the bucket.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db.models import QuerySet

from catalog.errors import FileRefused
from catalog.models import Institution
from media_pipeline.storage import Bucket, S3Store


def names(institutions: QuerySet[Institution]) -> list[str]:
    """The buckets that any of these institutions may read."""
    return [name for name, one in _told().items() if institutions.filter(code__in=list(one["institutions"])).exists()]


def opened(name: str, institution: Institution) -> S3Store:
    """The folder of an institution in a bucket. Raises FileRefused where it has none."""
    told = _told().get(name)
    if told is None or institution.code not in told["institutions"]:
        says = f"存储桶“{name}”没有向“{institution.name}”开放。"
        raise FileRefused("bucket-closed", says, "请联系管理员，或换一个来源。")
    bucket = Bucket.from_url(told["url"])
    folder = told["institutions"][institution.code].strip("/")
    return S3Store(replace(bucket, prefix=f"{bucket.prefix}{folder}/" if folder else bucket.prefix))


def _told() -> Mapping[str, Any]:
    return settings.IMPORT_BUCKETS  # type: ignore[return-value]  # a list is turned down by ``problems``


def problems(told: Any) -> list[str]:
    """What is wrong with the setting, in sentences."""
    if not isinstance(told, dict):
        return ["应是一个 JSON 对象。"]
    wrong = []
    for name, one in told.items():
        if not isinstance(one, dict) or not isinstance(one.get("url"), str):
            wrong.append(f"“{name}”没有 url。")
            continue
        folders = one.get("institutions")
        if not isinstance(folders, dict) or not all(isinstance(folder, str) for folder in folders.values()):
            wrong.append(f"“{name}”的 institutions 应是 机构代码 → 文件夹。")
        elif any(".." in folder.split("/") for folder in folders.values()):
            wrong.append(f"“{name}”的文件夹不能有“..”。")
        try:
            Bucket.from_url(one["url"])
        except ImproperlyConfigured:
            wrong.append(f"“{name}”的 url 不是 s3://bucket?endpoint=… 的形式。")
    return wrong
