"""News that the pipeline sends upward. Receivers live in the rooms above; the pipeline knows none of them."""

import logging

from django.dispatch import Signal

from media_pipeline.models import MediaAsset

logger = logging.getLogger(__name__)

asset_ready = Signal()
"""A MediaAsset became playable. Sent after its transaction committed, with ``asset: MediaAsset``."""

asset_refused = Signal()
"""A MediaAsset was rejected or failed for good. Sent with ``asset: MediaAsset``; its ``reason_*`` say why."""

job_moved = Signal()
"""A running job went on. Sent about once a second, outside any transaction, with ``asset: MediaAsset``, ``step: str``,
``progress: float`` (0..1)."""


def tell(signal: Signal, asset: MediaAsset) -> None:
    """Send news upward. A receiver in trouble does not undo what was done here."""
    for receiver, answer in signal.send_robust(sender=MediaAsset, asset=asset):
        if isinstance(answer, Exception):
            logger.error("%s after asset %s", receiver, asset.pk, exc_info=answer)
