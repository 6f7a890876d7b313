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


class HarvestSource(models.Model):
    """A catalogue or feed elsewhere whose courses are brought in, time after time. ``since`` is the provider's own
    clock after the last whole harvest; ``report`` is as ``catalog.harvest.Report`` writes it."""

    class Kind(models.TextChoices):
        OAI = "oai", "OAI-PMH"
        FEED = "feed", "RSS、Atom、播客"

    institution = models.ForeignKey(
        "catalog.Institution", verbose_name="机构", on_delete=models.CASCADE, related_name="harvest_sources"
    )
    kind = models.CharField("种类", max_length=4, choices=Kind.choices, default=Kind.OAI)
    address = models.URLField("网址", max_length=500)
    spec = models.CharField("集合", max_length=120, blank=True, help_text="只用于 OAI-PMH：setSpec，留空则全部收割。")
    hours = models.PositiveSmallIntegerField("每隔几小时", default=24)
    active = models.BooleanField("启用", default=True)
    since = models.CharField(max_length=20, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    due_at = models.DateTimeField(auto_now_add=True, db_index=True)
    ended_at = models.DateTimeField("上次收割", null=True, blank=True, editable=False)
    report = models.JSONField(default=dict, blank=True, editable=False)

    wagtail_reference_index_ignore = True

    class Meta:
        verbose_name = "收割来源"
        verbose_name_plural = "收割来源"
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.address

    @property
    def source(self) -> str:
        """What courses of this source carry as ``external_source``."""
        return f"harvest-{self.pk}"
