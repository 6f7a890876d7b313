"""The desk's guides: a first hour for each role, written in ``docs/guides`` and read in the desk, where the questions
arise. Pictures are taken by ``tests/journeys/test_guides.py``."""

from functools import cache
from itertools import pairwise
from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.templatetags.static import static
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

from catalog import policy
from catalog.models import Course

PLACE = Path(settings.BASE_DIR) / "docs" / "guides"
GUIDES = {"partner": "机构", "review": "审核员", "centre": "编辑中心", "operator": "运维"}


def guide(request: HttpRequest, name: str = "") -> HttpResponse:
    """One guide; without a name the one of this person's role."""
    name = name or _own(request.user)
    if name not in GUIDES:
        raise Http404
    context = {"header_title": "指南", "guides": GUIDES, "name": name, "text": html(name)}
    return TemplateResponse(request, "cms/desk/guide.html", context)


def _own(user: policy.Person) -> str:
    if policy.is_operator(user) and not policy.is_central(user):
        return "operator"
    if policy.is_central(user):
        return "centre"
    return "review" if policy.may_somewhere(user, "publish", Course) else "partner"


@cache
def html(name: str) -> SafeString:
    """A guide as HTML (CommonMark; tags in the text are shown, not obeyed). Every step can be linked to by its number:
    ``#step-2``; pictures come from the collected files."""
    parser = MarkdownIt("js-default")
    tokens = parser.parse((PLACE / f"{name}.md").read_text())
    for token, content in pairwise(tokens):
        if token.type == "heading_open" and (number := content.content.partition(" ")[0]).isdigit():
            token.attrSet("id", f"step-{number}")
    for token in tokens:
        _find_pictures(token.children or [])
    return mark_safe(parser.renderer.render(tokens, parser.options, {}))  # noqa: S308 - our own text, tags escaped


def _find_pictures(tokens: list[Token]) -> None:
    for token in tokens:
        if token.type == "image":
            token.attrSet("src", static(f"guides/{Path(str(token.attrs['src'])).name}"))
            token.attrSet("loading", "lazy")
