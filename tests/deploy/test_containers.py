"""The deployment files: linted, consistent with the settings, and their commands exist."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from django.core.management import get_commands

from config import settings as site_settings
from deploy import components, services

ROOT = Path(__file__).resolve().parent.parent.parent
BIN = Path(sys.executable).parent
COMPOSE = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
SITE = COMPOSE["x-site"]
OURS = ("migrate", "web", "worker", "worker-light")


@pytest.mark.parametrize(
    "command", [["hadolint", "deploy/Dockerfile"], ["compose-lint", "deploy/compose.yaml"]], ids=lambda words: words[0]
)
def test_deployment_files_pass_their_linters(command):
    done = subprocess.run([BIN / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_service_is_bounded_unprivileged_and_watched():
    for name, service in COMPOSE["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["mem_limit"], name
        assert "healthcheck" in service or name == "web", name  # the image brings web's own
        assert service.get("read_only") or name in {"elasticsearch", "broker"}, name


def test_environment_names_settings_that_exist():
    source = (ROOT / "config" / "settings.py").read_text()
    for name in SITE["environment"]:
        assert f'"{name}"' in source or name.startswith("AWS_"), name


def test_example_names_every_value_that_must_be_filled_in():
    asked = set(re.findall(r"\$\{([A-Z0-9_]+):\?", (ROOT / "deploy" / "compose.yaml").read_text()))
    given = set(re.findall(r"^([A-Z0-9_]+)=", (ROOT / "deploy" / "example.env").read_text(), re.MULTILINE))
    assert asked | {"SECRET_KEY", "ALLOWED_HOSTS", "PUBLIC_URL"} <= given


def test_declared_commands_exist():
    words = " ".join(" ".join(service.get("command", [])) for service in COMPOSE["services"].values())
    commands = set(re.findall(r"manage\.py,? (\w+)", words))
    assert {"migrate", "load_places", "run_worker"} <= commands
    assert commands <= set(get_commands())


def test_workers_may_finish_before_they_are_killed():
    for name in ("worker", "worker-light"):
        assert COMPOSE["services"][name]["stop_grace_period"] == "60s"


def test_images_are_pinned_to_a_version():
    for name, service in COMPOSE["services"].items():
        assert re.search(r":(v?\d|local)", service["image"]), name


def test_the_image_brings_pg_dump_of_the_server_it_runs_with():
    server = re.search(r"postgres:(\d+)", COMPOSE["services"]["db"]["image"])
    clients = re.findall(r"postgresql-client-(\d+)", (ROOT / "deploy" / "Dockerfile").read_text())
    assert clients == [server.group(1)]


def test_compose_gives_nginx_every_value_its_configuration_asks():
    template = (ROOT / "deploy" / "nginx" / "wenlan.conf.template").read_text()
    asked = set(re.findall(r"\$\{(WENLAN_\w+)\}", template))
    assert asked == {name for name in COMPOSE["services"]["nginx"]["environment"] if name.startswith("WENLAN_")}


def test_upload_parts_fit_through_nginx():
    template = (ROOT / "deploy" / "nginx" / "wenlan.conf.template").read_text()
    limit = int(re.search(r"client_max_body_size (\d+)m", template).group(1)) * 1024**2
    assert limit > site_settings.UPLOAD_PART_BYTES


def test_real_nginx_accepts_the_configuration(tmp_path):
    if shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin") is None:
        (pytest.fail if services.IN_CI else pytest.skip)(components.Nginx.remedy)
    config = tmp_path / "nginx.conf"
    config.write_text(components.render_nginx(tmp_path, "127.0.0.1:18080", {}))
    assert "${WENLAN" not in config.read_text()
    test = [str(components.Nginx().program()), "-t", "-p", str(tmp_path), "-c", str(config)]
    done = subprocess.run(test, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr
