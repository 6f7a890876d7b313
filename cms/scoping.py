"""One wall around everything in the desk that belongs to an institution.

Wagtail shows every snippet and every row of a ``ModelViewSet`` to whoever may edit one of them. ``Scoped`` is the first
base of all our viewsets and closes that in three places, always by asking ``catalog.policy``:

- ``get_urlpatterns`` wraps every view that takes a key: an item that is not this person's does not exist (404), an
  action that the person's role does not have is forbidden (403), and a revision, task or workflow named in the address
  must be the item's own;
- ``construct_view`` narrows what views look up by themselves: listings, filters, exports and choosers;
- ``ScopedForm`` narrows what a form can name.
"""

import functools
from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib.admin.utils import unquote
from django.core.exceptions import FieldDoesNotExist, PermissionDenied
from django.core.paginator import Page
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.functional import cached_property
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.forms.choosers import BaseFilterForm
from wagtail.admin.forms.models import WagtailAdminModelForm
from wagtail.admin.paginator import WagtailPaginator
from wagtail.admin.ui.tables import Column, LiveStatusTagColumn
from wagtail.admin.views.generic import IndexView
from wagtail.admin.views.generic.chooser import BaseChooseView, ChosenMultipleViewMixin
from wagtail.admin.views.generic.mixins import CreateEditViewOptionalFeaturesMixin
from wagtail.admin.widgets import BaseChooser
from wagtail.models import DraftStateMixin, RevisionMixin, TaskState, WorkflowState
from wagtail.permission_policies import ModelPermissionPolicy
from wagtail.snippets.bulk_actions.delete import DeleteBulkAction
from wagtail.snippets.widgets import AdminSnippetChooser

from catalog import policy
from cms import finding

ACTION_OF_VIEW = {
    "edit": "change",
    "delete": "delete",
    "copy": "add",
    "reorder": "change",
    "preview_on_edit": "change",
    "revisions_revert": "change",
    "revisions_unschedule": "publish",
    "unpublish": "publish",
    "confirm_workflow_cancellation": "change",
    "captions": "change",
    "track": "change",
    "poster": "change",
    "retry": "change",
    "comment": "change",
    "comment_resolve": "change",
    "harvest": "change",
    "test": "change",
    "resend": "change",
}
"""What the view of a name does to its item. Views that are not here only show it."""


def visible(queryset: QuerySet, user: policy.Person, action: str = "view") -> QuerySet:
    """The part of ``queryset`` this person may see here. Models without an owner are the centre's."""
    if queryset.model in policy.ROLES:
        return policy.scope(queryset, user, action)
    return queryset if policy.is_central(user) else queryset.none()


class OwnedPolicy(ModelPermissionPolicy):
    """Wagtail's own questions ("may she change this?") answered by ``catalog.policy``, an item at a time."""

    def user_has_permission(self, user: policy.Person, action: str) -> bool:
        return policy.may_somewhere(user, action, self.model)

    def user_has_any_permission(self, user: policy.Person, actions: list[str]) -> bool:
        return any(self.user_has_permission(user, action) for action in actions)

    def user_has_permission_for_instance(self, user: policy.Person, action: str, instance: Model) -> bool:
        return policy.may(user, action, instance)

    def user_has_any_permission_for_instance(self, user: policy.Person, actions: list[str], instance: Model) -> bool:
        return any(policy.may(user, action, instance) for action in actions)

    def instances_user_has_any_permission_for(self, user: policy.Person, actions: list[str]) -> QuerySet:
        everything = self.model._default_manager.all()
        found = everything.none()
        for action in actions:
            found = found | policy.scope(everything, user, action)
        return found


# The key check ------------------------------------------------------------------------------------


def _belongs(item: Model, keys: dict[str, Any]) -> bool:
    """Whether every other thing an address names is the item's own."""
    for name in ("revision_id", "revision_id_a", "revision_id_b"):
        key = str(keys.get(name, ""))
        if key.isdigit() and not (isinstance(item, RevisionMixin) and item.revisions.filter(pk=key).exists()):
            return False
    if "task_state_id" in keys and not TaskState.objects.for_instance(item).filter(pk=keys["task_state_id"]).exists():
        return False
    return (
        "workflow_state_id" not in keys
        or WorkflowState.objects.for_instance(item).filter(pk=keys["workflow_state_id"]).exists()
    )


