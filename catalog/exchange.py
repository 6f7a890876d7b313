"""What is kept for other catalogues: when each course that was ever public last changed for its readers."""

from django.db import models


class OaiRecord(models.Model):
    """A course that is or was public, as harvesters see it. ``course_id`` is no foreign key: the record outlives the
    course, so that harvesters learn of its end. ``datestamp`` has whole seconds (OAI-PMH 2.0, 2.7.1)."""

    course_id = models.BigIntegerField(primary_key=True)
    datestamp = models.DateTimeField()
    deleted = models.BooleanField(default=False)

    wagtail_reference_index_ignore = True

    class Meta:
        indexes = [models.Index(fields=["datestamp", "course_id"])]

    def __str__(self) -> str:
        return f"{self.course_id} {self.datestamp}"


class OaiSet(models.Model):
    """One set a record belongs to, with the record's datestamp, so that a page of a set is one walk along one index."""

    record = models.ForeignKey(OaiRecord, on_delete=models.CASCADE, related_name="sets")
    spec = models.CharField(max_length=80)
    datestamp = models.DateTimeField()

    wagtail_reference_index_ignore = True

    class Meta:
        indexes = [models.Index(fields=["spec", "datestamp", "record"])]
        constraints = [models.UniqueConstraint(fields=["record", "spec"], name="oai_set_once")]

    def __str__(self) -> str:
        return f"{self.spec} {self.record_id}"
