"""What each institution costs: CPU of the work on its media, and bytes in the store. Always four queries."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from io import StringIO

from django.db.models import Q, QuerySet, Sum
from django.utils import timezone

from catalog.formulas import guarded
from catalog.models import Institution
from media_pipeline import tallies
from media_pipeline.models import MediaAsset, Rendition, Tally

SORTS = {
    "name": "机构",
    "cpu_month": "CPU 小时，本月",
    "cpu": "CPU 小时，累计",
    "bytes_month": "存储 GB，本月新增",
    "bytes": "存储 GB，现有",
}
"""Columns of the table and of the CSV."""


@dataclass(slots=True)
class Cost:
    """``cpu``: seconds since ever, of media that are gone too; ``bytes``: originals and what was made of them, as they
    are now. ``…_month``: since the first of this month, of files by the day they came."""

    code: str
    name: str
    cpu_month: float = 0.0
    cpu: float = 0.0
    bytes_month: int = 0
    bytes: int = 0

    @property
    def cells(self) -> tuple[str, str, str, str, str]:
        hours = (f"{self.cpu_month / 3600:.2f}", f"{self.cpu / 3600:.2f}")
        return (self.name, *hours, f"{self.bytes_month / 1e9:.2f}", f"{self.bytes / 1e9:.2f}")


def costs(sort: str = "cpu") -> list[Cost]:
    """Every institution that ever cost something, the dearest first; by name when asked so."""
    names = dict(Institution.objects.values_list("code", "name"))
    found: dict[str, Cost] = {}

    def of(code: str) -> Cost:
        return found.setdefault(code, Cost(code, names.get(code, code or "（没有机构）")))

    month = tallies.month()
    spent = Tally.objects.filter(what=Tally.What.CPU, period__in=(tallies.EVER, month))
    for code, period, seconds in spent.values_list("name", "period", "seconds"):
        if period == month:
            of(code).cpu_month = seconds
        else:
            of(code).cpu = seconds
    began = timezone.localtime().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    for rows in (_bytes(MediaAsset.objects.all(), "", began), _bytes(Rendition.objects.all(), "asset__", began)):
        for code, held, new in rows:
            of(code).bytes += held
            of(code).bytes_month += new or 0
    rising = sort == "name"
    return sorted(found.values(), key=lambda cost: (getattr(cost, sort), cost.code), reverse=not rising)


def _bytes(rows: QuerySet, asset: str, began: datetime) -> Iterable[tuple[str, int, int | None]]:
    """Bytes by institution: all, and of the media that came since ``began``."""
    new = Sum("bytes", filter=Q(**{f"{asset}created_at__gte": began}))
    return rows.order_by().values_list(f"{asset}owner").annotate(held=Sum("bytes"), new=new)


def as_csv(rows: Iterable[Cost]) -> bytes:
    out = StringIO()
    writer = csv.writer(out)
    writer.writerow(["代码", *SORTS.values()])
    for row in rows:
        name, *figures = row.cells
        writer.writerow([guarded(row.code), guarded(name), *figures])
    return ("\ufeff" + out.getvalue()).encode()