def guarded(view: Callable[..., HttpResponse], model: type[Model], name: str) -> Callable[..., HttpResponse]:
    """``view``, reached only with keys of items this person may see, for what this person may do."""
    action = ACTION_OF_VIEW.get(name, "view")

    @functools.wraps(view)
    def check(request: HttpRequest, *args: Any, **keys: Any) -> HttpResponse:
        if "pk" in keys:
            one = model._default_manager.filter(pk=unquote(str(keys["pk"])))
            item = visible(one, request.user).first()
            if item is None or not _belongs(item, keys):
                raise Http404
            if not visible(one, request.user, action).exists():
                raise PermissionDenied
        return view(request, *args, **keys)

    return check


# What views look up by themselves -----------------------------------------------------------------


class ScopedFilterSet(WagtailFilterSet):
    """Filters whose choices name only what this person may see."""

    def __init__(self, data: Any = None, queryset: QuerySet | None = None, *, request: HttpRequest, **kwargs: Any):
        super().__init__(data, queryset, request=request, **kwargs)
        for name, field in self.form.fields.items():
            choices = getattr(field, "queryset", None)
            if choices is not None and choices.model in policy.ROLES:
                field.queryset = policy.scope(choices, request.user)
                self.filters[name].extra["queryset"] = field.queryset


class _FarPaginator(WagtailPaginator):
    """A page far from the first is found by its keys alone: what is skipped is then read from the index, not joined."""

    def page(self, number: Any) -> Page:
        number = self.validate_number(number)
        first = (number - 1) * self.per_page
        if first < FAR:
            return super().page(number)
        keys = list(self.object_list.values_list("pk", flat=True)[first : first + self.per_page])
        return self._get_page(self.object_list.filter(pk__in=keys), number, self)


FAR = 1000  # rows


class _Listing:
    base_filterset_class = ScopedFilterSet
    paginator_class = _FarPaginator
    is_searchable = True

    def get_base_queryset(self) -> QuerySet:
        return visible(super().get_base_queryset(), self.request.user)  # type: ignore[misc, attr-defined]

    def search_queryset(self, queryset: QuerySet) -> QuerySet:
        if not self.is_searching:  # type: ignore[attr-defined]
            return queryset
        user, ordered = self.request.user, not self.is_explicitly_ordered  # type: ignore[attr-defined]
        return finding.search(queryset, self.search_query, user, ordered=ordered)  # type: ignore[attr-defined]


class _ChooserSearch(BaseFilterForm):
    """The search box of a chooser, answered by ``cms.finding``."""

    user: policy.Person
    q = forms.CharField(label="搜索", required=False, widget=forms.TextInput(attrs={"placeholder": "名称、拼音或代码"}))

    def filter(self, objects: QuerySet) -> QuerySet:
        objects = super().filter(objects)
        self.search_query = self.cleaned_data.get("q")
        self.is_searching = bool(self.search_query)
        return finding.search(objects, self.search_query, self.user) if self.search_query else objects


class _Choosing:
    filter_form_class = _ChooserSearch

    def get_filter_form(self) -> BaseFilterForm:
        form = super().get_filter_form()  # type: ignore[misc]
        form.user = self.request.user  # type: ignore[attr-defined]
        return form

    def get_object_list(self) -> QuerySet:
        return visible(super().get_object_list(), self.request.user)  # type: ignore[misc, attr-defined]

    @property
    def columns(self) -> list[Column]:
        """Wagtail's tag of the state asks two questions a row; whether it is public is in the row already."""
        columns = [column for column in super().columns if not isinstance(column, LiveStatusTagColumn)]  # type: ignore[misc]
        if issubclass(self.model_class, DraftStateMixin):  # type: ignore[attr-defined]
            columns.append(Column("live", label="状态", accessor=lambda item: "已发布" if item.live else "未发布"))
        return columns

    def can_create(self) -> bool:
        return False


class _ChosenMultiple:
    def get_objects(self, pks: list[str]) -> QuerySet:
        return visible(super().get_objects([pk for pk in pks if _is_key(self.model_class, pk)]), self.request.user)  # type: ignore[misc, attr-defined]


class _Editing:
    """Publishing is a right on one item: the role on its institution decides, not a role held elsewhere."""

    def get_available_actions(self) -> list[str]:
        actions = super().get_available_actions()  # type: ignore[misc]
        item = self.object  # type: ignore[attr-defined]
        user = self.request.user  # type: ignore[attr-defined]
        allowed = policy.may(user, "publish", item) if item is not None and item.pk else policy.is_central(user)
        return [action for action in actions if action != "publish" or allowed]


