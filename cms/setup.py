"""What a site has before anybody wrote anything: the home page, the groups of the roles, the review.

Runs after every ``migrate``; finds what is there and never takes anything away that a person gave.
"""

from django.apps import apps
from django.conf import settings
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.db.models import Model
from wagtail.models import (
    Collection,
    GroupCollectionPermission,
    GroupPagePermission,
    Locale,
    Page,
    Site,
    Workflow,
    WorkflowContentType,
    WorkflowPage,
    WorkflowTask,
)

from catalog import policy
from catalog.exchange import HarvestSource
from catalog.models import Course, Institution, Membership, Place, Teacher, Theme
from catalog.review_rules import ReviewRules
from cms.models import CollectionIndexPage, HomePage
from cms.review import ReviewTask
from media_pipeline.models import MediaAsset
from search.models import Rule, Term

GROUP_OF_ROLE: dict[str, str] = {
    Membership.Role.UPLOADER: "机构上传员",
    Membership.Role.EDITOR: "机构编辑",
    Membership.Role.REVIEWER: "审核员",
    Membership.Role.TEACHER: "机构教师",
}
WORKFLOW = "内容审核"

_CENTRAL_MODELS = (
    Course,
    Teacher,
    HarvestSource,
    MediaAsset,
    Institution,
    Membership,
    Place,
    Theme,
    Term,
    Rule,
    ReviewRules,
)
_APPS_WITH_RIGHTS = (
    "catalog",
    "media_pipeline",
    "search",
    "cms",
    "wagtailcore",
    "wagtailadmin",
    "wagtailimages",
    "wagtaildocs",
)
_PAGE_RIGHTS = ("add_page", "change_page", "publish_page", "lock_page", "unlock_page", "bulk_delete_page")
_MEDIA_RIGHTS = (
    "add_image",
    "change_image",
    "choose_image",
    "add_document",
    "change_document",
    "choose_document",
)


def ensure_everything() -> None:
    """Site, roles and review; idempotent. Does nothing while a table is still missing (``migrate`` of one room)."""
    needed = {model._meta.db_table for model in (HomePage, Course, ReviewTask, Site, MediaAsset)}
    if not needed <= set(connection.introspection.table_names()):
        return
    with transaction.atomic():
        home = ensure_site()
        ensure_roles(home)
        ensure_review(home)


def ensure_site() -> HomePage:
    """The default site, whose root is our home page, and 专辑 below it at ``/collections/``."""
    Locale.objects.get_or_create(language_code=settings.LANGUAGE_CODE)
    root = Page.get_first_root_node() or _add_root()
    if not Collection.get_first_root_node():
        Collection.add_root(name="Root")
    home = HomePage.objects.first() or _add_home(root)
    site = Site.objects.filter(is_default_site=True).first()
    if site is None:
        Site.objects.create(hostname="localhost", port=80, root_page=home, is_default_site=True, site_name="文澜")
    elif not isinstance(site.root_page.specific, HomePage):
        site.root_page = home
        site.site_name = "文澜"
        site.save()
    _remove_welcome(root)
    if not CollectionIndexPage.objects.exists():
        home.add_child(instance=CollectionIndexPage(title="专辑", slug="collections", show_in_menus=True))
    return home


def _add_root() -> Page:
    return Page.add_root(title="Root", slug="root", content_type=ContentType.objects.get_for_model(Page))


def _add_home(root: Page) -> HomePage:
    slug = "home" if not root.get_children().filter(slug="home").exists() else "wenlan"
    return root.add_child(
        instance=HomePage(title="文澜", slug=slug, headline="文澜", lead="一座开放的课程图书馆", show_in_menus=True)
    )


def _remove_welcome(root: Page) -> None:
    """Wagtail's own migration leaves a page that greets developers."""
    for page in root.get_children().filter(slug="home", content_type=ContentType.objects.get_for_model(Page)):
        if not page.get_children().exists():
            page.delete()


# Roles ----------------------------------------------------------------------------------------------


def ensure_roles(home: HomePage) -> None:
    """A group for the centre and one a role. Whose items a member may touch is said by ``Membership``."""
    for label in _APPS_WITH_RIGHTS:
        create_permissions(apps.get_app_config(label), verbosity=0)
    access = Permission.objects.get(content_type__app_label="wagtailadmin", codename="access_admin")
    for role, name in GROUP_OF_ROLE.items():
        group, _ = Group.objects.get_or_create(name=name)
        group.permissions.add(access, *_rights_of_role(role))
    operators, _ = Group.objects.get_or_create(name=policy.OPERATORS_GROUP)
    operators.permissions.add(access)
    centre, _ = Group.objects.get_or_create(name=policy.CENTRAL_GROUP)
    centre.permissions.add(access, *_rights(_CENTRAL_MODELS))
    _give_pages_and_media(centre, home)


def _rights(models: tuple[type[Model], ...]) -> list[Permission]:
    types = ContentType.objects.get_for_models(*models).values()
    return list(Permission.objects.filter(content_type__in=types))


def _rights_of_role(role: str) -> list[Permission]:
    """What ``catalog.policy.ROLES`` lets the role do somewhere; Wagtail's menus ask for these by name."""
    found: list[Permission] = []
    for model, actions in policy.ROLES.items():
        held = {action for action, roles in actions.items() if role in roles}
        held |= policy.TAUGHT.get(model, frozenset()) if role == Membership.Role.TEACHER else frozenset()
        allowed = [f"{action}_{model._meta.model_name}" for action in held]
        content_type = ContentType.objects.get_for_model(model)
        found += Permission.objects.filter(content_type=content_type, codename__in=allowed)
    return found


def _give_pages_and_media(centre: Group, home: HomePage) -> None:
    for codename in _PAGE_RIGHTS:
        permission = Permission.objects.filter(content_type__app_label="wagtailcore", codename=codename).first()
        if permission:
            GroupPagePermission.objects.get_or_create(group=centre, page=home.page_ptr, permission=permission)
    root = Collection.get_first_root_node()
    for codename in _MEDIA_RIGHTS:
        permission = Permission.objects.filter(
            content_type__app_label__in=["wagtailimages", "wagtaildocs"], codename=codename
        ).first()
        if permission:
            GroupCollectionPermission.objects.get_or_create(group=centre, collection=root, permission=permission)


# Review ---------------------------------------------------------------------------------------------


def ensure_review(home: HomePage) -> None:
    """内容审核 for courses and for all pages below the home page; the second step starts only where rules ask."""
    workflow, _ = Workflow.objects.get_or_create(name=WORKFLOW)
    reviewers = Group.objects.filter(name__in=[policy.CENTRAL_GROUP, GROUP_OF_ROLE[Membership.Role.REVIEWER]])
    for order, (name, second) in enumerate((("审核", False), ("省级复核", True))):
        task = ReviewTask.objects.filter(active=True, second=second).first()
        if task is None:
            task = ReviewTask.objects.create(name=name, second=second)
        task.groups.add(*reviewers)
        WorkflowTask.objects.get_or_create(workflow=workflow, task=task.task_ptr, defaults={"sort_order": order})
    course_type = ContentType.objects.get_for_model(Course)
    WorkflowContentType.objects.get_or_create(content_type=course_type, defaults={"workflow": workflow})
    WorkflowPage.objects.get_or_create(page=home.page_ptr, defaults={"workflow": workflow})
