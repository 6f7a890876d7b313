"""The dashboard and the alerts ask only for what a running site tells, and the manual knows each alert."""

import json
import re
import urllib.request
from pathlib import Path

import pytest
import yaml
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from media_pipeline import leases
from media_pipeline.errors import Failed
from media_pipeline.models import Job, Rendition, Worker
from tests.media_pipeline.parts import asset_with

ROOT = Path(__file__).resolve().parents[2]
RULES = yaml.safe_load((ROOT / "deploy/prometheus/rules.yaml").read_text())["groups"][0]["rules"]
BOARD = json.loads((ROOT / "deploy/grafana/wenlan.json").read_text())


def asked() -> set[str]:
    """Names of series in every expression."""
    expressions = [rule["expr"] for rule in RULES]
    expressions += [target["expr"] for panel in BOARD["panels"] for target in panel["targets"]]
    return {name for text in expressions for name in re.findall(r"\bwenlan_\w+", text)}


def told(text: str) -> dict[str, list]:
    """Samples by the name of their series."""
    found: dict[str, list] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def test_a_running_site_tells_all_that_is_asked_for(site):
    with urllib.request.urlopen(f"{site.url}/search/?q=%E6%B9%96", timeout=60) as page:
        assert page.headers["X-Request-ID"]
    with urllib.request.urlopen(f"{site.url}/metrics", timeout=60) as answer:
        found = told(answer.read().decode())
    assert asked() - found.keys() == set()
    assert max(value for labels, value in found["wenlan_search_seconds_count"] if labels["outcome"] == "answered") >= 1


def test_the_manual_says_what_to_do_about_each_alert():
    manual = (ROOT / "docs/operations.md").read_text().partition("| alert |")[2].partition("\n\n")[0]
    table = re.findall(r"^\| `(\w+)` \|", manual, re.MULTILINE)
    names = [rule["alert"] for rule in RULES]
    assert table == names


@pytest.mark.django_db
def test_figures_of_work_and_costs_are_those_of_the_rows(client):
    asset = asset_with()
    job = leases.enqueue(asset)
    claim = leases.claim("one", queue="media")
    leases.give_up(claim, Failed("store", "away", "wait"))
    leases.claim("two", queue="media")
    job.refresh_from_db()
    job.not_before = leases.due()
    job.save()
    leases.finish(leases.claim("two", queue="media"), 12.5)
    Rendition.objects.create(asset=asset, spec="a", source_sha256="", key="k", bytes=700)
    Worker.objects.create(name="h:1", started_at=leases.due(), seen_at=timezone.now())
    found = told(client.get("/metrics").content.decode())
    assert found["wenlan_job_attempts_total"] == [({"queue": "media"}, 2.0)]
    assert found["wenlan_job_failures_total"] == [({"queue": "media"}, 1.0)]
    assert ({"queue": "media", "state": "done"}, 1.0) in found["wenlan_jobs"]
    assert found["wenlan_institution_cpu_seconds"] == [({"institution": asset.owner}, 12.5)]
    assert found["wenlan_institution_made_bytes"] == [({"institution": asset.owner}, 700.0)]
    assert found["wenlan_workers"] == [({}, 1.0)]


@pytest.mark.django_db
def test_what_workers_lose_and_hand_back_is_counted_and_never_shrinks(client):
    asset = asset_with()
    leases.enqueue(asset)
    leases.claim("killed", queue="media")
    Job.objects.update(lease_until=leases.due())
    assert leases.requeue_expired() == 1
    leases.hand_back(leases.claim("stopped", queue="media"))
    claimed = leases.claim("last", queue="media")
    line = {"step": "encode", "attempt": claimed.attempt, "at": "", "note": ""}
    leases.finish(claimed, 1.0, log=[line | {"seconds": 3.5}, line | {"seconds": 0.2}])
    leases.hand_back(claimed)  # it is nobody's any more
    before = told(client.get("/metrics").content.decode())
    assert before["wenlan_job_attempts_total"] == [({"queue": "media"}, 3.0)]
    assert before["wenlan_job_leases_lost_total"] == [({"queue": "media"}, 1.0)]
    assert before["wenlan_job_hand_backs_total"] == [({"queue": "media"}, 1.0)]
    buckets = {labels["le"]: number for labels, number in before["wenlan_step_seconds_bucket"]}
    assert (buckets["0.5"], buckets["2.0"], buckets["4.0"], buckets["+Inf"]) == (1.0, 1.0, 2.0, 2.0)
    assert before["wenlan_step_seconds_sum"] == [({"kind": "make", "step": "encode"}, 3.7)]
    asset.delete()
    after = told(client.get("/metrics").content.decode())
    for name in ("wenlan_job_attempts_total", "wenlan_step_seconds_count", "wenlan_institution_cpu_seconds"):
        assert after[name] == before[name]


@pytest.mark.django_db
def test_a_scrape_asks_as_much_of_many_as_of_few(client):
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert client.get("/metrics").status_code == 200
        return len(seen)

    queries()
    few = queries()
    for number in range(20):
        asset = asset_with(owner=f"h{number}", bytes=5)
        leases.enqueue(asset)
        leases.finish(leases.claim("one", queue="media"), 1.0, log=[])
        Rendition.objects.create(asset=asset, spec="a", source_sha256="", key="k", bytes=7)
    assert queries() == few
