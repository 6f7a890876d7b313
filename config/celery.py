"""The Celery application, for those who start workers by hand: ``celery -A config.celery worker -Q media``."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from media_pipeline.celery_backend import app  # noqa: E402

__all__ = ["app"]
