"""The desk's lists and forms. Every viewset begins with ``Scoped``."""

from io import BytesIO
from typing import Any

from django import forms
from django.db.models import Model
from django.http import HttpResponse
from django.urls import URLPattern
from django.utils.functional import cached_property
from django.utils.html import format_html
from wagtail.admin.panels import FieldPanel, FieldRowPanel, InlinePanel, MultiFieldPanel, ObjectList, PublishingPanel
from wagtail.admin.panels.base import get_form_for_model
from wagtail.admin.ui.tables import Column
from wagtail.admin.views import generic
from wagtail.admin.viewsets.chooser import ChooserViewSet
from wagtail.admin.viewsets.model import ModelViewSet
from wagtail.snippets.views.chooser import SnippetChooserViewSet
from wagtail.snippets.views.snippets import CreateView, IndexView, SnippetViewSet

from catalog import policy
from catalog.exporters import WRITERS, records
from catalog.models import Course, Institution, Lesson, Membership, Place, Teacher, Theme
from catalog.quality import in_review
from cms import bulk_desk, comments, merge_desk, saved_views
from cms.columns import LeanCheckbox, LeanColumn, LeanDate, LeanTitle
from cms.filters import CourseFilterSet
from cms.forms import (
    CourseForm,
    InstitutionForm,
    LessonForm,
    MembershipForm,
    PlaceForm,
    RuleForm,
    TeacherForm,
    TermForm,
    ThemeForm,
)
from cms.imports import download
from cms.scoping import Scoped, ScopedChooserWidget, ScopedSnippetWidget
from cms.widgets import Picker
from media_pipeline.models import MediaAsset
from search.models import Rule, Term


class ScopedSnippetChooser(Scoped, SnippetChooserViewSet):
    """The chooser every scoped snippet brings along."""

    base_widget_class = ScopedSnippetWidget


class ScopedChooser(Scoped, ChooserViewSet):
    base_widget_class = ScopedChooserWidget


class ScopedSnippetViewSet(Scoped, SnippetViewSet):
    """A snippet whose addresses are ``/cms/<admin path>/`` and ``/cms/choose/<admin path>/``."""

    chooser_viewset_class = ScopedSnippetChooser
    copy_view_enabled = False
    list_per_page = 40
    chooser_per_page = 20

    def get_chooser_admin_base_path(self) -> str:
        return f"choose/{self.get_admin_base_path()}"


class ScopedModelViewSet(Scoped, ModelViewSet):
    copy_view_enabled = False
    list_per_page = 40


class ItemIndexView(generic.IndexView):
    """A list whose rows lead to ``ItemView``."""

    def get_edit_url(self, instance: Model) -> str:
        return self.get_inspect_url(instance)


class ItemView(generic.InspectView):
    """A page of our own about one item; editing and deleting are offered to who may."""

    def get_fields_context(self) -> list[dict[str, Any]]:
        return []

    def get_edit_url(self) -> str | None:
        return super().get_edit_url() if policy.may(self.request.user, "change", self.object) else None

    def get_delete_url(self) -> str | None:
        return super().get_delete_url() if policy.may(self.request.user, "delete", self.object) else None


# Media in forms -------------------------------------------------------------------------------------


class AssetChooserViewSet(ScopedChooser):
    model = MediaAsset
    icon = "media"
    choose_one_text = "选择媒体"
    choose_another_text = "换一个媒体"
    edit_item_text = "查看媒体"
    page_title = "选择媒体"


asset_chooser = AssetChooserViewSet("asset_chooser", url_prefix="choose/assets")


# Courses --------------------------------------------------------------------------------------------


class LessonsPanel(InlinePanel):
    """Lessons whose forms know the person, so that they offer only that person's media."""

    def get_form_options(self) -> dict[str, Any]:
        options = super().get_form_options()
        lessons = options["formsets"]["lessons"]
        deferred = self.child_edit_handler.get_form_options().get("defer_required_on_fields", [])
        lessons["form"] = get_form_for_model(Lesson, form_class=LessonForm, defer_required_on_fields=deferred)
        lessons["inherit_kwargs"] = ["for_user"]
        return options


