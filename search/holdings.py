"""What search holds that people left behind."""

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts.personal import Holding, Words, days, hold


def queries_last() -> Words:
    return days(settings.SEARCH_LOG_DAYS) if settings.SEARCH_LOG_DAYS else _("不保存")


hold(
    [
        Holding(
            "queries",
            _("搜索词和次数，不记是谁；像号码、邮箱的不记"),
            _("知道大家找什么、缺什么课"),
            queries_last,
            "old queries",
        )
    ]
)
