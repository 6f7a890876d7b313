"""One rebuild of a library at a time, over all processes and machines: a lease in the main database."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from search.models import RebuildLease

LEASE = timedelta(minutes=3)
"""Longer than the longest step between two renewals: a batch that waits for a busy cluster, or the swap."""


class RebuildRunning(Exception):
    """Somebody else builds this library now."""


class LeaseLost(Exception):
    """The lease ran out and somebody else began."""


@dataclass(frozen=True, slots=True)
class Lease:
    """``inherited``: from a rebuild that was killed."""

    library: str
    holder: str
    inherited: bool

    def renew(self) -> None:
        """Raises LeaseLost."""
        mine = RebuildLease.objects.filter(library=self.library, holder=self.holder)
        if not mine.update(lease_until=timezone.now() + LEASE):
            raise LeaseLost(f"the rebuild of {self.library} was silent for too long; another one began")

    def release(self) -> None:
        RebuildLease.objects.filter(library=self.library, holder=self.holder).delete()


def claim(library: str) -> Lease:
    """The right to build this library. Raises RebuildRunning."""
    holder, now = uuid.uuid4().hex, timezone.now()
    ours = {"holder": holder, "lease_until": now + LEASE}
    if RebuildLease.objects.filter(library=library, lease_until__lt=now).update(**ours):
        return Lease(library, holder, inherited=True)
    row, _made = RebuildLease.objects.get_or_create(library=library, defaults=ours)
    if row.holder != holder:
        until = timezone.localtime(row.lease_until)
        raise RebuildRunning(f"{library} is being built; if whoever did was killed, begin after {until:%H:%M:%S}")
    return Lease(library, holder, inherited=False)
