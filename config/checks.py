"""What ``manage.py check`` says of the settings; with ``--deploy`` also what works, but not well, in production."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from catalog.importers.buckets import problems


@register(Tags.security, deploy=True)
def check_public_address(**_: Any) -> list[CheckMessage]:
    if settings.PUBLIC_URL.startswith("https://"):
        return []
    hint = "在前面的 nginx 上装好证书，再把 PUBLIC_URL 改成 https://…。"
    return [Warning("PUBLIC_URL 不是 https，登录口令会明文传输。", hint=hint, id="wenlan.W001")]


@register(Tags.database, deploy=True)
def check_database(**_: Any) -> list[CheckMessage]:
    if not settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        return []
    hint = "一台机器、一个编辑部够用;多台机器请把 DATABASE_URL 指向 PostgreSQL。"
    return [Warning("数据库是 SQLite。", hint=hint, id="wenlan.W002")]


@register(Tags.caches, deploy=True)
def check_cache(**_: Any) -> list[CheckMessage]:
    if settings.CACHE_URL:
        return []
    hint = "把 CACHE_URL 指向 Redis,如 redis://host/1。"
    return [Warning("每个进程有自己的缓存，登录限速与失效通知不能共享。", hint=hint, id="wenlan.W003")]


@register()
def check_import_buckets(**_: Any) -> list[CheckMessage]:
    hint = "写法见 docs/importing.md。"
    return [
        Error(f"IMPORT_BUCKETS：{wrong}", hint=hint, id="wenlan.E001") for wrong in problems(settings.IMPORT_BUCKETS)
    ]
