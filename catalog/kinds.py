"""The kinds of course. A new kind is one entry here and one template ``catalog/kinds/<name>.html``."""

from dataclasses import dataclass

from django.db import models
from django.utils.translation import gettext_lazy as _

from media_pipeline.models import MediaType


class Kind(models.TextChoices):
    VIDEO = "video", _("视频")
    AUDIO = "audio", _("音频")
    READING = "reading", _("读本")
    GALLERY = "gallery", _("图集")
    LINK = "link", _("链接")


@dataclass(frozen=True, slots=True)
class KindRules:
    """What a kind asks of its lessons.

    ``media_types``: the pipeline's types an asset may have; empty means that lessons carry an address, no asset.
    ``measure``: what a lesson's length is counted in. ``text_alone``: whether a course of this kind may consist of
    its description, without a lesson.
    """

    media_types: frozenset[str]
    measure: str
    text_alone: bool = False


KINDS: dict[str, KindRules] = {
    Kind.VIDEO: KindRules(frozenset({MediaType.VIDEO}), "seconds"),
    Kind.AUDIO: KindRules(frozenset({MediaType.AUDIO, MediaType.VIDEO}), "seconds"),
    Kind.READING: KindRules(frozenset({MediaType.DOCUMENT}), "pages", text_alone=True),
    Kind.GALLERY: KindRules(frozenset({MediaType.PICTURE}), "pictures"),
    Kind.LINK: KindRules(frozenset(), "none"),
}

KIND_OF_MEDIA: dict[str, str] = {
    MediaType.VIDEO: Kind.VIDEO,
    MediaType.AUDIO: Kind.AUDIO,
    MediaType.DOCUMENT: Kind.READING,
    MediaType.PICTURE: Kind.GALLERY,
}
"""The kind of a course that is made from one file of this type."""