COURSE_PANELS = [
    comments.ReviewPanel(heading="发布前"),
    FieldPanel("title", help_text="课程的名字，如“苗绣入门”。"),
    FieldRowPanel([FieldPanel("institution", widget=forms.Select), FieldPanel("kind")]),
    FieldPanel("summary", help_text="一句话，出现在卡片上。"),
    FieldPanel("description"),
    LessonsPanel(
        "lessons",
        [
            FieldPanel("title"),
            FieldPanel("asset"),
            FieldPanel("url", help_text="只有“链接”类课程需要。"),
            FieldPanel("chapter"),
            FieldPanel("summary"),
        ],
        heading="课时",
        label="课时",
    ),
    MultiFieldPanel(
        [
            FieldPanel("themes", widget=forms.CheckboxSelectMultiple(attrs={"class": "wl-themes"})),
            FieldPanel("places", widget=Picker("place", "输入地名、拼音或代码，如 泰顺、taishun、330329")),
            FieldPanel("teachers", widget=Picker("teacher", "输入教师姓名")),
            FieldRowPanel([FieldPanel("level"), FieldPanel("language")]),
            FieldPanel("subjects"),
        ],
        heading="归类",
    ),
    MultiFieldPanel(
        [
            FieldRowPanel([FieldPanel("source"), FieldPanel("licence")]),
            FieldRowPanel([FieldPanel("licence_until"), FieldPanel("credit")]),
        ],
        heading="来源与许可",
    ),
    MultiFieldPanel(
        [FieldPanel("cover"), FieldPanel("alternative_titles"), FieldPanel("title_en")],
        heading="封面与别名",
        classname="collapsed",
    ),
    PublishingPanel(),
]


class CourseCreateView(CreateView):
    """``?asset=<uid>`` begins with one lesson of an uploaded file."""

    def get_initial_form_instance(self) -> Course:
        course = super().get_initial_form_instance() or Course()
        asset = self._asset()
        if asset is not None:
            institution = Institution.objects.filter(code=asset.owner).first()
            course.title = asset.title
            course.kind = KIND_OF_MEDIA.get(asset.media_type, course.kind)
            course.institution = institution
            course.lessons = [Lesson(title=asset.title, asset=asset, sort_order=0)]
        return course

    def _asset(self) -> MediaAsset | None:
        uid = forms.UUIDField(required=False)
        try:
            wanted = uid.clean(self.request.GET.get("asset"))
        except forms.ValidationError:
            return None
        own = policy.scope(MediaAsset.objects.all(), self.request.user)
        return own.filter(uid=wanted).first() if wanted and self.request.method == "GET" else None


KIND_OF_MEDIA = {"video": "video", "audio": "audio", "document": "reading", "picture": "gallery"}


def course_state(course: Course) -> str:
    """Where a course of ``CourseIndexView`` stands."""
    if course.in_review:
        return "审核中"
    if not course.live:
        return "草稿"
    return "已发布，有修改" if course.has_unpublished_changes else "已发布"


