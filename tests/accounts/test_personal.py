"""The list of what is held about people is whole, and what it says is so."""

import re
from pathlib import Path

import pytest
from django.apps import apps
from django.db.models import CASCADE, CharField, TextField
from django.utils import translation

from accounts import personal
from accounts.models import User
from media_pipeline import periodic

PRIVACY = Path(__file__).parents[2] / "docs" / "privacy.md"
PERIODIC = set(periodic._turns)
WHO = {"the person", "the institution", "the place of operation", "the cache, by itself"}


def pointing_at_people() -> set[str]:
    """Every field of every model that leads to an account: "app.Model.field"."""
    return {
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.local_fields
        if field.is_relation and field.related_model is User
    }


def columns_of_addresses() -> set[str]:
    """Every text column that by its name or kind holds an e-mail address or a phone number."""
    return {
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.local_fields
        if isinstance(field, CharField | TextField) and re.search(r"e_?mail|phone|mobile", field.name)
    }


def test_whatever_points_at_a_person_is_on_the_list():
    listed = {f"{rows.model}.{rows.by}" for rows in personal.rows() if isinstance(rows.by, str)}
    assert pointing_at_people() - listed == set(), "add it to the holdings.py of its room (accounts.personal)"


def test_every_column_of_addresses_is_exported():
    listed = {f"{rows.model}.{name}" for rows in personal.rows() for name in rows.fields}
    assert columns_of_addresses() - listed == set(), "add it to the holdings.py of its room (accounts.personal)"


@pytest.mark.parametrize("rows", personal.rows(), ids=lambda rows: rows.key)
def test_rows_are_told_or_say_why_not(rows):
    assert bool(rows.fields) != bool(rows.untold)


@pytest.mark.parametrize("rows", personal.rows(), ids=lambda rows: rows.key)
def test_what_stays_would_not_be_swept_along(rows):
    """A row that stays under the heir must not hang on the account by CASCADE: of many accounts deleted at once Django
    takes it before we can. The models of others are as they are."""
    if rows.stays and isinstance(rows.by, str) and not rows.model.startswith("wagtail"):
        assert rows.kind._meta.get_field(rows.by).remote_field.on_delete is not CASCADE


@pytest.mark.django_db
@pytest.mark.parametrize("rows", personal.rows(), ids=lambda rows: rows.key)
def test_every_lookup_leads_somewhere(rows):
    person = User.objects.create_user("mei", "mei@example.cn")
    if rows.fields:
        list(rows.told(person))
    assert rows.of(person).count() >= 0


@pytest.mark.parametrize("holding", personal.holdings(), ids=lambda holding: holding.name)
def test_whoever_removes_it_exists_and_is_in_the_document(holding):
    assert holding.remover in PERIODIC | WHO
    row = next(line for line in PRIVACY.read_text().splitlines() if line.startswith(f"| {holding.name} |"))
    assert holding.remover in row
    assert str(holding.title).split("：")[0].split("，")[0] in row


@pytest.mark.parametrize(
    ("number", "here", "abroad"),
    [
        (1, "1 天", "1 day"),
        (90, "90 天", "90 days"),
        (365, "1 年", "1 year"),
        (1095, "3 年", "3 years"),
        (0, "0 天", "0 days"),
    ],
)
def test_days_are_told_as_people_say_them(number, here, abroad):
    with translation.override("zh-hans"):
        assert personal.days(number) == here
    with translation.override("en"):
        assert personal.days(number) == abroad


@pytest.mark.django_db
def test_page_of_privacy_tells_the_whole_list(client, settings):
    settings.OPERATOR_NAME, settings.OPERATOR_CONTACT = "茶镇图书馆", "0571-12345"
    page = client.get("/privacy/").content.decode()
    assert [holding.name for holding in personal.holdings() if str(holding.title) not in page] == []
    assert "茶镇图书馆" in page
    assert "0571-12345" in page
    assert '<a href="/privacy/">' in client.get("/help/").content.decode()
