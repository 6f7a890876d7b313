"""What the desk hangs into Wagtail."""

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from wagtail import hooks
from wagtail.admin.menu import Menu, MenuItem, SubmenuMenuItem
from wagtail.admin.views.home import (
    LockedPagesPanel,
    RecentEditsPanel,
    UserObjectsInWorkflowModerationPanel,
    WorkflowObjectsToModeratePanel,
)
from wagtail.contrib.settings.registry import register_setting
from wagtail.snippets.models import register_snippet

from catalog import policy
from catalog.exchange import HarvestSource
from catalog.models import ApiToken, Course, Membership, Webhook
from catalog.review_rules import ReviewRules
from cms import (
    desk,
    figures,
    guides,
    imports,
    invitations,
    operations,
    quality,
    same_pictures,
    search_desk,
    viewsets,
    waiting,
)
from cms.assets import AssetViewSet
from cms.bulk_desk import BulkChangeAction
from cms.harvests import HarvestSourceViewSet
from cms.machines import TokenViewSet, WebhookViewSet
from cms.merge_desk import MergeAction
from cms.scoping import ScopedDelete
from media_pipeline.models import Upload

for viewset in (
    viewsets.CourseViewSet,
    viewsets.TeacherViewSet,
    viewsets.ThemeViewSet,
    viewsets.PlaceViewSet,
    viewsets.InstitutionViewSet,
    viewsets.TermViewSet,
    viewsets.RuleViewSet,
):
    register_snippet(viewset)

register_setting(ReviewRules, icon="tasks")


@hooks.register("register_admin_viewset")
def register_viewsets() -> list[Any]:
    return [
        AssetViewSet(),
        HarvestSourceViewSet(),
        viewsets.MembershipViewSet(),
        TokenViewSet(),
        WebhookViewSet(),
        viewsets.asset_chooser,
    ]


@hooks.register("register_admin_urls")
def register_urls() -> list[URLPattern]:
    return [
        path("upload/", desk.upload, name="wenlan_upload"),
        path("invitations/", invitations.index, name="wenlan_invitations"),
        path("invitations/<int:invitation_id>/resend/", invitations.resend, name="wenlan_invitation_resend"),
        path("invitations/<int:invitation_id>/withdraw/", invitations.withdraw, name="wenlan_invitation_withdraw"),
        *operations.urlpatterns,
        *imports.urlpatterns,
        *figures.urlpatterns,
        path("reviews/", waiting.reviews, name="wenlan_reviews"),
        path("guide/", guides.guide, name="wenlan_guides"),
        path("guide/<slug:name>/", guides.guide, name="wenlan_guide"),
        path("pick/<slug:source>/", desk.pick, name="wenlan_pick"),
        path("quality/", quality.quality, name="wenlan_quality"),
        path("quality/different/", same_pictures.different, name="wenlan_different"),
        path("search/queries/", search_desk.queries, name="wenlan_queries"),
        path("search/wanted/", search_desk.wanted, name="wenlan_wanted"),
        path("search/why/", search_desk.why, name="wenlan_why"),
    ]


@hooks.register("register_bulk_action", order=100)
class Delete(ScopedDelete):
    """Stands in the place of Wagtail's own, which would name what it refuses to delete."""


hooks.register("register_bulk_action", BulkChangeAction, order=10)
hooks.register("register_bulk_action", MergeAction, order=20)


# Menus ----------------------------------------------------------------------------------------------


class MayMenuItem(MenuItem):
    """Shown to who may do ``action`` to ``model`` for some institution."""

    def __init__(self, label: str, url: str, may: tuple[str, type], **options: Any) -> None:
        super().__init__(label, url, **options)
        self.action, self.model = may

    def is_shown(self, request: HttpRequest) -> bool:
        return policy.may_somewhere(request.user, self.action, self.model)


@hooks.register("register_admin_menu_item")
def upload_menu_item() -> MenuItem:
    may = ("add", Upload)
    return MayMenuItem("上传", reverse("wenlan_upload"), may, name="upload", icon_name="upload", order=120)


class OperationsMenuItem(MenuItem):
    def is_shown(self, request: HttpRequest) -> bool:
        return policy.is_operator(request.user)


@hooks.register("register_admin_menu_item")
def operations_menu_item() -> MenuItem:
    return OperationsMenuItem("运维", reverse("wenlan_operations"), name="operations", icon_name="cogs", order=800)


@hooks.register("register_admin_menu_item")
def invitations_menu_item() -> MenuItem:
    may = ("change", Membership)
    return MayMenuItem("邀请", reverse("wenlan_invitations"), may, name="invitations", icon_name="mail", order=535)


@hooks.register("register_admin_menu_item")
def quality_menu_item() -> MenuItem:
    return MenuItem("质量", reverse("wenlan_quality"), name="quality", icon_name="check", order=135)


@hooks.register("register_admin_menu_item")
def imports_menu_item() -> MenuItem:
    may = ("add", Course)
    return MayMenuItem("导入", reverse("wenlan_imports"), may, name="imports", icon_name="table", order=125)


