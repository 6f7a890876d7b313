"""What follows when an asset is deleted."""

from functools import partial
from typing import Any

from django.db import transaction

from media_pipeline import pipeline
from media_pipeline.models import MediaAsset


def forget_files(sender: type[MediaAsset], instance: MediaAsset, **kwargs: Any) -> None:
    """Remove every object of a deleted asset, once the deletion is certain."""
    transaction.on_commit(partial(pipeline.forget, instance.uid), robust=True)
