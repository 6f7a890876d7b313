"""What learning holds about people."""

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts.holdings import UNTIL_LEAVING
from accounts.personal import Holding, Rows, Words, days, hold


def places_last() -> Words:
    """From the last time that the lesson was opened."""
    return days(settings.PROGRESS_DAYS) if settings.PROGRESS_DAYS else UNTIL_LEAVING


hold(
    [
        Holding(
            "progress",
            _("学习记录：哪一讲看到哪里"),
            _("换一台设备也能接着看；三个人以上都看的课，告诉后来的人“也看了”"),
            places_last,
            "old places",
            (
                Rows(
                    "learning.Progress",
                    "user",
                    _("学习记录"),
                    {
                        "lesson__course__title": _("课程"),
                        "lesson__number": _("第几讲"),
                        "lesson__title": _("标题"),
                        "position": _("看到（秒或页）"),
                        "finished": _("看完"),
                        "updated_at": _("时间"),
                    },
                ),
            ),
        ),
        Holding(
            "favourites",
            _("收藏的课程"),
            _("放在您的书架上"),
            _("直到您去掉或注销账号"),
            "the person",
            (
                Rows(
                    "learning.Favourite",
                    "user",
                    _("收藏"),
                    {"course__title": _("课程"), "created_at": _("时间")},
                ),
            ),
        ),
        Holding(
            "plays",
            _("播放次数，不记是谁"),
            _("告诉机构课程有没有人看"),
            _("单次播放两天，之后只剩每月合计"),
            "plays",
        ),
    ]
)
