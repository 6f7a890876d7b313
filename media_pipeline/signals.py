"""News that the pipeline sends upward. Receivers live in the rooms above; the pipeline knows none of them."""

from django.dispatch import Signal

asset_ready = Signal()
"""A MediaAsset became playable. Sent after its transaction committed, with ``asset: MediaAsset``."""

asset_refused = Signal()
"""A MediaAsset was rejected or failed for good. Sent with ``asset: MediaAsset``; its ``reason_*`` say why."""

job_moved = Signal()
"""A running job went on. Sent about once a second, outside any transaction, with ``asset: MediaAsset``, ``step: str``,
``progress: float`` (0..1)."""
