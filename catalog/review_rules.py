"""How review goes: how long it may take, and which courses the province looks at once more."""

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from wagtail.admin.panels import FieldPanel
from wagtail.contrib.settings.models import BaseGenericSetting


class ReviewRules(BaseGenericSetting):
    """One row for the site, changed by the centre in the desk. ``second_themes`` count with what lies below them."""

    class Second(models.TextChoices):
        NONE = "none", _("不复核")
        SOME = "some", _("只复核下列主题")
        ALL = "all", _("全部复核")

    days = models.PositiveSmallIntegerField(
        "审核期限（工作日）", default=5, validators=[MinValueValidator(1), MaxValueValidator(60)]
    )
    second = models.CharField("省级复核", max_length=4, choices=Second.choices, default=Second.NONE)
    second_themes = models.ManyToManyField("catalog.Theme", verbose_name="复核的主题", blank=True, related_name="+")

    panels = [
        FieldPanel("days", help_text="过了这么多个工作日还没有决定，就标为“逾期”，并发一封提醒。"),
        FieldPanel("second", help_text="县、市的课程通过以后，再由最上一级的机构看一遍才公开。"),
        FieldPanel("second_themes", widget=forms.CheckboxSelectMultiple(attrs={"class": "wl-themes"})),
    ]

    class Meta:
        verbose_name = "审核规则"
