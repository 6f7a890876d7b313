"""What search remembers in the main database: which documents are out of date, and who builds a library anew. The
index itself lives in its engine."""

from django.db import models


class StaleDocument(models.Model):
    """A course whose document must be written or removed. Rows are added in the transaction that changes the course;
    ``done_at`` is set once the engine has taken the change, so nothing is lost while an engine is away. Rows that are
    done stay for a day: an index that was being rebuilt meanwhile catches up from them.

    ``withdrawn``: the course was public and is no more; such rows go first. A document the engine refused is tried
    again at ``next_try_at``, later each time; ``reason`` is what the engine said."""

    course_id = models.PositiveBigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)
    done_at = models.DateTimeField(null=True)
    withdrawn = models.BooleanField(default=False)
    attempts = models.PositiveSmallIntegerField(default=0)
    reason = models.CharField(max_length=300, blank=True)
    next_try_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["done_at", "-withdrawn", "id"], name="search_stale_waiting")]

    def __str__(self) -> str:
        return f"course {self.course_id}"


class RebuildLease(models.Model):
    """Who builds a library anew, and until when nobody else may begin. A lease that ran out is a rebuild that was
    killed, perhaps after the swap and before it had caught up: whoever finds it builds again."""

    library = models.CharField(max_length=80, primary_key=True)
    holder = models.CharField(max_length=32)
    lease_until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.library} until {self.lease_until}"
