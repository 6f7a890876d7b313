"""What search remembers in the main database: documents that are out of date, who builds a library anew, what editors
taught it, and what was asked. The index itself lives in its engine."""

from __future__ import annotations

import secrets

from django.core.exceptions import ValidationError
from django.db import models
from modelcluster.fields import ParentalKey, ParentalManyToManyField
from modelcluster.models import ClusterableModel
from wagtail.models import Orderable

from catalog.models import Course
from search import analysis


def as_compared(text: str) -> str:
    """A text as words and queries are compared: folded, with single blanks: ``苗繡  ＡＩ`` → ``苗绣 ai``."""
    return " ".join(analysis.fold(text).split())


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


# What editors teach -----------------------------------------------------------------------------


class Edition(models.Model):
    """Which state of a thing that editors teach is in force. ``mark`` is random, not counted: a process that read rows
    of a transaction which was rolled back must not take the next state for the one it has."""

    name = models.CharField(max_length=20, primary_key=True)
    mark = models.CharField(max_length=16)

    def __str__(self) -> str:
        return f"{self.name} {self.mark}"

    @classmethod
    def renew(cls, name: str) -> None:
        """Tells every process to read again, once the transaction of the change commits."""
        cls.objects.update_or_create(name=name, defaults={"mark": secrets.token_hex(8)})


class Term(models.Model):
    """词条: a word that people say. It cuts unbroken queries, finds what is called otherwise, and may be read in its
    own way. ``key`` is the word as it is compared."""

    word = models.CharField("词", max_length=40, help_text="人们怎么叫它，如手艺的土名。连写的查询会在这里断开。")
    key = models.CharField(max_length=80, unique=True, editable=False)
    same = models.JSONField("同义词", default=list, blank=True)
    one_way = models.BooleanField(
        "单向",
        default=False,
        help_text="勾选后，搜这个词也找同义词，搜同义词不找这个词。例如“糕点”也找“定胜糕”，反过来不必。",
    )
    spelling = models.CharField("读音", max_length=200, blank=True)

    class Meta:
        verbose_name = "词条"
        verbose_name_plural = "词条"
        ordering = ["key"]

    def __str__(self) -> str:
        return self.word

    def save(self, *args: object, **kwargs: object) -> None:
        self.key = as_compared(self.word)
        super().save(*args, **kwargs)  # type: ignore[arg-type]

    @property
    def words(self) -> list[str]:
        """The word and what means the same, as they were written."""
        return [self.word, *self.same]


class Rule(ClusterableModel):
    """规则: what is put on top and what is left out for certain queries, on some days or always."""

    queries = models.JSONField("查询", default=list)
    hidden = ParentalManyToManyField(Course, verbose_name="不出现的课程", blank=True, related_name="+")
    first_day = models.DateField("从哪天起", null=True, blank=True, help_text="空着：立即。")
    last_day = models.DateField("到哪天止", null=True, blank=True, help_text="含这一天；空着：一直有效。")

    class Meta:
        verbose_name = "规则"
        verbose_name_plural = "规则"
        ordering = ["-pk"]

    def __str__(self) -> str:
        return "、".join(self.queries)[:80] or "规则"

    @property
    def words(self) -> list[str]:
        """The queries, as they were written."""
        return list(self.queries)

    def clean(self) -> None:
        if self.first_day and self.last_day and self.last_day < self.first_day:
            raise ValidationError({"last_day": "结束的日子在开始之前：请把它改到开始的当天或以后。"})


class Pin(Orderable):
    """A course on top, in the order of its rule."""

    rule = ParentalKey(Rule, on_delete=models.CASCADE, related_name="pins")
    course = models.ForeignKey(Course, verbose_name="课程", on_delete=models.CASCADE, related_name="+")

    def __str__(self) -> str:
        return str(self.course)


# What was asked ---------------------------------------------------------------------------------


class AskedQuery(models.Model):
    """A query as it is compared, and nothing about who asked. ``sound``: its pinyin in one piece, the same for 苗秀,
    苗繡 and miaoxiu. ``found``: courses the last time. ``popularity``: searches of the last month once enough people
    asked for it to be shown to others, else 0."""

    text = models.CharField(max_length=60, unique=True)
    sound = models.CharField(max_length=255, db_index=True)
    found = models.PositiveIntegerField()
    asked_on = models.DateField(db_index=True)
    popularity = models.PositiveIntegerField(default=0, db_index=True)

    def __str__(self) -> str:
        return self.text


class QueryCount(models.Model):
    """How often a query was put on one day, and how often a result of it was opened."""

    query = models.ForeignKey(AskedQuery, on_delete=models.CASCADE, related_name="counts")
    day = models.DateField(db_index=True)
    searches = models.PositiveIntegerField(default=0)
    clicks = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["query", "day"], name="one_count_a_day")]

    def __str__(self) -> str:
        return f"{self.query} {self.day}"


class Gap(models.Model):
    """What editors decided about queries of one sound that the library does not answer. ``wanted``: content was
    commissioned, ``note`` says what. ``solved_on``: the day it was tried and something was found; later failures
    count again."""

    sound = models.CharField(max_length=255, unique=True)
    text = models.CharField("查询", max_length=60)
    wanted = models.BooleanField("待制作", default=False)
    note = models.CharField("说明", max_length=500, blank=True)
    solved_on = models.DateField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.text
