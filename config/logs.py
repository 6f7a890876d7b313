"""Log lines for machines: one JSON object a line on standard error."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

from accounts import trail


class Numbered(logging.Filter):
    """Gives every line the number of the request it belongs to as ``request_id``; ``-`` without one."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = trail.current() or "-"
        return True


class JsonFormatter(logging.Formatter):
    """``{"time", "level", "logger", "request_id", "message"}``, with ``method``, ``path``, ``status`` of a request and
    ``error`` where there is one. A traceback goes here and nowhere else."""

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
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def logging_settings(style: str, level: str) -> dict[str, Any]:
    """Django's ``LOGGING``: ``style`` is ``json`` or ``text``, ``level`` a name such as ``INFO``."""
    text = "{asctime} {levelname:7} {request_id} {name}: {message}"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {"()": "config.logs.JsonFormatter"},
            "text": {
                "format": text,
                "style": "{",
                "datefmt": "%H:%M:%S",
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
            # Each save and each light task would be a line.
            "wagtail": {"level": "WARNING"},
            "django_tasks": {"level": "WARNING"},
            "elastic_transport": {"level": "WARNING"},
            "botocore": {"level": "WARNING"},
        },
    }
