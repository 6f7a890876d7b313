"""Whether media is open to everybody exactly where a public course uses it."""

from collections.abc import Iterator

from django.db.models import Exists, OuterRef

from catalog import publishing
from catalog.models import Course, Lesson
from media_pipeline.audit import Finding
from media_pipeline.models import MediaAsset

REMEDY = "会按课程的状态改正。"


def look() -> Iterator[Finding]:
    """Restricted media that everybody can read, and media of public courses that nobody can."""
    public = Course.objects.public().order_by()
    lessons = Lesson.objects.filter(asset=OuterRef("pk"), course__in=public.values("pk"))
    used = Exists(lessons) | Exists(public.filter(cover=OuterRef("pk")))
    open_to_all = MediaAsset.objects.filter(~used, public=True).order_by("pk")
    for asset in open_to_all.iterator(chunk_size=500):
        says = f"“{asset}”没有公开的课程使用，却任何人都能打开。"
        yield Finding("too-open", asset.uid.hex, says, REMEDY, asset.pk, mendable=True)
    for asset in MediaAsset.objects.filter(used, public=False).order_by("pk").iterator(chunk_size=500):
        says = f"“{asset}”在公开的课程里，读者却打不开。"
        yield Finding("too-closed", asset.uid.hex, says, REMEDY, asset.pk, mendable=True)


def mend(finding: Finding) -> bool:
    """Settle one asset by its courses."""
    publishing.open_media([finding.asset] if finding.asset else [])
    return True