class CourseIndexView(IndexView):
    """Everything a row shows comes with the row; above the rows, the views somebody saved."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = {**super().get_context_data(**kwargs), **saved_views.shown(self.request)}
        # everything that the filters leave can be chosen, on however many pages it stands
        return {**context, "whole": {"has_other_pages": True}}

    def as_spreadsheet(self, queryset: Any, spreadsheet_format: str) -> HttpResponse:
        """What the filters leave, in the columns of an import, so that it can be edited and brought back."""
        out = BytesIO()
        WRITERS[f".{spreadsheet_format}"](records(Course.objects.filter(pk__in=queryset.order_by().values("pk"))), out)
        return download(out.getvalue(), f"{self.get_filename()}.{spreadsheet_format}")

    def get_base_queryset(self) -> Any:
        courses = super().get_base_queryset().select_related("institution")
        return courses.annotate(in_review=in_review())

    def order_queryset(self, queryset: Any) -> Any:
        """By title is by its sound: what people look for in a list, and what has an index."""
        if self.ordering in {"title", "-title"}:
            return queryset.order_by(f"{'-' * (self.ordering == '-title')}sort_key", "pk")
        return super().order_queryset(queryset)

    def _get_title_column(self, field_name: str, **kwargs: Any) -> Any:
        return super()._get_title_column(field_name, **{"column_class": LeanTitle, **kwargs})

    @cached_property
    def columns(self) -> list[Any]:
        _boxes, *columns = super().columns
        return [LeanCheckbox("bulk_actions", obj_type="snippet"), *columns]


class CourseViewSet(ScopedSnippetViewSet):
    model = Course
    icon = "media"
    menu_label = "课程"
    menu_name = "courses"
    menu_order = 100
    add_to_admin_menu = True
    base_url_path = "courses"
    admin_url_namespace = "courses"
    chooser_admin_url_namespace = "course_chooser"
    list_display = [
        "title",
        LeanColumn("institution", label="机构", accessor="institution", sort_key="institution__name"),
        LeanColumn("kind", label="类型", accessor="get_kind_display", sort_key="kind"),
        LeanColumn("state", label="状态", accessor=course_state, sort_key="live"),
        LeanDate("updated_at", label="更新", sort_key="updated_at"),
    ]
    filterset_class = CourseFilterSet
    index_template_name = "cms/desk/courses.html"
    list_export = ["title"]
    export_filename = "courses"
    index_view_class = CourseIndexView
    add_view_class = CourseCreateView
    edit_handler = ObjectList(COURSE_PANELS, base_form_class=CourseForm)

    def extra_urlpatterns(self) -> list[URLPattern]:
        return [
            *bulk_desk.urlpatterns,
            *merge_desk.urlpatterns,
            *saved_views.urlpatterns,
            *comments.urlpatterns,
        ]


# What courses are ordered by ------------------------------------------------------------------------


class TeacherViewSet(ScopedSnippetViewSet):
    model = Teacher
    icon = "user"
    menu_label = "教师"
    menu_name = "teachers"
    menu_order = 250
    add_to_admin_menu = True
    base_url_path = "teachers"
    admin_url_namespace = "teachers"
    chooser_admin_url_namespace = "teacher_chooser"
    list_display = ["name", "title", "institution"]
    edit_handler = ObjectList(
        [
            FieldPanel("name"),
            FieldPanel("title"),
            FieldPanel("institution", widget=forms.Select),
            FieldPanel("bio"),
            FieldPanel("username"),
        ],
        base_form_class=TeacherForm,
    )


def _swatch(theme: Theme) -> str:
    return format_html('<i class="wl-swatch" style="background:{}"></i>{}', theme.colour, theme.colour)


class ThemeViewSet(ScopedSnippetViewSet):
    model = Theme
    icon = "tag"
    menu_label = "主题"
    menu_name = "themes"
    menu_order = 510
    add_to_admin_menu = True
    base_url_path = "themes"
    admin_url_namespace = "themes"
    chooser_admin_url_namespace = "theme_chooser"
    list_display = ["name", "slug", Column("colour", label="颜色", accessor=_swatch)]
    ordering = ["path"]
    edit_handler = ObjectList(
        [
            FieldPanel("name"),
            FieldPanel("parent"),
            FieldPanel("slug", heading="地址", help_text="小写字母、数字和连字符，如 health。"),
            FieldPanel("summary"),
            FieldPanel("name_en"),
            FieldRowPanel(
                [FieldPanel("colour", widget=forms.TextInput(attrs={"type": "color"})), FieldPanel("pattern")]
            ),
        ],
        base_form_class=ThemeForm,
    )


class PlaceViewSet(ScopedSnippetViewSet):
    model = Place
    icon = "site"
    menu_label = "地方"
    menu_name = "places"
    menu_order = 520
    add_to_admin_menu = True
    base_url_path = "places"
    admin_url_namespace = "places"
    chooser_admin_url_namespace = "place_chooser"
    list_display = ["name", "code", "level", "brand"]
    list_filter = ["level"]
    ordering = ["code"]
    edit_handler = ObjectList(
        [FieldPanel("name"), FieldPanel("brand"), FieldPanel("aliases")], base_form_class=PlaceForm
    )


class InstitutionViewSet(ScopedSnippetViewSet):
    model = Institution
    icon = "home"
    menu_label = "机构"
    menu_name = "institutions"
    menu_order = 500
    add_to_admin_menu = True
    base_url_path = "institutions"
    admin_url_namespace = "institutions"
    chooser_admin_url_namespace = "institution_chooser"
    list_display = ["name", "code", "place"]
    ordering = ["path"]
    edit_handler = ObjectList(
        [
            FieldPanel("name"),
            FieldPanel("parent"),
            FieldPanel("code", help_text="建立后不能更改；只用小写字母、数字和连字符。"),
            FieldPanel("place"),
            FieldPanel("summary"),
            FieldPanel("name_en"),
            FieldRowPanel(
                [
                    FieldPanel("daily_uploads", help_text="空着：和上级一样；上级也空着：不限。"),
                    FieldPanel("daily_gigabytes", help_text="空着：和上级一样；上级也空着：不限。"),
                ]
            ),
        ],
        base_form_class=InstitutionForm,
    )


# What the search is taught -------------------------------------------------------------------------

SEARCH_MENU = "register_search_menu_item"
"""The hook of the menu 检索词."""


class TermCreateView(CreateView):
    """``?word=`` begins with a word."""

    def get_initial_form_instance(self) -> Term:
        return Term(word=self.request.GET.get("word", "")[:40])


class TermViewSet(ScopedSnippetViewSet):
    model = Term
    icon = "openquote"
    menu_label = "词条"
    menu_name = "terms"
    menu_order = 20
    menu_hook = SEARCH_MENU
    base_url_path = "terms"
    admin_url_namespace = "terms"
    chooser_admin_url_namespace = "term_chooser"
    list_display = [
        "word",
        Column("same", label="同义词", accessor=lambda term: "、".join(term.same)),
        Column("one_way", label="方向", accessor=lambda term: "单向" if term.one_way else ""),
        "spelling",
    ]
    add_view_class = TermCreateView
    edit_handler = ObjectList(
        [FieldPanel("word"), FieldPanel("same"), FieldPanel("one_way"), FieldPanel("spelling")],
        base_form_class=TermForm,
    )


class RuleCreateView(CreateView):
    """``?query=`` (again for more) begins with queries."""

    def get_initial_form_instance(self) -> Rule:
        return Rule(queries=[query[:60] for query in self.request.GET.getlist("query")[:20]])


class RuleIndexView(IndexView):
    def get_base_queryset(self) -> Any:
        return super().get_base_queryset().prefetch_related("pins__course", "hidden")


def rule_days(rule: Rule) -> str:
    """When a rule holds, in words; nothing when always."""
    since = f"{rule.first_day:%Y-%m-%d} 起" if rule.first_day else ""
    until = f"{rule.last_day:%Y-%m-%d} 止" if rule.last_day else ""
    return " ".join(filter(None, [since, until]))


class RuleViewSet(ScopedSnippetViewSet):
    model = Rule
    icon = "thumbtack"
    menu_label = "规则"
    menu_name = "rules"
    menu_order = 30
    menu_hook = SEARCH_MENU
    base_url_path = "rules"
    admin_url_namespace = "rules"
    chooser_admin_url_namespace = "rule_chooser"
    list_display = [
        "__str__",
        Column("pinned", label="置顶", accessor=lambda rule: "、".join(str(pin) for pin in rule.pins.all())),
        Column("hidden", label="不出现", accessor=lambda rule: "、".join(map(str, rule.hidden.all()))),
        Column("days", label="日期", accessor=rule_days),
    ]
    index_view_class = RuleIndexView
    add_view_class = RuleCreateView
    edit_handler = ObjectList(
        [
            FieldPanel("queries"),
            InlinePanel("pins", [FieldPanel("course")], heading="置顶的课程", label="课程"),
            FieldPanel("hidden", widget=Picker("course", "输入课程标题、拼音或首字母")),
            FieldRowPanel([FieldPanel("first_day"), FieldPanel("last_day")]),
        ],
        base_form_class=RuleForm,
    )


class MembershipViewSet(ScopedModelViewSet):
    model = Membership
    icon = "group"
    name = "memberships"
    menu_label = "成员"
    menu_name = "memberships"
    menu_order = 530
    add_to_admin_menu = True
    list_display = ["__str__", Column("role", label="角色", accessor="get_role_display")]
    list_filter = ["role", "institution"]
    edit_handler = ObjectList(
        [FieldPanel("username"), FieldPanel("institution", widget=forms.Select), FieldPanel("role")],
        base_form_class=MembershipForm,
    )
