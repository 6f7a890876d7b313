"""Wagtail starts choosers, dates and lists of parts by scripts inside its markup, which the desk's policy does not run
(``config.security``). Here they are written as data; ``cms/static/cms/starting.js`` reads it and starts them."""

import json
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString
from wagtail.admin.widgets import BaseChooser
from wagtail.admin.widgets.workflows import AdminTaskChooser


def render(self: BaseChooser, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
    """``BaseChooser.render`` without its script."""
    value_data = self.get_value_data(value)
    given = [attrs["id"]]
    if isinstance(self, AdminTaskChooser):
        starts = "createTaskChooser"
    else:
        starts = self.js_constructor
        given.append(self.get_js_init_options(attrs["id"], name, value_data))
    return format_html(
        '{}<template data-controller="wl-start" data-wl-start-by-value="{}" data-wl-start-given-value="{}"></template>',
        self.render_html(name, value_data, attrs),
        starts,
        json.dumps(given),
    )


def take_over() -> None:
    BaseChooser.render = render