@hooks.register("register_admin_menu_item")
def figures_menu_item() -> MenuItem:
    return MenuItem("统计", reverse("wenlan_figures"), name="figures", icon_name="order", order=260)


class CentralMenuItem(MenuItem):
    def is_shown(self, request: HttpRequest) -> bool:
        return policy.is_central(request.user)


@hooks.register("register_admin_menu_item")
def search_menu() -> MenuItem:
    """检索词: what is not found, and what the search is taught; the viewsets hang themselves in."""
    menu = Menu(register_hook_name=viewsets.SEARCH_MENU)
    return SubmenuMenuItem("检索词", menu, name="search-desk", icon_name="search", order=300)


@hooks.register(viewsets.SEARCH_MENU)
def queries_menu_item() -> MenuItem:
    url = reverse("wenlan_queries")
    return CentralMenuItem("没有结果的搜索", url, name="queries", icon_name="warning", order=10)


@hooks.register(viewsets.SEARCH_MENU)
def wanted_menu_item() -> MenuItem:
    return CentralMenuItem(
        "待制作的内容", reverse("wenlan_wanted"), name="wanted", icon_name="clipboard-list", order=40
    )


@hooks.register(viewsets.SEARCH_MENU)
def why_menu_item() -> MenuItem:
    return CentralMenuItem("为什么这样排", reverse("wenlan_why"), name="why", icon_name="help", order=50)


EXCHANGE_MENU = "register_exchange_menu_item"
"""The hook of the menu 对接."""


@hooks.register("register_admin_menu_item")
def exchange_menu() -> MenuItem:
    """对接: what other catalogues and partners' machines need."""
    menu = Menu(register_hook_name=EXCHANGE_MENU)
    return SubmenuMenuItem("对接", menu, name="exchange", icon_name="link-external", order=540)


@hooks.register(EXCHANGE_MENU)
def harvests_menu_item() -> MenuItem:
    may = ("view", HarvestSource)
    return MayMenuItem("收割", reverse("harvests:index"), may, name="harvests", icon_name="download", order=10)


@hooks.register(EXCHANGE_MENU)
def tokens_menu_item() -> MenuItem:
    return MayMenuItem("令牌", reverse("tokens:index"), ("view", ApiToken), name="tokens", icon_name="key", order=20)


@hooks.register(EXCHANGE_MENU)
def webhooks_menu_item() -> MenuItem:
    may = ("view", Webhook)
    return MayMenuItem("网络钩子", reverse("webhooks:index"), may, name="webhooks", icon_name="link-external", order=30)


@hooks.register("register_admin_menu_item")
def guides_menu_item() -> MenuItem:
    return MenuItem("指南", reverse("wenlan_guides"), name="guides", icon_name="help", order=900)


ORDER = {"explorer": 140, "images": 600, "documents": 610}
FOR_NOBODY = {"snippets", "help"}
FOR_PARTNERS = {
    "courses",
    "upload",
    "imports",
    "assets",
    "teachers",
    "exchange",
    "quality",
    "figures",
    "guides",
    "memberships",
    "invitations",
    "operations",
}


@hooks.register("construct_main_menu")
def arrange_menu(request: HttpRequest, items: list[MenuItem]) -> None:
    """课程, 上传, 媒体, 页面, 教师 …; a partner sees what a partner can use."""
    central = policy.is_central(request.user)
    items[:] = [item for item in items if item.name not in FOR_NOBODY and (central or item.name in FOR_PARTNERS)]
    for item in items:
        item.order = ORDER.get(item.name, item.order)


UNBOUNDED = (WorkflowObjectsToModeratePanel, UserObjectsInWorkflowModerationPanel)
"""Panels that read everything that waits; ``cms.waiting`` shows the same."""


@hooks.register("construct_homepage_panels")
def arrange_home(request: HttpRequest, panels: list[Any]) -> None:
    panels[:] = [panel for panel in panels if not isinstance(panel, UNBOUNDED)]
    if not policy.is_central(request.user):
        panels[:] = [panel for panel in panels if not isinstance(panel, (RecentEditsPanel, LockedPagesPanel))]
    panels.append(desk.DeskPanel())


@hooks.register("construct_snippet_action_menu")
def no_publishing_without_the_right(items: list[Any], request: HttpRequest, context: dict[str, Any]) -> None:
    """Wagtail shows 发布 to whoever may publish anything."""
    item = context.get("instance")
    allowed = (
        policy.may(request.user, "publish", item) if item is not None and item.pk else policy.is_central(request.user)
    )
    if not allowed:
        items[:] = [one for one in items if one.name not in {"action-publish", "action-unpublish"}]


# Look -----------------------------------------------------------------------------------------------


@hooks.register("insert_global_admin_css")
def desk_css() -> str:
    return format_html('<link rel="stylesheet" href="{}">', static("cms/desk.css"))


@hooks.register("insert_global_admin_js")
def desk_js() -> str:
    files = ((static(f"cms/{name}.js"),) for name in ("starting", "follow", "comments"))
    return format_html_join("", '<script type="module" src="{}"></script>', files)
