"""Everything the OpenAPI document allows, asked as a citizen and as a partner's machine: no 5xx, and not a word or a
row of another house, nor of a draft."""

import json
from datetime import timedelta
from typing import Any

import pytest
import schemathesis
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from catalog.machines import ApiToken, Scope
from config.api import api
from media_pipeline import storage
from tests.cms.conftest import MARKS, World, world  # noqa: F401 – a fixture
from tests.cms.test_rights import text_of, watched

SCHEMA = schemathesis.openapi.from_dict(api.get_openapi_schema())
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations()]
EXAMPLES = 25
GENERATED = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)
METHODS_WITH_BODY = {"POST", "PUT", "PATCH", "DELETE"}


@pytest.fixture
def store(settings: Any, tmp_path: Any) -> None:
    settings.STORAGE_URL, settings.MEDIA_STORE_DIR = "", tmp_path / "media"
    storage.store().prepare([])


def machine(world: World) -> Client:  # noqa: F811
    token = ApiToken(user=world.a.people["editor"], institution=world.a.institution, name="t", scopes=Scope.values)
    secret = token.make_secret()
    token.save()
    return Client(headers={"Authorization": f"Bearer {secret}"}, raise_request_exception=False)


def keys(world: World, name: str) -> list[Any]:  # noqa: F811
    """Keys of both houses for a parameter."""
    houses = (world.b, world.a)
    return {
        "course_id": [house.waiting.pk for house in houses],
        "lesson_id": [house.waiting.lessons.first().pk for house in houses],
        "uid": [one for house in houses for one in (house.upload.uid, house.assets[0].uid)],
        "institution": [house.institution.code for house in houses],
        "cover": [str(house.assets[0].uid) for house in houses],
        "external_id": ["k"],
    }.get(name, [])


def ask(client: Client, case: Any, world: World, data: Any) -> Any:  # noqa: F811
    """Sends a generated case, now and then with real keys in it."""

    def with_keys(values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        known = {name: found for name in values if (found := keys(world, name))}
        return {**values, **{name: data.draw(st.sampled_from([values[name], *one])) for name, one in known.items()}}

    path = case.operation.path
    for name, value in (with_keys(case.path_parameters) or {}).items():
        path = path.replace("{" + name + "}", str(value).replace("/", "").replace("?", "").replace("#", "") or "0")
    query = {name: value for name, value in (case.query or {}).items() if value is not None}
    options: dict[str, Any] = {"query_params": with_keys(query)}
    if case.method.upper() in METHODS_WITH_BODY:
        body = with_keys(case.body) if isinstance(case.body, (dict, list, str, int, float)) else None
        options |= {"data": json.dumps(body), "content_type": "application/json"}
    return client.generic(case.method.upper(), path, **options)


def fuzz(client: Client, world: World, forbidden: tuple[str, ...]) -> set[int]:  # noqa: F811
    """What was answered; fails at the first answer that may not be."""
    seen: set[int] = set()
    for operation in OPERATIONS:

        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            database=None,
            deadline=timedelta(seconds=30),
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in GENERATED)), data=st.data())
        def one(case: Any, data: Any) -> None:
            response = ask(client, case, world, data)
            said = text_of(response)
            seen.add(response.status_code)
            assert response.status_code < 500, f"{case.method} {case.operation.path} {case.body}: {said[:500]}"
            named = [mark for mark in forbidden if mark in said and mark not in json.dumps(str(case.body))]
            assert not named, f"{case.method} {case.operation.path} names {named}: {said[:500]}"

        one()
    return seen


def test_fuzzed_as_citizen_nothing_breaks_and_nothing_leaks(world: World, store: None) -> None:  # noqa: F811
    before = watched()
    drafts = tuple(course.title for course in world.a.courses)
    seen = fuzz(Client(raise_request_exception=False), world, (*MARKS, *drafts))
    assert {200, 401, 404, 422} <= seen, seen
    assert watched() == before


def test_fuzzed_as_partner_nothing_breaks_and_nothing_leaks(world: World, store: None) -> None:  # noqa: F811
    before = {name: rows for name, rows in watched().items() if name in {"Course", "Lesson", "MediaAsset", "Upload"}}
    seen = fuzz(machine(world), world, MARKS)
    assert {200, 201, 404, 422} <= seen, seen
    assert {name: watched()[name] for name in before} == before


def test_document_describes_tokens_and_every_call() -> None:
    document = api.get_openapi_schema()
    assert document["components"]["securitySchemes"]["TokenAuth"]["scheme"] == "bearer"
    assert "Problem" in document["components"]["schemas"]
    for path, calls in document["paths"].items():
        for method, call in calls.items():
            assert "default" in call["responses"], f"{method} {path}"
            assert call.get("description") or call.get("summary"), f"{method} {path}"
    deposit = document["paths"]["/api/v1/deposits"]["post"]
    assert {"TokenAuth": []} in deposit["security"]
    assert {"200", "201", "401", "403", "404", "422"} <= {str(code) for code in deposit["responses"]}
