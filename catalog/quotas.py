"""How much an institution may upload a day, by its own numbers or by those of the nearest above that has some."""

from dataclasses import dataclass

from django.db.models import Count, Sum
from django.utils import timezone

from catalog.models import Institution
from media_pipeline.errors import Refused
from media_pipeline.models import Upload

GB = 1000**3


@dataclass(frozen=True, slots=True)
class Quota:
    """``uploads`` and ``bytes``: a day's limits, None: none; ``used_…``: since midnight, without cancelled ones."""

    uploads: int | None
    bytes: int | None
    used_uploads: int
    used_bytes: int

    @property
    def uploads_left(self) -> int | None:
        return None if self.uploads is None else max(0, self.uploads - self.used_uploads)

    @property
    def bytes_left(self) -> int | None:
        return None if self.bytes is None else max(0, self.bytes - self.used_bytes)


def of(institution: Institution, *, archives: bool = False) -> Quota:
    """Today's quota of one institution. An archive counts only among ``archives``, since the files that are taken out
    of it count as uploads. Two queries."""
    path, step = institution.path, Institution.steplen
    line = [path[:end] for end in range(len(path), 0, -step)]
    rows = Institution.objects.filter(path__in=line).order_by("-depth").values("daily_uploads", "daily_gigabytes")
    limits = list(rows)
    gigabytes = _nearest(limits, "daily_gigabytes")
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    today = Upload.objects.filter(owner=institution.code, created_at__gte=midnight, archive=archives).order_by()
    used = today.exclude(state=Upload.State.ABORTED).aggregate(number=Count("pk"), bytes=Sum("bytes"))
    return Quota(
        uploads=_nearest(limits, "daily_uploads"),
        bytes=None if gigabytes is None else gigabytes * GB,
        used_uploads=used["number"],
        used_bytes=used["bytes"] or 0,
    )


def _nearest(limits: list[dict[str, int | None]], name: str) -> int | None:
    return next((row[name] for row in limits if row[name] is not None), None)


def check(institution: Institution, size: int, *, archive: bool = False) -> None:
    """Raises Refused when a file of ``size`` bytes is too much for today."""
    refuse(institution, of(institution, archives=archive), size)


def refuse(institution: Institution, quota: Quota, size: int) -> None:
    """Raises Refused when a file of ``size`` bytes is more than ``quota`` leaves."""
    remedy = "请明天再传，或请编辑中心提高额度。"
    if quota.uploads_left == 0:
        raise Refused(
            "quota-uploads", f"“{institution.name}”今天已上传 {quota.used_uploads} 个文件，到了额度。", remedy
        )
    if quota.bytes_left is not None and size > quota.bytes_left:
        sentence = (
            f"这个文件有 {size / GB:.2f} GB，“{institution.name}”今天只还能上传 {quota.bytes_left / GB:.2f} GB"
            f"（每天 {(quota.bytes or 0) / GB:.0f} GB）。"
        )
        raise Refused("quota-bytes", sentence, remedy)
