"""Form fields of the desk that Wagtail does not have."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.forms import Media
from django.urls import reverse
from wagtail.admin.staticfiles import versioned_static


class Picker(forms.SelectMultiple):
    """Several items out of too many for a list: a search box that adds to a short list of chosen ones.

    ``source`` names the list of ``cms.desk.pick``. Without script it shows and keeps what is chosen.
    """

    template_name = "cms/desk/widgets/picker.html"

    def __init__(self, source: str, placeholder: str, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs)
        self.source = source
        self.placeholder = placeholder

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        chosen = self._chosen(value or [])
        context = forms.Widget.get_context(self, name, value, attrs)
        context["chosen"] = [(item.pk, str(item)) for item in chosen]
        context["url"] = reverse("wenlan_pick", args=[self.source])
        context["placeholder"] = self.placeholder
        return context

    def _chosen(self, value: list[Any]) -> list[Any]:
        queryset: QuerySet = self.choices.queryset  # type: ignore[attr-defined]
        keys = [getattr(item, "pk", item) for item in value]
        return list(queryset.filter(pk__in=[key for key in keys if _fits(queryset, key)]))

    @property
    def media(self) -> Media:
        return Media(
            js=[versioned_static("cms/picker.js")],
            css={"all": [versioned_static("cms/desk.css")]},
        )


def _fits(queryset: QuerySet, key: Any) -> bool:
    try:
        queryset.model._meta.pk.to_python(key)
    except forms.ValidationError:
        return False
    return True


class LinesField(forms.CharField):
    """A list of short texts, one a line."""

    widget = forms.Textarea(attrs={"rows": 2})

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("required", False)
        super().__init__(**kwargs)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        return [line.strip() for line in super().clean(value).splitlines() if line.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)
