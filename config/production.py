"""What a production site must have been told. ``WENLAN_ENV=production`` makes these rules hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from environs import FileAwareEnv

MIN_SECRET = 50  # characters, as Django asks
ASKED = ("SECRET_KEY", "ALLOWED_HOSTS", "PUBLIC_URL", "DATABASE_URL", "DEBUG")


class Told(FileAwareEnv):
    """What the place of operation says: each value in ``NAME``, or, as secrets are given, in the file ``NAME_FILE``."""

    def __init__(self) -> None:
        super().__init__(strip_whitespace=True)
        self.values: dict[str, str] = {}
        """What was said, wherever it stood."""

    def _get_value(self, env_key: str, default: Any) -> Any:
        try:
            value = super()._get_value(env_key, default)
            if isinstance(value, str):
                self.values[env_key] = value
            return value
        except ValueError as error:
            raise ImproperlyConfigured(
                f"{env_key}_FILE 所指的文件读不了：{error.__cause__}。请检查路径和权限。"
            ) from error


@dataclass(frozen=True, slots=True)
class Problem:
    """A setting that stops the site: its name, what is wrong, what to do."""

    setting: str
    wrong: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.setting}: {self.wrong}。{self.remedy}"


def problems(env: Mapping[str, str]) -> list[Problem]:
    """Why a production site may not start with these values of ``ASKED``; empty when it may."""
    found = []
    if len(env.get("SECRET_KEY", "")) < MIN_SECRET:
        remedy = "生成一个：python -c 'import secrets; print(secrets.token_urlsafe(50))'"
        found.append(Problem("SECRET_KEY", f"没有设置，或少于 {MIN_SECRET} 个字符", remedy))
    hosts = [host for host in env.get("ALLOWED_HOSTS", "").split(",") if host.strip()]
    if not hosts or "*" in hosts:
        found.append(
            Problem("ALLOWED_HOSTS", "没有设置，或允许任何主机", "写上站点的域名，用逗号分开，如 wenlan.example.cn")
        )
    if not env.get("PUBLIC_URL", "").startswith(("https://", "http://")):
        found.append(Problem("PUBLIC_URL", "没有设置，或不是网址", "写上读者看到的地址，如 https://wenlan.example.cn"))
    if not env.get("DATABASE_URL"):
        found.append(Problem("DATABASE_URL", "没有设置", "写上数据库，如 postgres://user:password@host/wenlan"))
    if env.get("DEBUG", "").lower() in {"1", "true", "yes", "on"}:
        found.append(Problem("DEBUG", "打开了调试，出错时会向访客显示内部信息", "去掉 DEBUG"))
    return found


def explain(found: list[Problem]) -> str:
    """The text the site refuses to start with: one setting a line."""
    lines = [f"  {number}. {problem}" for number, problem in enumerate(found, 1)]
    return "\n".join(["WENLAN_ENV=production，但有设置缺失，站点不启动：", *lines, "全部设置见 docs/operations.md。"])
