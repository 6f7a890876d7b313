"""Bringing courses in from files: ``read`` yields records, ``load`` stores them.

A new format is one function in ``files`` and one entry in its ``READERS``.
"""

from collections.abc import Iterable
from typing import Any

from catalog.importers.files import read
from catalog.importers.loading import Import, Report
from catalog.importers.record import CourseRecord
from catalog.models import Institution

__all__ = ["CourseRecord", "Report", "imported_institution", "load", "read"]

IMPORTED = "import"


def load(records: Iterable[CourseRecord], institution: Institution | None = None, **options: Any) -> Report:
    """Stores ``records`` and reports each one's fate; see ``loading.Import`` for the options. Rows that name no
    institution belong to ``institution``, or to 引进资源 when none is given."""
    if institution is None:
        institution = imported_institution(create=not options.get("dry_run", False))
    return Import(institution, **options).run(records)


def imported_institution(*, create: bool = True) -> Institution:
    """引进资源: holds what came without an institution. Without ``create`` it may not be stored yet."""
    if found := Institution.objects.filter(code=IMPORTED).first():
        return found
    new = Institution(code=IMPORTED, name="引进资源")
    return Institution.add_root(instance=new) if create else new
