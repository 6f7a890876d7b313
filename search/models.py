"""What search remembers in the main database: which documents are out of date. The index itself lives in its engine."""

from django.db import models


class StaleDocument(models.Model):
    """A course whose document must be written or removed. Rows are added in the transaction that changes the course;
    ``done_at`` is set once the engine has taken the change, so nothing is lost while an engine is away. Rows that are
    done stay for a day: an index that was being rebuilt meanwhile catches up from them."""

    course_id = models.PositiveBigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)
    done_at = models.DateTimeField(null=True, db_index=True)

    def __str__(self) -> str:
        return f"course {self.course_id}"
