from django.apps import AppConfig
from django.db.models.signals import post_delete


class MediaPipelineConfig(AppConfig):
    name = "media_pipeline"
    verbose_name = "媒体流水线"

    def ready(self) -> None:
        from media_pipeline import checks, holdings, sweeper  # noqa: F401
        from media_pipeline.receivers import forget_files

        post_delete.connect(forget_files, sender="media_pipeline.MediaAsset")
