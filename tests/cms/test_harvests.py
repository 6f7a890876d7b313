"""Sources of harvests in the desk: whose they are, how they are changed, what the page tells."""

from django_tasks_db.models import DBTaskResult

from catalog.exchange import HarvestSource
from tests.cms.conftest import MARK, World


def fields(world: World, **changes: object) -> dict[str, object]:
    given = {"institution": world.a.institution.pk, "kind": "oai", "address": "https://example.org/oai", "spec": ""}
    return {**given, "hours": "24", "active": "on", **changes}


def test_editor_adds_a_source_of_the_own_institution(world: World) -> None:
    client = world.a.client("editor")
    response = client.post("/cms/harvests/new/", fields(world))
    assert response.status_code == 302, response.content.decode()[:500]
    source = HarvestSource.objects.get(institution=world.a.institution)
    assert "https://example.org/oai" in client.get("/cms/harvests/").content.decode()
    assert "还没有收割过" in client.get(f"/cms/harvests/inspect/{source.pk}/").content.decode()


def test_source_of_another_institution_or_without_an_address_is_refused(world: World) -> None:
    client = world.a.client("editor")
    for changes in ({"institution": world.b.institution.pk}, {"address": "ftp://example.org/"}, {"hours": "0"}):
        assert client.post("/cms/harvests/new/", fields(world, **changes)).status_code == 200
    assert HarvestSource.objects.count() == 1


def test_another_set_is_harvested_from_the_beginning(world: World) -> None:
    own = HarvestSource.objects.create(
        institution=world.a.institution, address="https://example.org/oai", since="2026-01-01"
    )
    address = f"/cms/harvests/edit/{own.pk}/"
    world.a.client("editor").post(address, fields(world, hours="12"))
    own.refresh_from_db()
    assert (own.hours, own.since) == (12, "2026-01-01")
    world.a.client("editor").post(address, fields(world, spec="theme.tea"))
    own.refresh_from_db()
    assert (own.spec, own.since) == ("theme.tea", "")


def test_page_of_a_source_shows_the_report_to_its_institution(world: World) -> None:
    text = world.b.client("editor").get(f"/cms/harvests/inspect/{world.source.pk}/").content.decode()
    assert MARK in text
    assert "新增（1）" in text
    assert "立即收割" in text
    assert (
        "立即收割" not in world.b.client("reviewer").get(f"/cms/harvests/inspect/{world.source.pk}/").content.decode()
    )


def test_source_is_queued_at_once_by_its_editor_only(world: World) -> None:
    address = f"/cms/harvests/harvest/{world.source.pk}/"
    assert world.a.client("editor").post(address).status_code == 404
    assert world.b.client("reviewer").post(address).status_code in {302, 403}
    assert not DBTaskResult.objects.filter(task_path__endswith="harvest_source").exists()
    assert world.b.client("editor").post(address).status_code == 302
    assert DBTaskResult.objects.filter(task_path__endswith="harvest_source").exists()
