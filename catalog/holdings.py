"""What the catalogue holds about people, and who cannot leave before somebody else is there."""

from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Q
from django.dispatch import receiver
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.personal import Holding, Rows, days, hold
from accounts.signals import person_asks_to_leave
from catalog import bulk_job, webhooks
from catalog.models import Institution, Membership
from catalog.policy import CENTRAL_GROUP, OPERATORS_GROUP, roles_for

hold(
    [
        Holding(
            "memberships",
            _("在哪个机构工作，是什么角色"),
            _("决定在编辑台能做什么"),
            _("直到离开机构或注销账号"),
            "the institution",
            (
                Rows(
                    "catalog.Membership",
                    "user",
                    _("成员"),
                    {"institution__name": _("机构"), "role": _("角色")},
                ),
                Rows(
                    "catalog.Teacher",
                    "account",
                    _("教师署名"),
                    {"name": _("姓名"), "title": _("头衔"), "institution__name": _("机构"), "bio": _("简介")},
                    stays=_("署名是已发布课程的一部分，由机构决定；要去掉请告诉机构"),
                    after={"account": None},
                ),
            ),
            staff=True,
        ),
        Holding(
            "tokens",
            _("给程序用的令牌"),
            _("机构的程序替您上传和交课"),
            _("直到到期、撤销或注销账号"),
            "the person",
            (
                Rows(
                    "catalog.ApiToken",
                    "user",
                    _("令牌"),
                    {
                        "name": _("名称"),
                        "institution__name": _("机构"),
                        "scopes": _("权限"),
                        "created_at": _("建立时间"),
                        "last_used": _("上次使用"),
                        "expires": _("到期"),
                    },
                ),
            ),
            staff=True,
        ),
        Holding(
            "bulk-changes",
            _("批量修改：谁改了哪些课程"),
            _("能查，能撤回"),
            lambda: days(bulk_job.KEEP.days),
            "old bulk changes",
            (
                Rows(
                    "catalog.BulkChange",
                    "user",
                    _("批量修改"),
                    {"pk": _("编号"), "asked": _("改什么"), "state": _("状态"), "created_at": _("时间")},
                    stays=_("改过的课程是机构的"),
                ),
                Rows(
                    "catalog.Course",
                    "locked_by",
                    _("锁定的课程"),
                    {"title": _("课程"), "locked_at": _("时间")},
                    stays=_("课程是机构的；锁会打开"),
                    after={"locked": False, "locked_by": None, "locked_at": None},
                ),
            ),
            staff=True,
        ),
        Holding(
            "deliveries",
            _("告诉机构程序的消息，不含姓名"),
            _("没送到时再送"),
            lambda: days(webhooks.KEPT.days),
            "old deliveries",
            staff=True,
        ),
    ]
)


@receiver(person_asks_to_leave)
def needed(person: User, **_more: Any) -> list[str]:
    """Why others would be left alone: no superuser, nobody in the centre or of the operators, no one who can look after
    the people of an institution or of one above it."""
    others = get_user_model().objects.filter(is_active=True).exclude(pk=person.pk)
    groups = set(person.groups.values_list("name", flat=True))
    found = []
    if person.is_superuser and not others.filter(is_superuser=True).exists():
        found.append(_now("您是最后一位系统管理员：请先在编辑台“用户”里把另一位同事设为管理员。"))
    for name in (CENTRAL_GROUP, OPERATORS_GROUP):
        if name in groups and not others.filter(Q(groups__name=name) | Q(is_superuser=True)).exists():
            found.append(_now("您是“{group}”的最后一人：请先让管理员把另一位同事加进去。").format(group=name))
    return found + [
        _now("“{house}”只有您能管成员：请先在编辑台“邀请”里请一位编辑或审核员，或请编辑中心接手。").format(house=house)
        for house in _left_alone(person)
    ]


def _left_alone(person: User) -> list[Institution]:
    chiefs = Membership.objects.filter(role__in=roles_for(Membership, "change"), user__is_active=True)
    mine = Institution.objects.filter(memberships__in=chiefs.filter(user=person)).order_by("path")
    return [one for one in mine if not chiefs.filter(institution__in=_with_above(one)).exclude(user=person).exists()]


def _with_above(institution: Institution) -> list[int]:
    step = Institution.steplen
    paths = [institution.path[:end] for end in range(step, len(institution.path) + 1, step)]
    return list(Institution.objects.filter(path__in=paths).values_list("pk", flat=True))
