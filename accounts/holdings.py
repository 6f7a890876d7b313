"""What accounts hold about people: our own, and those of django-allauth and Django."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.personal import Holding, Rows, hold

UNTIL_LEAVING = _("直到注销账号")


def is_of(session: Mapping[str, Any], person: User) -> bool:
    """Whether somebody is signed in as ``person`` in a session of these contents."""
    return session.get(SESSION_KEY) == str(person.pk)


def sessions_of(person: User) -> QuerySet[Session]:
    """Sessions, open or over, in which this person is signed in. All are read: what is in one only Django can tell."""
    everyone = Session.objects.order_by().iterator()
    return Session.objects.filter(pk__in=[one.pk for one in everyone if is_of(one.get_decoded(), person)])


_PERSON = Rows(
    "accounts.User",
    "pk",
    _("账号"),
    {
        "username": _("用户名"),
        "display_name": _("姓名"),
        "last_name": _("姓"),
        "first_name": _("名"),
        "email": _("邮箱"),
        "phone": _("手机号"),
        "phone_confirmed": _("手机号已确认"),
        "date_joined": _("注册时间"),
        "last_login": _("上次登录"),
    },
)

hold(
    [
        Holding(
            "account",
            _("账号：用户名、姓名、邮箱、手机号"),
            _("登录，找回密码，让同事知道是谁"),
            UNTIL_LEAVING,
            "the person",
            (
                _PERSON,
                Rows(
                    "account.EmailAddress",
                    "user",
                    _("邮箱"),
                    {"email": _("邮箱"), "verified": _("已确认"), "primary": _("主要")},
                ),
                Rows(
                    "socialaccount.SocialAccount",
                    "user",
                    _("统一身份认证"),
                    {
                        "provider": _("来源"),
                        "uid": _("那里的编号"),
                        "extra_data": _("那里告诉我们的"),
                        "date_joined": _("绑定时间"),
                        "last_login": _("上次登录"),
                    },
                ),
                Rows("socialaccount.SocialToken", "account__user", _("统一身份认证的密钥"), untold="a secret"),
                Rows("accounts.User_groups", "user", _("所在的组"), {"group__name": _("组")}),
                Rows("accounts.User_user_permissions", "user", _("单独给的权限"), {"permission__name": _("权限")}),
            ),
        ),
        Holding(
            "second-factor",
            _("第二步验证：验证器和恢复码"),
            _("保护能进编辑台的账号"),
            _("直到停用或注销账号"),
            "the person",
            (
                Rows(
                    "mfa.Authenticator",
                    "user",
                    _("第二步验证"),
                    {"type": _("方式"), "created_at": _("启用时间"), "last_used_at": _("上次使用")},
                ),
            ),
            staff=True,
        ),
        Holding(
            "sessions",
            _("登录状态"),
            _("不必每一页都登录"),
            _("退出登录，或两个星期以后"),
            "old sessions",
            (
                Rows(
                    "sessions.Session",
                    sessions_of,
                    _("登录着的设备"),
                    untold="it says only who is signed in, and all sessions are read to find those of one person",
                ),
            ),
        ),
        Holding(
            "codes",
            _("短信、邮件里的验证码和找回密码的地址"),
            _("确认号码和邮箱是您的"),
            _("几分钟到三天，用过即失效"),
            "old sessions",
            (
                Rows(
                    "account.EmailConfirmation",
                    "email_address__user",
                    _("邮箱的确认信"),
                    {"created": _("时间"), "sent": _("发出")},
                ),
            ),
        ),
        Holding(
            "device-links",
            _("用手机登录电视的号码"),
            _("不用遥控器输密码"),
            _("五分钟"),
            "old sessions",
            (
                Rows(
                    "accounts.DeviceLink",
                    "user",
                    _("用手机登录的电视"),
                    {"device": _("设备"), "created_at": _("时间")},
                ),
            ),
        ),
        Holding(
            "limits",
            _("某个账号或网络地址做了几次"),
            _("防止猜密码和刷屏"),
            _("最多一天"),
            "the cache, by itself",
        ),
        Holding(
            "server-logs",
            _("服务器日志：时间、网络地址、打开的页面"),
            _("查故障和攻击；法律要求留存"),
            _("至少六个月，由运行单位清理"),
            "the place of operation",
        ),
    ]
)
