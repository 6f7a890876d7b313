"""The dashboard and the alerts ask only for what a running site tells, and the manual knows each alert."""

import json
import re
import urllib.request
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from media_pipeline import leases
from media_pipeline.errors import Failed
from media_pipeline.models import Rendition
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
    found = told(client.get("/metrics").content.decode())
    assert found["wenlan_job_attempts_total"] == [({"queue": "media"}, 2.0)]
    assert found["wenlan_job_failures_total"] == [({"queue": "media"}, 1.0)]
    assert ({"queue": "media", "state": "done"}, 1.0) in found["wenlan_jobs"]
    assert found["wenlan_institution_cpu_seconds"] == [({"institution": asset.owner}, 12.5)]
    assert found["wenlan_institution_made_bytes"] == [({"institution": asset.owner}, 700.0)]
