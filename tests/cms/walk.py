"""Every address of the site, with the keys of the wrong institution in it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import URLPattern, URLResolver, get_resolver
from wagtail.models import Collection, Site, Task, TaskState, Workflow, WorkflowState

from tests.cms.conftest import World


@dataclass(frozen=True)
class Address:
    """One registered pattern. ``route`` as it is written, ``keys`` its parameters in order."""

    route: str
    name: str
    namespace: str
    keys: tuple[str, ...]

    @property
    def full_name(self) -> str:
        return f"{self.namespace}:{self.name}" if self.namespace else self.name


_PARAMETER = re.compile(r"<(?:[a-z_]+:)?([a-z_0-9]+)>|\(\?P<([a-z_0-9]+)>")


def addresses(resolver: URLResolver | None = None, before: str = "", space: str = "") -> Iterator[Address]:
    """All patterns of the URL configuration, depth first."""
    for pattern in (resolver or get_resolver()).url_patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            inner = pattern.namespace or ""
            yield from addresses(pattern, route, ":".join(filter(None, [space, inner])))
        elif isinstance(pattern, URLPattern):
            keys = tuple(first or second for first, second in _PARAMETER.findall(route))
            yield Address(route, pattern.name or "", space, keys)


def fill(address: Address, values: dict[str, object]) -> str:
    """The address with ``values`` in it; KeyError names a parameter nobody thought of."""
    route = address.route
    if "(?P<" in route:
        for key in address.keys:
            route = re.sub(rf"\(\?P<{key}>(?:[^()]|\([^()]*\))*\)", str(values[key]), route)
        route = re.sub(r"\.\*|\\Z|[\^$\\]", "", route)
        route = re.sub(r"\(\?:[^()]*\)[*+?]?|\([^()]*\)[*+?]?", "", route)
    for key in address.keys:
        route = re.sub(rf"<(?:[a-z_]+:)?{key}>", str(values[key]), route)
    return "/" + route.replace("^", "").replace("$", "").lstrip("/")


def keys_of(world: World) -> tuple[dict[str, object], dict[str, dict[str, object]]]:
    """Values of 乙 for every parameter: for all addresses, and for those of one namespace."""
    b = world.b
    course, asset = b.waiting, b.assets[0]
    revision = course.latest_revision.pk
    state = WorkflowState.objects.get(object_id=str(course.pk))
    task_state = TaskState.objects.get(workflow_state=state)
    page = world.draft_page
    everywhere = {
        "pk": course.pk,
        "change_id": world.change.pk,
        "run_id": world.run.pk,
        "suffix": "xlsx",
        "view_id": world.view.pk,
        "comment_id": world.comment.pk,
        "invitation_id": world.invitation.pk,
        "job_id": world.b.job.pk,
        "revision_id": revision,
        "revision_id_a": revision,
        "revision_id_b": "latest",
        "task_state_id": task_state.pk,
        "task_id": Task.objects.first().pk,
        "workflow_state_id": state.pk,
        "action_name": "approve",
        "app_label": "catalog",
        "app_name": "catalog",
        "model_name": "course",
        "content_type_app_name": "cms",
        "content_type_model_name": "collectionpage",
        "action": "delete",
        "object_id": course.pk,
        "session_id": 1,
        "page_id": page.pk,
        "parent_page_id": page.get_parent().pk,
        "page_to_move_id": page.pk,
        "destination_id": page.get_parent().pk,
        "content_type_id": 1,
        "source": "teacher",
        "user_id": b.people["editor"].pk,
        "group_id": b.people["editor"].groups.first().pk,
        "site_id": Site.objects.first().pk,
        "collection_id": Collection.objects.first().pk,
        "image_id": 1,
        "document_id": 1,
        "document_filename": "x.pdf",
        "filter_spec": "max-10x10",
        "filename": "x.jpg",
        "value": b.institution.code,
        "signature": "x",
        "uid": b.upload.uid,
        "asset_uid": asset.uid,
        "track_pk": asset.tracks.first().pk,
        "course_id": course.pk,
        "lesson_id": course.lessons.first().pk,
        "lesson": course.lessons.first().pk,
        "slug": course.slug,
        "number": 1,
        "code": world.place.code,
        "section": "courses",
        "page_pk": page.pk,
        "workflow_pk": Workflow.objects.first().pk,
        "doc_id": 1,
        "uploaded_file_id": 1,
        "page_view_restriction_id": 1,
        "rest": "v2/pages/",
        "name": "wave",
        "colour": "2f6f62",
        "seed": 1,
        "path": asset.poster_key,
        "key": asset.original_key,
        "kind": "captions",
        "language": "zh-Hans",
        "expiry": 9999999999,
        "sig": "x" * 22,
        "uidb64": "MQ",
        "uidb36": "1",
        "token": "x-y",
        "provider": "x",
        "provider_id": "oidc",
        "lang_code": "en",
        "id": course.pk,
        "format": "rss",
        "app": "x",
        "workflow": Workflow.objects.first().pk,
    }
    spaces: dict[str, dict[str, object]] = {
        "assets": {"pk": asset.pk},
        "asset_chooser": {"pk": asset.pk},
        "teachers": {"pk": b.teacher.pk},
        "teacher_chooser": {"pk": b.teacher.pk},
        "institutions": {"pk": b.institution.pk},
        "institution_chooser": {"pk": b.institution.pk},
        "tokens": {"pk": world.token.pk},
        "webhooks": {"pk": world.hook.pk, "delivery_pk": world.hook.deliveries.get().pk},
        "memberships": {"pk": b.people["editor"].memberships.first().pk},
        "harvests": {"pk": world.source.pk},
        "themes": {"pk": world.theme.pk},
        "theme_chooser": {"pk": world.theme.pk},
        "places": {"pk": world.place.pk},
        "place_chooser": {"pk": world.place.pk},
        "terms": {"pk": world.term.pk},
        "term_chooser": {"pk": world.term.pk},
        "rules": {"pk": world.rule.pk},
        "rule_chooser": {"pk": world.rule.pk},
        "wagtailusers_users": {"pk": b.people["editor"].pk},
        "wagtailusers_groups": {"pk": b.people["editor"].groups.first().pk},
        "wagtailadmin_pages": {"pk": page.pk},
        "wagtailadmin_workflows": {"pk": Workflow.objects.first().pk},
        "wagtailsites": {"pk": Site.objects.first().pk},
        "wagtailadmin_collections": {"pk": Collection.objects.first().pk},
    }
    return everywhere, spaces
