"""Columns of long lists that write Wagtail's cells without a template a cell: forty rows in a third of the time."""

from __future__ import annotations

from typing import Any

from django.db.models import Model
from django.template.loader import render_to_string
from django.utils.formats import date_format
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst
from django.utils.timezone import localtime
from django.utils.translation import gettext
from wagtail.admin.templatetags.wagtailadmin_tags import timesince_simple
from wagtail.admin.ui.tables import BulkActionsCheckboxColumn, Column, DateColumn, TitleColumn
from wagtail.admin.widgets.button import ButtonWithDropdown


class LeanColumn(Column):
    """Text: ``wagtailadmin/tables/cell.html``."""

    def render_cell_html(self, instance: Model, parent_context: Any) -> SafeString:
        return format_html("<td>{}</td>", self.get_value(instance))


class LeanDate(DateColumn):
    """A moment: ``wagtailadmin/shared/human_readable_date.html``."""

    def render_cell_html(self, instance: Model, parent_context: Any) -> SafeString:
        moment = localtime(self.get_value(instance))
        return format_html(
            '<td><button type="button" class="w-human-readable-date" data-controller="w-tooltip"'
            ' data-w-tooltip-content-value="{}" data-w-tooltip-placement-value="top">'
            '<time class="w-human-readable-date__date" datetime="{}">{}</time></button></td>',
            date_format(moment, "DATETIME_FORMAT"),
            moment.isoformat(),
            capfirst(timesince_simple(moment)),
        )


class LeanCheckbox(BulkActionsCheckboxColumn):
    """``wagtailadmin/bulk_actions/listing_checkbox_cell.html``."""

    def render_cell_html(self, instance: Model, parent_context: Any) -> SafeString:
        return format_html(
            '<td class="bulk-action-checkbox-cell"><input type="checkbox" data-object-id="{}" data-bulk-action-checkbox'
            ' class="bulk-action-checkbox" aria-label="{}" aria-describedby="{}"></td>',
            instance.pk,
            gettext("Select"),
            self.get_aria_describedby(instance),
        )


class LeanTitle(TitleColumn):
    """``wagtailadmin/tables/title_cell.html``. Wagtail renders the menu of the first row; those of others differ
    from it in addresses and title alone."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._menus: dict[tuple[str, ...], tuple[str, list[str]]] = {}

    def render_cell_html(self, instance: Model, parent_context: Any) -> SafeString:
        return format_html(
            '<td class="title"><div class="title-wrapper"><a href="{}"><span id="{}">{}</span></a></div>{}</td>',
            self.get_link_url(instance, parent_context) or "",
            self.get_title_id(instance, parent_context) or "",
            str(self.get_value(instance)).strip() or self.empty_value_display,
            self._menu(sorted(self.get_buttons(instance, parent_context)), parent_context),
        )

    def _menu(self, buttons: list[Any], parent_context: Any) -> SafeString:
        inner = [one for button in buttons for one in (button, *getattr(button, "dropdown_buttons", ()))]
        kind = tuple(f"{type(one).__name__} {one.label}" for one in inner)
        own = [text for one in inner for text in _told(one)]
        if kind not in self._menus:
            context = {"buttons": buttons, "request": parent_context.get("request")}
            shown = render_to_string("wagtailadmin/shared/buttons.html", context)
            self._menus[kind] = (f'<ul class="actions">{shown}</ul>' if buttons else "", own)
        html, first = self._menus[kind]
        for before, now in zip(first, own, strict=True):
            html = html.replace(before, now)
        return mark_safe(html)  # noqa: S308  # Wagtail's own, with attributes that _told escapes


def _told(button: Any) -> list[str]:
    """The attributes of a button that are of its row."""
    if isinstance(button, ButtonWithDropdown):
        return [f'aria-label="{escape(button.aria_label)}"']
    return [f'href="{escape(button.url)}"', *([f'aria-label="{escape(button.aria_label)}"'] * bool(button.aria_label))]
