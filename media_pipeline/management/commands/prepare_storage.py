"""``prepare_storage``: makes the directory or bucket and lets browsers of this site send parts to it."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from media_pipeline import storage
from media_pipeline.errors import Failed


class Command(BaseCommand):
    help = "Make the media store ready: create it, and allow uploads from PUBLIC_URL."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            storage.store().prepare([settings.PUBLIC_URL])
        except Failed as error:
            raise CommandError(error.reason) from error
        self.stdout.write(self.style.SUCCESS("媒体存储已就绪。"))
