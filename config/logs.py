"""Log lines for machines: one JSON object a line on standard error. Whatever writes them, secrets are left out."""

import json
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from accounts import trail

HIDDEN = "***"
_NAMES = (
    r"pass(?:word|wd)?\d?|pwd|secret|token|(?:access|refresh|id)_token|client_secret|api_?key|sig|signature|sessionid"
    r"|csrf(?:token|middlewaretoken)|otp|x-amz-(?:signature|credential|security-token)|awsaccesskeyid"
)
_SHAPES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    # amqp://user:password@host, postgres://…, also where the user is empty (RFC 3986, 3.2.1)
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s/:@\"']*):[^\s/@\"']+@", re.I), rf"\1:{HIDDEN}@"),
    (re.compile(r"\b((?:proxy-)?authorization|(?:set-)?cookie)(['\"]?\s*[:=]\s*)[^\r\n\"']+", re.I), rf"\1\2{HIDDEN}"),
    (re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{8,}", re.I), rf"\1 {HIDDEN}"),
    (re.compile(rf"(?<![\w-])({_NAMES})(['\"]?\s*[=:]\s*['\"]?)[^\s&;,'\"]+", re.I), rf"\1\2{HIDDEN}"),
    (re.compile(r"([?&](?:code|state|key|t)=)[\w.~%+/-]{8,}", re.I), rf"\1{HIDDEN}"),
    (re.compile(r"\b(wl_|whsec_)[\w+/=-]{16,}"), rf"\1{HIDDEN}"),  # tokens and keys of webhooks: catalog.machines
    (re.compile(r"AGE-SECRET-KEY-1\w+"), HIDDEN),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), HIDDEN),  # JSON Web Tokens, RFC 7519
    (re.compile(r"/media/~(\d+)\.[\w-]{22}/"), rf"/media/~\1.{HIDDEN}/"),
    (re.compile(r"/media/parts/[^\s/?\"']+"), f"/media/parts/{HIDDEN}"),
    # invitations, devices, and what letters lead to
    (re.compile(r"/(join|link|key|confirm|confirm-email)/[^\s?\"']+"), rf"/\1/{HIDDEN}"),
    (re.compile(r"(验证码|code is)(\s*[:：]?\s*)\d{4,8}", re.I), rf"\1\2{HIDDEN}"),
    (re.compile(r"(?<!\d)(\+?86)?1[3-9]\d{5}(\d{4})(?!\d)"), rf"{HIDDEN}\2"),  # telephone numbers but their end
)
_SECRET_SETTING = re.compile(r"SECRET|TOKEN|PASS|ACCESS_KEY|BACKUP_KEY|OTLP_HEADERS")
_SHORTEST = 8  # characters; what is shorter stands in too many other words


def secrets_of(settings: Mapping[str, str]) -> list[str]:
    """What of an environment may stand in no line: secrets by their name, and the passwords within addresses, as they
    are written there and as they are meant. The longest first."""
    found = set()
    for name, value in settings.items():
        if _SECRET_SETTING.search(name) and not name.endswith("_FILE"):
            found |= {value, *value.split(",")}  # former keys are a list
        for address in re.findall(r"[a-z][a-z0-9+.-]*://[^\s\"',]+@", value):
            password = urlsplit(address).netloc.rpartition("@")[0].partition(":")[2]
            found |= {password, unquote(password)}
    return sorted((value for value in found if len(value) >= _SHORTEST), key=len, reverse=True)


def masked(text: str, secrets: Iterable[str] = ()) -> str:
    """``text`` without ``secrets`` and without what looks like one."""
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    for shape, instead in _SHAPES:
        text = shape.sub(instead, text)
    return text


class Numbered(logging.Filter):
    """Gives every line the number of the request it belongs to as ``request_id``; ``-`` without one."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = trail.current() or "-"
        return True


class TextFormatter(logging.Formatter):
    """A line for people; a deed (``accounts.deeds``) is told in full."""

    def __init__(self, *given: Any, secrets: Iterable[str] = (), **more: Any) -> None:
        super().__init__(*given, **more)
        self.secrets = [*secrets]

    def format(self, record: logging.LogRecord) -> str:
        deed = getattr(record, "deed", None)
        told = f" {json.dumps(deed, ensure_ascii=False, default=str)}" if deed else ""
        return masked(super().format(record) + told, self.secrets)


class JsonFormatter(logging.Formatter):
    """``{"time", "level", "logger", "request_id", "message"}``, with ``method``, ``path``, ``status`` of a request,
    the words of a deed (``accounts.deeds``), and ``error`` where there is one. A traceback goes here and nowhere
    else."""

    def __init__(self, *given: Any, secrets: Iterable[str] = (), **more: Any) -> None:
        super().__init__(*given, **more)
        self.secrets = [*secrets]

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "request_id": getattr(record, "request_id", "-"),
            "message": record.getMessage(),
        }
        request: Any = getattr(record, "request", None)
        if hasattr(request, "method"):
            line |= {"method": request.method, "path": request.path}
        if hasattr(record, "status_code"):
            line["status"] = record.status_code
        line |= getattr(record, "deed", {})
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        whole = {key: masked(value, self.secrets) if isinstance(value, str) else value for key, value in line.items()}
        return json.dumps(whole, ensure_ascii=False, default=str)


def logging_settings(style: str, level: str, secrets: Iterable[str] = ()) -> dict[str, Any]:
    """Django's ``LOGGING``: ``style`` is ``json`` or ``text``, ``level`` a name such as ``INFO``. ``secrets`` stand in
    no line."""
    text = "{asctime} {levelname:7} {request_id} {name}: {message}"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {"()": "config.logs.JsonFormatter", "secrets": secrets},
            "text": {
                "()": "config.logs.TextFormatter",
                "fmt": text,
                "style": "{",
                "datefmt": "%H:%M:%S",
                "secrets": secrets,
            },
        },
        "filters": {"numbered": {"()": "config.logs.Numbered"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": style, "filters": ["numbered"]}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Without its own handlers Django would mail and print a second time.
            "django": {"handlers": [], "level": level, "propagate": True},
            # Strangers ask for any host; that is theirs, not ours.
            "django.security.DisallowedHost": {"handlers": [], "level": "CRITICAL", "propagate": False},
            # Deeds are kept whatever else is left out.
            "wenlan.audit": {"level": "INFO"},
            # Each save and each light task would be a line.
            "wagtail": {"level": "WARNING"},
            "django_tasks": {"level": "WARNING"},
            "elastic_transport": {"level": "WARNING"},
            "botocore": {"level": "WARNING"},
        },
    }