_MIXINS: list[tuple[type, type]] = [
    (IndexView, _Listing),
    (BaseChooseView, _Choosing),
    (ChosenMultipleViewMixin, _ChosenMultiple),
    (CreateEditViewOptionalFeaturesMixin, _Editing),
]


def _is_key(model: type[Model], text: str) -> bool:
    """Whether ``text`` can be a primary key of ``model``; a chooser is asked with anything."""
    try:
        model._meta.pk.to_python(text)
    except forms.ValidationError:
        return False
    return True


@functools.cache
def _scoped_view(view_class: type) -> type:
    mixins = [mixin for base, mixin in _MIXINS if issubclass(view_class, base)]
    return type(view_class.__name__, (*mixins, view_class), {}) if mixins else view_class


class Scoped:
    """First base of every viewset of the desk, for snippets, models and choosers alike."""

    model: Any

    def construct_view(self, view_class: type, **kwargs: Any) -> Any:
        return super().construct_view(_scoped_view(view_class), **kwargs)  # type: ignore[misc]

    def extra_urlpatterns(self) -> list[URLPattern]:
        """Further addresses of this viewset; guarded like the others."""
        return []

    def get_urlpatterns(self) -> list[URLPattern]:
        # Choosers only choose: Wagtail's "create" beside them has no form here and would break.
        registered = [pattern for pattern in super().get_urlpatterns() if pattern.name != "create"]  # type: ignore[misc]
        patterns = [*registered, *self.extra_urlpatterns()]
        for pattern in patterns:
            pattern.callback = guarded(pattern.callback, self.model, pattern.name)
        return patterns


# Forms --------------------------------------------------------------------------------------------


class ScopedForm(WagtailAdminModelForm):
    """A form that can name only what its person may see, plus what the item already names."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            queryset = getattr(field, "queryset", None)
            if queryset is None or self.for_user is None or queryset.model not in policy.ROLES:
                continue
            action = "add" if queryset.model is policy.Institution else "view"
            field.queryset = self._choices(name, queryset, action)

    def _choices(self, name: str, queryset: QuerySet, action: str) -> QuerySet:
        if action == "add":
            own = policy.institutions_of(self.for_user, policy.roles_for(self._meta.model, "add"))
        else:
            own = policy.scope(queryset, self.for_user)
        return queryset.filter(pk__in=[*self._already(name)]) | queryset.filter(pk__in=own.values("pk"))

    def _already(self, name: str) -> list[Any]:
        if not self.instance.pk:
            return []
        try:
            field = self.instance._meta.get_field(name)
        except FieldDoesNotExist:
            return []
        value = getattr(self.instance, name)
        if field.many_to_many:
            return [item.pk for item in value.all()]
        return [value.pk] if isinstance(value, Model) else []


class _NamesWhatIsAllowed:
    """A chooser that does not even name an item its form would refuse."""

    def get_instance(self, value: Any) -> Model | None:
        if value is None or isinstance(value, Model):
            return value
        model = self.model_class  # type: ignore[attr-defined]
        if not _is_key(model, value):
            return None
        choices = getattr(getattr(self, "choices", None), "queryset", None)
        return (model._default_manager.all() if choices is None else choices).filter(pk=value).first()


class ScopedChooserWidget(_NamesWhatIsAllowed, BaseChooser):
    """For models."""


class ScopedSnippetWidget(_NamesWhatIsAllowed, AdminSnippetChooser):
    """For snippets."""


# Bulk actions -------------------------------------------------------------------------------------


def chosen(request: HttpRequest, model: Any) -> QuerySet:
    """What a person selected in the list of a snippet: ``?id=`` again and again, or ``?id=all`` for everything that the
    search and the filters in the same query string leave. Filters that are not understood select nothing."""
    keys = request.GET.getlist("id")
    if "all" not in keys:
        items = visible(model._default_manager.all(), request.user)
        return items.filter(pk__in=[key for key in keys if _is_key(model, key)])
    function = model.snippet_viewset.index_view
    listing = function.view_class(**function.view_initkwargs)
    listing.setup(request)
    if listing.filters and not listing.filters.is_valid():
        return model._default_manager.none()
    return listing.get_queryset()


class ScopedDelete(DeleteBulkAction):
    """Deleting several at once: what is not this person's to delete is neither touched nor named."""

    @cached_property
    def _actionable_objects(self) -> tuple[list[Model], dict[str, list[Model]]]:
        items = visible(chosen(self.request, self.model), self.request.user, "delete")
        if not items.exists():
            raise Http404
        return list(items), {"items_with_no_access": []}
