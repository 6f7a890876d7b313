"""The manifests of ``deploy/kubernetes``: valid, no rights too many, the same parts as compose, and what they start
starts."""

import base64
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from deploy import components, programs, services
from deploy.components import ACCESS_KEY, SECRET_KEY, free_port
from deploy.programs import Missing
from deploy.run import wait_until_up
from tests.deploy.test_containers import COMPOSE, ROOT

OVERLAYS = ("example", "all-in-one")
VERSIONS = ("1.30", "1.37")  # of Kubernetes: the oldest that is asked for, and the newest that the checker knows
OURS = ("migrate", "web", "worker", "worker-light")
SECRETS = "/run/secrets/wenlan"


@cache
def _joined(overlay: str) -> str:
    try:
        command = programs.kustomize()
    except Missing as reason:
        (pytest.fail if services.IN_CI else pytest.skip)(str(reason))
    place = ROOT / "deploy" / "kubernetes" / "overlays" / overlay
    done = subprocess.run([*command, str(place)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def manifests(overlay: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(_joined(overlay)))


def named(overlay: str, kind: str) -> dict[str, dict[str, Any]]:
    return {one["metadata"]["name"]: one for one in manifests(overlay) if one["kind"] == kind}


def pods(overlay: str) -> dict[str, dict[str, Any]]:
    """The pod templates by the name of what makes them."""
    return {
        one["metadata"]["name"]: one["spec"]["template"]
        for one in manifests(overlay)
        if one["kind"] in {"Deployment", "Job", "StatefulSet"}
    }


def containers(pod: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]]


def main(overlay: str, name: str) -> dict[str, Any]:
    return pods(overlay)[name]["spec"]["containers"][0]


def configured(overlay: str, container: Mapping[str, Any]) -> dict[str, str]:
    """The environment of a container: its ConfigMaps and its own values."""
    maps = named(overlay, "ConfigMap")
    given: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        given |= maps[source["configMapRef"]["name"]]["data"]
    return given | {one["name"]: one["value"] for one in container.get("env", ()) if "value" in one}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_manifest_is_valid(overlay, version):
    for one in manifests(overlay):
        kubernetes_validate.validate(one, version, strict=True)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_container_is_bounded_and_has_no_rights(overlay):
    for name, pod in pods(overlay).items():
        context = pod["spec"]["securityContext"]
        assert context["runAsNonRoot"], name
        assert context["runAsUser"], name
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert pod["spec"]["automountServiceAccountToken"] is False, name
        assert pod["spec"]["enableServiceLinks"] is False, name
        for one in containers(pod):
            own = one["securityContext"]
            assert own["capabilities"] == {"drop": ["ALL"]}, name
            assert own["allowPrivilegeEscalation"] is False, name
            assert own.get("readOnlyRootFilesystem") or name in {"elasticsearch", "broker"}, name
            assert {"memory", "ephemeral-storage"} <= set(one["resources"]["limits"]), name
            assert {"cpu", "memory", "ephemeral-storage"} <= set(one["resources"]["requests"]), name
        assert all("sizeLimit" in volume["emptyDir"] for volume in pod["spec"]["volumes"] if "emptyDir" in volume), name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_images_are_those_of_compose_and_pinned(overlay):
    compose = {service["image"] for service in COMPOSE["services"].values()} - {"wenlan:local"}
    for name, pod in pods(overlay).items():
        for one in containers(pod):
            assert one["image"] in compose or re.search(r"wenlan:(\d|local)", one["image"]), name


def test_all_in_one_has_the_parts_of_compose():
    # what "static" does nginx's pod does for itself, and "backup" is a command that somebody gives
    assert set(pods("all-in-one")) == set(COMPOSE["services"]) - {"static", "backup"}


@pytest.mark.parametrize("name", OURS)
def test_commands_are_those_of_compose(name):
    words = COMPOSE["services"][name].get("command")
    if words is None:  # the image's own
        words = yaml.safe_load(
            re.findall(r"^CMD (\[.+\])$", (ROOT / "deploy/Dockerfile").read_text(), re.MULTILINE)[-1]
        )
    assert main("example", name)["command"] == words


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_value_is_a_setting_that_the_documents_name(overlay):
    documents = (ROOT / "docs" / "operations.md").read_text()
    table = documents[documents.index("## Settings") : documents.index("## Commands")]
    for name in OURS:
        for one in configured(overlay, main(overlay, name)):
            assert f"`{one}`" in table or f"`{one.removesuffix('_FILE')}`" in table, one


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_secret_file_is_there_and_none_is_in_the_environment(overlay):
    secrets = named(overlay, "Secret")
    for name in OURS:
        volume = next(one for one in pods(overlay)[name]["spec"]["volumes"] if one["name"] == "secrets")
        kept = secrets[volume["secret"]["secretName"]]["data"]
        env = configured(overlay, main(overlay, name))
        asked = {Path(value).name for value in env.values() if value.startswith(f"{SECRETS}/")}
        assert asked == set(kept), name
        assert not {"SECRET_KEY", "DATABASE_URL", "AWS_SECRET_ACCESS_KEY"} & set(env), name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_rollout_takes_nothing_away_from_readers(overlay):
    deployments = named(overlay, "Deployment")
    for name in ("web", "nginx"):
        assert deployments[name]["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
        assert "preStop" in main(overlay, name)["lifecycle"]
        assert name in named(overlay, "PodDisruptionBudget")
    for name in ("worker", "worker-light"):
        assert pods(overlay)[name]["spec"]["terminationGracePeriodSeconds"] >= 60


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_selectors_choose_their_own_pods(overlay):
    for kind in ("Deployment", "StatefulSet"):
        for name, one in named(overlay, kind).items():
            assert (
                one["spec"]["selector"]["matchLabels"].items() <= one["spec"]["template"]["metadata"]["labels"].items()
            )
            assert name == one["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"]
    for name, one in named(overlay, "Service").items():
        assert one["spec"]["selector"].items() <= pods(overlay)[name]["metadata"]["labels"].items()


# Who may talk to whom -----------------------------------------------------------------------------
def chosen(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a label selector chooses these labels (apimachinery: matchLabels, In, Exists)."""
    if not selector.get("matchLabels", {}).items() <= labels.items():
        return False
    for rule in selector.get("matchExpressions", ()):
        wanted = rule["key"] in labels and (rule["operator"] == "Exists" or labels[rule["key"]] in rule["values"])
        if not wanted:
            return False
    return True


def may_talk(overlay: str, one: str, other: str, port: int) -> bool:
    """Whether the policies let ``one`` call ``other``: both sides must (NetworkPolicy, networking.k8s.io/v1)."""
    labels = {name: pod["metadata"]["labels"] for name, pod in pods(overlay).items()}

    def allows(direction: str, peers: str, mine: str, theirs: str) -> bool:
        for policy in named(overlay, "NetworkPolicy").values():
            spec = policy["spec"]
            if not chosen(spec["podSelector"], labels[mine]):
                continue
            for rule in spec.get(direction, ()):
                ports = {entry["port"] for entry in rule.get("ports", ())}
                met = any("podSelector" in peer and chosen(peer["podSelector"], labels[theirs]) for peer in rule[peers])
                if met and (not ports or port in ports):
                    return True
        return False

    return allows("egress", "to", one, other) and allows("ingress", "from", other, one)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_nobody_talks_to_anybody_by_default(overlay):
    nothing = named(overlay, "NetworkPolicy")["nothing"]["spec"]
    assert nothing == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_policies_let_through_what_is_needed_and_no_more():
    parts = {
        "db": 5432,
        "elasticsearch": 9200,
        "store": 7070,
        "broker": 5672,
        "cache": 6379,
        "web": 8000,
        "nginx": 8080,
    }
    wanted = {(one, part) for one in OURS for part in ("db", "elasticsearch", "store", "broker", "cache")}
    wanted |= {("nginx", "web"), ("nginx", "store")}
    everybody = pods("all-in-one")
    found = {
        (one, other)
        for one in everybody
        for other, port in {**parts, "web": 8000, "nginx": 8080}.items()
        if one != other and may_talk("all-in-one", one, other, port)
    }
    assert found == wanted


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_who_reads_uploads_has_no_way_to_the_internet(overlay):
    out = {
        name
        for name, pod in pods(overlay).items()
        for policy in named(overlay, "NetworkPolicy").values()
        if chosen(policy["spec"]["podSelector"], pod["metadata"]["labels"])
        for rule in policy["spec"].get("egress", ())
        for peer in rule["to"]
        if peer.get("ipBlock", {}).get("cidr") == "0.0.0.0/0"
    }
    assert out == {"web", "worker-light"}


# Scaling ------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_workers_are_scaled_by_a_figure_that_the_site_tells(client):
    scaler = named("example", "HorizontalPodAutoscaler")["worker"]["spec"]["metrics"][0]["external"]["metric"]
    rule = yaml.safe_load((ROOT / "deploy/kubernetes/autoscale/adapter.yaml").read_text())["rules"]["external"][0]
    labels = ",".join(f'{key}="{value}"' for key, value in scaler["selector"]["matchLabels"].items())
    assert f"{scaler['name']}{{{labels}}}" in client.get("/metrics").content.decode()
    assert rule["name"]["as"] == scaler["name"]
    assert rule["seriesQuery"].startswith(scaler["name"])


# Starting it --------------------------------------------------------------------------------------
def test_real_nginx_accepts_the_configuration_of_the_manifests(tmp_path):
    if components.Nginx().find() is None:
        (pytest.fail if services.IN_CI else pytest.skip)(components.Nginx.remedy)
    env = configured("example", main("example", "nginx"))
    site = named("example", "ConfigMap")[_templates("example")]["data"]["default.conf.template"]
    for name, value in env.items():
        site = site.replace("${" + name + "}", value)
    assert "${WENLAN" not in site
    for address, here in (
        ("web:8000", "127.0.0.1:8000"),
        ("s3.example.cn", "127.0.0.1"),
        ("/tmp/pages", f"{tmp_path}"),
    ):
        site = site.replace(address, here)
    (tmp_path / "nginx.conf").write_text(f"pid {tmp_path}/pid; events {{}} http {{ {site} }}")
    test = [str(components.Nginx().program()), "-t", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")]
    done = subprocess.run(test, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _templates(overlay: str) -> str:
    volumes = pods(overlay)["nginx"]["spec"]["volumes"]
    return next(volume["configMap"]["name"] for volume in volumes if volume["name"] == "templates")


class Cluster:
    """One pod after the other on this machine: its command, environment and secret files, with the directories and
    addresses of this machine in the places of the cluster's."""

    def __init__(self, place: Path, secrets: Mapping[str, str], settings: Mapping[str, str]) -> None:
        self.place, self.settings, self.port = place, settings, free_port()
        (place / "secrets").mkdir()
        kept = named("example", "Secret")
        names = next(iter(one["data"] for name, one in kept.items() if name.startswith("wenlan-")))
        for name, value in names.items():
            (place / "secrets" / name).write_text(secrets.get(name, base64.b64decode(value).decode()))

    def words(self, command: list[str]) -> list[str]:
        return [word.replace("0.0.0.0:8000", f"127.0.0.1:{self.port}") for word in command]

    def env(self, container: Mapping[str, Any]) -> dict[str, str]:
        given = {
            name: value.replace(SECRETS, f"{self.place}/secrets").replace("/var/lib/wenlan", f"{self.place}/var")
            for name, value in configured("example", container).items()
        }
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return {"PATH": path, "HOME": str(self.place), **given, "MEDIA_WORK_DIR": f"{self.place}/work", **self.settings}

    def run(self, container: Mapping[str, Any], **options: Any) -> subprocess.CompletedProcess[str]:
        words, env = self.words(container["command"]), self.env(container)
        return subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, check=False, **options)

    def start(self, name: str) -> subprocess.Popen:
        container = main("example", name)
        log = (self.place / f"{name}.log").open("wb")
        words, env = self.words(container["command"]), self.env(container)
        return subprocess.Popen(words, cwd=ROOT, env=env, stdout=log, stderr=log, start_new_session=True)

    def said(self, name: str) -> str:
        return (self.place / f"{name}.log").read_text()


@pytest.fixture
def cluster(tmp_path, request, new_bucket, index_prefix) -> Cluster:
    asked = {"DATABASE_URL": "postgres_url", "SEARCH_URL": "elasticsearch_url", "TASKS_URL": "amqp_url"}
    parts = {name: request.getfixturevalue(fixture) for name, fixture in {**asked, "CACHE_URL": "redis_url"}.items()}
    parts["aws-credentials"] = f"[default]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n"
    settings = {"STORAGE_URL": new_bucket(), "SEARCH_INDEX_PREFIX": index_prefix}
    return Cluster(tmp_path, parts, settings)


def get(url: str) -> int:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.status


def test_what_the_manifests_start_starts(cluster):
    waits = next(one for one in pods("example")["web"]["spec"]["initContainers"] if one["name"] == "migrated")
    once = re.search(r"python manage.py migrate --check", " ".join(waits["command"])).group()
    check = {**waits, "command": ["sh", "-c", once]}
    assert cluster.run(check).returncode == 1, "a pod must wait while migrations are not done"
    done = cluster.run(main("example", "migrate"))
    assert done.returncode == 0, done.stderr
    assert cluster.run(waits, timeout=120).returncode == 0
    running = {name: cluster.start(name) for name in ("web", "worker", "worker-light")}
    try:
        url = f"http://127.0.0.1:{cluster.port}"
        wait_until_up(url, running)
        probes = {main("example", "web")[probe]["httpGet"]["path"] for probe in ("livenessProbe", "readinessProbe")}
        assert [get(url + path) for path in sorted({*probes, "/health/ready?strict=1"})] == [200, 200, 200]
        ready = {**main("example", "worker"), "command": main("example", "worker")["startupProbe"]["exec"]["command"]}
        assert cluster.run(ready).returncode == 0
        wait_until_said(cluster, running)
    finally:
        for process in running.values():
            process.send_signal(signal.SIGTERM)
    ended = {name: process.wait(45) for name, process in running.items()}
    assert ended == {"web": 0, "worker": 0, "worker-light": 0}, cluster.said("worker")


def wait_until_said(cluster: Cluster, running: Mapping[str, subprocess.Popen]) -> None:
    """Until both workers take work (Celery says so once it has its queue)."""
    for name in ("worker", "worker-light"):
        while "ready." not in cluster.said(name):
            with pytest.raises(subprocess.TimeoutExpired):  # it lives
                running[name].wait(0.5)


def test_the_programs_of_hooks_and_probes_are_in_the_image():
    """Of what pods of ours run beside Python: what Debian's smallest Python image has."""
    commands = {main("example", "web")["lifecycle"]["preStop"]["exec"]["command"][0]}
    commands |= {one["command"][0] for name in OURS for one in containers(pods("example")[name])}
    assert commands <= {"sh", "sleep", "python", "gunicorn"}
    assert shutil.which("sleep")
