"""What the desk holds about people who work in it, Wagtail's tables among them; how a name leaves what is no row."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.fields.files import FieldFile
from django.dispatch import receiver
from django.utils.translation import gettext_lazy as _
from wagtail.models import ModelLogEntry, PageLogEntry, Revision, UploadedFile
from wagtail.users.models import UserProfile

from accounts.holdings import UNTIL_LEAVING
from accounts.models import User
from accounts.personal import Holding, Rows, Words, days, hold
from accounts.signals import person_leaves
from catalog.models import Membership
from cms import import_job, retention
from cms.models import Invitation

WORK = _("做过的事属于机构和课程的记录，署“已注销的用户”")


def log_lasts() -> Words:
    return days(settings.DESK_LOG_DAYS) if settings.DESK_LOG_DAYS else _("一直保留")


def invited(person: User) -> QuerySet[Invitation]:
    """Invitations that were sent to one of the person's proven addresses: anybody may write any address, and those of
    others are not theirs to read or to delete."""
    to = Q(pk=None)
    for address in EmailAddress.objects.filter(user=person.pk, verified=True).values_list("email", flat=True):
        to |= Q(email__iexact=address)
    return Invitation.objects.filter(to)


_SINCE = {"created_at": _("时间")}
_OBJECT = {"label": _("对象"), "action": _("操作"), "timestamp": _("时间")}

WRITTEN = (
    Rows(
        "cms.FieldComment",
        "user",
        _("批注"),
        {"course__title": _("课程"), "field": _("栏目"), "text": _("批注"), **_SINCE},
        stays=WORK,
    ),
    Rows(
        "cms.FieldComment",
        "resolved_by",
        _("处理过的批注"),
        {"course__title": _("课程"), "field": _("栏目"), "resolved_at": _("时间")},
        stays=WORK,
    ),
    Rows(
        "wagtailcore.Comment",
        "user",
        _("页面上的批注"),
        {"page__title": _("页面"), "text": _("批注"), **_SINCE},
        stays=WORK,
    ),
    Rows("wagtailcore.CommentReply", "user", _("对批注的回复"), {"text": _("回复"), **_SINCE}, stays=WORK),
    Rows(
        "wagtailcore.Comment",
        "resolved_by",
        _("处理过的页面批注"),
        {"page__title": _("页面"), "resolved_at": _("时间")},
        stays=WORK,
    ),
    Rows("wagtailcore.PageSubscription", "user", _("关注的页面"), {"page__title": _("页面")}),
    Rows(
        "wagtailcore.Revision",
        "user",
        _("改过的版本"),
        {"object_str": _("对象"), **_SINCE},
        stays=WORK,
    ),
    Rows(
        "wagtailcore.WorkflowState",
        "requested_by",
        _("送审"),
        {"object_id": _("编号"), "status": _("状态"), **_SINCE},
        stays=WORK,
    ),
    Rows(
        "wagtailcore.TaskState",
        "finished_by",
        _("审核意见"),
        {"revision__object_str": _("对象"), "status": _("结果"), "comment": _("意见"), "finished_at": _("时间")},
        stays=WORK,
    ),
    Rows("wagtailcore.Page", "owner", _("建立的页面"), {"title": _("页面")}, stays=WORK),
    Rows(
        "wagtailcore.Page",
        "locked_by",
        _("锁定的页面"),
        {"title": _("页面"), "locked_at": _("时间")},
        stays=_("页面是编辑中心的；锁会打开"),
        after={"locked": False, "locked_by": None, "locked_at": None},
    ),
    Rows("wagtailimages.Image", "uploaded_by_user", _("上传的图片"), {"title": _("名称"), **_SINCE}, stays=WORK),
    Rows("wagtaildocs.Document", "uploaded_by_user", _("上传的文档"), {"title": _("名称"), **_SINCE}, stays=WORK),
)

LOGGED = (
    Rows("wagtailcore.ModelLogEntry", "user", _("编辑台操作"), _OBJECT, stays=WORK),
    Rows("wagtailcore.PageLogEntry", "user", _("页面操作"), _OBJECT, stays=WORK),
    Rows("admin.LogEntry", "user", _("管理操作"), {"object_repr": _("对象"), "action_time": _("时间")}),
)

OWN = (
    Rows("cms.SavedView", "user", _("存下的视图"), {"name": _("名称"), "query": _("条件"), "shared": _("共享")}),
    Rows(
        "wagtailusers.UserProfile",
        "user",
        _("编辑台设置"),
        {
            "preferred_language": _("语言"),
            "current_time_zone": _("时区"),
            "theme": _("外观"),
            "avatar": _("头像"),
            "dismissibles": _("看过的提示"),
        },
    ),
    Rows(
        "wagtailcore.APIToken",
        "user",
        _("编辑台接口的令牌"),
        {"name": _("名称"), "created": _("时间"), "last_used_at": _("上次使用")},
    ),
)

PASSING = (
    Rows("wagtailadmin.EditingSession", "user", _("正在编辑"), {"object_id": _("编号"), "last_seen_at": _("时间")}),
    Rows(
        "wagtailadmin.FormState",
        "user",
        _("没有保存的表单"),
        {"object_id": _("编号"), "data": _("内容"), "last_updated_at": _("时间")},
    ),
    Rows("wagtailcore.UploadedFile", "uploaded_by_user", _("没有上传完的图片和文档"), {"file": _("文件")}),
)

hold(
    [
        Holding(
            "desk-work",
            _("编辑工作：版本、批注、送审和审核意见"),
            _("机构要知道课程是谁改的、谁审的"),
            _("和课程、页面一样久"),
            "the institution",
            WRITTEN,
            staff=True,
        ),
        Holding(
            "desk-log",
            _("编辑台操作记录"),
            _("查错，查谁做了什么；法律要求留存"),
            log_lasts,
            "old desk log",
            LOGGED,
            staff=True,
        ),
        Holding(
            "desk-own",
            _("编辑台里的个人设置、存下的视图和头像"),
            _("按您的习惯显示"),
            UNTIL_LEAVING,
            "the person",
            OWN,
            staff=True,
        ),
        Holding(
            "desk-passing",
            _("没有保存完的编辑"),
            _("提醒有人正在改，断了能接上"),
            lambda: days(retention.UNFINISHED_KEPT.days),
            "unfinished work",
            PASSING,
            staff=True,
        ),
        Holding(
            "imports",
            _("导入的课程表格，是谁导入的"),
            _("能查每一行的结果"),
            lambda: days(import_job.KEPT.days),
            "imports",
            (
                Rows(
                    "cms.ImportRun",
                    "user",
                    _("导入"),
                    {"filename": _("文件名"), "institution__name": _("机构"), "rows": _("行数"), **_SINCE},
                    stays=_("表格是机构的"),
                ),
            ),
            staff=True,
        ),
        Holding(
            "invitations",
            _("邀请：邮箱、机构和角色"),
            _("请人来机构工作"),
            lambda: days(retention.INVITATION_KEPT.days),
            "old invitations",
            (
                Rows(
                    "cms.Invitation",
                    "invited_by",
                    _("发出的邀请"),
                    {"email": _("邮箱"), "institution__name": _("机构"), "role": _("角色"), "sent_at": _("时间")},
                ),
                Rows(
                    "cms.Invitation",
                    invited,
                    _("收到的邀请"),
                    {"institution__name": _("机构"), "role": _("角色"), "sent_at": _("时间")},
                ),
            ),
            staff=True,
        ),
    ]
)


# Where a person stands in no row of their own ---------------------------------------------------------


@receiver(person_leaves)
def take_name_out(person: User, heir: User, **_more: Any) -> None:
    """Labels of what was done to the account, ids inside of stored versions, and files."""
    _relabel(person, heir)
    if _has_worked(person):
        _disown_versions(person.pk, heir.pk)
    _remove_files(
        [
            *(one.avatar for one in UserProfile.objects.filter(user=person).exclude(avatar="")),
            *(one.file for one in UploadedFile.objects.filter(uploaded_by_user=person)),
        ]
    )


def _relabel(person: User, heir: User) -> None:
    """A log entry keeps what its object was called: the user name for an account, and before all else for a
    membership."""
    account, member = (ContentType.objects.get_for_model(model) for model in (User, Membership))
    about = ModelLogEntry.objects.filter(content_type=account, object_id=str(person.pk))
    about.update(label=heir.display_name, object_id=str(heir.pk), data={})
    of_members = ModelLogEntry.objects.filter(content_type=member, label__startswith=f"{person.username} · ")
    for entry in of_members.iterator():
        label = heir.display_name + entry.label.removeprefix(person.username)
        ModelLogEntry.objects.filter(pk=entry.pk).update(label=label)


PERSONS = frozenset({"owner", "locked_by", "user", "resolved_by"})
"""Keys of the JSON of a version under which the id of a person stands."""


def _has_worked(person: User) -> bool:
    """Whether versions can name this person: to look, all are read."""
    traces = (model.objects.filter(user=person).exists() for model in (Revision, ModelLogEntry, PageLogEntry))
    return person.has_perm("wagtailadmin.access_admin") or any(traces)


def _disown_versions(pk: int, heir: int) -> None:
    for revision in Revision.objects.filter(content__icontains=f": {pk}").iterator(chunk_size=100):
        content = _replaced(revision.content, pk, heir)
        if content != revision.content:
            Revision.objects.filter(pk=revision.pk).update(content=content)


def _replaced(value: Any, pk: int, heir: int) -> Any:
    if isinstance(value, list):
        return [_replaced(one, pk, heir) for one in value]
    if not isinstance(value, dict):
        return value
    return {name: heir if name in PERSONS and one == pk else _replaced(one, pk, heir) for name, one in value.items()}


def _remove_files(files: Iterable[FieldFile]) -> None:
    for file in files:
        transaction.on_commit(partial(file.storage.delete, str(file.name)), robust=True)
